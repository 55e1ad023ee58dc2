#include "client/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "http/http_text.h"

#define API_PREFIX "/v1.50"
#define MAX_REPLY_BYTES (512u * 1024 * 1024)     /* a list of 100,000 tasks has some 200 MB */

struct call {
	char *socket_path;
	struct http_client *client;
	int status;
	bool has_warned;
	char *header_name, *header_value;                /* of the next call */
	const char *program;
};

struct call *call_new(const char *socket_path)
{
	struct call *call = NEW(struct call);

	call->socket_path = str_dup(socket_path);
	return call;
}

void call_free(struct call *call)
{
	if (!call)
		return;
	http_client_close(call->client);
	call_set_header(call, NULL, NULL);
	free(call->socket_path);
	free(call);
}

void call_set_program(struct call *call, const char *program)
{
	call->program = program;
}

void call_set_header(struct call *call, const char *name, const char *value)
{
	free(call->header_name);
	free(call->header_value);
	call->header_name = str_dup(name);
	call->header_value = str_dup(value);
}

const char *call_socket_path(const struct call *call)
{
	return call->socket_path;
}

int call_status(const struct call *call)
{
	return call->status;
}

static int open_client(struct call *call, struct err *err)
{
	struct err why = {0};

	call->status = 0;
	if (call->client && !http_client_is_reusable(call->client)) {
		http_client_close(call->client);
		call->client = NULL;
	}
	if (call->client || http_client_open(call->socket_path, &call->client, &why) == 0) {
		if (call->header_value)
			http_client_set_header(call->client, call->header_name, call->header_value);
		call_set_header(call, NULL, NULL);
		return 0;
	}
	return err_set(err, ERR_UNAVAILABLE,
		       "Cannot connect to the agent at unix://%s (%s). %s", call->socket_path, why.text,
		       why.code == ERR_DENIED ? "Only root may: use sudo" : "Start one with: swarmbox agent");
}

/* After a failure in the middle of a message the connection is of no use. */
static int give_up(struct call *call)
{
	http_client_close(call->client);
	call->client = NULL;
	return -1;
}

static enum err_code code_of(int status)
{
	switch (status) {
	case 400:
		return ERR_INVALID;
	case 401:
		return ERR_UNAUTHORIZED;
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_CONFLICT;
	case 501:
		return ERR_UNSUPPORTED;
	case 503:
		return ERR_UNAVAILABLE;
	default:
		return ERR_IO;
	}
}

/* Use "docker swarm init" … */
static void add_message(const struct call *call, const char *message, struct buf *out)
{
	for (const char *at = message; *at; at++) {
		bool is_quoted = at > message && (at[-1] == '"' || at[-1] == '\'');
		const char *rest = call->program && is_quoted ? str_after(at, "docker ") : NULL;

		if (rest) {
			buf_add_str(out, call->program);
			at = rest - 1;
		}
		buf_add_char(out, *at);
	}
}

static int refused(struct call *call, struct err *err)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT, text = BUF_INIT;

	if (http_client_read_all(call->client, 1024 * 1024, &body, err) < 0)
		return give_up(call);
	yyjson_doc *doc = yyjson_read(buf_text(&body), body.len, 0);
	const char *message = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "message"));
	if (message)
		add_message(call, message, &text);
	else
		buf_printf(&text, "HTTP status %d %s", call->status, http_reason(call->status));
	err_set(err, code_of(call->status), "Error response from daemon: %s", buf_text(&text));
	yyjson_doc_free(doc);
	return -1;
}

/* `110 swarmbox "sentence"`: what the agent shows may be old. One line for a command, however often it asks. */
static void show_warning(struct call *call)
{
	const char *field = http_client_field(call->client, "Warning"), *open = field ? strchr(field, '"') : NULL;

	if (!open || !str_starts(field, "110 ") || call->has_warned)
		return;
	call->has_warned = true;
	fprintf(stderr, "WARNING: %.*s\n", (int)MIN(strcspn(open + 1, "\""), (size_t)1000), open + 1);
}

static int read_head(struct call *call, struct err *err)
{
	if (http_client_head(call->client, &call->status, err) < 0)
		return give_up(call);
	show_warning(call);
	return call->status >= 400 ? refused(call, err) : 0;
}

static int read_json(struct call *call, yyjson_doc **ret_doc, struct err *err)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	yyjson_read_err why;

	body.ceiling = MAX_REPLY_BYTES;
	if (http_client_read_all(call->client, MAX_REPLY_BYTES, &body, err) < 0)
		return give_up(call);
	if (!ret_doc)
		return 0;
	*ret_doc = NULL;
	if (body.len == 0)
		return 0;
	*ret_doc = yyjson_read_opts(body.data, body.len, 0, NULL, &why);
	if (!*ret_doc)
		return err_set(err, ERR_IO, "the agent's reply is not JSON: %s at byte %zu", why.msg,
			       why.pos);
	return 0;
}

static int exchange(struct call *call, const char *method, const struct buf *path,
		    yyjson_mut_doc *body, yyjson_doc **ret_doc, struct err *err)
{
	size_t length = 0;
	char *text = body ? yyjson_mut_write(body, 0, &length) : NULL;

	if (body && !text)
		return err_set(err, ERR_INVALID, "what you gave holds bytes that are not UTF-8, which JSON cannot carry");
	if (open_client(call, err) < 0) {
		free(text);
		return -1;
	}
	int sent = http_client_send(call->client, method, buf_text(path), "application/json", text,
				    length, err);
	free(text);
	if (sent < 0)
		return give_up(call);
	return read_head(call, err) < 0 ? -1 : read_json(call, ret_doc, err);
}

#define FORMAT_PATH(path, fmt)                                                                     \
	do {                                                                                       \
		va_list args;                                                                      \
		buf_add_str(&(path), API_PREFIX);                                                  \
		va_start(args, fmt);                                                               \
		buf_vprintf(&(path), fmt, args);                                                   \
		va_end(args);                                                                      \
	} while (0)

int call_get(struct call *call, yyjson_doc **ret_doc, struct err *err, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	FORMAT_PATH(path, fmt);
	return exchange(call, "GET", &path, NULL, ret_doc, err);
}

int call_post(struct call *call, yyjson_mut_doc *body, yyjson_doc **ret_doc, struct err *err,
	      const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	FORMAT_PATH(path, fmt);
	return exchange(call, "POST", &path, body, ret_doc, err);
}

int call_delete(struct call *call, yyjson_doc **ret_doc, struct err *err, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	FORMAT_PATH(path, fmt);
	return exchange(call, "DELETE", &path, NULL, ret_doc, err);
}

int call_stream(struct call *call, const char *method, struct http_client **ret, struct err *err,
		const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	FORMAT_PATH(path, fmt);
	if (open_client(call, err) < 0)
		return -1;
	if (http_client_send(call->client, method, buf_text(&path), NULL, NULL, 0, err) < 0)
		return give_up(call);
	*ret = call->client;
	return read_head(call, err);
}

int call_upload(struct call *call, const char *content_type, struct http_client **ret,
		struct err *err, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	FORMAT_PATH(path, fmt);
	if (open_client(call, err) < 0)
		return -1;
	if (http_client_send_begin(call->client, "POST", buf_text(&path), content_type, err) < 0)
		return give_up(call);
	*ret = call->client;
	return 0;
}

int call_upload_end(struct call *call, struct err *err)
{
	return read_head(call, err);
}

/* With a client of its own: the call's goes on with other requests meanwhile. */
static int upgrade(struct call *own, const char *target, const char *body, size_t length, struct call_hijacked *ret, struct err *err)
{
	if (open_client(own, err) < 0)
		return -1;
	if (http_client_upgrade(own->client, target, body, length, &own->status, err) < 0)
		return -1;
	if (own->status >= 400)
		return refused(own, err);
	if (own->status != 101)
		return err_set(err, ERR_IO, "unable to upgrade to tcp, received %d", own->status);
	ret->is_raw = str_eq(http_client_field(own->client, "Content-Type"), "application/vnd.docker.raw-stream");
	ret->fd = http_client_take_fd(own->client, &ret->unread);
	return 0;
}

int call_hijack(struct call *call, yyjson_mut_doc *body, struct call_hijacked *ret, struct err *err, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct call own = { .socket_path = call->socket_path };
	size_t length = 0;
	char *text = body ? yyjson_mut_write(body, 0, &length) : NULL;

	*ret = (struct call_hijacked){ .fd = -1 };
	FORMAT_PATH(path, fmt);
	int result = upgrade(&own, buf_text(&path), text, length, ret, err);
	free(text);
	http_client_close(own.client);
	return result;
}

void call_hijacked_fini(struct call_hijacked *hijacked)
{
	if (hijacked->fd >= 0)
		close(hijacked->fd);
	hijacked->fd = -1;
	buf_fini(&hijacked->unread);
}

void call_add_query(struct buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(path, "%c%s=", strchr(buf_text(path), '?') ? '&' : '?', name);
	http_encode(value, "", path);
}

void call_add_segment(struct buf *path, const char *segment)
{
	http_encode(segment, "/:@", path);
}
