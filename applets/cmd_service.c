#include <stdlib.h>
#include <string.h>

#include "applets/listing.h"
#include "applets/service_cmds.h"
#include "applets/service_flags.h"
#include "applets/task_table.h"
#include "base/panic.h"
#include "client/call.h"
#include "client/dig.h"

/* --- ls --- */

struct service_ls_args { struct strlist filters; const char *format; bool quiet; };

static const struct option service_ls_options[] = {
	OPT_FILTER(struct service_ls_args, filters),
	OPT_STRING(struct service_ls_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_BOOL(struct service_ls_args, quiet, 'q', "quiet", "Show only the services' IDs"),
	OPT_END
};

static const struct column service_columns[] = {
	{ "ID", "ID" }, { "Image", "IMAGE" }, { "Mode", "MODE" }, { "Name", "NAME" },
	{ "Ports", "PORTS" }, { "Replicas", "REPLICAS" }, { NULL, NULL },
};

static const char *mode_of(yyjson_val *service)
{
	static const char *const modes[][2] = {
		{ "Replicated", "replicated" }, { "Global", "global" },
		{ "ReplicatedJob", "replicated job" }, { "GlobalJob", "global job" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(modes); i++)
		if (dig(dig(service, "Spec.Mode"), modes[i][0]))
			return modes[i][1];
	return "";
}

static void put_replicas(struct columns *table, yyjson_val *service)
{
	int64_t max = dig_int(service, "Spec.TaskTemplate.Placement.MaxReplicas");
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_printf(&text, "%lld/%lld", (long long)dig_int(service, "ServiceStatus.RunningTasks"),
		   (long long)dig_int(service, "ServiceStatus.DesiredTasks"));
	if (max > 0 && str_eq(mode_of(service), "replicated"))
		buf_printf(&text, " (max %lld per node)", (long long)max);
	columns_put(table, "Replicas", buf_text(&text));
}

/* --- ports: neighbours become ranges, *:8000-8002->80-82/tcp --- */

struct port_run { int64_t published, published_last, target, target_last; const char *protocol; };

static int compare_ports(const void *a, const void *b)
{
	yyjson_val *const *left = a, *const *right = b;
	int order = strcmp(dig_str(*left, "Protocol"), dig_str(*right, "Protocol"));
	int64_t difference = dig_int(*left, "PublishedPort") - dig_int(*right, "PublishedPort");

	return order ? order : difference < 0 ? -1 : difference > 0;
}

static void add_run(struct buf *out, const struct port_run *run)
{
	if (!run->protocol)
		return;
	buf_printf(out, "%s*:%lld", out->len ? ", " : "", (long long)run->published);
	if (run->published_last > run->published)
		buf_printf(out, "-%lld", (long long)run->published_last);
	buf_printf(out, "->%lld", (long long)run->target);
	if (run->target_last > run->target)
		buf_printf(out, "-%lld", (long long)run->target_last);
	buf_printf(out, "/%s", run->protocol);
}

/* Does the port go on where the run stops? Its target is the next one, or all share one. */
static bool continues(const struct port_run *run, yyjson_val *port)
{
	int64_t target = dig_int(port, "TargetPort");
	bool is_range = run->target_last != run->target;

	if (!run->protocol || !str_eq(run->protocol, dig_str(port, "Protocol")) ||
	    dig_int(port, "PublishedPort") != run->published_last + 1)
		return false;
	return target == run->target_last + 1 || (!is_range && target == run->target);
}

static void add_ports(struct buf *out, yyjson_val **ports, size_t count)
{
	struct port_run run = {0};

	for (size_t i = 0; i < count; i++) {
		int64_t published = dig_int(ports[i], "PublishedPort");
		int64_t target = dig_int(ports[i], "TargetPort");
		if (!continues(&run, ports[i])) {
			add_run(out, &run);
			run = (struct port_run){ published, published, target, target,
						 dig_str(ports[i], "Protocol") };
		}
		run.published_last = published;
		run.target_last = target;
	}
	add_run(out, &run);
}

static void put_ports(struct columns *table, yyjson_val *all)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_val **ports = NEW_ARRAY(yyjson_val *, yyjson_arr_size(all) + 1), *port;
	yyjson_arr_iter iter;
	size_t count = 0;

	yyjson_arr_iter_init(all, &iter);
	while ((port = yyjson_arr_iter_next(&iter)))
		if (str_eq(dig_str(port, "PublishMode"), "ingress"))
			ports[count++] = port;
	qsort(ports, count, sizeof(*ports), compare_ports);
	add_ports(&text, ports, count);
	columns_put(table, "Ports", buf_text(&text));
	free(ports);
}

static void put_service(struct columns *table, yyjson_val *service)
{
	CLEANUP(buf_finip) struct buf image = BUF_INIT;

	columns_add_row(table);
	columns_putf(table, "ID", "%.12s", dig_str(service, "ID"));
	columns_put(table, "Name", dig_str(service, "Spec.Name"));
	columns_put(table, "Mode", mode_of(service));
	put_replicas(table, service);
	listing_image(dig_str(service, "Spec.TaskTemplate.ContainerSpec.Image"), &image);
	columns_put(table, "Image", buf_text(&image));
	put_ports(table, dig(service, "Endpoint.Ports"));
}

static int print_services(yyjson_val *all, const struct service_ls_args *args)
{
	CLEANUP(columns_freep) struct columns *table = columns_new(
		service_columns, "{{.ID}}\t{{.Name}}\t{{.Mode}}\t{{.Replicas}}\t{{.Image}}\t{{.Ports}}");
	yyjson_val **services = listing_sorted(all, "Spec.Name");

	for (size_t i = 0; services[i]; i++)
		put_service(table, services[i]);
	free(services);
	return listing_print(table, args->format, args->quiet, "ID");
}

static int service_ls(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct service_ls_args *ls = args;
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;

	buf_add_str(&path, ls->quiet ? "/services" : "/services?status=true");
	listing_add_filters(&ls->filters, &path);
	if (!call || call_get(call, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	int code = print_services(yyjson_doc_get_root(doc), ls);
	yyjson_doc_free(doc);
	return code;
}

/* --- ps --- */

static const struct option service_ps_options[] = { TASK_TABLE_OPTIONS, OPT_END };

static int get_services(struct call *call, const char *key, char *const *names, yyjson_doc **ret,
			struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct strlist filters = {0};

	for (; *names; names++)
		listing_add_filter(&filters, key, *names);
	buf_add_str(&path, "/services");
	listing_add_filters(&filters, &path);
	strlist_fini(&filters);
	return call_get(call, ret, err, "%s", buf_text(&path));
}

/* Of the services found by start of id and of name: the whole id, the whole name, then a start that
 * is unique. */
static const char *choose(yyjson_val *by_id, yyjson_val *by_name, const char *name, bool *ret_several)
{
	yyjson_arr_iter iter;
	yyjson_val *service;
	const char *found = NULL;

	*ret_several = false;
	yyjson_arr_iter_init(by_id, &iter);
	while ((service = yyjson_arr_iter_next(&iter)))
		if (str_eq(dig_str(service, "ID"), name))
			return dig_str(service, "ID");
	yyjson_arr_iter_init(by_name, &iter);
	while ((service = yyjson_arr_iter_next(&iter)))
		if (str_eq(dig_str(service, "Spec.Name"), name))
			return dig_str(service, "ID");
	yyjson_arr_iter_init(by_id, &iter);
	while ((service = yyjson_arr_iter_next(&iter))) {
		if (!str_starts(dig_str(service, "ID"), name))
			continue;
		*ret_several |= found != NULL;
		found = dig_str(service, "ID");
	}
	return found;
}

/* Adds "service=<id>" for each name; what is not found goes to missing. */
static int choose_services(struct call *call, char **names, struct strlist *filters,
			   struct strlist *missing, struct err *err)
{
	yyjson_doc *by_id = NULL, *by_name = NULL;
	int result = get_services(call, "id", names, &by_id, err);

	if (result == 0)
		result = get_services(call, "name", names, &by_name, err);
	for (; result == 0 && *names; names++) {
		bool several;
		const char *id = choose(yyjson_doc_get_root(by_id), yyjson_doc_get_root(by_name), *names,
					&several);
		if (several)
			result = err_set(err, ERR_INVALID,
					 "multiple services found with provided prefix: %s", *names);
		else if (id)
			listing_add_filter(filters, "service", id);
		else
			strlist_add_printf(missing, "no such service: %s", *names);
	}
	yyjson_doc_free(by_id);
	yyjson_doc_free(by_name);
	return result;
}

/* "node=self" is this node. */
static int resolve_filters(struct call *call, const struct strlist *given, struct strlist *ret, struct err *err)
{
	for (size_t i = 0; i < given->count; i++) {
		bool is_self = str_eq(given->items[i], "node=self");
		CLEANUP(str_freep) char *id = is_self ? listing_resolve_self(call, "self", err) : NULL;

		if (is_self && !id)
			return -1;
		if (is_self)
			listing_add_filter(ret, "node", id);
		else
			strlist_add(ret, given->items[i]);
	}
	return 0;
}

static int service_ps(struct cli *cli, const void *args, char **operands)
{
	const struct task_table_args *table = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	struct strlist filters = {0}, missing = {0};
	int code;

	int resolved = call ? resolve_filters(call, &table->filters, &filters, &err) : -1;
	size_t own = filters.count;
	if (resolved < 0 || choose_services(call, operands, &filters, &missing, &err) < 0)
		code = cli_fail(&err);
	else
		code = filters.count > own ? task_table_print(call, table, &filters) : EXIT_FAILED;
	for (size_t i = 0; i < missing.count; i++) {
		cli_warn("%s", missing.items[i]);
		code = EXIT_FAILED;
	}
	strlist_fini(&filters);
	strlist_fini(&missing);
	return code;
}

/* --- the noun --- */

static int service_rm(struct cli *cli, const void *args UNUSED, char **operands)
{
	return listing_each(cli, "DELETE", "/services/", operands, "");
}

static const struct option service_scale_options[] = {
	OPT_BOOL(struct service_scale_args, detach, 'd', "detach",
		 "Return at once, without waiting until all tasks run"),
	OPT_END
};

static const struct option service_inspect_options[] = {
	OPT_STRING(struct service_inspect_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_BOOL(struct service_inspect_args, pretty, 0, "pretty", "Print it for people"),
	OPT_END
};

static const struct command service_commands[] = {
	{ .name = "create", .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]", .help = "Create a service",
	  .options = service_create_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct service_flags), .run = service_create, .operands_end = true },
	{ .name = "inspect", .usage = "[OPTIONS] SERVICE [SERVICE...]", .help = "Show all about services",
	  .options = service_inspect_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct service_inspect_args), .run = service_inspect },
	{ .name = "logs", .usage = "[OPTIONS] SERVICE|TASK", .help = "Show the logs of a service or task",
	  .options = service_logs_options, .min = 1, .max = 1,
	  .args_size = sizeof(struct service_logs_args), .run = service_logs },
	{ .name = "ls", .spellings = "service ls, service list", .usage = "[OPTIONS]",
	  .help = "List services", .options = service_ls_options,
	  .args_size = sizeof(struct service_ls_args), .run = service_ls },
	{ .name = "ps", .usage = "[OPTIONS] SERVICE [SERVICE...]", .help = "List the tasks of services",
	  .options = service_ps_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct task_table_args), .run = service_ps },
	{ .name = "rm", .spellings = "service rm, service remove", .usage = "SERVICE [SERVICE...]",
	  .help = "Remove services", .min = 1, .max = COMMAND_MANY, .run = service_rm },
	{ .name = "scale", .usage = "SERVICE=REPLICAS [SERVICE=REPLICAS...]",
	  .help = "Set the number of tasks of services", .options = service_scale_options, .min = 1,
	  .max = COMMAND_MANY, .args_size = sizeof(struct service_scale_args), .run = service_scale },
	{ .name = "update", .usage = "[OPTIONS] SERVICE", .help = "Change a service",
	  .options = service_update_options, .min = 1, .max = 1,
	  .args_size = sizeof(struct service_flags), .run = service_update },
	{ .name = NULL },
};

const struct command service_command = {
	.name = "service", .help = "Manage services", .commands = service_commands,
};
