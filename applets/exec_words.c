/* `exec`: a process beside a container's own. */
#include <unistd.h>

#include "applets/container_cmds.h"
#include "applets/container_session.h"
#include "applets/words.h"
#include "base/str.h"
#include "client/call.h"
#include "client/console.h"
#include "client/dig.h"
#include "client/terminal.h"

const struct option container_exec_options[] = {
	OPT_BOOL(struct container_exec_args, detach, 'd', "detach", "Do not wait for its end"),
	OPT_STRING(struct container_exec_args, detach_keys, 0, "detach-keys", "string", "Keys that leave it without ending it"),
	OPT_LIST(struct container_exec_args, env, 'e', "env", "list", "Set an environment variable"),
	OPT_LIST(struct container_exec_args, env_files, 0, "env-file", "list", "File with environment variables, one a line"),
	OPT_BOOL(struct container_exec_args, interactive, 'i', "interactive", "Attach its standard input"),
	OPT_BOOL(struct container_exec_args, privileged, 0, "privileged", "Give it all capabilities"),
	OPT_BOOL(struct container_exec_args, tty, 't', "tty", "Give it a terminal"),
	OPT_STRING(struct container_exec_args, user, 'u', "user", "string", "Run as this user, \"user[:group]\""),
	OPT_STRING(struct container_exec_args, workdir, 'w', "workdir", "string", "Working directory"),
	OPT_END
};

static void add_console_size(yyjson_mut_doc *doc, yyjson_mut_val *body)
{
	unsigned rows, columns;
	yyjson_mut_val *size;

	if (!terminal_size(STDOUT_FILENO, &rows, &columns) || !rows || !columns)
		return;
	size = yyjson_mut_obj_add_arr(doc, body, "ConsoleSize");
	yyjson_mut_arr_add_uint(doc, size, rows);
	yyjson_mut_arr_add_uint(doc, size, columns);
}

static int add_environment(const struct container_exec_args *args, yyjson_mut_doc *doc, yyjson_mut_val *body, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist all = { 0 };
	yyjson_mut_val *list;

	for (size_t i = 0; i < args->env_files.count; i++)
		if (words_env_file(args->env_files.items[i], &all, err) < 0)
			return -1;
	for (size_t i = 0; i < args->env.count; i++)
		words_env(args->env.items[i], &all);
	list = yyjson_mut_obj_add_arr(doc, body, "Env");
	for (size_t i = 0; i < all.count; i++)
		yyjson_mut_arr_add_strcpy(doc, list, all.items[i]);
	return 0;
}

static int add_plan(const struct container_exec_args *args, char **words, yyjson_mut_doc *doc, struct err *err)
{
	yyjson_mut_val *body = yyjson_mut_obj(doc), *list;

	yyjson_mut_doc_set_root(doc, body);
	yyjson_mut_obj_add_str(doc, body, "User", args->user ? args->user : "");
	yyjson_mut_obj_add_bool(doc, body, "Privileged", args->privileged);
	yyjson_mut_obj_add_bool(doc, body, "Tty", args->tty);
	yyjson_mut_obj_add_bool(doc, body, "AttachStdin", args->interactive && !args->detach);
	yyjson_mut_obj_add_bool(doc, body, "AttachStdout", !args->detach);
	yyjson_mut_obj_add_bool(doc, body, "AttachStderr", !args->detach);
	yyjson_mut_obj_add_str(doc, body, "DetachKeys", args->detach_keys ? args->detach_keys : "");
	yyjson_mut_obj_add_str(doc, body, "WorkingDir", args->workdir ? args->workdir : "");
	list = yyjson_mut_obj_add_arr(doc, body, "Cmd");
	for (; *words; words++)
		yyjson_mut_arr_add_str(doc, list, *words);
	if (args->tty)
		add_console_size(doc, body);
	return add_environment(args, doc, body, err);
}

/* The id is the caller's to free. */
static int make(struct call *call, const struct container_exec_args *args, char **operands, char **ret_id, struct err *err)
{
	CLEANUP(buf_finip) struct buf container = BUF_INIT;
	yyjson_mut_doc *body = yyjson_mut_doc_new(NULL);
	yyjson_doc *reply = NULL;
	int result;

	call_add_segment(&container, operands[0]);
	result = add_plan(args, operands + 1, body, err);
	if (result == 0)
		result = call_post(call, body, &reply, err, "/containers/%s/exec", buf_text(&container));
	if (result == 0)
		*ret_id = str_dup(dig_str(yyjson_doc_get_root(reply), "Id"));
	yyjson_doc_free(reply);
	yyjson_mut_doc_free(body);
	return result;
}

static yyjson_mut_doc *start_body(const struct container_exec_args *args)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *body = yyjson_mut_obj(doc);

	yyjson_mut_doc_set_root(doc, body);
	yyjson_mut_obj_add_bool(doc, body, "Detach", args->detach);
	yyjson_mut_obj_add_bool(doc, body, "Tty", args->tty);
	if (args->tty)
		add_console_size(doc, body);
	return doc;
}

static int stay(struct cli *cli, struct call *call, const struct container_exec_args *args, yyjson_mut_doc *body, const char *id, int *ret_code,
		struct err *err)
{
	CLEANUP(str_freep) char *resize = str_printf("/exec/%s/resize", id);
	const struct container_session session = { .cli = cli, .call = call, .id = id, .resize = resize, .detach_keys = args->detach_keys,
						   .has_tty = args->tty, .takes_input = args->interactive };
	struct call_hijacked connection = { .fd = -1 };
	yyjson_doc *reply = NULL;
	int result;

	console_hold_signals(false);
	if (call_hijack(call, body, &connection, err, "/exec/%s/start", id) < 0)
		return -1;
	result = container_session_run(&session, &connection, err);
	call_hijacked_fini(&connection);
	if (result != 0)
		return result < 0 ? -1 : 0;
	if (call_get(call, &reply, err, "/exec/%s/json", id) < 0)
		return -1;
	*ret_code = (int)dig_int(yyjson_doc_get_root(reply), "ExitCode");
	yyjson_doc_free(reply);
	return 0;
}

int container_exec(struct cli *cli, const void *args, char **operands)
{
	const struct container_exec_args *exec = args;
	CLEANUP(str_freep) char *id = NULL;
	yyjson_mut_doc *body;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = EXIT_OK, result;

	if (!call || (!exec->detach && container_session_check(exec->tty, exec->interactive, &err) < 0) ||
	    make(call, exec, operands, &id, &err) < 0)
		return cli_fail(&err);
	body = start_body(exec);
	if (exec->detach)
		result = call_post(call, body, NULL, &err, "/exec/%s/start", id);
	else
		result = stay(cli, call, exec, body, id, &code, &err);
	yyjson_mut_doc_free(body);
	return result < 0 ? cli_fail(&err) : code;
}
