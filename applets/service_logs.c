/* service_logs.c - `service logs`: lines of all tasks, each with the name of its task in front.
 */
#include "applets/service_cmds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/since.h"
#include "base/map.h"
#include "base/panic.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/log_stream.h"
#include "client/names.h"
#include "os/file.h"

#define LABEL "com.docker.swarm."

const struct option service_logs_options[] = {
	OPT_BOOL(struct service_logs_args, details, 0, "details", "Show labels of the container"),
	OPT_BOOL(struct service_logs_args, follow, 'f', "follow", "Go on with new lines"),
	OPT_BOOL(struct service_logs_args, no_resolve, 0, "no-resolve", "Show IDs, not names"),
	OPT_BOOL(struct service_logs_args, no_task_ids, 0, "no-task-ids", "Leave out the tasks' IDs"),
	OPT_BOOL(struct service_logs_args, no_trunc, 0, "no-trunc", "Show the tasks' IDs in full"),
	OPT_BOOL(struct service_logs_args, raw, 0, "raw", "Show the lines as they were written"),
	OPT_STRING(struct service_logs_args, since, 0, "since", "string",
		   "Only lines since then: a time such as 2026-01-31T10:00:00Z, or how long ago, 42m"),
	OPT_STRING(struct service_logs_args, tail, 'n', "tail", "string",
		   "How many lines of the past (default \"all\")"),
	OPT_BOOL(struct service_logs_args, timestamps, 't', "timestamps", "Show when"),
	OPT_END
};

struct logs {
	const struct service_logs_args *args;
	struct call *call;              /* for names: the other one is busy with the log */
	struct names *names;
	struct map *prefixes;           /* task id -> "web.1.abc@host    | " */
	size_t slot_width;
};

/* a=b,c=d with percent-encoding of both sides, as the API sends it; the value of one key. */
static bool find_detail(const char *details, size_t length, const char *key, char *ret, size_t size)
{
	size_t key_length = strlen(key), at = 0;

	while (at < length) {
		const char *pair = details + at, *comma = memchr(pair, ',', length - at);
		size_t pair_length = comma ? (size_t)(comma - pair) : length - at;
		if (pair_length > key_length && pair[key_length] == '=' &&
		    memcmp(pair, key, key_length) == 0) {
			size_t value = MIN(pair_length - key_length - 1, size - 1);
			memcpy(ret, pair + key_length + 1, value);
			ret[value] = '\0';
			return true;
		}
		at += pair_length + 1;
	}
	return false;
}

static char *make_prefix(struct logs *logs, const char *task, const char *service, const char *node)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	yyjson_doc *doc = NULL;
	struct err err = {0};
	char slot[24] = "0";

	if (call_get(logs->call, &doc, &err, "/tasks/%s", task) == 0)
		snprintf(slot, sizeof(slot), "%lld",
			 (long long)dig_int(yyjson_doc_get_root(doc), "Slot"));
	yyjson_doc_free(doc);
	buf_printf(&out, "%s.%s", names_service(logs->names, service), slot);
	if (!logs->args->no_task_ids)
		buf_printf(&out, logs->args->no_trunc ? ".%s" : ".%.12s", task);
	buf_printf(&out, "@%s", names_node(logs->names, node));
	for (size_t width = strlen(slot); width < logs->slot_width; width++)
		buf_add_char(&out, ' ');
	buf_add_str(&out, "    | ");
	return buf_take(&out);
}

static const char *prefix_of(struct logs *logs, const char *details, size_t length, struct err *err)
{
	char task[64], service[64], node[64];

	if (!find_detail(details, length, LABEL "task.id", task, sizeof(task)) ||
	    !find_detail(details, length, LABEL "service.id", service, sizeof(service)) ||
	    !find_detail(details, length, LABEL "node.id", node, sizeof(node))) {
		err_set(err, ERR_IO, "invalid context in log message: %.*s", (int)MIN(length, 200), details);
		return NULL;
	}
	char *prefix = map_get(logs->prefixes, task);
	if (!prefix) {
		prefix = make_prefix(logs, task, service, node);
		map_put(logs->prefixes, task, prefix);
	}
	return prefix;
}

/* The details that are not our context. */
static void add_details(const char *details, size_t length, struct buf *out)
{
	bool is_first = true;

	for (size_t at = 0; at < length;) {
		const char *pair = details + at, *comma = memchr(pair, ',', length - at);
		size_t pair_length = comma ? (size_t)(comma - pair) : length - at;
		if (!(pair_length > strlen(LABEL) && memcmp(pair, LABEL, strlen(LABEL)) == 0)) {
			buf_add_str(out, is_first ? "" : ",");
			buf_add(out, pair, pair_length);
			is_first = false;
		}
		at += pair_length + 1;
	}
	buf_add_char(out, ' ');
}

static int fd_of(int stream)
{
	return stream == LOG_STREAM_STDERR ? STDERR_FILENO : STDOUT_FILENO;
}

static int write_out(int stream, const char *bytes, size_t count, struct err *err)
{
	if (fd_write_all(fd_of(stream), bytes, count) < 0)
		return err_sys(err, "write log");
	return 0;
}

/* "[time ]details text" becomes "[time ]web.1.abc@host    | [details ]text". */
static int print_line(void *arg, int stream, const char *bytes, size_t count, struct err *err)
{
	struct logs *logs = arg;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	const char *blank = logs->args->timestamps ? memchr(bytes, ' ', count) : NULL;
	size_t stamp = blank ? (size_t)(blank - bytes) + 1 : 0;
	const char *details = bytes + stamp;
	const char *end = memchr(details, ' ', count - stamp);

	if (!end)
		return err_set(err, ERR_IO, "invalid context in log message: %.*s", (int)MIN(count, 200u),
			       bytes);
	const char *prefix = prefix_of(logs, details, (size_t)(end - details), err);
	if (!prefix)
		return -1;
	buf_add(&out, bytes, stamp);
	buf_add_str(&out, prefix);
	if (logs->args->details)
		add_details(details, (size_t)(end - details), &out);
	buf_add(&out, end + 1, count - (size_t)(end + 1 - bytes));
	return write_out(stream, out.data, out.len, err);
}

static int print_raw(void *arg UNUSED, int stream, const char *bytes, size_t count, struct err *err)
{
	return write_out(stream, bytes, count, err);
}

/* A service or, if there is none of that name, a task. */
static int find_target(struct call *call, const char *target, const char **ret_kind,
		       size_t *ret_width, bool *ret_tty, struct err *err)
{
	CLEANUP(buf_finip) struct buf name = BUF_INIT;
	yyjson_doc *doc = NULL;
	char number[24];

	call_add_segment(&name, target);
	*ret_kind = "services";
	if (call_get(call, &doc, err, "/services/%s", buf_text(&name)) < 0) {
		if (call_status(call) != 404)
			return -1;
		*ret_kind = "tasks";
		if (call_get(call, &doc, err, "/tasks/%s", buf_text(&name)) < 0)
			return call_status(call) != 404 ? -1 :
			       err_set(err, ERR_NOT_FOUND, "no such task or service: %s", target);
	}
	yyjson_val *root = yyjson_doc_get_root(doc);
	bool is_task = str_eq(*ret_kind, "tasks");
	*ret_tty = dig_bool(root, is_task ? "Spec.ContainerSpec.TTY" :
					    "Spec.TaskTemplate.ContainerSpec.TTY");
	snprintf(number, sizeof(number), "%lld",
		 (long long)dig_int(root, is_task ? "Slot" : "Spec.Mode.Replicated.Replicas"));
	*ret_width = strlen(number);
	yyjson_doc_free(doc);
	return 0;
}

static int make_path(const struct service_logs_args *args, const char *kind, const char *target,
		     struct buf *path, struct err *err)
{
	buf_printf(path, "/%s/", kind);
	call_add_segment(path, target);
	buf_add_str(path, "/logs?stdout=1&stderr=1");
	if (args->details || !args->raw)
		buf_add_str(path, "&details=1");
	if (args->follow)
		buf_add_str(path, "&follow=1");
	if (args->timestamps)
		buf_add_str(path, "&timestamps=1");
	call_add_query(path, "tail", args->tail ? args->tail : "all");
	return since_add_query(path, "since", args->since, err);
}

static void logs_fini(struct logs *logs)
{
	const char *task;
	void *prefix;

	for (size_t at = 0; map_next(logs->prefixes, &at, &task, &prefix);)
		free(prefix);
	map_free(logs->prefixes);
	names_free(logs->names);
	call_free(logs->call);
}

static int stream_logs(struct cli *cli, struct logs *logs, const char *target, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct http_client *client;
	const char *kind;
	bool is_tty = false;

	if (find_target(logs->call, target, &kind, &logs->slot_width, &is_tty, err) < 0)
		return -1;
	if (is_tty && !logs->args->raw)
		return err_set(err, ERR_INVALID, "tty service logs only supported with --raw");
	if (make_path(logs->args, kind, target, &path, err) < 0 ||
	    call_stream(cli_call(cli, err), "GET", &client, err, "%s", buf_text(&path)) < 0)
		return -1;
	return log_stream_read(client, logs->args->raw ? print_raw : print_line, logs, err);
}

int service_logs(struct cli *cli, const void *args, char **operands)
{
	struct err err = {0};
	struct logs logs = { .args = args };

	if (!cli_call(cli, &err))
		return cli_fail(&err);
	logs.call = call_new(call_socket_path(cli_call(cli, &err)));
	logs.names = names_new(logs.call, !logs.args->no_resolve);
	logs.prefixes = map_new();
	int code = stream_logs(cli, &logs, operands[0], &err) < 0 ? cli_fail(&err) : EXIT_OK;
	logs_fini(&logs);
	return code;
}
