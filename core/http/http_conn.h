/* http_conn.h - inside of the server: one connection, one request. Only for the files
 * http_server_io.c, http_conn_io.c, http_request_io.c and http_reply_io.c.
 *
 * A connection holds one request at a time. Bytes that arrive meanwhile wait in `pending`, and the
 * socket is not read until they are used. Bytes of a reply wait in `out` until the stream takes
 * them. A connection never dies inside a callback of its stream or of the handler: it is doomed,
 * and its kick timer buries it.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "http/http_head.h"
#include "http/http_parse.h"
#include "http/http_server_io.h"
#include "os/stream.h"

struct http_server {
	struct loop *loop;
	struct http_config cfg;
	http_handler_fn *handler;
	void *arg;
	struct list conns, forgotten;           /* forgotten: requests whose client has gone */
	size_t conn_count, forgotten_count;
	bool is_stopping;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

enum http_conn_state {
	HTTP_CONN_IDLE,         /* between requests                                                   */
	HTTP_CONN_HEAD,         /* some bytes of a head have come                                     */
	HTTP_CONN_BUSY,         /* a request is with the handler, or its unwanted body is thrown away */
	HTTP_CONN_CLOSING,      /* the last reply is on its way; what comes in is thrown away         */
	HTTP_CONN_DOOMED,
};

struct http_conn {
	struct list link;
	struct http_server *server;
	struct stream *stream;
	struct http_parse parse;
	enum http_conn_state state;
	struct http_request *req;       /* while BUSY and not yet finished */
	struct buf pending;             /* received, not yet parsed */
	struct buf out;                 /* to send, not yet taken by the stream */
	size_t out_sent;
	struct timer timer, kick;
	/* at the last look of the timer, and how long nothing has moved */
	size_t unsent_before;
	msec stalled_ms;
	size_t unwanted_bytes;          /* of a body that nobody asked for */
	bool is_raw;                    /* hijacked: what comes in is no HTTP */
	bool is_feeding;                /* inside the parsing loop: no need for a kick */
	bool body_done;                 /* the parser stands behind the message under way */
	int body_failure;               /* or the body broke off: the HTTP status that says how */
	bool is_full;                   /* the stream said so; on_writable will come */
	bool has_ended;                 /* the other side has shut its writing */
	bool is_broken;                 /* the stream is of no use any more */
	bool end_sent;
	bool closes;                    /* after the reply under way */
};

enum http_body_mode { HTTP_BODY_UNASKED, HTTP_BODY_COLLECT, HTTP_BODY_STREAM };
struct http_request {
	struct list link;               /* in server->forgotten */
	struct http_server *server;     /* NULL when it was freed */
	struct http_conn *conn;         /* NULL when the client has gone */
	struct arena arena;
	struct http_head head;
	struct buf extra;               /* header lines of the reply */
	bool has_begun, is_chunked;     /* the reply */
	enum http_body_mode body_mode;
	bool body_paused, body_told;    /* told: the last call about the body was made */
	struct buf body;
	size_t body_bound;
	http_body_fn *collected;
	struct http_body_events body_events;
	void *body_arg;
	void (*writable)(void *arg), (*gone)(void *arg);
	void *writable_arg, *gone_arg;
	http_piece_fn *piece;
	void (*piece_done)(void *arg);
	void *piece_arg;
	struct timer turn;              /* the next piece */
};

struct http_conn *http_conn_new(struct http_server *server, int fd);
void http_conn_free(struct http_conn *conn);
/* Goes on parsing, telling, sending: soon, not inside the call. */
void http_conn_kick(struct http_conn *conn);
/* Sends what the socket takes of conn->out. */
void http_conn_pump(struct http_conn *conn);
bool http_conn_is_full(const struct http_conn *conn);
size_t http_conn_unsent(const struct http_conn *conn);
/* The reply of conn->req is complete, and that request freed: the next one, or the end. */
void http_conn_reply_done(struct http_conn *conn);
/* Breaks off. Its request, if any, is lost; the connection itself goes a moment later. */
void http_conn_doom(struct http_conn *conn);
struct http_request *http_request_new(struct http_conn *conn);
/* Tells the request what is to be told about its body by now; true if anything was. */
bool http_request_settle(struct http_conn *conn);
/* The handler's callbacks are told, the request has no connection any more. */
void http_request_lose(struct http_request *req);
void http_request_free(struct http_request *req);
/* The whole head of a reply, or a whole reply for a head that was refused. */
void http_conn_add_head(struct http_conn *conn, int status, const char *content_type,
			const char *length_field, const char *extra);
void http_conn_add_error(struct http_conn *conn, int status, const char *message);
