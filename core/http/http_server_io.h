/* http_server_io.h - an HTTP/1.1 server (RFC 9110, RFC 9112) for connected sockets on one loop.
 *
 * The handler is called once for each request, when its head is complete and before its body is read. From then on the request
 * belongs to the handler, until it finishes it: exactly once, with http_reply, http_reply_json, http_reply_empty, http_reply_error,
 * http_reply_message or, after http_reply_begin, with http_reply_end. That may be at once or much later, from any callback of the loop. A request
 * whose client has gone stays valid until it is finished; what is written to it is dropped. After finishing it the pointer is dead.
 *
 * Requests of one connection are handled one at a time, in order; pipelined ones wait. Keep-alive, HEAD, chunked bodies and
 * Expect: 100-continue need nothing from the handler. What a stranger could make large is bounded by struct http_limits.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "os/loop.h"

struct http_server;
struct http_request;
typedef void http_handler_fn(void *arg, struct http_request *req);

struct http_limits {
	size_t connections;             /* at a time, forgotten requests included; one more is answered 503 and closed */
	size_t head_bytes;              /* request line and fields, body trailers too: 431 */
	size_t queue_bytes;             /* of a reply waiting for a slow reader before http_reply_write says "full" */
	msec head_ms;                   /* from the first byte of a request to the end of its head: 408 */
	msec body_ms;                   /* without a byte of a body that is wanted: 408 */
	msec idle_ms;                   /* between requests: closed without a word */
	msec drain_ms;                  /* a finished reply of which the client takes nothing: closed */
};
#define HTTP_LIMITS_DEFAULT \
	{ .connections = 512, .head_bytes = 16 * 1024, .queue_bytes = 256 * 1024, \
	  .head_ms = 10000, .body_ms = 60000, .idle_ms = 120000, .drain_ms = 300000 }
#define HTTP_JSON_BODY_BYTES (4 * 1024 * 1024)  /* the usual bound for http_body_collect */

struct http_config {
	struct http_limits limits;
	/* Header lines of each reply, each ended by CRLF, such as "Api-Version: 1.50\r\nServer: x\r\n"; errors of the server itself
	 * carry them too. NULL for none. The text must outlive the server. */
	const char *headers;
};

struct http_server *http_server_new(struct loop *loop, const struct http_config *cfg, http_handler_fn *fn, void *arg);
/* A connected, non-blocking socket, which the server owns from now on. Fits listen_fn: listen_unix(…, http_server_accept, server, …). */
void http_server_accept(void *server, int fd);
/* Closes idle connections, lets requests under way finish, takes no new ones (503); done is called when the last has gone, perhaps at once. */
void http_server_stop(struct http_server *server, void (*done)(void *arg), void *arg);
/* Closes every connection. Unfinished requests stay valid, their on_gone is called, and their owners must still finish them. */
void http_server_free(struct http_server *server);       /* NULL is welcome */
size_t http_server_connections(const struct http_server *server);

/* --- what was asked; all pointers live as long as the request --- */
const char *http_method(const struct http_request *req);                /* "GET" */
const char *http_path(const struct http_request *req);                  /* percent-decoded, UTF-8 without NUL, starts with "/" */
const char *http_target(const struct http_request *req);                /* as sent, query included; for messages */
const char *http_header(const struct http_request *req, const char *name);       /* any case; NULL when absent; repeated ones joined ", " */
const char *http_query(const struct http_request *req, const char *name);        /* decoded; the first of that name; NULL when absent */
/* Each value of a repeated parameter: for (size_t at = 0; (v = http_query_next(req, "names", &at)); ) */
const char *http_query_next(const struct http_request *req, const char *name, size_t *at);
/* Docker's idea of a true parameter: there, and none of "", 0, no, false, none (any case). */
bool http_query_is_true(const struct http_request *req, const char *name);
bool http_has_body(const struct http_request *req);                     /* a length other than 0 was announced, or it is chunked */
bool http_is_gone(const struct http_request *req);                      /* the client has closed */
/* Memory for whoever answers; freed when the request is finished. Ceiling 64 MiB: build nothing in it that grows with the cluster. */
struct arena *http_arena(struct http_request *req);
int http_peer_fd(const struct http_request *req);                       /* for getsockname and SO_PEERCRED; -1 when gone */

/* --- the body; ask for it once, in one of two ways, or finish without (then what comes is thrown away) --- */
/* Collects it, then calls fn; bytes is NUL-terminated and lives as long as the request. A body over max_bytes is answered 413 and
 * fn is called with NULL: the request is finished already, only forget it. The same when the client goes before the body's end. */
typedef void http_body_fn(void *arg, struct http_request *req, const char *bytes, size_t count);
void http_body_collect(struct http_request *req, size_t max_bytes, http_body_fn *fn, void *arg);

struct http_body_events {
	/* A piece, chunk framing removed; take all of it. After http_body_pause(req, true) nothing comes until it is lifted. */
	void (*on_bytes)(void *arg, const uint8_t *bytes, size_t count);
	/* Complete, or it broke off (client gone, bad chunk, silent for body_ms). Called once, last. In both cases
	 * the request is still the handler's to finish. */
	void (*on_end)(void *arg, bool is_complete);
};
void http_body_stream(struct http_request *req, const struct http_body_events *events, void *arg);
void http_body_pause(struct http_request *req, bool paused);

/* --- the whole reply in one call; each finishes the request --- */
void http_reply_header(struct http_request *req, const char *name, const char *value);  /* an extra one, before any of those below */
void http_reply(struct http_request *req, int status, const char *content_type, const void *bytes, size_t count);
void http_reply_empty(struct http_request *req, int status);
void http_reply_json(struct http_request *req, int status, const void *bytes, size_t count);     /* application/json */
/* Docker's shape {"message":"…"}, Content-Type exactly application/json; status from the error's code. */
void http_reply_error(struct http_request *req, const struct err *err);
/* The same with a status of your own. */
void http_reply_message(struct http_request *req, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* --- a reply in pieces: chunked (raw until close for HTTP/1.0), the head leaves at once --- */
void http_reply_begin(struct http_request *req, int status, const char *content_type);
/* Copies. False: the client is slow or gone; write no more until on_writable (the piece itself was taken, up to twice the bound). */
bool http_reply_write(struct http_request *req, const void *bytes, size_t count);
void http_reply_end(struct http_request *req);                          /* finishes */
void http_reply_abort(struct http_request *req);                        /* finishes, and shows the client that something is missing */
/* Called when there is room again after a false. */
void http_on_writable(struct http_request *req, void (*fn)(void *arg), void *arg);
/* Called once if the client goes before the request is finished; finish it in there or later. NULL to forget it. */
void http_on_gone(struct http_request *req, void (*fn)(void *arg), void *arg);

/* For long lists, after http_reply_begin: piece appends some KiB to out and returns whether there is more; it is called whenever there
 * is room, never more than once a loop round, so neither a slow reader nor 100,000 objects hurt anybody. done frees arg; the request is
 * finished by then. Also when the client goes. */
typedef bool http_piece_fn(void *arg, struct buf *out);
void http_reply_pull(struct http_request *req, http_piece_fn *piece, void (*done)(void *arg), void *arg);
