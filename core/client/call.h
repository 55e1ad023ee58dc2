/* call.h - the API as a command sees it: a method, a path, JSON in, JSON out.
 *
 * One connection, opened at the first call and kept. Blocking. An answer that is an error becomes a
 * struct err whose text is what the user reads: "Error response from daemon: " and the agent's
 * message, as docker prints it. An answer that says that it may be old (Warning: 110) makes one line on
 * stderr.
 */
#pragma once
#include <yyjson.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/http_client_io.h"

struct call;
/* socket_path is copied; nothing is opened yet. */
struct call *call_new(const char *socket_path);
void call_free(struct call *call);                       /* NULL is welcome */
/* How the user calls us, a literal: where the agent quotes a command of docker's, which it does in Docker's words, the user is shown this. */
void call_set_program(struct call *call, const char *program);

/* A header line of the next call and no other; NULL: none. */
void call_set_header(struct call *call, const char *name, const char *value);

/* Path and query, percent-encoded by the caller where needed: see call_add_*. The version prefix is
 * put in front. ret_doc may be NULL when the answer does not matter; it is NULL after an answer
 * without a body. The caller frees it with yyjson_doc_free. */
int call_get(struct call *call, yyjson_doc **ret_doc, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* body may be NULL. */
int call_post(struct call *call, yyjson_mut_doc *body, yyjson_doc **ret_doc, struct err *err,
	      const char *fmt, ...) PRINTF_LIKE(5, 6);
int call_delete(struct call *call, yyjson_doc **ret_doc, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* An answer that is not JSON or has no end: the head has been read and is a success; read the body
 * from the client returned, which stays the call's. */
int call_stream(struct call *call, const char *method, struct http_client **ret, struct err *err,
		const char *fmt, ...) PRINTF_LIKE(5, 6);
/* A body that is streamed up: begin; http_client_send_piece/_end on *ret; then call_upload_end
 * reads the head as call_stream does. */
int call_upload(struct call *call, const char *content_type, struct http_client **ret,
		struct err *err, const char *fmt, ...) PRINTF_LIKE(5, 6);
int call_upload_end(struct call *call, struct err *err);

/* A connection of its own that has stopped being HTTP: bytes both ways. */
struct call_hijacked {
	int fd;
	struct buf unread;      /* what came behind the answer */
	bool is_raw;            /* else frames (frames.h) */
};
/* body may be NULL. */
int call_hijack(struct call *call, yyjson_mut_doc *body, struct call_hijacked *ret, struct err *err, const char *fmt, ...) PRINTF_LIKE(5, 6);
void call_hijacked_fini(struct call_hijacked *hijacked);

const char *call_socket_path(const struct call *call);
/* HTTP status of the last answer; 0 when there was none. */
int call_status(const struct call *call);
/* "&name=value" (or "?name=value" when the path has no query yet), value percent-encoded. NULL
 * values are left out. */
void call_add_query(struct buf *path, const char *name, const char *value);
/* "/services/web": a segment, with what a path cannot hold encoded; slashes stay for image
 * names. */
void call_add_segment(struct buf *path, const char *segment);
