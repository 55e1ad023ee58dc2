#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "http/http_conn.h"
#include "http/http_text.h"

static bool is_head(const struct http_request *req)
{
	return strcmp(req->head.method, "HEAD") == 0;
}

static void finish(struct http_request *req)
{
	struct http_conn *conn = req->conn;

	http_request_free(req);
	if (conn) {
		conn->req = NULL;
		http_conn_reply_done(conn);
	}
}

/* A client that waits for "100 Continue" and is answered without it may or may not send its body:
 * only closing is unambiguous. */
static void settle_connection(struct http_request *req)
{
	if (!req->conn->body_done && req->head.expects_continue)
		req->conn->closes = true;
}

void http_reply_header(struct http_request *req, const char *name, const char *value)
{
	check(!req->has_begun);
	http_add_field(&req->extra, name, value);
}

void http_reply(struct http_request *req, int status, const char *content_type, const void *bytes,
		size_t count)
{
	struct http_conn *conn = req->conn;
	char length[64] = "";

	check(!req->has_begun);
	req->has_begun = true;
	if (conn) {
		bool has_body = http_status_has_body(status);

		settle_connection(req);
		if (has_body)
			snprintf(length, sizeof(length), "Content-Length: %zu\r\n", count);
		http_conn_add_head(conn, status, content_type, length, buf_text(&req->extra));
		if (has_body && !is_head(req))
			buf_add(&conn->out, bytes, count);
	}
	finish(req);
}

void http_reply_empty(struct http_request *req, int status)
{
	http_reply(req, status, NULL, "", 0);
}

void http_reply_json(struct http_request *req, int status, const void *bytes, size_t count)
{
	http_reply(req, status, "application/json", bytes, count);
}

static void reply_text(struct http_request *req, int status, const char *message)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;

	http_error_body(message, &body);
	http_reply_json(req, status, body.data, body.len);
}

void http_reply_error(struct http_request *req, const struct err *err)
{
	reply_text(req, err_http_status(err->code), err->text);
}

void http_reply_message(struct http_request *req, int status, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	reply_text(req, status, buf_text(&text));
}

/* --- in pieces --- */

void http_reply_begin(struct http_request *req, int status, const char *content_type)
{
	struct http_conn *conn = req->conn;

	check(!req->has_begun);
	req->has_begun = true;
	if (!conn)
		return;
	settle_connection(req);
	req->is_chunked = !req->head.is_http10 && http_status_has_body(status);
	if (req->head.is_http10)
		conn->closes = true;    /* the end of the connection is the end of the reply */
	http_conn_add_head(conn, status, content_type,
			   req->is_chunked ? "Transfer-Encoding: chunked\r\n" : "",
			   buf_text(&req->extra));
	http_conn_pump(conn);
}

bool http_reply_write(struct http_request *req, const void *bytes, size_t count)
{
	struct http_conn *conn = req->conn;

	check(req->has_begun);
	if (!conn)
		return false;
	if (http_conn_is_full(conn) &&
	    http_conn_unsent(conn) > 2 * req->server->cfg.limits.queue_bytes) {
		conn->is_broken = true; /* the writer does not listen, and memory is not for that */
		timer_set_in(&conn->kick, 0);
		return false;
	}
	if (count > 0 && !is_head(req)) {
		if (req->is_chunked)
			buf_printf(&conn->out, "%zx\r\n", count);
		buf_add(&conn->out, bytes, count);
		if (req->is_chunked)
			buf_add(&conn->out, "\r\n", 2);
		http_conn_pump(conn);
	}
	return !http_conn_is_full(conn);
}

void http_reply_end(struct http_request *req)
{
	struct http_conn *conn = req->conn;

	check(req->has_begun);
	if (conn && req->is_chunked && !is_head(req))
		buf_add_str(&conn->out, "0\r\n\r\n");
	finish(req);
}

void http_reply_abort(struct http_request *req)
{
	if (req->conn)
		req->conn->closes = true;       /* without the last chunk */
	finish(req);
}

/* --- hijacked --- */

static bool wants_upgrade(const struct http_request *req)
{
	return str_eq_nocase(http_header(req, "Connection"), "Upgrade") &&
	       str_eq_nocase(http_header(req, "Upgrade"), "tcp");
}

void http_reply_hijack(struct http_request *req, const char *content_type)
{
	struct http_conn *conn = req->conn;

	check(!req->has_begun && (req->body_mode == HTTP_BODY_UNASKED || req->body_told));
	req->has_begun = true;
	req->body_mode = HTTP_BODY_UNASKED;
	req->body_told = req->body_paused = false;
	if (!conn)
		return;
	settle_connection(req);
	if (wants_upgrade(req)) {
		conn->closes = false;   /* there is one line about the connection, and it says something else */
		http_conn_add_head(conn, 101, content_type, "Connection: Upgrade\r\nUpgrade: tcp\r\n",
				   buf_text(&req->extra));
		conn->closes = true;
	} else {
		conn->closes = true;
		http_conn_add_head(conn, 200, content_type, "", buf_text(&req->extra));
	}
	conn->is_raw = true;
	conn->body_done = false;
	http_conn_pump(conn);
}

void http_forward(struct http_request *req, const char *target, struct buf *ret_head)
{
	struct http_conn *conn = req->conn;

	check(!req->has_begun && req->body_mode == HTTP_BODY_UNASKED);
	req->has_begun = true;
	http_head_write(&req->head, target, ret_head);
	if (!conn)
		return;
	conn->closes = true;
	conn->is_raw = true;
	conn->body_done = false;
}

/* --- pulled --- */

static void pull_end(struct http_request *req)
{
	req->piece_done(req->piece_arg);
	req->piece = NULL;
	http_reply_end(req);
}

static void pull_turn(void *arg)
{
	struct http_request *req = arg;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	bool has_more = req->piece(req->piece_arg, &out);
	bool has_room = http_reply_write(req, out.data, out.len);

	if (!has_more)
		pull_end(req);
	else if (has_room)
		timer_set_in(&req->turn, 0);
	/* else pull_turn comes back as on_writable */
}

void http_reply_pull(struct http_request *req, http_piece_fn *piece, void (*done)(void *arg),
		     void *arg)
{
	check(req->has_begun);
	req->piece = piece;
	req->piece_done = done;
	req->piece_arg = arg;
	if (!req->conn || is_head(req)) {
		pull_end(req);
		return;
	}
	timer_init(&req->turn, req->server->loop, pull_turn, req);
	http_on_writable(req, pull_turn, req);
	pull_turn(req);
}
