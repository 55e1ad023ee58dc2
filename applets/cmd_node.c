#include <stdlib.h>
#include <string.h>

#include "applets/listing.h"
#include "applets/spec_edit.h"
#include "applets/task_table.h"
#include "base/panic.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"

/* --- ls --- */

struct node_ls_args { struct strlist filters; const char *format; bool quiet; };

static const struct option node_ls_options[] = {
	OPT_FILTER(struct node_ls_args, filters),
	OPT_STRING(struct node_ls_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_BOOL(struct node_ls_args, quiet, 'q', "quiet", "Show only the nodes' IDs"),
	OPT_END
};

static const struct column node_columns[] = {
	{ "Availability", "AVAILABILITY" }, { "EngineVersion", "ENGINE VERSION" },
	{ "Hostname", "HOSTNAME" }, { "ID", "ID" }, { "ManagerStatus", "MANAGER STATUS" },
	{ "Self", "" }, { "Status", "STATUS" }, { "TLSStatus", "TLS STATUS" }, { NULL, NULL },
};
#define USUAL "{{.ID}}{{if .Self}} *{{else}}  {{end}}\t{{.Hostname}}\t{{.Status}}\t"     \
	      "{{.Availability}}\t{{.ManagerStatus}}\t{{.EngineVersion}}"

static void put_capital(struct columns *table, const char *name, const char *value)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	listing_capital(value, &text);
	columns_put(table, name, buf_text(&text));
}

static const char *tls_status(yyjson_val *node, yyjson_val *info)
{
	yyjson_val *own = dig(node, "Description.TLSInfo"), *all = dig(info, "Swarm.Cluster.TLSInfo");

	if (!own || !all || yyjson_obj_size(own) == 0 || yyjson_obj_size(all) == 0)
		return "Unknown";
	return yyjson_equals(own, all) ? "Ready" : "Needs Rotation";
}

static void put_node(struct columns *table, yyjson_val *node, yyjson_val *info)
{
	yyjson_val *manager = dig(node, "ManagerStatus");
	const char *id = dig_str(node, "ID");

	columns_add_row(table);
	columns_put(table, "ID", id);
	columns_put_bool(table, "Self", str_eq(id, dig_str(info, "Swarm.NodeID")));
	columns_put(table, "Hostname", dig_str(node, "Description.Hostname"));
	put_capital(table, "Status", dig_str(node, "Status.State"));
	put_capital(table, "Availability", dig_str(node, "Spec.Availability"));
	put_capital(table, "ManagerStatus",
		    dig_bool(manager, "Leader") ? "leader" : dig_str(manager, "Reachability"));
	columns_put(table, "EngineVersion", dig_str(node, "Description.Engine.EngineVersion"));
	columns_put(table, "TLSStatus", tls_status(node, info));
}

static int print_nodes(yyjson_val *all, yyjson_val *info, const struct node_ls_args *args)
{
	CLEANUP(columns_freep) struct columns *table = columns_new(node_columns, USUAL);
	yyjson_val **nodes = listing_sorted(all, "Description.Hostname");

	for (size_t i = 0; nodes[i]; i++)
		put_node(table, nodes[i], info);
	free(nodes);
	return listing_print(table, args->format, args->quiet, "ID");
}

static int node_ls(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct node_ls_args *ls = args;
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *nodes = NULL, *info = NULL;
	int result = call ? 0 : -1;

	buf_add_str(&path, "/nodes");
	listing_add_filters(&ls->filters, &path);
	if (result == 0)
		result = call_get(call, &nodes, &err, "%s", buf_text(&path));
	if (result == 0 && !ls->quiet)
		result = call_get(call, &info, &err, "/info");
	int code = result < 0 ? cli_fail(&err) :
		   print_nodes(yyjson_doc_get_root(nodes), yyjson_doc_get_root(info), ls);
	yyjson_doc_free(nodes);
	yyjson_doc_free(info);
	return code;
}

/* --- "self" --- */

/* Each of names resolved, NULL-ended; NULL with err when one cannot be. Freed with strlist_fini. */
static int resolve_all(struct call *call, char *const *names, struct strlist *ret, struct err *err)
{
	for (; *names; names++) {
		char *id = listing_resolve_self(call, *names, err);
		if (!id)
			return -1;
		strlist_add(ret, id);
		free(id);
	}
	return 0;
}

/* --- inspect --- */

struct node_inspect_args { const char *format; bool pretty; };

static const struct option node_inspect_options[] = {
	OPT_STRING(struct node_inspect_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_BOOL(struct node_inspect_args, pretty, 0, "pretty", "Print it for people"),
	OPT_END
};

static void add_node_labels(struct buf *out, const char *title, yyjson_val *labels)
{
	yyjson_obj_iter iter;
	yyjson_val *key;

	if (yyjson_obj_size(labels) > 0)
		buf_printf(out, "%s:\n", title);
	yyjson_obj_iter_init(labels, &iter);
	while ((key = yyjson_obj_iter_next(&iter))) {
		const char *value = yyjson_get_str(yyjson_obj_iter_get_val(key));
		buf_printf(out, " - %s%s%s\n", yyjson_get_str(key), *value ? "=" : "", value);
	}
}

static void add_manager(struct buf *out, yyjson_val *manager)
{
	CLEANUP(buf_finip) struct buf reachability = BUF_INIT;

	if (!manager)
		return;
	listing_capital(dig_str(manager, "Reachability"), &reachability);
	buf_printf(out, "Manager Status:\n Address:\t\t%s\n Raft Status:\t\t%s\n Leader:\t\t%s\n",
		   dig_str(manager, "Addr"), buf_text(&reachability),
		   dig_bool(manager, "Leader") ? "Yes" : "No");
}

/* " Log:		json-file, none", a line for each type. */
static void add_plugins(struct buf *out, yyjson_val *plugins)
{
	static const char *const types[] = { "Authorization", "Log", "Network", "Volume" };

	if (yyjson_arr_size(plugins) > 0)
		buf_add_str(out, "Plugins:\n");
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		yyjson_arr_iter iter;
		yyjson_val *plugin;
		const char *before = "\t\t";

		yyjson_arr_iter_init(plugins, &iter);
		while ((plugin = yyjson_arr_iter_next(&iter))) {
			if (!str_eq(dig_str(plugin, "Type"), types[i]))
				continue;
			if (*before == '\t')
				buf_printf(out, " %s:", types[i]);
			buf_printf(out, "%s%s", before, dig_str(plugin, "Name"));
			before = ", ";
		}
		if (*before == ',')
			buf_add_char(out, '\n');
	}
}

static void add_tls(struct buf *out, yyjson_val *tls)
{
	if (*dig_str(tls, "TrustRoot"))
		buf_printf(out, "TLS Info:\n TrustRoot:\n%s\n Issuer Subject:\t%s\n Issuer Public Key:\t%s\n",
			   dig_str(tls, "TrustRoot"), dig_str(tls, "CertIssuerSubject"),
			   dig_str(tls, "CertIssuerPublicKey"));
}

static void add_node(struct buf *out, yyjson_val *node)
{
	CLEANUP(buf_finip) struct buf state = BUF_INIT, availability = BUF_INIT, memory = BUF_INIT;
	CLEANUP(buf_finip) struct buf joined = BUF_INIT;
	const char *name = dig_str(node, "Spec.Name"), *message = dig_str(node, "Status.Message");

	listing_capital(dig_str(node, "Status.State"), &state);
	listing_capital(dig_str(node, "Spec.Availability"), &availability);
	units_format_bytes(dig_int(node, "Description.Resources.MemoryBytes"), &memory);
	buf_printf(out, "ID:\t\t\t%s\n", dig_str(node, "ID"));
	if (*name)
		buf_printf(out, "Name:\t\t\t%s\n", name);
	add_node_labels(out, "Labels", dig(node, "Spec.Labels"));
	listing_moment(dig_time(node, "CreatedAt"), &joined);
	buf_printf(out, "Hostname:              \t%s\nJoined at:             \t%.*s utc\nStatus:\n"
		   " State:\t\t\t%s\n", dig_str(node, "Description.Hostname"), (int)(joined.len - strlen(" UTC")), buf_text(&joined),
		   buf_text(&state));
	if (*message)
		buf_printf(out, " Message:              \t%s\n", message);
	buf_printf(out, " Availability:         \t%s\n", buf_text(&availability));
	if (*dig_str(node, "Status.Addr"))
		buf_printf(out, " Address:\t\t%s\n", dig_str(node, "Status.Addr"));
	add_manager(out, dig(node, "ManagerStatus"));
	buf_printf(out, "Platform:\n Operating System:\t%s\n Architecture:\t\t%s\nResources:\n"
		   " CPUs:\t\t\t%lld\n Memory:\t\t%s\n", dig_str(node, "Description.Platform.OS"),
		   dig_str(node, "Description.Platform.Architecture"),
		   (long long)(dig_int(node, "Description.Resources.NanoCPUs") / 1000000000),
		   buf_text(&memory));
	add_plugins(out, dig(node, "Description.Engine.Plugins"));
	buf_printf(out, "Engine Version:\t\t%s\n", dig_str(node, "Description.Engine.EngineVersion"));
	add_node_labels(out, "Engine Labels", dig(node, "Description.Engine.Labels"));
	add_tls(out, dig(node, "Description.TLSInfo"));
}

/* All or nothing. */
static int print_pretty(struct call *call, const struct strlist *names)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	for (size_t i = 0; i < names->count; i++) {
		CLEANUP(buf_finip) struct buf path = BUF_INIT;
		yyjson_doc *doc = NULL;
		struct err err = {0};

		call_add_segment(&path, names->items[i]);
		if (call_get(call, &doc, &err, "/nodes/%s", buf_text(&path)) < 0)
			return cli_fail(&err);
		add_node(&out, yyjson_doc_get_root(doc));
		yyjson_doc_free(doc);
	}
	cli_print_buf(&out);
	return EXIT_OK;
}

static int node_inspect(struct cli *cli, const void *args, char **operands)
{
	const struct node_inspect_args *inspect = args;
	struct strlist names = {0};
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code;

	if (!call || resolve_all(call, operands, &names, &err) < 0) {
		if (call && !inspect->pretty && str_is_empty(inspect->format))
			cli_printf("[]\n");
		code = cli_fail(&err);
	} else if (inspect->pretty)
		code = print_pretty(call, &names);
	else
		code = listing_inspect(cli, "/nodes/", names.items, "", inspect->format, NULL);
	strlist_fini(&names);
	return code;
}

/* --- ps --- */

static const struct option node_ps_options[] = { TASK_TABLE_OPTIONS, OPT_END };

/* Adds "node=<id>" for a node that exists. */
static int add_node_filter(struct call *call, const char *name, struct strlist *filters,
			   struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	yyjson_doc *doc = NULL;

	call_add_segment(&path, name);
	if (call_get(call, &doc, err, "/nodes/%s", buf_text(&path)) < 0)
		return -1;
	listing_add_filter(filters, "node", dig_str(yyjson_doc_get_root(doc), "ID"));
	yyjson_doc_free(doc);
	return 0;
}

static int node_ps(struct cli *cli, const void *args, char **operands)
{
	static char *self[] = { (char *)"self", NULL };
	const struct task_table_args *table = args;
	struct strlist names = {0}, filters = {0};
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = EXIT_OK;

	for (size_t i = 0; i < table->filters.count; i++)
		strlist_add(&filters, table->filters.items[i]);
	size_t own = filters.count;
	if (!call || resolve_all(call, *operands ? operands : self, &names, &err) < 0)
		code = cli_fail(&err);
	for (size_t i = 0; i < names.count && code == EXIT_OK; i++)
		if (add_node_filter(call, names.items[i], &filters, &err) < 0)
			code = cli_fail(&err);
	if (filters.count > own && code == EXIT_OK)
		code = task_table_print(call, table, &filters);
	strlist_fini(&names);
	strlist_fini(&filters);
	return code;
}

/* --- update --- */

struct node_update_args { const char *availability, *role; struct strlist label_add, label_rm; };

static const struct option node_update_options[] = {
	OPT_STRING(struct node_update_args, availability, 0, "availability", "string",
		   "Whether the node takes tasks: \"active\", \"pause\", \"drain\""),
	OPT_LIST(struct node_update_args, label_add, 0, "label-add", "list",
		 "Set a label of the node, KEY=VALUE"),
	OPT_LIST(struct node_update_args, label_rm, 0, "label-rm", "list",
		 "Remove a label of the node by its key"),
	OPT_STRING(struct node_update_args, role, 0, "role", "string",
		   "What the node is: \"worker\", \"manager\""),
	OPT_END
};

/* Added before others are removed, as Docker does it. */
static int change_labels(yyjson_mut_doc *doc, const struct node_update_args *args, struct err *err)
{
	for (size_t i = 0; i < args->label_add.count; i++) {
		char *key = args->label_add.items[i];
		size_t length = strcspn(key, "=");
		const char *value = key[length] ? key + length + 1 : "";
		if (length == 0)
			return err_set(err, ERR_INVALID, "invalid label '%s': empty name", key);
		key[length] = '\0';
		spec_put(doc, "Labels", key, value);
	}
	for (size_t i = 0; i < args->label_rm.count; i++) {
		const char *key = args->label_rm.items[i];
		if (!yyjson_mut_obj_get(spec_object(doc, "Labels"), key))
			return err_set(err, ERR_INVALID, "key %s doesn't exist in node's labels", key);
		spec_remove(doc, "Labels", key);
	}
	return 0;
}

static int change_node(struct call *call, yyjson_val *node, const struct node_update_args *args,
		       struct err *err)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	yyjson_mut_doc_set_root(doc, yyjson_val_mut_copy(doc, dig(node, "Spec")));
	if (args->availability)
		spec_set_str(doc, "Availability", args->availability);
	if (args->role)
		spec_set_str(doc, "Role", args->role);
	int result = change_labels(doc, args, err);
	if (result == 0)
		result = call_post(call, doc, NULL, err, "/nodes/%s/update?version=%lld",
				   dig_str(node, "ID"), (long long)dig_int(node, "Version.Index"));
	yyjson_mut_doc_free(doc);
	return result;
}

static int node_update(struct cli *cli, const void *args, char **operands)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	char *name = call ? listing_resolve_self(call, operands[0], &err) : NULL;
	yyjson_doc *doc = NULL;
	int result = name ? 0 : -1;

	if (result == 0) {
		call_add_segment(&path, name);
		result = call_get(call, &doc, &err, "/nodes/%s", buf_text(&path));
	}
	if (result == 0)
		result = change_node(call, yyjson_doc_get_root(doc), args, &err);
	yyjson_doc_free(doc);
	free(name);
	if (result < 0)
		return cli_fail(&err);
	cli_printf("%s\n", operands[0]);
	return EXIT_OK;
}

/* --- promote, demote, rm --- */

/* One line each; what fails ends it, as docker does. */
static int change_roles(struct cli *cli, char **names, bool promotes)
{
	struct node_update_args args = { .role = promotes ? "manager" : "worker" };
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int result = call ? 0 : -1;

	for (; result == 0 && *names; names++) {
		CLEANUP(buf_finip) struct buf path = BUF_INIT;
		yyjson_doc *doc = NULL;

		call_add_segment(&path, *names);
		result = call_get(call, &doc, &err, "/nodes/%s", buf_text(&path));
		yyjson_val *node = yyjson_doc_get_root(doc);
		if (result == 0 && str_eq(dig_str(node, "Spec.Role"), args.role))
			cli_printf("Node %s is already a %s.\n", dig_str(node, "ID"), args.role);
		else if (result == 0 && (result = change_node(call, node, &args, &err)) == 0)
			cli_printf(promotes ? "Node %s promoted to a manager in the swarm.\n" :
				   "Manager %s demoted in the swarm.\n", *names);
		yyjson_doc_free(doc);
	}
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}

static int node_promote(struct cli *cli, const void *args UNUSED, char **operands)
{
	return change_roles(cli, operands, true);
}

static int node_demote(struct cli *cli, const void *args UNUSED, char **operands)
{
	return change_roles(cli, operands, false);
}

struct node_rm_args { bool force; };

static const struct option node_rm_options[] = {
	OPT_BOOL(struct node_rm_args, force, 'f', "force", "Remove a node that is not down, too"),
	OPT_END
};

static int node_rm(struct cli *cli, const void *args, char **operands)
{
	const struct node_rm_args *rm = args;
	return listing_each(cli, "DELETE", "/nodes/", operands, rm->force ? "?force=1" : "");
}

static const struct command node_commands[] = {
	{ .name = "demote", .usage = "NODE [NODE...]", .help = "Make managers workers",
	  .min = 1, .max = COMMAND_MANY, .run = node_demote },
	{ .name = "inspect", .usage = "[OPTIONS] self|NODE [NODE...]", .help = "Show all about nodes",
	  .options = node_inspect_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct node_inspect_args), .run = node_inspect },
	{ .name = "ls", .spellings = "node ls, node list", .usage = "[OPTIONS]",
	  .help = "List the nodes of the swarm", .options = node_ls_options,
	  .args_size = sizeof(struct node_ls_args), .run = node_ls },
	{ .name = "ps", .usage = "[OPTIONS] [NODE...]",
	  .help = "List the tasks of nodes, of this one if none is named", .options = node_ps_options,
	  .max = COMMAND_MANY, .args_size = sizeof(struct task_table_args), .run = node_ps },
	{ .name = "promote", .usage = "NODE [NODE...]", .help = "Make workers managers",
	  .min = 1, .max = COMMAND_MANY, .run = node_promote },
	{ .name = "rm", .spellings = "node rm, node remove", .usage = "[OPTIONS] NODE [NODE...]",
	  .help = "Remove nodes that have left or are down", .options = node_rm_options, .min = 1,
	  .max = COMMAND_MANY, .args_size = sizeof(struct node_rm_args), .run = node_rm },
	{ .name = "update", .usage = "[OPTIONS] NODE", .help = "Change a node",
	  .options = node_update_options, .min = 1, .max = 1,
	  .args_size = sizeof(struct node_update_args), .run = node_update },
	{ .name = NULL },
};

const struct command node_command = {
	.name = "node", .help = "Manage the nodes of the swarm", .commands = node_commands,
};
