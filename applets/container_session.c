#include "applets/container_session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "client/console.h"
#include "client/dig.h"
#include "client/terminal.h"

int container_session_check(bool has_tty, bool takes_input, struct err *err)
{
	if (has_tty && takes_input && !isatty(STDIN_FILENO))
		return err_set(err, ERR_INVALID, "the input device is not a TTY");
	return 0;
}

void container_session_resize(const struct container_session *session)
{
	unsigned rows, columns;
	struct err ignored = {0};

	if (session->has_tty && terminal_size(STDOUT_FILENO, &rows, &columns) && rows && columns)
		call_post(session->call, NULL, NULL, &ignored, "%s?h=%u&w=%u", session->resize, rows, columns);
}

static void resized(void *arg)
{
	container_session_resize(arg);
}

static void signalled(void *arg, int number)
{
	const struct container_session *session = arg;
	struct err ignored = {0};

	call_post(session->call, NULL, NULL, &ignored, "/containers/%s/kill?signal=%d", session->id, number);
}

int container_session_run(const struct container_session *session, struct call_hijacked *connection, struct err *err)
{
	struct console_options options = {
		.connection = connection, .takes_input = session->takes_input, .is_raw = session->has_tty, .proxies = session->proxies,
		.on_resize = resized, .on_signal = signalled, .arg = (void *)(uintptr_t)session,
	};
	struct terminal terminal = {0};
	enum console_end end = CONSOLE_ENDED;
	int result;

	if (detach_keys_parse(session->detach_keys, &options.keys, err) < 0)
		return -1;
	if (session->has_tty && session->takes_input && terminal_make_raw(&terminal, STDIN_FILENO, err) < 0)
		return -1;
	container_session_resize(session);
	result = console_run(&options, &end, err);
	terminal_restore(&terminal);
	if (result == 0 && end == CONSOLE_DETACHED)
		cli_warn("read escape sequence");
	return result < 0 ? -1 : end == CONSOLE_DETACHED;
}

/* --- waiting --- */

int container_wait_begin(struct call *call, const char *id, const char *condition, struct container_wait *ret, struct err *err)
{
	ret->call = call_new(call_socket_path(call));
	return call_stream(ret->call, "POST", &ret->client, err, "/containers/%s/wait?condition=%s", id, condition);
}

int container_wait_end(struct container_wait *wait, int *ret_code, struct err *err)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	yyjson_doc *doc;
	int result;

	if (http_client_read_all(wait->client, 64 * 1024, &body, err) < 0)
		return -1;
	doc = yyjson_read(buf_text(&body), body.len, 0);
	result = dig(yyjson_doc_get_root(doc), "StatusCode") ? 0 : err_set(err, ERR_IO, "the agent has gone before the container ended");
	*ret_code = (int)dig_int(yyjson_doc_get_root(doc), "StatusCode");
	yyjson_doc_free(doc);
	return result;
}

void container_wait_fini(struct container_wait *wait)
{
	call_free(wait->call);
	wait->call = NULL;
}
