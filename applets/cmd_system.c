#include <string.h>

#include "applets/listing.h"
#include "applets/since.h"
#include "applets/system_df.h"
#include "base/units.h"
#include "base/version.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/inspect.h"
#include "model/template.h"

/* --- info --- */

struct info_args { const char *format; };

static const struct option info_options[] = {
	OPT_STRING(struct info_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_END
};

static void add_text(struct buf *out, const char *label, yyjson_val *info, const char *path)
{
	const char *value = dig_str(info, path);

	if (*value)
		buf_printf(out, "%s: %s\n", label, value);
}

static void add_int(struct buf *out, const char *label, yyjson_val *info, const char *path)
{
	buf_printf(out, "%s: %lld\n", label, (long long)dig_int(info, path));
}

static void add_bool(struct buf *out, const char *label, yyjson_val *info, const char *path)
{
	buf_printf(out, "%s: %s\n", label, dig_bool(info, path) ? "true" : "false");
}

static void add_words(struct buf *out, const char *label, yyjson_val *list)
{
	yyjson_arr_iter iter;
	yyjson_val *item;

	buf_printf(out, "%s:", label);
	yyjson_arr_iter_init(list, &iter);
	while ((item = yyjson_arr_iter_next(&iter)))
		buf_printf(out, " %s", yyjson_get_str(item));
	buf_add_char(out, '\n');
}

static void add_human(struct buf *out, const char *label, int64_t duration)
{
	buf_printf(out, "%s: ", label);
	units_format_human_duration(duration, out);
	buf_add_char(out, '\n');
}

static void add_cluster(struct buf *out, yyjson_val *info)
{
	yyjson_val *cluster = dig(info, "Swarm.Cluster"), *spec = dig(cluster, "Spec");

	add_text(out, "  ClusterID", cluster, "ID");
	add_int(out, "  Managers", info, "Swarm.Managers");
	add_int(out, "  Nodes", info, "Swarm.Nodes");
	if (yyjson_arr_size(dig(cluster, "DefaultAddrPool")) > 0) {
		add_words(out, "  Default Address Pool", dig(cluster, "DefaultAddrPool"));
		add_int(out, "  SubnetSize", cluster, "SubnetSize");
	}
	add_int(out, "  Data Path Port", cluster, "DataPathPort");
	buf_add_str(out, "  Orchestration:\n");
	add_int(out, "   Task History Retention Limit", spec, "Orchestration.TaskHistoryRetentionLimit");
	buf_add_str(out, "  Raft:\n");
	add_int(out, "   Snapshot Interval", spec, "Raft.SnapshotInterval");
	add_int(out, "   Number of Old Snapshots to Retain", spec, "Raft.KeepOldSnapshots");
	add_int(out, "   Heartbeat Tick", spec, "Raft.HeartbeatTick");
	add_int(out, "   Election Tick", spec, "Raft.ElectionTick");
	buf_add_str(out, "  Dispatcher:\n");
	add_human(out, "   Heartbeat Period", dig_int(spec, "Dispatcher.HeartbeatPeriod"));
	buf_add_str(out, "  CA Configuration:\n");
	add_human(out, "   Expiry Duration", dig_int(spec, "CAConfig.NodeCertExpiry"));
	add_int(out, "   Force Rotate", spec, "CAConfig.ForceRotate");
	add_bool(out, "  Autolock Managers", spec, "EncryptionConfig.AutoLockManagers");
	add_bool(out, "  Root Rotation In Progress", cluster, "RootRotationInProgress");
}

static void add_managers(struct buf *out, yyjson_val *managers)
{
	yyjson_arr_iter iter;
	yyjson_val *manager;

	if (yyjson_arr_size(managers) > 0)
		buf_add_str(out, "  Manager Addresses:\n");
	yyjson_arr_iter_init(managers, &iter);
	while ((manager = yyjson_arr_iter_next(&iter)))
		buf_printf(out, "   %s\n", dig_str(manager, "Addr"));
}

static void add_swarm(struct buf *out, yyjson_val *info)
{
	const char *state = dig_str(info, "Swarm.LocalNodeState"), *error = dig_str(info, "Swarm.Error");

	buf_printf(out, " Swarm: %s\n", state);
	if (str_eq(state, "inactive") || str_eq(state, "locked"))
		return;
	add_text(out, "  NodeID", info, "Swarm.NodeID");
	add_text(out, "  Error", info, "Swarm.Error");
	add_bool(out, "  Is Manager", info, "Swarm.ControlAvailable");
	if (dig(info, "Swarm.Cluster") && dig_bool(info, "Swarm.ControlAvailable") && !*error)
		add_cluster(out, info);
	add_text(out, "  Node Address", info, "Swarm.NodeAddr");
	add_managers(out, dig(info, "Swarm.RemoteManagers"));
}

/* "name=seccomp,profile=builtin" */
static void add_security(struct buf *out, yyjson_val *options)
{
	yyjson_arr_iter iter;
	yyjson_val *item;

	if (yyjson_arr_size(options) > 0)
		buf_add_str(out, " Security Options:\n");
	yyjson_arr_iter_init(options, &iter);
	while ((item = yyjson_arr_iter_next(&iter))) {
		const char *name = str_after(yyjson_get_str(item), "name="), *profile;

		if (!name)
			continue;
		profile = strstr(name, ",profile=");
		buf_printf(out, "  %.*s\n", (int)strcspn(name, ","), name);
		if (profile)
			buf_printf(out, "   Profile: %s\n", profile + strlen(",profile="));
	}
}

static void add_registries(struct buf *out, yyjson_val *config)
{
	yyjson_val *key, *text;
	yyjson_obj_iter names;
	yyjson_arr_iter iter;

	buf_add_str(out, " Insecure Registries:\n");
	yyjson_obj_iter_init(dig(config, "IndexConfigs"), &names);
	while ((key = yyjson_obj_iter_next(&names)))
		if (!dig_bool(yyjson_obj_iter_get_val(key), "Secure"))
			buf_printf(out, "  %s\n", yyjson_get_str(key));
	yyjson_arr_iter_init(dig(config, "InsecureRegistryCIDRs"), &iter);
	while ((text = yyjson_arr_iter_next(&iter)))
		buf_printf(out, "  %s\n", yyjson_get_str(text));
	if (yyjson_arr_size(dig(config, "Mirrors")) > 0)
		buf_add_str(out, " Registry Mirrors:\n");
	yyjson_arr_iter_init(dig(config, "Mirrors"), &iter);
	while ((text = yyjson_arr_iter_next(&iter)))
		buf_printf(out, "  %s\n", yyjson_get_str(text));
}

static void add_server(struct buf *out, yyjson_val *info)
{
	add_int(out, " Containers", info, "Containers");
	add_int(out, "  Running", info, "ContainersRunning");
	add_int(out, "  Paused", info, "ContainersPaused");
	add_int(out, "  Stopped", info, "ContainersStopped");
	add_int(out, " Images", info, "Images");
	add_text(out, " Server Version", info, "ServerVersion");
	add_text(out, " Storage Driver", info, "Driver");
	add_text(out, " Logging Driver", info, "LoggingDriver");
	add_text(out, " Cgroup Driver", info, "CgroupDriver");
	add_text(out, " Cgroup Version", info, "CgroupVersion");
	buf_add_str(out, " Plugins:\n");
	add_words(out, "  Volume", dig(info, "Plugins.Volume"));
	add_words(out, "  Network", dig(info, "Plugins.Network"));
	add_words(out, "  Log", dig(info, "Plugins.Log"));
	add_swarm(out, info);
	add_security(out, dig(info, "SecurityOptions"));
	add_text(out, " Kernel Version", info, "KernelVersion");
	add_text(out, " Operating System", info, "OperatingSystem");
	add_text(out, " OSType", info, "OSType");
	add_text(out, " Architecture", info, "Architecture");
	add_int(out, " CPUs", info, "NCPU");
	buf_add_str(out, " Total Memory: ");
	units_format_bytes(dig_int(info, "MemTotal"), out);
	buf_add_char(out, '\n');
	add_text(out, " Name", info, "Name");
	add_text(out, " ID", info, "ID");
	add_text(out, " Docker Root Dir", info, "DockerRootDir");
	if (yyjson_arr_size(dig(info, "Labels")) > 0)
		add_words(out, " Labels", dig(info, "Labels"));
	add_bool(out, " Experimental", info, "ExperimentalBuild");
	add_registries(out, dig(info, "RegistryConfig"));
	add_bool(out, " Live Restore Enabled", info, "LiveRestoreEnabled");
}

static void print_info(yyjson_val *info)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	yyjson_arr_iter iter;
	yyjson_val *warning;

	buf_printf(&out, "Client:\n Version:    %s\n\nServer:\n", version_text());
	add_server(&out, info);
	buf_add_char(&out, '\n');
	cli_print_buf(&out);
	yyjson_arr_iter_init(dig(info, "Warnings"), &iter);
	while ((warning = yyjson_arr_iter_next(&iter)))
		cli_warn("%s", yyjson_get_str(warning));
}

static int info_run(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct info_args *info = args;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	int code = EXIT_OK;

	if (!call || call_get(call, &doc, &err, "/info") < 0)
		return cli_fail(&err);
	yyjson_val *root = yyjson_doc_get_root(doc);
	if (!info->format)
		print_info(root);
	else if (inspect_print(&root, 1, inspect_format_of_one(info->format), &out, &err) < 0)
		code = cli_fail(&err);
	cli_print_buf(&out);
	yyjson_doc_free(doc);
	return code;
}

/* --- events --- */

struct events_args { struct strlist filters; const char *format, *since, *until; };

static const struct option events_options[] = {
	OPT_FILTER(struct events_args, filters),
	OPT_STRING(struct events_args, format, 0, "format", "string", LISTING_INSPECT_HELP),
	OPT_STRING(struct events_args, since, 0, "since", "string",
		   "Begin with what happened since then: a time, or how long ago"),
	OPT_STRING(struct events_args, until, 0, "until", "string", "End at that time"),
	OPT_END
};

static void print_event(yyjson_val *event)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT, attributes = BUF_INIT;
	nsec wall = dig_int(event, "timeNano");
	char stamp[STAMP_TEXT_SIZE];

	if (wall == 0)
		wall = dig_int(event, "time") * 1000000000;
	buf_printf(&out, "%s %s %s %s", stamp_format_fixed(wall, stamp), dig_str(event, "Type"),
		   dig_str(event, "Action"), dig_str(event, "Actor.ID"));
	listing_labels(dig(event, "Actor.Attributes"), ", ", &attributes);
	if (attributes.len > 0)
		buf_printf(&out, " (%s)", attributes.data);
	buf_add_char(&out, '\n');
	cli_print_buf(&out);
}

static int print_line(const char *line, const struct template *template, struct err *err)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	yyjson_doc *doc = yyjson_read(line, strlen(line), 0);
	int result = 0;

	if (!doc)
		return err_set(err, ERR_IO, "the agent's event is not JSON: %.200s", line);
	if (!template) {
		print_event(yyjson_doc_get_root(doc));
	} else {
		result = template_run(template, yyjson_doc_get_root(doc), TEMPLATE_ABSENT_IS_NIL, &out, err);
		buf_add_char(&out, '\n');
		cli_print_buf(&out);
	}
	yyjson_doc_free(doc);
	return result;
}

static int print_events(struct http_client *client, const struct template *template, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char bytes[16 * 1024];
	size_t count;

	for (;;) {
		if (http_client_read(client, bytes, sizeof(bytes), &count, err) < 0)
			return -1;
		if (count == 0)
			return 0;
		buf_add(&text, bytes, count);
		for (char *end; text.len && (end = memchr(text.data, '\n', text.len));) {
			*end = '\0';
			if (*text.data && print_line(text.data, template, err) < 0)
				return -1;
			buf_drop_front(&text, (size_t)(end - text.data) + 1);
		}
	}
}

static int events_run(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct events_args *events = args;
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	CLEANUP(template_freep) struct template *template = NULL;
	struct http_client *client;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	const char *format = str_eq(events->format, "json") ? "{{json .}}" : events->format;

	if (!str_is_empty(format) && template_parse(format, &template, &err) < 0) {
		cli_warn("Error parsing format: %s", err.text);
		return 64;
	}
	buf_add_str(&path, "/events");
	if (!call || since_add_query(&path, "since", events->since, &err) < 0 ||
	    since_add_query(&path, "until", events->until, &err) < 0)
		return cli_fail(&err);
	listing_add_filters(&events->filters, &path);
	if (call_stream(call, "GET", &client, &err, "%s", buf_text(&path)) < 0 ||
	    print_events(client, template, &err) < 0)
		return cli_fail(&err);
	return EXIT_OK;
}

static const struct command system_commands[] = {
	{ .name = "df", .usage = "[OPTIONS]", .help = "Show what takes space on disk",
	  .options = system_df_options, .args_size = sizeof(struct system_df_args),
	  .run = system_df },
	{ .name = "events", .spellings = "system events, events", .usage = "[OPTIONS]",
	  .help = "Show what happens, as it happens", .options = events_options,
	  .args_size = sizeof(struct events_args), .run = events_run },
	{ .name = "info", .spellings = "system info, info", .usage = "[OPTIONS]",
	  .help = "Show the state of this host and its swarm", .options = info_options,
	  .args_size = sizeof(struct info_args), .run = info_run },
	{ .name = NULL },
};

const struct command system_command = {
	.name = "system", .help = "Look at the agent", .commands = system_commands,
};
