#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/container_cmds.h"
#include "applets/listing.h"
#include "applets/since.h"
#include "base/panic.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/log_stream.h"
#include "os/file.h"

/* --- ls --- */

struct container_ls_args {
	struct strlist filters;
	const char *format;
	bool all, latest, no_trunc, quiet, size;
	struct option_int last;
};

static const struct option container_ls_options[] = {
	OPT_BOOL(struct container_ls_args, all, 'a', "all", "Show those that have ended, too"),
	OPT_FILTER(struct container_ls_args, filters),
	OPT_STRING(struct container_ls_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_INT(struct container_ls_args, last, 'n', "last",
		"Show the newest N, in any state (default -1)"),
	OPT_BOOL(struct container_ls_args, latest, 'l', "latest", "Show the newest one, in any state"),
	OPT_BOOL(struct container_ls_args, no_trunc, 0, "no-trunc", "Show everything in full"),
	OPT_BOOL(struct container_ls_args, quiet, 'q', "quiet", "Show only the containers' IDs"),
	OPT_BOOL(struct container_ls_args, size, 's', "size", "Show how much they have written"),
	OPT_END
};

static const struct column container_columns[] = {
	{ "Command", "COMMAND" }, { "CreatedAt", "CREATED AT" }, { "ID", "CONTAINER ID" },
	{ "Image", "IMAGE" }, { "Labels", "LABELS" }, { "LocalVolumes", "LOCAL VOLUMES" },
	{ "Mounts", "MOUNTS" }, { "Names", "NAMES" }, { "Networks", "NETWORKS" },
	{ "Ports", "PORTS" }, { "RunningFor", "CREATED" }, { "Size", "SIZE" },
	{ "State", "STATE" }, { "Status", "STATUS" }, { NULL, NULL },
};
#define USUAL "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"

static void put_command(struct columns *table, const char *command, bool no_trunc)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_add_char(&text, '"');
	if (no_trunc)
		buf_add_str(&text, command);
	else
		listing_ellipsis(command, 20, &text);
	buf_add_char(&text, '"');
	columns_put(table, "Command", buf_text(&text));
}

/* "0.0.0.0:8080->80/tcp, 81/tcp" */
static void put_container_ports(struct columns *table, yyjson_val *ports)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_arr_iter iter;
	yyjson_val *port;

	yyjson_arr_iter_init(ports, &iter);
	while ((port = yyjson_arr_iter_next(&iter))) {
		const char *ip = dig_str(port, "IP");
		bool is_v6 = strchr(ip, ':') != NULL;

		buf_add_str(&text, text.len ? ", " : "");
		if (*ip)
			buf_printf(&text, "%s%s%s:%lld->", is_v6 ? "[" : "", ip, is_v6 ? "]" : "",
				   (long long)dig_int(port, "PublicPort"));
		buf_printf(&text, "%lld/%s", (long long)dig_int(port, "PrivatePort"),
			   dig_str(port, "Type"));
	}
	columns_put(table, "Ports", buf_text(&text));
}

static void put_names(struct columns *table, yyjson_val *names)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_arr_iter iter;
	yyjson_val *name;

	yyjson_arr_iter_init(names, &iter);
	while ((name = yyjson_arr_iter_next(&iter))) {
		const char *word = yyjson_get_str(name);
		buf_printf(&text, "%s%s", text.len ? "," : "", *word == '/' ? word + 1 : word);
	}
	columns_put(table, "Names", buf_text(&text));
}

static void put_mounts(struct columns *table, yyjson_val *mounts, bool no_trunc)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_arr_iter iter;
	yyjson_val *mount;
	unsigned local_count = 0;

	yyjson_arr_iter_init(mounts, &iter);
	while ((mount = yyjson_arr_iter_next(&iter))) {
		const char *name = dig_str(mount, "Name");
		if (!*name)
			name = dig_str(mount, "Source");
		buf_add_str(&text, text.len ? "," : "");
		listing_ellipsis(name, no_trunc ? SIZE_MAX : 15, &text);
		local_count += str_eq(dig_str(mount, "Driver"), "local");
	}
	columns_put(table, "Mounts", buf_text(&text));
	columns_putf(table, "LocalVolumes", "%u", local_count);
}

static void put_networks(struct columns *table, yyjson_val *networks)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_obj_iter iter;
	yyjson_val *key;

	yyjson_obj_iter_init(networks, &iter);
	while ((key = yyjson_obj_iter_next(&iter)))
		buf_printf(&text, "%s%s", text.len ? "," : "", yyjson_get_str(key));
	columns_put(table, "Networks", buf_text(&text));
}

/* "2B (virtual 4.21MB)" */
static void put_size(struct columns *table, yyjson_val *container)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	int64_t root = dig_int(container, "SizeRootFs");

	units_format_size(dig_int(container, "SizeRw"), &text);
	if (root > 0) {
		buf_add_str(&text, " (virtual ");
		units_format_size(root, &text);
		buf_add_char(&text, ')');
	}
	columns_put(table, "Size", buf_text(&text));
}

static void put_container(struct columns *table, yyjson_val *container, bool no_trunc)
{
	CLEANUP(buf_finip) struct buf image = BUF_INIT, age = BUF_INIT, labels = BUF_INIT;
	CLEANUP(buf_finip) struct buf moment = BUF_INIT;
	nsec created = dig_int(container, "Created") * 1000000000;
	const char *name = dig_str(container, "Image");

	columns_add_row(table);
	columns_putf(table, "ID", no_trunc ? "%s" : "%.12s", dig_str(container, "Id"));
	if (no_trunc)
		buf_add_str(&image, name);
	else
		listing_image(name, &image);
	columns_put(table, "Image", image.len ? image.data : "<no image>");
	put_command(table, dig_str(container, "Command"), no_trunc);
	listing_moment(created, &moment);
	columns_put(table, "CreatedAt", buf_text(&moment));
	listing_age(created, &age);
	columns_putf(table, "RunningFor", "%s ago", buf_text(&age));
	columns_put(table, "State", dig_str(container, "State"));
	columns_put(table, "Status", dig_str(container, "Status"));
	put_container_ports(table, dig(container, "Ports"));
	put_names(table, dig(container, "Names"));
	listing_labels(dig(container, "Labels"), ",", &labels);
	columns_put(table, "Labels", buf_text(&labels));
	put_mounts(table, dig(container, "Mounts"), no_trunc);
	put_networks(table, dig(container, "NetworkSettings.Networks"));
	put_size(table, container);
}

/* It takes time to find out, so only who shows it asks. */
static bool wants_size(const struct container_ls_args *ls)
{
	return ls->size || (ls->format && strstr(ls->format, ".Size"));
}

static void add_ls_path(const struct container_ls_args *ls, struct buf *path)
{
	buf_add_str(path, "/containers/json");
	if (ls->all)
		call_add_query(path, "all", "1");
	if (ls->latest)
		call_add_query(path, "limit", "1");
	else if (ls->last.given && ls->last.value > 0)
		buf_printf(path, "%climit=%lld", ls->all ? '&' : '?', (long long)ls->last.value);
	if (wants_size(ls))
		call_add_query(path, "size", "1");
	listing_add_filters(&ls->filters, path);
}

static int container_ls(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct container_ls_args *ls = args;
	CLEANUP(columns_freep) struct columns *table = columns_new(container_columns, ls->size ? USUAL "\t{{.Size}}" : USUAL);
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	yyjson_arr_iter iter;
	yyjson_val *container;

	add_ls_path(ls, &path);
	if (!call || call_get(call, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	yyjson_arr_iter_init(yyjson_doc_get_root(doc), &iter);
	while ((container = yyjson_arr_iter_next(&iter)))
		put_container(table, container, ls->no_trunc);
	yyjson_doc_free(doc);
	return listing_print(table, ls->format, ls->quiet, "ID");
}

/* --- inspect --- */

struct container_inspect_args { const char *format; bool size; };

static const struct option container_inspect_options[] = {
	OPT_STRING(struct container_inspect_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_BOOL(struct container_inspect_args, size, 's', "size", "Show how much it has written, too"),
	OPT_END
};

static int container_inspect(struct cli *cli, const void *args, char **operands)
{
	const struct container_inspect_args *inspect = args;

	return listing_inspect(cli, "/containers/", operands, inspect->size ? "/json?size=1" : "/json", inspect->format, NULL);
}

/* --- logs --- */

struct container_logs_args {
	bool details, follow, timestamps;
	const char *since, *until, *tail;
};

static const struct option container_logs_options[] = {
	OPT_BOOL(struct container_logs_args, details, 0, "details", "Show labels of the container"),
	OPT_BOOL(struct container_logs_args, follow, 'f', "follow", "Go on with new lines"),
	OPT_STRING(struct container_logs_args, since, 0, "since", "string",
		   "Only lines since then: a time such as 2026-01-31T10:00:00Z, or how long ago, 42m"),
	OPT_STRING(struct container_logs_args, tail, 'n', "tail", "string",
		   "How many lines of the past (default \"all\")"),
	OPT_BOOL(struct container_logs_args, timestamps, 't', "timestamps", "Show when"),
	OPT_STRING(struct container_logs_args, until, 0, "until", "string",
		   "Only lines up to then: a time, or how long ago"),
	OPT_END
};

static int print_log(void *arg UNUSED, int stream, const char *bytes, size_t count, struct err *err)
{
	int fd = stream == LOG_STREAM_STDERR ? STDERR_FILENO : STDOUT_FILENO;

	return fd_write_all(fd, bytes, count) < 0 ? err_sys(err, "write log") : 0;
}

static int container_logs(struct cli *cli, const void *args, char **operands)
{
	const struct container_logs_args *logs = args;
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct http_client *client;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	buf_add_str(&path, "/containers/");
	call_add_segment(&path, operands[0]);
	buf_printf(&path, "/logs?stdout=1&stderr=1%s%s%s", logs->details ? "&details=1" : "",
		   logs->follow ? "&follow=1" : "", logs->timestamps ? "&timestamps=1" : "");
	call_add_query(&path, "tail", logs->tail ? logs->tail : "all");
	if (!call || since_add_query(&path, "since", logs->since, &err) < 0 ||
	    since_add_query(&path, "until", logs->until, &err) < 0 ||
	    call_stream(call, "GET", &client, &err, "%s", buf_text(&path)) < 0 ||
	    log_stream_read(client, print_log, NULL, &err) < 0)
		return cli_fail(&err);
	return EXIT_OK;
}

/* --- kill, rm --- */

struct container_kill_args { const char *signal; };

static const struct option container_kill_options[] = {
	OPT_STRING(struct container_kill_args, signal, 's', "signal", "string",
		   "Signal to send (default KILL)"),
	OPT_END
};

static int container_kill(struct cli *cli, const void *args, char **operands)
{
	const struct container_kill_args *kill = args;
	CLEANUP(buf_finip) struct buf query = BUF_INIT;

	buf_add_str(&query, "/kill");
	call_add_query(&query, "signal", kill->signal ? kill->signal : "KILL");
	return listing_each(cli, "POST", "/containers/", operands, buf_text(&query));
}

struct container_rm_args { bool force, volumes; };

static const struct option container_rm_options[] = {
	OPT_BOOL(struct container_rm_args, force, 'f', "force", "Kill it first if it runs"),
	OPT_UNSUPPORTED('l', "link"),
	OPT_BOOL(struct container_rm_args, volumes, 'v', "volumes", "Remove its unnamed volumes, too"),
	OPT_END
};

static int container_rm(struct cli *cli, const void *args, char **operands)
{
	const struct container_rm_args *rm = args;
	CLEANUP(buf_finip) struct buf query = BUF_INIT;

	if (rm->force)
		call_add_query(&query, "force", "1");
	if (rm->volumes)
		call_add_query(&query, "v", "1");
	return listing_each(cli, "DELETE", "/containers/", operands, buf_text(&query));
}

static const struct command container_commands[] = {
	{ .name = "attach", .spellings = "container attach, attach", .usage = "[OPTIONS] CONTAINER",
	  .help = "Attach to a running container", .options = container_attach_options, .min = 1, .max = 1,
	  .args_size = sizeof(struct container_attach_args), .run = container_attach },
	{ .name = "create", .spellings = "container create, create", .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	  .help = "Create a container", .options = container_create_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_flags), .run = container_run_create, .operands_end = true },
	{ .name = "exec", .spellings = "container exec, exec", .usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	  .help = "Run a command in a running container", .options = container_exec_options, .min = 2, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_exec_args), .run = container_exec, .operands_end = true },
	{ .name = "inspect", .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	  .help = "Show all about containers", .options = container_inspect_options, .min = 1,
	  .max = COMMAND_MANY, .args_size = sizeof(struct container_inspect_args),
	  .run = container_inspect },
	{ .name = "kill", .spellings = "container kill, kill",
	  .usage = "[OPTIONS] CONTAINER [CONTAINER...]", .help = "Kill running containers",
	  .options = container_kill_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_kill_args), .run = container_kill },
	{ .name = "logs", .spellings = "container logs, logs", .usage = "[OPTIONS] CONTAINER",
	  .help = "Show the logs of a container", .options = container_logs_options, .min = 1, .max = 1,
	  .args_size = sizeof(struct container_logs_args), .run = container_logs },
	{ .name = "ls", .spellings = "container ls, container list, container ps, ps",
	  .usage = "[OPTIONS]", .help = "List the containers of this host",
	  .options = container_ls_options, .args_size = sizeof(struct container_ls_args),
	  .run = container_ls },
	{ .name = "pause", .spellings = "container pause, pause", .usage = "CONTAINER [CONTAINER...]",
	  .help = "Let all processes of containers stand still", .min = 1, .max = COMMAND_MANY, .run = container_pause },
	{ .name = "port", .spellings = "container port, port", .usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
	  .help = "Show where the ports of a container are published", .min = 1, .max = 2, .run = container_port },
	{ .name = "prune", .usage = "[OPTIONS]", .help = "Remove all containers that have ended",
	  .options = container_prune_options, .args_size = sizeof(struct container_prune_args), .run = container_prune },
	{ .name = "rename", .spellings = "container rename, rename", .usage = "CONTAINER NEW_NAME",
	  .help = "Rename a container", .min = 2, .max = 2, .run = container_rename },
	{ .name = "restart", .spellings = "container restart, restart",
	  .usage = "[OPTIONS] CONTAINER [CONTAINER...]", .help = "Stop containers and start them again",
	  .options = container_stop_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_stop_args), .run = container_restart },
	{ .name = "rm", .spellings = "container rm, container remove, rm",
	  .usage = "[OPTIONS] CONTAINER [CONTAINER...]", .help = "Remove containers",
	  .options = container_rm_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_rm_args), .run = container_rm },
	{ .name = "run", .spellings = "container run, run", .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	  .help = "Create a container and start it", .options = container_run_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_flags), .run = container_run, .operands_end = true },
	{ .name = "start", .spellings = "container start, start",
	  .usage = "[OPTIONS] CONTAINER [CONTAINER...]", .help = "Start containers",
	  .options = container_start_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_start_args), .run = container_start },
	{ .name = "stats", .spellings = "container stats, stats", .usage = "[OPTIONS] [CONTAINER...]",
	  .help = "Show what containers use, again and again", .options = container_stats_options, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_stats_args), .run = container_stats },
	{ .name = "stop", .spellings = "container stop, stop",
	  .usage = "[OPTIONS] CONTAINER [CONTAINER...]", .help = "Stop running containers",
	  .options = container_stop_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_stop_args), .run = container_stop },
	{ .name = "top", .spellings = "container top, top", .usage = "CONTAINER [ps OPTIONS]",
	  .help = "Show the processes of a container", .min = 1, .max = COMMAND_MANY, .run = container_top, .operands_end = true },
	{ .name = "unpause", .spellings = "container unpause, unpause", .usage = "CONTAINER [CONTAINER...]",
	  .help = "Let all processes of containers go on", .min = 1, .max = COMMAND_MANY, .run = container_unpause },
	{ .name = "update", .spellings = "container update, update", .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	  .help = "Change limits and restart policy of containers", .options = container_update_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct container_flags), .run = container_update },
	{ .name = "wait", .spellings = "container wait, wait", .usage = "CONTAINER [CONTAINER...]",
	  .help = "Wait until containers end, print their exit codes", .min = 1, .max = COMMAND_MANY, .run = container_wait },
	{ .name = NULL },
};

const struct command container_command = {
	.name = "container", .help = "Manage containers", .commands = container_commands,
};
