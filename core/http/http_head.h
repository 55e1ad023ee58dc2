/* http_head.h - the head of one request, decoded: path, query parameters, header fields.
 *
 * Pure. Everything lives in the arena it was made in, so it may outlive the connection.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "http/http_parse.h"

struct http_pair { const char *name, *value; };
struct http_head {
	const char *method, *target, *path;
	const struct http_pair *fields, *query;
	size_t field_count, query_count;
	bool is_http10, keeps_alive, has_body, expects_continue;
};

/* At HTTP_PARSE_HEAD. ERR_INVALID for a target that is no path, a broken escape, no Host, an
 * expectation that is not 100-continue. */
int http_head_make(const struct http_parse *parse, struct arena *arena, struct http_head *ret,
		   struct err *err);
/* The head again, with another target, for one connection that closes behind it unless it is upgraded. */
void http_head_write(const struct http_head *head, const char *target, struct buf *out);
/* Values of repeated fields are joined by ", " (RFC 9110, 5.3). */
const char *http_head_field(const struct http_head *head, const char *name);
const char *http_head_query(const struct http_head *head, const char *name, size_t *at);
