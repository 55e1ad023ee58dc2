#include "http/http_conn.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/panic.h"
#include "http/http_text.h"
#include "os/clock.h"

/* A body that nobody wants is read up to here, so that the connection can be used again; beyond,
 * closing is cheaper. */
#define UNWANTED_BYTES (256 * 1024)
#define SLICE_BYTES (64 * 1024)
#define LINGER_MS 1000

static const struct http_limits *limits_of(const struct http_conn *conn)
{
	return &conn->server->cfg.limits;
}

size_t http_conn_unsent(const struct http_conn *conn)
{
	return conn->out.len - conn->out_sent + stream_queued(conn->stream);
}

bool http_conn_is_full(const struct http_conn *conn)
{
	return conn->is_full || conn->out.len > 0;
}

void http_conn_kick(struct http_conn *conn)
{
	if (!conn->is_feeding)
		timer_set_in(&conn->kick, 0);
}

/* --- out --- */

void http_conn_pump(struct http_conn *conn)
{
	while (!conn->is_full && !conn->is_broken && conn->out_sent < conn->out.len) {
		size_t slice = MIN((size_t)SLICE_BYTES, conn->out.len - conn->out_sent);

		conn->out_sent += slice;
		conn->is_full = !stream_write(conn->stream,
					      conn->out.data + conn->out_sent - slice, slice);
	}
	if (conn->out_sent == conn->out.len) {
		conn->out_sent = 0;
		if (conn->out.size > 2 * SLICE_BYTES)
			buf_fini(&conn->out);
		else
			buf_clear(&conn->out);
	}
	if (conn->state == HTTP_CONN_CLOSING && conn->out.len == 0 && !conn->end_sent &&
	    !conn->is_broken) {
		conn->end_sent = true;
		stream_end(conn->stream);
	}
}

void http_conn_add_head(struct http_conn *conn, int status, const char *content_type,
			const char *length_field, const char *extra)
{
	char date[HTTP_DATE_SIZE];

	buf_printf(&conn->out, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
	buf_add_str(&conn->out, conn->server->cfg.headers);
	http_add_field(&conn->out, "Date", http_date(clock_wall_ns(), date));
	if (content_type)
		http_add_field(&conn->out, "Content-Type", content_type);
	buf_add_str(&conn->out, extra);
	buf_add_str(&conn->out, length_field);
	if (conn->closes)
		buf_add_str(&conn->out, "Connection: close\r\n");
	buf_add_str(&conn->out, "\r\n");
}

void http_conn_add_error(struct http_conn *conn, int status, const char *message)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	char length[64];

	http_error_body(message, &body);
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", body.len);
	http_conn_add_head(conn, status, "application/json", length, "");
	buf_add(&conn->out, body.data, body.len);
}

/* --- states --- */

static void arm(struct http_conn *conn, msec delay)
{
	conn->unsent_before = http_conn_unsent(conn);
	timer_set_in(&conn->timer, delay);
}

static void enter_idle(struct http_conn *conn)
{
	conn->state = HTTP_CONN_IDLE;
	conn->stalled_ms = 0;
	arm(conn, limits_of(conn)->idle_ms);
}

/* Shuts our side when all is sent, and goes on reading for a moment: closing with unread bytes in
 * the socket would reset the connection, and the client might lose the reply that says why. */
static void enter_closing(struct http_conn *conn)
{
	conn->state = HTTP_CONN_CLOSING;
	conn->stalled_ms = 0;
	buf_fini(&conn->pending);
	http_conn_pump(conn);
	stream_pause(conn->stream, false);
	if (conn->has_ended && http_conn_unsent(conn) == 0)
		http_conn_doom(conn);
	else
		arm(conn, LINGER_MS);
}

void http_conn_doom(struct http_conn *conn)
{
	if (conn->state == HTTP_CONN_DOOMED)
		return;
	conn->state = HTTP_CONN_DOOMED;
	timer_cancel(&conn->timer);
	timer_set_in(&conn->kick, 0);
	if (conn->req)
		http_request_lose(conn->req);
}

void http_conn_reply_done(struct http_conn *conn)
{
	check(!conn->req);
	if (conn->state == HTTP_CONN_DOOMED || conn->is_broken)
		return;
	http_conn_pump(conn);
	if (conn->closes) {
		enter_closing(conn);
		return;
	}
	if (conn->body_done)
		enter_idle(conn);
	else
		arm(conn, limits_of(conn)->body_ms);
	http_conn_kick(conn);
}

static void refuse(struct http_conn *conn, int status, const char *message)
{
	conn->closes = true;
	http_conn_add_error(conn, status, message);
	enter_closing(conn);
}

/* --- in --- */

static bool wants_input(const struct http_conn *conn)
{
	const struct http_request *req = conn->req;

	switch (conn->state) {
	case HTTP_CONN_IDLE:
	case HTTP_CONN_HEAD:
		/* A client that sends requests and reads no replies gets no further. */
		return !conn->closes && !http_conn_is_full(conn);
	case HTTP_CONN_BUSY:
		if (conn->body_done || conn->body_failure)
			return false;
		return !req || (req->body_mode != HTTP_BODY_UNASKED && !req->body_paused &&
				!req->body_told);
	case HTTP_CONN_CLOSING:
	case HTTP_CONN_DOOMED:
		break;
	}
	return false;
}

static void begin_request(struct http_conn *conn)
{
	struct http_request *req = http_request_new(conn);
	struct err err = {0};

	conn->req = req;
	conn->state = HTTP_CONN_BUSY;
	conn->unwanted_bytes = 0;
	timer_cancel(&conn->timer);
	int made = http_head_make(&conn->parse, &req->arena, &req->head, &err);
	if (!req->head.keeps_alive || made < 0 || conn->server->cfg.is_once)
		conn->closes = true;
	if (made < 0)
		http_reply_error(req, &err);
	else
		conn->server->handler(conn->server->arg, req);
}

static void body_fails(struct http_conn *conn, int status)
{
	conn->body_failure = status;
	conn->closes = true;
}

static void take_piece(struct http_conn *conn)
{
	struct http_request *req = conn->req;
	const struct http_parse *parse = &conn->parse;

	if (!req) {
		conn->unwanted_bytes += parse->piece_bytes;
		if (conn->unwanted_bytes > UNWANTED_BYTES)
			enter_closing(conn);
	} else if (req->body_mode == HTTP_BODY_STREAM) {
		req->body_events.on_bytes(req->body_arg, parse->piece, parse->piece_bytes);
	} else if (parse->piece_bytes > req->body_bound - req->body.len) {
		body_fails(conn, 413);
	} else {
		buf_add(&req->body, parse->piece, parse->piece_bytes);
	}
}

static void parsing_failed(struct http_conn *conn, const struct err *err)
{
	if (conn->state != HTTP_CONN_BUSY)
		refuse(conn, conn->parse.is_too_large ? 431 : conn->parse.is_other_version ? 505 : 400, err->text);
	else if (conn->req)
		body_fails(conn, 400);
	else
		enter_closing(conn);
}

/* A request without a body is complete with its head, and is handed on only then. */
static bool head_is_alone(struct http_conn *conn, const uint8_t **bytes, size_t *count,
			  struct err *err)
{
	conn->body_failure = 0;
	conn->body_done = !http_parse_has_body(&conn->parse);
	return !conn->body_done ||
	       http_parse_next(&conn->parse, bytes, count, err) == HTTP_PARSE_END;
}

static bool take_raw(struct http_conn *conn, const uint8_t **bytes, size_t *count)
{
	const uint8_t *at = *bytes;
	size_t all = *count;

	if (all == 0)
		return false;
	*bytes += all;
	*count = 0;
	conn->req->body_events.on_bytes(conn->req->body_arg, at, all);
	return true;
}

/* One thing more out of the window; false when there is nothing to do until something happens. */
static bool advance(struct http_conn *conn, const uint8_t **bytes, size_t *count)
{
	struct err err = {0};

	if (!wants_input(conn))
		return false;
	if (conn->is_raw && conn->req)
		return take_raw(conn, bytes, count);
	switch (http_parse_next(&conn->parse, bytes, count, &err)) {
	case HTTP_PARSE_MORE:
		return false;
	case HTTP_PARSE_HEAD:
		if (head_is_alone(conn, bytes, count, &err))
			begin_request(conn);
		else
			parsing_failed(conn, &err);
		return true;
	case HTTP_PARSE_PIECE:
		take_piece(conn);
		return true;
	case HTTP_PARSE_END:
		conn->body_done = true;
		if (!conn->req)
			enter_idle(conn);
		return true;
	case HTTP_PARSE_ERROR:
		parsing_failed(conn, &err);
		return true;
	}
	return false;
}

/* What came in is used; now for the clock and for a client that sends nothing more. */
static void await(struct http_conn *conn, bool has_rest)
{
	bool is_over = conn->has_ended && !has_rest;

	switch (conn->state) {
	case HTTP_CONN_IDLE:
	case HTTP_CONN_HEAD:
		if (is_over) {
			enter_closing(conn);
		} else if (conn->state == HTTP_CONN_IDLE && conn->parse.has_begun) {
			conn->state = HTTP_CONN_HEAD;
			arm(conn, limits_of(conn)->head_ms);
		}
		break;
	case HTTP_CONN_BUSY:
		if (!wants_input(conn) || (conn->is_raw && !is_over)) {
			timer_cancel(&conn->timer);
		} else if (conn->is_raw) {
			conn->body_done = true;
			http_conn_kick(conn);
		} else if (!is_over) {
			arm(conn, limits_of(conn)->body_ms);
		} else if (conn->req) {
			body_fails(conn, 400);
			http_conn_kick(conn);
		} else {
			enter_closing(conn);
		}
		break;
	case HTTP_CONN_CLOSING:
	case HTTP_CONN_DOOMED:
		break;
	}
}

/* Returns how many bytes were used. */
static size_t feed(struct http_conn *conn, const uint8_t *bytes, size_t count)
{
	size_t left = count;

	conn->is_feeding = true;
	while (http_request_settle(conn) || advance(conn, &bytes, &left))
		;
	conn->is_feeding = false;
	await(conn, left > 0);
	return count - left;
}

static void on_kick(void *arg)
{
	struct http_conn *conn = arg;

	if (conn->state == HTTP_CONN_DOOMED) {
		struct http_server *server = conn->server;
		void (*stopped)(void *arg) = server->stopped;

		http_conn_free(conn);
		if (stopped && server->conn_count == 0) {
			server->stopped = NULL;
			stopped(server->stopped_arg);
		}
		return;
	}
	if (conn->is_broken) {
		http_conn_doom(conn);
		return;
	}
	if (conn->state == HTTP_CONN_CLOSING)
		return;

	struct buf taken = conn->pending;
	conn->pending = (struct buf)BUF_INIT;
	size_t used = feed(conn, (const uint8_t *)buf_text(&taken), taken.len);
	if (conn->state >= HTTP_CONN_CLOSING) {
		buf_fini(&taken);
		return;
	}
	buf_drop_front(&taken, used);
	conn->pending = taken;
	stream_pause(conn->stream, conn->pending.len > 0);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t count)
{
	struct http_conn *conn = arg;
	size_t used = 0;

	if (conn->state >= HTTP_CONN_CLOSING)
		return count;
	if (conn->pending.len == 0)
		used = feed(conn, bytes, count);
	if (conn->state >= HTTP_CONN_CLOSING)
		return count;
	buf_add(&conn->pending, bytes + used, count - used);
	stream_pause(conn->stream, conn->pending.len > 0);
	return count;
}

/* Nobody is there at all when both directions are shut; after a mere shutdown(SHUT_WR) the client
 * still reads. */
static bool is_hung_up(int fd)
{
	struct pollfd poll_fd = { .fd = fd };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLHUP | POLLERR));
}

static void on_end(void *arg)
{
	struct http_conn *conn = arg;

	conn->has_ended = true;
	if (is_hung_up(stream_fd(conn->stream)) ||
	    (conn->state == HTTP_CONN_CLOSING && http_conn_unsent(conn) == 0))
		conn->is_broken = true;
	timer_set_in(&conn->kick, 0);
}

static void on_writable(void *arg)
{
	struct http_conn *conn = arg;

	conn->is_full = false;
	http_conn_pump(conn);
	if (http_conn_is_full(conn))
		return;
	if (conn->req && conn->req->writable)
		conn->req->writable(conn->req->writable_arg);
	else
		http_conn_kick(conn);
}

static void on_close(void *arg, const char *reason UNUSED)
{
	struct http_conn *conn = arg;

	conn->is_broken = true;
	timer_set_in(&conn->kick, 0);
}

/* --- time --- */

/* The client still takes something now and then. */
static bool is_draining(struct http_conn *conn, msec waited)
{
	size_t unsent = http_conn_unsent(conn);

	conn->stalled_ms = unsent < conn->unsent_before ? 0 : conn->stalled_ms + waited;
	return unsent > 0 && conn->stalled_ms < limits_of(conn)->drain_ms;
}

static void on_timer(void *arg)
{
	struct http_conn *conn = arg;
	msec wait = conn->state == HTTP_CONN_IDLE ? limits_of(conn)->idle_ms : LINGER_MS;

	switch (conn->state) {
	case HTTP_CONN_IDLE:
	case HTTP_CONN_CLOSING:
		if (is_draining(conn, wait))
			arm(conn, wait);
		else
			http_conn_doom(conn);
		break;
	case HTTP_CONN_HEAD:
		refuse(conn, 408, "the head of the request took too long to arrive");
		break;
	case HTTP_CONN_BUSY:
		body_fails(conn, 408);
		if (conn->req)
			http_conn_kick(conn);
		else
			enter_closing(conn);
		break;
	case HTTP_CONN_DOOMED:
		break;
	}
}

/* --- life --- */

struct http_conn *http_conn_new(struct http_server *server, int fd)
{
	static const struct stream_events events = {
		.on_data = on_data, .on_end = on_end, .on_writable = on_writable, .on_close = on_close,
	};
	struct http_conn *conn = NEW(struct http_conn);

	conn->server = server;
	list_add_last(&server->conns, &conn->link);
	server->conn_count++;
	http_parse_init(&conn->parse, HTTP_SIDE_REQUESTS, server->cfg.limits.head_bytes);
	timer_init(&conn->timer, server->loop, on_timer, conn);
	timer_init(&conn->kick, server->loop, on_kick, conn);
	conn->stream = stream_new(server->loop, fd, server->cfg.limits.queue_bytes, &events, conn);
	enter_idle(conn);
	return conn;
}

void http_conn_free(struct http_conn *conn)
{
	check(!conn->req);
	if (conn->server->cfg.on_close)
		conn->server->cfg.on_close(conn->server->arg, stream_fd(conn->stream));
	timer_cancel(&conn->timer);
	timer_cancel(&conn->kick);
	stream_free(conn->stream);
	http_parse_fini(&conn->parse);
	buf_fini(&conn->pending);
	buf_fini(&conn->out);
	list_remove(&conn->link);
	conn->server->conn_count--;
	free(conn);
}
