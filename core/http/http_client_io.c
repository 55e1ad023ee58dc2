#include "http/http_client_io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "http/http_parse.h"
#include "os/listen.h"

#define HEAD_BYTES (64 * 1024)
#define WINDOW_BYTES (64 * 1024)

struct http_client {
	int fd;
	struct http_parse parse;
	bool has_reply;                 /* a head was read, and its body not to the end */
	bool is_lost;                   /* nothing more can be sent */
	bool at_eof;
	bool asked_head, closes;
	struct buf headers;             /* more lines, of the next request */
	const uint8_t *at;              /* unread part of the window */
	size_t left;
	const uint8_t *piece;           /* unread part of a piece of the body */
	size_t piece_left;
	uint8_t window[WINDOW_BYTES];
};

int http_client_open(const char *socket_path, struct http_client **ret, struct err *err)
{
	int fd;

	if (connect_unix(socket_path, &fd, err) < 0)
		return -1;
	struct http_client *client = NEW(struct http_client);
	client->fd = fd;
	client->at = client->window;
	http_parse_init(&client->parse, HTTP_SIDE_REPLIES, HEAD_BYTES);
	*ret = client;
	return 0;
}

void http_client_close(struct http_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	http_parse_fini(&client->parse);
	buf_fini(&client->headers);
	free(client);
}

void http_client_closep(struct http_client **client)
{
	http_client_close(*client);
}

void http_client_set_header(struct http_client *client, const char *name, const char *value)
{
	buf_printf(&client->headers, "%s: ", name);
	for (; *value; value++)
		buf_add_char(&client->headers, (unsigned char)*value < ' ' || *value == 0x7f ? ' ' : *value);
	buf_add_str(&client->headers, "\r\n");
}

/* --- out --- */

/* A server that has closed its side may have answered before: that reply is worth more than our
 * EPIPE. */
static int send_all(struct http_client *client, const char *bytes, size_t count, struct err *err)
{
	while (count > 0 && !client->is_lost) {
		ssize_t sent = send(client->fd, bytes, count, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			client->is_lost = true;
		else if (sent < 0)
			return err_sys(err, "send request");
		else
			bytes += sent, count -= (size_t)sent;
	}
	return 0;
}

static void add_request_head(struct http_client *client, const char *method, const char *target,
			     const char *content_type, struct buf *out)
{
	check(!client->has_reply);
	client->asked_head = str_eq(method, "HEAD");
	buf_printf(out, "%s %s HTTP/1.1\r\nHost: api.moby.localhost\r\nUser-Agent: swarmbox\r\n",
		   method, target);
	if (content_type)
		buf_printf(out, "Content-Type: %s\r\n", content_type);
	buf_add(out, client->headers.data, client->headers.len);
	buf_clear(&client->headers);
}

int http_client_send(struct http_client *client, const char *method, const char *target,
		     const char *content_type, const void *body, size_t count, struct err *err)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	add_request_head(client, method, target, body ? content_type : NULL, &out);
	if (body || str_eq(method, "POST") || str_eq(method, "PUT"))
		buf_printf(&out, "Content-Length: %zu\r\n", count);
	buf_add_str(&out, "\r\n");
	buf_add(&out, body, count);
	return send_all(client, out.data, out.len, err);
}

int http_client_send_begin(struct http_client *client, const char *method, const char *target,
			   const char *content_type, struct err *err)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	add_request_head(client, method, target, content_type, &out);
	buf_add_str(&out, "Transfer-Encoding: chunked\r\n\r\n");
	return send_all(client, out.data, out.len, err);
}

static bool has_answer(const struct http_client *client)
{
	struct pollfd poll_fd = { .fd = client->fd, .events = POLLIN };

	return client->is_lost || client->left > 0 || poll(&poll_fd, 1, 0) == 1;
}

int http_client_send_piece(struct http_client *client, const void *bytes, size_t count,
			   bool *ret_answered, struct err *err)
{
	char size[32];

	*ret_answered = has_answer(client);
	if (count == 0 || *ret_answered)
		return 0;
	int length = snprintf(size, sizeof(size), "%zx\r\n", count);
	if (send_all(client, size, (size_t)length, err) < 0 ||
	    send_all(client, bytes, count, err) < 0 || send_all(client, "\r\n", 2, err) < 0)
		return -1;
	*ret_answered = client->is_lost;
	return 0;
}

int http_client_send_end(struct http_client *client, struct err *err)
{
	return send_all(client, "0\r\n\r\n", 5, err);
}

/* --- in --- */

static int fill(struct http_client *client, struct err *err)
{
	ssize_t got;

	do {
		got = recv(client->fd, client->window, sizeof(client->window), 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno != ECONNRESET)
		return err_sys(err, "receive reply");
	client->at_eof = got <= 0;
	client->at = client->window;
	client->left = got > 0 ? (size_t)got : 0;
	return 0;
}

/* The next thing of the reply; reads from the socket as far as that needs. */
static int next_event(struct http_client *client, enum http_parse_event *ret, struct err *err)
{
	for (;;) {
		if (client->left == 0 && client->at_eof)
			*ret = http_parse_eof(&client->parse, err);
		else
			*ret = http_parse_next(&client->parse, &client->at, &client->left, err);
		if (*ret == HTTP_PARSE_ERROR)
			return err_wrap(err, "reply of the agent");
		if (*ret != HTTP_PARSE_MORE)
			return 0;
		if (fill(client, err) < 0)
			return -1;
	}
}

int http_client_head(struct http_client *client, int *ret_status, struct err *err)
{
	enum http_parse_event event;

	check(!client->has_reply);
	client->parse.has_no_body = client->asked_head;
	do {
		if (next_event(client, &event, err) < 0)
			return -1;
	} while (event != HTTP_PARSE_HEAD || http_parse_status(&client->parse) / 100 == 1);
	*ret_status = http_parse_status(&client->parse);
	client->closes = !http_parse_keeps_alive(&client->parse);
	client->has_reply = true;
	return 0;
}

int http_client_upgrade(struct http_client *client, const char *target, const void *json, size_t count, int *ret_status, struct err *err)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	enum http_parse_event event;

	add_request_head(client, "POST", target, json ? "application/json" : "text/plain", &out);
	buf_printf(&out, "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: %zu\r\n\r\n", count);
	buf_add(&out, json, count);
	if (send_all(client, out.data, out.len, err) < 0)
		return -1;
	do {
		if (next_event(client, &event, err) < 0)
			return -1;
		*ret_status = event == HTTP_PARSE_HEAD ? http_parse_status(&client->parse) : 0;
	} while (event != HTTP_PARSE_HEAD || (*ret_status / 100 == 1 && *ret_status != 101));
	client->closes = true;
	client->has_reply = true;
	return 0;
}

int http_client_take_fd(struct http_client *client, struct buf *ret_unread)
{
	int fd = client->fd;

	buf_add(ret_unread, client->at, client->left);
	client->fd = -1;
	client->left = 0;
	return fd;
}

bool http_client_is_reusable(const struct http_client *client)
{
	return !client->is_lost && !client->has_reply && !client->closes && !client->at_eof;
}

const char *http_client_field(const struct http_client *client, const char *name)
{
	return http_parse_field(&client->parse, name);
}

int http_client_read(struct http_client *client, void *bytes, size_t size, size_t *ret_count,
		     struct err *err)
{
	enum http_parse_event event;

	*ret_count = 0;
	while (client->has_reply && client->piece_left == 0) {
		if (next_event(client, &event, err) < 0)
			return -1;
		if (event == HTTP_PARSE_END)
			client->has_reply = false;
		client->piece = client->parse.piece;
		client->piece_left = event == HTTP_PARSE_PIECE ? client->parse.piece_bytes : 0;
	}
	*ret_count = MIN(size, client->piece_left);
	if (*ret_count > 0)
		memcpy(bytes, client->piece, *ret_count);
	client->piece += *ret_count;
	client->piece_left -= *ret_count;
	return 0;
}

int http_client_read_all(struct http_client *client, size_t max_bytes, struct buf *out,
			 struct err *err)
{
	char piece[16 * 1024];
	size_t count, total = 0;

	do {
		if (http_client_read(client, piece, sizeof(piece), &count, err) < 0)
			return -1;
		if (count > max_bytes - total)
			return err_set(err, ERR_INVALID, "the agent's reply is over %zu bytes",
				       max_bytes);
		buf_add(out, piece, count);
		total += count;
	} while (count > 0);
	return 0;
}
