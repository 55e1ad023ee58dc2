#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "http/http_conn.h"

#define ARENA_CEILING (64 * 1024 * 1024)

struct http_request *http_request_new(struct http_conn *conn)
{
	struct http_request *req;
	struct arena arena;

	arena_init(&arena, "http request", ARENA_CEILING);
	req = ARENA_NEW(&arena, struct http_request);
	req->arena = arena;
	list_init(&req->link);
	req->server = conn->server;
	req->conn = conn;
	timer_init(&req->turn, conn->server->loop, NULL, NULL);
	return req;
}

void http_request_free(struct http_request *req)
{
	if (req->server && !list_is_empty(&req->link))
		req->server->forgotten_count--;
	list_remove(&req->link);
	timer_cancel(&req->turn);
	buf_fini(&req->extra);
	buf_fini(&req->body);
	struct arena arena = req->arena;        /* it lies in there itself */
	arena_fini(&arena);
}

/* From here on the request stands alone. One callback at most is told, for it may free the
 * request. */
void http_request_lose(struct http_request *req)
{
	void (*gone)(void *arg) = req->gone;

	req->conn->req = NULL;
	req->conn = NULL;
	timer_cancel(&req->turn);
	list_add_last(&req->server->forgotten, &req->link);
	req->server->forgotten_count++;

	if (req->body_mode == HTTP_BODY_COLLECT && !req->body_told) {
		req->body_told = true;
		req->collected(req->body_arg, req, NULL, 0);
		http_request_free(req);
	} else if (req->body_mode == HTTP_BODY_STREAM && !req->body_told) {
		req->body_told = true;
		req->body_events.on_end(req->body_arg, false);
	} else if (req->piece) {
		req->piece_done(req->piece_arg);
		http_request_free(req);
	} else if (gone) {
		req->gone = NULL;
		gone(req->gone_arg);
	}
}

/* --- the body --- */

static const char *failure_text(int status)
{
	switch (status) {
	case 408:
		return "the body of the request took too long to arrive";
	case 413:
		return "the body of the request is too large";
	default:
		return "the body of the request is malformed or broke off";
	}
}

static void tell_failure(struct http_request *req, int status)
{
	req->body_told = true;
	if (req->body_mode == HTTP_BODY_STREAM) {
		req->body_events.on_end(req->body_arg, false);
		return;
	}
	req->collected(req->body_arg, req, NULL, 0);
	http_reply_message(req, status, "%s", failure_text(status));
}

static void tell_complete(struct http_request *req)
{
	req->body_told = true;
	if (req->body_mode == HTTP_BODY_STREAM)
		req->body_events.on_end(req->body_arg, true);
	else
		req->collected(req->body_arg, req, buf_text(&req->body), req->body.len);
}

bool http_request_settle(struct http_conn *conn)
{
	struct http_request *req = conn->req;

	if (!req || req->body_mode == HTTP_BODY_UNASKED || req->body_told)
		return false;
	if (conn->body_failure)
		tell_failure(req, conn->body_failure);
	else if (conn->body_done && !req->body_paused)
		tell_complete(req);
	else
		return false;
	return true;
}

static void ask_for_body(struct http_request *req, enum http_body_mode mode, void *arg)
{
	struct http_conn *conn = req->conn;

	check(req->body_mode == HTTP_BODY_UNASKED && mode != HTTP_BODY_UNASKED);
	req->body_mode = mode;
	req->body_arg = arg;
	if (!conn)
		return;
	if (req->head.expects_continue && !conn->body_failure && !conn->body_done) {
		buf_add_str(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
		http_conn_pump(conn);
		req->head.expects_continue = false;
	}
	http_conn_kick(conn);
}

void http_body_collect(struct http_request *req, size_t max_bytes, http_body_fn *fn, void *arg)
{
	struct http_conn *conn = req->conn;

	req->body_bound = max_bytes;
	req->collected = fn;
	if (conn && !conn->body_done && conn->parse.llhttp.content_length > max_bytes) {
		conn->body_failure = 413;
		conn->closes = true;
	}
	ask_for_body(req, HTTP_BODY_COLLECT, arg);
}

void http_body_stream(struct http_request *req, const struct http_body_events *events, void *arg)
{
	req->body_events = *events;
	ask_for_body(req, HTTP_BODY_STREAM, arg);
}

void http_body_pause(struct http_request *req, bool paused)
{
	check(req->body_mode == HTTP_BODY_STREAM);
	req->body_paused = paused;
	if (req->conn && !paused)
		http_conn_kick(req->conn);
}

/* --- what was asked --- */

const char *http_method(const struct http_request *req)
{
	return req->head.method;
}

const char *http_path(const struct http_request *req)
{
	return req->head.path;
}

const char *http_target(const struct http_request *req)
{
	return req->head.target;
}

const char *http_header(const struct http_request *req, const char *name)
{
	return http_head_field(&req->head, name);
}

bool http_header_next(const struct http_request *req, size_t *at, const char **ret_name,
		      const char **ret_value)
{
	if (*at >= req->head.field_count)
		return false;
	*ret_name = req->head.fields[*at].name;
	*ret_value = req->head.fields[*at].value;
	(*at)++;
	return true;
}

const char *http_query(const struct http_request *req, const char *name)
{
	size_t at = 0;

	return http_head_query(&req->head, name, &at);
}

const char *http_query_next(const struct http_request *req, const char *name, size_t *at)
{
	return http_head_query(&req->head, name, at);
}

bool http_query_is_true(const struct http_request *req, const char *name)
{
	static const char *const no[] = { "", "0", "no", "false", "none" };
	const char *value = http_query(req, name);

	for (size_t i = 0; value && i < ARRAY_COUNT(no); i++)
		if (strcasecmp(value, no[i]) == 0)
			return false;
	return value != NULL;
}

struct arena *http_arena(struct http_request *req)
{
	return &req->arena;
}

int http_peer_fd(const struct http_request *req)
{
	return req->conn ? stream_fd(req->conn->stream) : -1;
}

void http_on_gone(struct http_request *req, void (*fn)(void *arg), void *arg)
{
	req->gone = fn;
	req->gone_arg = arg;
}

void http_on_writable(struct http_request *req, void (*fn)(void *arg), void *arg)
{
	req->writable = fn;
	req->writable_arg = arg;
}
