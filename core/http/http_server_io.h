/* http_server_io.h - an HTTP/1.1 server (RFC 9110, RFC 9112) for connected sockets on one loop.
 *
 * The handler is called once for each request, when its head is complete and before its body is
 * read. From then on the request belongs to the handler, until it finishes it, exactly once: with
 * http_reply, http_reply_json, http_reply_empty, http_reply_error, http_reply_message or, after
 * http_reply_begin, with http_reply_end, http_reply_abort or http_reply_pull. That may be at once
 * or much later, from any callback of the loop. A request whose client has gone stays valid until
 * it is finished; what is written to it is dropped. After finishing it the pointer is dead.
 *
 * Requests of one connection are handled one at a time, in order; pipelined ones wait. Keep-alive,
 * HEAD, chunked bodies and Expect: 100-continue need nothing from the handler. What a stranger
 * could make large is bounded by struct http_limits.
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
	size_t connections;     /* at a time, requests whose client has gone included; else 503 */
	size_t head_bytes;      /* request line and fields, and again for trailers: 431 */
	size_t queue_bytes;     /* of a reply waiting for a slow reader before "full" is said */
	msec head_ms;           /* from the first byte of a request to the end of its head: 408 */
	msec body_ms;           /* without a byte of a body that is wanted: 408 */
	msec idle_ms;           /* between requests: closed without a word */
	msec drain_ms;          /* a finished reply of which the client takes nothing: closed */
};
#define HTTP_LIMITS_DEFAULT \
	{ .connections = 512, .head_bytes = 16 * 1024, .queue_bytes = 256 * 1024, \
	  .head_ms = 10000, .body_ms = 60000, .idle_ms = 120000, .drain_ms = 300000 }
#define HTTP_JSON_BODY_BYTES (4 * 1024 * 1024)  /* the usual bound for http_body_collect */

struct http_config {
	struct http_limits limits;
	/* Header lines of each reply, each ended by CRLF: "Api-Version: 1.50\r\nServer: x\r\n"; the
	 * server's own errors carry them too. NULL for none. The text must outlive the server. */
	const char *headers;
	bool is_once;           /* one request a connection */
	/* A connection has ended; fd, which it had, is closed behind this. Gets the handler's arg. NULL for nobody. */
	void (*on_close)(void *arg, int fd);
};

struct http_server *http_server_new(struct loop *loop, const struct http_config *cfg,
				    http_handler_fn *fn, void *arg);
/* A connected, non-blocking socket, which the server owns from now on. It is a listen_fn: give it
 * to listen_unix or listen_tcp with the server as arg. */
void http_server_accept(void *server, int fd);
/* Closes idle connections, lets requests under way finish, turns new connections away (503). done
 * is called when the last has gone, perhaps at once; it may free the server. */
void http_server_stop(struct http_server *server, void (*done)(void *arg), void *arg);
/* Closes every connection; not from within a handler. Unfinished requests are told as if their
 * client had gone, stay valid, and their owners must still finish them. NULL is welcome. */
void http_server_free(struct http_server *server);
size_t http_server_connections(const struct http_server *server);

/* --- what was asked; all pointers live as long as the request --- */
const char *http_method(const struct http_request *req);        /* "GET" */
/* Percent-decoded, UTF-8 without NUL, starts with "/", no query. */
const char *http_path(const struct http_request *req);
const char *http_target(const struct http_request *req);        /* as sent; for messages */
/* Any case; NULL when absent; repeated ones joined by ", ". */
const char *http_header(const struct http_request *req, const char *name);
/* All of them: for (size_t at = 0; http_header_next(req, &at, &name, &value); ) */
bool http_header_next(const struct http_request *req, size_t *at, const char **ret_name,
		      const char **ret_value);
/* Decoded; the first of that name; NULL when absent. */
const char *http_query(const struct http_request *req, const char *name);
/* Each of a repeated one: for (size_t at = 0; (v = http_query_next(req, "names", &at)); ) */
const char *http_query_next(const struct http_request *req, const char *name, size_t *at);
/* Docker's idea of a true parameter: there, and none of "", 0, no, false, none (any case). */
bool http_query_is_true(const struct http_request *req, const char *name);
/* Memory for whoever answers, freed when the request is finished. Ceiling 64 MiB: build nothing in
 * it that grows with the cluster. */
struct arena *http_arena(struct http_request *req);
int http_peer_fd(const struct http_request *req);       /* for SO_PEERCRED and such; -1 when gone */

/* --- the body: ask for it once, in one of two ways; or finish without, and it is thrown away
 * --- */
/* Collects it, then calls fn: bytes are NUL-terminated and live as long as the request; an absent
 * body is "". When it is over max_bytes, malformed, or the client goes before its end, fn is called
 * with NULL, only to clean up: the server answers (413, 400, 408) and finishes the request by
 * itself. */
typedef void http_body_fn(void *arg, struct http_request *req, const char *bytes, size_t count);
void http_body_collect(struct http_request *req, size_t max_bytes, http_body_fn *fn, void *arg);

struct http_body_events {
	/* A piece, chunk framing removed; take all of it, or http_body_pause behind it. */
	void (*on_bytes)(void *arg, const uint8_t *bytes, size_t count);
	/* Complete, or it broke off (client gone, malformed, silent for body_ms). Called once,
	 * last; the request is the handler's to finish in either case. */
	void (*on_end)(void *arg, bool is_complete);
};
void http_body_stream(struct http_request *req, const struct http_body_events *events, void *arg);
/* Nothing comes from the next piece on until it is lifted. */
void http_body_pause(struct http_request *req, bool paused);

/* --- the whole reply in one call; each finishes the request --- */
/* One more header line, before any of those below. Control characters become spaces. */
void http_reply_header(struct http_request *req, const char *name, const char *value);
void http_reply(struct http_request *req, int status, const char *content_type, const void *bytes,
		size_t count);
void http_reply_empty(struct http_request *req, int status);
void http_reply_json(struct http_request *req, int status, const void *bytes, size_t count);
/* Docker's shape {"message":"…"}, Content-Type exactly application/json; status by the err's
 * code. */
void http_reply_error(struct http_request *req, const struct err *err);
/* The same with a status of one's own. */
void http_reply_message(struct http_request *req, int status, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* --- a reply in pieces: chunked (raw until close for HTTP/1.0); the head leaves at once --- */
void http_reply_begin(struct http_request *req, int status, const char *content_type);
/* Copies. False: the client is slow or gone; write no more until on_writable (this piece was
 * taken). Who goes on writing all the same is cut off at twice queue_bytes. */
bool http_reply_write(struct http_request *req, const void *bytes, size_t count);
void http_reply_end(struct http_request *req);          /* finishes */
/* Finishes, and lets the client see that something is missing. */
void http_reply_abort(struct http_request *req);
/* Called when there is room again after a false. */
void http_on_writable(struct http_request *req, void (*fn)(void *arg), void *arg);
/* Called once if the client goes before the request is finished; finish it in there or later. While
 * a body is awaited, on_end or the NULL above tell it instead. fn NULL forgets it. */
void http_on_gone(struct http_request *req, void (*fn)(void *arg), void *arg);

/* The connection stops being HTTP and carries plain bytes both ways: 101 to a client that asked for
 * it ("Connection: Upgrade", "Upgrade: tcp"), else 200 and the bytes until the end of the connection,
 * as older clients want it. The request's own body must have been taken, or it had none. From then
 * on http_body_stream gives what the client sends, from the first byte behind the request; its on_end
 * says that the client has shut its writing (is_complete) or has gone. After the former http_on_gone
 * tells the latter. http_reply_write sends, http_reply_end closes when all is sent. No timeouts. */
void http_reply_hijack(struct http_request *req, const char *content_type);

/* The same without a word of ours: another server answers this request, whose body nobody has asked for. ret_head is what that one is to be
 * sent, with this target and "Connection: close" where it was not to be upgraded; the body follows as plain bytes, and what comes back is
 * the reply, head and all. */
void http_forward(struct http_request *req, const char *target, struct buf *ret_head);

/* For long lists, after http_reply_begin: piece appends some KiB to out and returns whether there
 * is more; it is called whenever there is room, once a round of the loop, so that neither a slow
 * reader nor 100,000 objects hurt anybody. At the end, or when the client has gone, done is called
 * and the request finished. done may be called before http_reply_pull returns. */
typedef bool http_piece_fn(void *arg, struct buf *out);
void http_reply_pull(struct http_request *req, http_piece_fn *piece, void (*done)(void *arg),
		     void *arg);
