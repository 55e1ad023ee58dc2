/* http_client_io.h - one HTTP/1.1 connection over a unix socket, for programs that may block: the
 * CLI.
 *
 * One request after the other on the same connection. A reply is read head first, then its body in
 * pieces of any size, so that a stream without an end (logs, events) can be followed. Not for the
 * loop thread.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct http_client;
/* ERR_UNAVAILABLE when nobody listens at socket_path. */
int http_client_open(const char *socket_path, struct http_client **ret, struct err *err);
void http_client_close(struct http_client *client);      /* NULL is welcome */
void http_client_closep(struct http_client **client);

/* False once a reply was broken off or said "Connection: close": open another one. */
bool http_client_is_reusable(const struct http_client *client);

/* One more header line, of the next request only. Control characters become spaces. */
void http_client_set_header(struct http_client *client, const char *name, const char *value);
/* Sends a whole request; body NULL for none. The reply before it must have been read to its end. */
int http_client_send(struct http_client *client, const char *method, const char *target,
		     const char *content_type, const void *body, size_t count, struct err *err);
/* The same with a body of unknown length, chunked: begin, write as often as wanted, end. */
int http_client_send_begin(struct http_client *client, const char *method, const char *target,
			   const char *content_type, struct err *err);
/* *ret_answered is set when the server has answered already: write no more, read the reply. */
int http_client_send_piece(struct http_client *client, const void *bytes, size_t count,
			   bool *ret_answered, struct err *err);
int http_client_send_end(struct http_client *client, struct err *err);

/* Asks the server to let the connection stop being HTTP (Upgrade: tcp) and waits for the answer: with 101 take the descriptor; anything
 * else is an ordinary reply whose head has been read. */
int http_client_upgrade(struct http_client *client, const char *target, const void *json, size_t count, int *ret_status, struct err *err);
/* After 101: the bare connection, the caller's to close, and what has come behind the head. Only http_client_close may follow. */
int http_client_take_fd(struct http_client *client, struct buf *ret_unread);

/* Waits for the head of the reply; interim ones (1xx) are passed over. */
int http_client_head(struct http_client *client, int *ret_status, struct err *err);
/* A field of that head, any case; NULL when absent. Valid until the next request. */
const char *http_client_field(const struct http_client *client, const char *name);
/* Up to size bytes of the body; *ret_count is 0 at its end and only there. */
int http_client_read(struct http_client *client, void *bytes, size_t size, size_t *ret_count,
		     struct err *err);
/* All that is left of the body; ERR_INVALID when it is longer than max_bytes. */
int http_client_read_all(struct http_client *client, size_t max_bytes, struct buf *out,
			 struct err *err);
