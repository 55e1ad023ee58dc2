/* `attach`, and `start -a`. */
#include <string.h>

#include "applets/container_cmds.h"
#include "applets/container_session.h"
#include "applets/listing.h"
#include "base/str.h"
#include "client/console.h"
#include "client/dig.h"

const struct option container_attach_options[] = {
	OPT_STRING(struct container_attach_args, detach_keys, 0, "detach-keys", "string", "Keys that leave it without ending it"),
	OPT_BOOL(struct container_attach_args, no_stdin, 0, "no-stdin", "Do not attach its standard input"),
	{ OPTION_TAKE_BOOL, 0, "sig-proxy", "", "Hand signals on to it (default true)", 0, container_take_sig_proxy, NULL },
	OPT_END
};

const struct option container_start_options[] = {
	OPT_BOOL(struct container_start_args, attach, 'a', "attach", "Attach its output, hand signals on"),
	OPT_UNSUPPORTED(0, "checkpoint"),
	OPT_UNSUPPORTED(0, "checkpoint-dir"),
	OPT_STRING(struct container_start_args, detach_keys, 0, "detach-keys", "string", "Keys that leave it without ending it"),
	OPT_BOOL(struct container_start_args, interactive, 'i', "interactive", "Attach its standard input"),
	OPT_END
};

int container_take_sig_proxy(void *args, const struct option *option UNUSED, const char *value, struct err *err UNUSED)
{
	((struct container_attach_args *)args)->no_sig_proxy = str_eq(value, "false");
	return 0;
}

struct wanted { const char *name, *detach_keys; bool in, starts, proxies; };

static int inspect(struct call *call, const char *name, yyjson_doc **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	buf_add_str(&path, "/containers/");
	call_add_segment(&path, name);
	return call_get(call, ret, err, "%s/json", buf_text(&path));
}

static int check_running(yyjson_val *container, struct err *err)
{
	if (yyjson_get_bool(dig(container, "State.Paused")))
		return err_set(err, ERR_CONFLICT, "You cannot attach to a paused container, unpause it first");
	if (yyjson_get_bool(dig(container, "State.Restarting")))
		return err_set(err, ERR_CONFLICT, "You cannot attach to a restarting container, wait until it is running");
	if (!yyjson_get_bool(dig(container, "State.Running")))
		return err_set(err, ERR_CONFLICT, "You cannot attach to a stopped container, start it first");
	return 0;
}

static int stay(const struct container_session *session, const struct wanted *wanted, bool goes, struct call_hijacked *connection,
		struct container_wait *wait, int *ret_code, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	int result;

	buf_printf(&path, "/containers/%s/attach?stream=1&stdout=1&stderr=1%s", session->id, session->takes_input ? "&stdin=1" : "");
	call_add_query(&path, "detachKeys", wanted->detach_keys);
	console_hold_signals(session->proxies);
	if (call_hijack(session->call, NULL, connection, err, "%s", buf_text(&path)) < 0 ||
	    container_wait_begin(session->call, session->id, goes ? "removed" : wanted->starts ? "next-exit" : "not-running", wait, err) < 0 ||
	    (wanted->starts && call_post(session->call, NULL, NULL, err, "/containers/%s/start", session->id) < 0))
		return -1;
	result = container_session_run(session, connection, err);
	if (result != 0)
		return result < 0 ? -1 : 0;
	return container_wait_end(wait, ret_code, err);
}

static int attach(struct cli *cli, const struct wanted *wanted)
{
	struct call_hijacked connection = { .fd = -1 };
	struct container_wait wait = {0};
	yyjson_doc *doc = NULL;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = EXIT_OK, result = call ? inspect(call, wanted->name, &doc, &err) : -1;
	yyjson_val *container = yyjson_doc_get_root(doc);
	CLEANUP(str_freep) char *resize = str_printf("/containers/%s/resize", dig_str(container, "Id"));
	const struct container_session session = {
		.cli = cli, .call = call, .id = dig_str(container, "Id"), .resize = resize, .detach_keys = wanted->detach_keys,
		.has_tty = yyjson_get_bool(dig(container, "Config.Tty")),
		.takes_input = wanted->in && yyjson_get_bool(dig(container, "Config.OpenStdin")),
		.proxies = wanted->proxies && !yyjson_get_bool(dig(container, "Config.Tty")),
	};

	if (result == 0 && !wanted->starts)
		result = check_running(container, &err);
	if (result == 0)
		result = container_session_check(session.has_tty, session.takes_input, &err);
	if (result == 0)
		result = stay(&session, wanted, yyjson_get_bool(dig(container, "HostConfig.AutoRemove")), &connection, &wait, &code, &err);
	call_hijacked_fini(&connection);
	container_wait_fini(&wait);
	yyjson_doc_free(doc);
	return result < 0 ? cli_fail(&err) : code;
}

int container_attach(struct cli *cli, const void *args, char **operands)
{
	const struct container_attach_args *given = args;

	return attach(cli, &(struct wanted){ .name = operands[0], .detach_keys = given->detach_keys, .in = !given->no_stdin,
					     .proxies = !given->no_sig_proxy });
}

static int start_each(struct cli *cli, char **operands)
{
	CLEANUP(buf_finip) struct buf failed = BUF_INIT;

	for (; *operands; operands++) {
		char *const one[] = { *operands, NULL };

		if (listing_each(cli, "POST", "/containers/", one, "/start") != EXIT_OK)
			buf_printf(&failed, "%s%s", failed.len ? ", " : "", *operands);
	}
	if (failed.len)
		cli_warn("Error: failed to start containers: %s", buf_text(&failed));
	return failed.len ? EXIT_FAILED : EXIT_OK;
}

int container_start(struct cli *cli, const void *args, char **operands)
{
	const struct container_start_args *start = args;

	if (!start->attach && !start->interactive)
		return start_each(cli, operands);
	if (operands[1]) {
		cli_warn("you cannot start and attach multiple containers at once");
		return EXIT_FAILED;
	}
	return attach(cli, &(struct wanted){ .name = operands[0], .detach_keys = start->detach_keys, .in = start->interactive, .starts = true,
					     .proxies = true });
}
