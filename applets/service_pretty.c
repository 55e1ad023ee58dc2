/* service_pretty.c - `service inspect`, as JSON and, with --pretty, for people.
 */
#include "applets/service_cmds.h"

#include <string.h>

#include "applets/listing.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"
#include "model/predefined_network.h"

#define CONTAINER "Spec.TaskTemplate.ContainerSpec."

/* "label:	value", left out when there is no value. */
static void add_line(struct buf *out, const char *label, const char *value)
{
	if (*value)
		buf_printf(out, "%s%s\n", label, value);
}

static void add_mode(struct buf *out, yyjson_val *service)
{
	if (dig(service, "Spec.Mode.Global"))
		buf_add_str(out, "Service Mode:\tGlobal\n");
	else
		buf_printf(out, "Service Mode:\tReplicated\n Replicas:\t%lld\n",
			   (long long)dig_int(service, "Spec.Mode.Replicated.Replicas"));
}

static void add_ago(struct buf *out, const char *label, yyjson_val *service, const char *path)
{
	if (!dig(service, path))
		return;
	buf_add_str(out, label);
	listing_age(dig_time(service, path), out);
	buf_add_str(out, " ago\n");
}

static void add_update_status(struct buf *out, yyjson_val *service)
{
	if (!dig(service, "UpdateStatus.State"))
		return;
	buf_printf(out, "UpdateStatus:\n State:\t\t%s\n", dig_str(service, "UpdateStatus.State"));
	add_ago(out, " Started:\t", service, "UpdateStatus.StartedAt");
	if (str_eq(dig_str(service, "UpdateStatus.State"), "completed"))
		add_ago(out, " Completed:\t", service, "UpdateStatus.CompletedAt");
	buf_printf(out, " Message:\t%s\n", dig_str(service, "UpdateStatus.Message"));
}

/* "[a b c]" or "a b c " */
static void add_list(struct buf *out, const char *label, yyjson_val *list, bool brackets)
{
	yyjson_arr_iter iter;
	yyjson_val *item;
	bool is_first = true;

	if (yyjson_arr_size(list) == 0)
		return;
	buf_printf(out, "%s%s", label, brackets ? "[" : "");
	yyjson_arr_iter_init(list, &iter);
	while ((item = yyjson_arr_iter_next(&iter))) {
		buf_printf(out, "%s%s%s", is_first || !brackets ? "" : " ", yyjson_get_str(item),
			   brackets ? "" : " ");
		is_first = false;
	}
	buf_add_str(out, brackets ? "]\n" : "\n");
}

static void add_placement(struct buf *out, yyjson_val *service)
{
	int64_t max = dig_int(service, "Spec.TaskTemplate.Placement.MaxReplicas");

	buf_add_str(out, "Placement:\n");
	add_list(out, " Constraints:\t", dig(service, "Spec.TaskTemplate.Placement.Constraints"), true);
	if (max > 0)
		buf_printf(out, " Max Replicas Per Node:   %lld\n", (long long)max);
}

static void add_duration(struct buf *out, const char *label, int64_t value)
{
	if (value <= 0)
		return;
	buf_add_str(out, label);
	units_format_duration(value, out);
	buf_add_char(out, '\n');
}

static void add_config(struct buf *out, yyjson_val *config, const char *name, const char *order)
{
	if (!config)
		return;
	buf_printf(out, "%s:\n Parallelism:\t%lld\n", name, (long long)dig_int(config, "Parallelism"));
	add_duration(out, " Delay:\t\t", dig_int(config, "Delay"));
	buf_printf(out, " On failure:\t%s\n", dig_str(config, "FailureAction"));
	add_duration(out, " Monitoring Period: ", dig_int(config, "Monitor"));
	buf_printf(out, " Max failure ratio: %g\n%s%s\n", yyjson_get_num(dig(config, "MaxFailureRatio")),
		   order, dig_str(config, "Order"));
}

static void add_mounts(struct buf *out, yyjson_val *mounts)
{
	yyjson_arr_iter iter;
	yyjson_val *mount;

	if (yyjson_arr_size(mounts) > 0)
		buf_add_str(out, "Mounts:\n");
	yyjson_arr_iter_init(mounts, &iter);
	while ((mount = yyjson_arr_iter_next(&iter)))
		buf_printf(out, " Target:\t%s\n  Source:\t%s\n  ReadOnly:\t%s\n  Type:\t\t%s\n",
			   dig_str(mount, "Target"), dig_str(mount, "Source"),
			   dig_bool(mount, "ReadOnly") ? "true" : "false", dig_str(mount, "Type"));
}

static void add_joined(struct buf *out, const char *label, yyjson_val *list)
{
	yyjson_arr_iter iter;
	yyjson_val *item;

	if (yyjson_arr_size(list) == 0)
		return;
	buf_add_str(out, label);
	yyjson_arr_iter_init(list, &iter);
	while ((item = yyjson_arr_iter_next(&iter)))
		buf_printf(out, "%s%s", item == yyjson_arr_get_first(list) ? "" : ", ",
			   yyjson_get_str(item));
	buf_add_char(out, '\n');
}

static void add_caps(struct buf *out, yyjson_val *service)
{
	yyjson_val *added = dig(service, CONTAINER "CapabilityAdd");
	yyjson_val *dropped = dig(service, CONTAINER "CapabilityDrop");

	if (yyjson_arr_size(added) + yyjson_arr_size(dropped) > 0)
		buf_add_str(out, "Capabilities:\n");
	add_joined(out, " Add: ", added);
	add_joined(out, " Drop: ", dropped);
}

/* "<indent>key<between>value"; nothing behind the key where there is no value. */
static void add_pairs(struct buf *out, const char *title, const char *indent, const char *between,
		      yyjson_val *pairs)
{
	yyjson_obj_iter iter;
	yyjson_val *key;

	if (yyjson_obj_size(pairs) == 0)
		return;
	buf_add_str(out, title);
	yyjson_obj_iter_init(pairs, &iter);
	while ((key = yyjson_obj_iter_next(&iter))) {
		const char *value = yyjson_get_str(yyjson_obj_iter_get_val(key));
		buf_printf(out, "%s%s%s%s\n", indent, yyjson_get_str(key), *value ? between : "", value);
	}
}

static void add_ulimits(struct buf *out, yyjson_val *limits)
{
	yyjson_arr_iter iter;
	yyjson_val *limit;

	if (yyjson_arr_size(limits) > 0)
		buf_add_str(out, "Ulimits:\n");
	yyjson_arr_iter_init(limits, &iter);
	while ((limit = yyjson_arr_iter_next(&iter)))
		buf_printf(out, " %s: %lld:%lld\n", dig_str(limit, "Name"),
			   (long long)dig_int(limit, "Soft"), (long long)dig_int(limit, "Hard"));
}

/* A blank line comes behind it, as docker's template has it. */
static void add_log(struct buf *out, yyjson_val *log)
{
	if (!log)
		return;
	buf_add_str(out, "Log Driver:\n");
	add_line(out, " Name:\t\t", dig_str(log, "Name"));
	add_pairs(out, " LogOpts:\n", "  ", ":       ", dig(log, "Options"));
	buf_add_char(out, '\n');
}

static void add_networks(struct buf *out, yyjson_val *networks)
{
	yyjson_arr_iter iter;
	yyjson_val *network;

	if (yyjson_arr_size(networks) == 0)
		return;
	buf_add_str(out, "Networks:");
	yyjson_arr_iter_init(networks, &iter);
	while ((network = yyjson_arr_iter_next(&iter))) {
		const char *target = dig_str(network, "Target");
		int found = predefined_network_find(target);
		buf_printf(out, " %s", found < 0 ? target :
					predefined_network_name((enum predefined_network)found));
	}
	buf_add_str(out, " \n");
}

static void add_time(struct buf *out, const char *label, yyjson_val *from, const char *name)
{
	buf_add_str(out, label);
	units_format_duration(dig_int(from, name), out);
}

static void add_health(struct buf *out, yyjson_val *health)
{
	yyjson_val *tests = dig(health, "Test"), *test;
	yyjson_arr_iter iter;

	if (!health)
		return;
	add_time(out, "\n Healthcheck:\n  Interval = ", health, "Interval");
	buf_printf(out, "\n  Retries = %lld\n", (long long)dig_int(health, "Retries"));
	add_time(out, "  StartPeriod =\t", health, "StartPeriod");
	add_time(out, "\n  Timeout =\t", health, "Timeout");
	if (yyjson_arr_size(tests) == 0)
		return;
	buf_add_str(out, "\n  Tests:");
	yyjson_arr_iter_init(tests, &iter);
	while ((test = yyjson_arr_iter_next(&iter)))
		buf_printf(out, "\n\t Test = %s", yyjson_get_str(test));
	buf_add_char(out, ' ');
}

static void add_container(struct buf *out, yyjson_val *service)
{
	buf_printf(out, "ContainerSpec:\n Image:\t\t%s\n", dig_str(service, CONTAINER "Image"));
	add_list(out, " Args:\t\t", dig(service, CONTAINER "Args"), false);
	add_list(out, " Env:\t\t", dig(service, CONTAINER "Env"), false);
	add_line(out, " Dir:\t\t", dig_str(service, CONTAINER "Dir"));
	if (dig(service, CONTAINER "Init"))
		buf_printf(out, " Init:\t\t%s\n", dig_bool(service, CONTAINER "Init") ? "true" : "false");
	add_line(out, " User: ", dig_str(service, CONTAINER "User"));
	add_caps(out, service);
	add_pairs(out, "SysCtls:\n", " ", ": ", dig(service, CONTAINER "Sysctls"));
	add_ulimits(out, dig(service, CONTAINER "Ulimits"));
	add_mounts(out, dig(service, CONTAINER "Mounts"));
}

static void add_amounts(struct buf *out, yyjson_val *resources, const char *title)
{
	int64_t cpus = dig_int(resources, "NanoCPUs"), memory = dig_int(resources, "MemoryBytes");
	int64_t pids = dig_int(resources, "Pids");

	if (cpus <= 0 && memory <= 0 && pids <= 0)
		return;
	buf_printf(out, " %s:\n", title);
	if (cpus > 0)
		buf_printf(out, "  CPU:\t\t%g\n", (double)cpus / 1e9);
	if (memory > 0) {
		buf_add_str(out, "  Memory:\t");
		units_format_bytes(memory, out);
		buf_add_char(out, '\n');
	}
	if (pids > 0)
		buf_printf(out, "  PIDs:\t\t%lld\n", (long long)pids);
}

/* It ends with a blank, as docker's template has it. */
static void add_ports(struct buf *out, yyjson_val *ports)
{
	yyjson_arr_iter iter;
	yyjson_val *port;

	if (yyjson_arr_size(ports) == 0)
		return;
	buf_add_str(out, "\nPorts:");
	yyjson_arr_iter_init(ports, &iter);
	while ((port = yyjson_arr_iter_next(&iter)))
		buf_printf(out, "\n PublishedPort = %lld\n  Protocol = %s\n  TargetPort = %lld\n"
			   "  PublishMode = %s", (long long)dig_int(port, "PublishedPort"),
			   dig_str(port, "Protocol"), (long long)dig_int(port, "TargetPort"),
			   dig_str(port, "PublishMode"));
	buf_add_char(out, ' ');
}

void service_pretty(struct buf *out, yyjson_val *service)
{
	buf_printf(out, "\nID:\t\t%s\nName:\t\t%s\n", dig_str(service, "ID"),
		   dig_str(service, "Spec.Name"));
	add_pairs(out, "Labels:\n", " ", "=", dig(service, "Spec.Labels"));
	add_mode(out, service);
	add_update_status(out, service);
	add_placement(out, service);
	add_config(out, dig(service, "Spec.UpdateConfig"), "UpdateConfig", " Update order:      ");
	add_config(out, dig(service, "Spec.RollbackConfig"), "RollbackConfig", " Rollback order:    ");
	add_container(out, service);
	add_log(out, dig(service, "Spec.TaskTemplate.LogDriver"));
	if (dig(service, "Spec.TaskTemplate.Resources"))
		buf_add_str(out, "Resources:\n");
	add_amounts(out, dig(service, "Spec.TaskTemplate.Resources.Reservations"), "Reservations");
	add_amounts(out, dig(service, "Spec.TaskTemplate.Resources.Limits"), "Limits");
	add_networks(out, dig(service, "Spec.TaskTemplate.Networks"));
	buf_printf(out, "Endpoint Mode:\t%s", dig_str(service, "Spec.EndpointSpec.Mode"));
	add_ports(out, dig(service, "Endpoint.Ports"));
	add_health(out, dig(service, CONTAINER "Healthcheck"));
	buf_add_str(out, "\n\n");
}

static int print_pretty(struct cli *cli, char **names)
{
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = call ? EXIT_OK : cli_fail(&err);

	for (; call && *names && code == EXIT_OK; names++) {
		CLEANUP(buf_finip) struct buf path = BUF_INIT, out = BUF_INIT;
		yyjson_doc *doc = NULL;

		call_add_segment(&path, *names);
		if (call_get(call, &doc, &err, "/services/%s?insertDefaults=true", buf_text(&path)) == 0) {
			service_pretty(&out, yyjson_doc_get_root(doc));
			cli_print_buf(&out);
		} else {
			if (call_status(call) == 404)
				err_set(&err, ERR_NOT_FOUND, "Error: no such service: %s", *names);
			code = cli_fail(&err);
		}
		yyjson_doc_free(doc);
	}
	return code;
}

int service_inspect(struct cli *cli, const void *args, char **operands)
{
	const struct service_inspect_args *inspect = args;

	if (!inspect->pretty)
		return listing_inspect(cli, "/services/", operands, "?insertDefaults=true",
				       inspect->format, "service");
	if (!str_is_empty(inspect->format)) {
		cli_warn("--format is incompatible with human friendly format");
		return EXIT_FAILED;
	}
	return print_pretty(cli, operands);
}
