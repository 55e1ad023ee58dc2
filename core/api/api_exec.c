/* Processes beside a container's own: POST /containers/x/exec, /exec/x/start, resize, json. */
#include <stdlib.h>

#include "agent/exec_io.h"
#include "api/exec_mark.h"
#include "api/session.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

struct exec_body {
	char *user, *detach_keys, *working_dir;
	bool privileged, tty, attach_stdin, attach_stdout, attach_stderr;
	struct str_array env, cmd;
};
static const struct field exec_fields[] = {
	F(1, STR, exec_body, user, "User", 0), F(2, BOOL, exec_body, privileged, "Privileged", 0), F(3, BOOL, exec_body, tty, "Tty", 0),
	F(4, BOOL, exec_body, attach_stdin, "AttachStdin", 0), F(5, BOOL, exec_body, attach_stdout, "AttachStdout", 0),
	F(6, BOOL, exec_body, attach_stderr, "AttachStderr", 0), F(7, STR, exec_body, detach_keys, "DetachKeys", 0),
	F(8, STR_LIST, exec_body, env, "Env", 0), F(9, STR, exec_body, working_dir, "WorkingDir", 0), F(10, STR_LIST, exec_body, cmd, "Cmd", 0),
};
static const struct shape exec_shape = SHAPE(exec_body, exec_fields);

/* [height, width]; zeroes when there is none. */
static int console_size(yyjson_val *body, uint32_t *ret_rows, uint32_t *ret_columns, struct err *err)
{
	yyjson_val *size = yyjson_obj_get(body, "ConsoleSize"), *rows = yyjson_arr_get(size, 0), *columns = yyjson_arr_get(size, 1);

	*ret_rows = *ret_columns = 0;
	if (!size || yyjson_is_null(size))
		return 0;
	if (yyjson_arr_size(size) != 2 || !yyjson_is_uint(rows) || !yyjson_is_uint(columns) || yyjson_get_uint(rows) > UINT16_MAX ||
	    yyjson_get_uint(columns) > UINT16_MAX)
		return err_set(err, ERR_INVALID, "invalid JSON: ConsoleSize must be a height and a width");
	*ret_rows = (uint32_t)yyjson_get_uint(rows);
	*ret_columns = (uint32_t)yyjson_get_uint(columns);
	return 0;
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

static int check_env(const struct str_array *env, struct err *err)
{
	for (size_t i = 0; i < env->count; i++)
		if (!env->items[i][0] || env->items[i][0] == '=')
			return err_set(err, ERR_INVALID, "invalid environment variable: %.100s", env->items[i]);
	return 0;
}

static void create(struct api *api, struct http_request *req, yyjson_val *json, const char *name)
{
	struct container_exec exec;
	struct exec_body body;
	struct detach_keys keys;
	uint32_t rows, columns;
	char id[HEX_ID_SIZE], mark[EXEC_MARK_SIZE];
	struct err err;

	exec_mark(api->host.node_id(api->host.arg), mark);
	if (shape_from_json(&exec_shape, json, http_arena(req), &body, &err) < 0 || console_size(json, &rows, &columns, &err) < 0 ||
	    check_env(&body.env, &err) < 0 || detach_keys_parse(body.detach_keys, &keys, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	exec = (struct container_exec){
		.argv = { (const char **)body.cmd.items, body.cmd.count }, .env = { (const char **)body.env.items, body.env.count },
		.user = body.user, .cwd = body.working_dir, .tty_rows = rows, .tty_columns = columns, .has_tty = body.tty,
		.has_stdin = body.attach_stdin, .has_output = body.attach_stdout || body.attach_stderr, .is_privileged = body.privileged,
	};
	if (!body.cmd.count)
		http_reply_message(req, 400, "No exec command specified");
	else if (agent_exec_new(api->host.agent, name, &exec, body.detach_keys, mark, id, &err) < 0)
		http_reply_error(req, &err);
	else
		api_reply_id(req, 201, "Id", id);
}

void api_container_exec(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, create);
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

/* Ends when both the output and the process have: its code is to be there before the client sees the end. */
struct execution {
	struct api *api;
	struct http_request *req;       /* detached: until it has been started */
	struct session *session;
	char id[HEX_ID_SIZE];
	bool output_ended, has_ended;
};

static void execution_free(struct execution *execution)
{
	agent_exec_leave(execution->api->host.agent, execution->id);
	session_free(execution->session);
	free(execution);
}

static void free_if_over(struct execution *execution)
{
	if (execution->output_ended && execution->has_ended)
		execution_free(execution);
}

static void left(void *arg, bool by_keys)
{
	struct execution *execution = arg;
	struct agent_exec_info info;

	if (by_keys && agent_exec_find(execution->api->host.agent, execution->id, &info)) {
		const struct container_pair extra = { "execID", info.id };

		agent_tell_event(execution->api->host.agent, info.container_id, "exec_detach", &extra, 1);
	}
	execution_free(execution);
}

static void output_ended(void *arg)
{
	struct execution *execution = arg;

	execution->output_ended = true;
	free_if_over(execution);
}

/* In the words of Docker's runtime, which does not look up users. */
static char *failure_text(const struct err *failure, const char *end)
{
	if (str_starts(failure->text, "unable to find "))
		return str_printf("%s%s", failure->text, end);
	return str_printf("OCI runtime exec failed: exec failed: unable to start container process: %s: unknown%s", failure->text, end);
}

static void say_failure(struct session *session, const struct err *failure)
{
	CLEANUP(str_freep) char *text = failure_text(failure, "\r\n");

	session_say(session, text);
}

static void started(void *arg, int stream_fd, const struct err *failure)
{
	struct execution *execution = arg;

	if (!execution->session) {
		struct http_request *req = execution->req;

		if (stream_fd >= 0)
			fd_closep(&stream_fd);
		execution_free(execution);
		if (failure) {
			CLEANUP(str_freep) char *text = failure_text(failure, "");

			http_reply_message(req, 400, "%s", text);
		} else {
			http_reply_empty(req, 200);
		}
	} else if (failure) {
		say_failure(execution->session, failure);
		execution_free(execution);
	} else if (stream_fd >= 0) {
		session_connect(execution->session, stream_fd);
	} else {
		execution->output_ended = true;
	}
}

static void ended(void *arg)
{
	struct execution *execution = arg;

	execution->has_ended = true;
	free_if_over(execution);
}

static void start(struct api *api, struct http_request *req, yyjson_val *json, const char *name)
{
	static const struct agent_exec_events events = { started, ended };
	bool is_detached = yyjson_get_bool(yyjson_obj_get(json, "Detach"));
	struct session_config config = { .on_left = left, .on_output_end = output_ended };
	struct execution *execution;
	struct agent_exec_info info;
	uint32_t rows, columns;
	struct err err;

	if (!agent_exec_find(api->host.agent, name, &info)) {
		http_reply_message(req, 404, "No such exec instance: %.64s", name);
		return;
	}
	execution = NEW(struct execution);
	*execution = (struct execution){ .api = api, .req = req };
	str_copy(execution->id, sizeof execution->id, info.id);
	config.has_tty = info.exec->has_tty;
	config.takes_input = info.exec->has_stdin;
	config.arg = execution;
	if (console_size(json, &rows, &columns, &err) < 0 || detach_keys_parse(info.detach_keys, &config.keys, &err) < 0 ||
	    agent_exec_start(api->host.agent, name, !is_detached, rows, columns, &events, execution, &err) < 0) {
		free(execution);
		http_reply_error(req, &err);
	} else if (!is_detached) {
		execution->session = session_new(api, req, &config);
	}
}

void api_exec_start(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, start);
}

/* ---- resize, inspect --------------------------------------------------------------------------------------------- */

void api_exec_resize(struct api *api, struct http_request *req, const char *name)
{
	unsigned rows, columns;
	struct err err;

	if (api_read_size(req, &rows, &columns) < 0)
		return;
	if (agent_exec_resize(api->host.agent, name, rows, columns, &err) < 0)
		http_reply_error(req, &err);
	else
		http_reply_empty(req, 200);
}

static void add_process(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_exec *exec)
{
	yyjson_mut_val *config = yyjson_mut_obj_add_obj(doc, object, "ProcessConfig"), *arguments;

	yyjson_mut_obj_add_bool(doc, config, "tty", exec->has_tty);
	api_add_str(doc, config, "entrypoint", exec->argv.items[0]);
	arguments = yyjson_mut_obj_add_arr(doc, config, "arguments");
	for (size_t i = 1; i < exec->argv.count; i++)
		yyjson_mut_arr_add_strcpy(doc, arguments, exec->argv.items[i]);
	yyjson_mut_obj_add_bool(doc, config, "privileged", exec->is_privileged);
	api_add_str(doc, config, "user", exec->user ? exec->user : "");
}

void api_exec_inspect(struct api *api, struct http_request *req, const char *name)
{
	struct agent_exec_info info;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;

	if (!agent_exec_find(api->host.agent, name, &info)) {
		http_reply_message(req, 404, "No such exec instance: %.64s", name);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	api_add_str(doc, root, "ID", info.id);
	yyjson_mut_obj_add_bool(doc, root, "Running", info.is_running);
	if (info.has_ended)
		yyjson_mut_obj_add_int(doc, root, "ExitCode", info.exit_code);
	else
		yyjson_mut_obj_add_null(doc, root, "ExitCode");
	add_process(doc, root, info.exec);
	yyjson_mut_obj_add_bool(doc, root, "OpenStdin", info.exec->has_stdin);
	yyjson_mut_obj_add_bool(doc, root, "OpenStdout", info.exec->has_output);
	yyjson_mut_obj_add_bool(doc, root, "OpenStderr", info.exec->has_output);
	yyjson_mut_obj_add_bool(doc, root, "CanRemove", info.has_ended);
	api_add_str(doc, root, "ContainerID", info.container_id);
	api_add_str(doc, root, "DetachKeys", info.detach_keys ? info.detach_keys : "");
	yyjson_mut_obj_add_int(doc, root, "Pid", info.is_running ? info.pid : 0);
	api_reply_doc(req, 200, doc, root);
}

void api_add_exec_ids(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, const char *container_id)
{
	yyjson_mut_val *ids = yyjson_mut_arr(doc);
	struct agent_exec_info info;

	for (size_t at = 0; agent_exec_next(api->host.agent, &at, &info);)
		if (info.is_running && str_eq(info.container_id, container_id))
			yyjson_mut_arr_add_strcpy(doc, ids, info.id);
	yyjson_mut_obj_add_val(doc, object, "ExecIDs", yyjson_mut_arr_size(ids) ? ids : yyjson_mut_null(doc));
}
