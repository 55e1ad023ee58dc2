/* http_parse.h - one side's HTTP/1 messages, taken apart as their bytes arrive.
 *
 * Pure, pulled by its owner: http_parse_next looks at a window of bytes, moves it behind what it
 * has understood, and says what that was. The head is collected here, within a bound; the body is
 * handed on as pieces of the window. The grammar is llhttp's, in its strict mode: what two readers
 * could understand differently (two lengths, a length and chunks) is an error.
 */
#pragma once
#include <llhttp.h>

#include "base/buf.h"
#include "base/err.h"

enum http_side { HTTP_SIDE_REQUESTS, HTTP_SIDE_REPLIES };
enum http_parse_event {
	HTTP_PARSE_MORE,        /* the window is used up                                              */
	HTTP_PARSE_HEAD,        /* line and fields are complete                                       */
	HTTP_PARSE_PIECE,       /* some bytes of the body, framing removed                            */
	HTTP_PARSE_END,         /* the message is complete; the next begins with the next call        */
	HTTP_PARSE_ERROR,       /* err says what; nothing but http_parse_fini may follow              */
};

#define HTTP_MAX_FIELDS 100
struct http_parse_field { size_t name, value; };         /* offsets of C strings in text */
struct http_parse {
	llhttp_t llhttp;
	struct buf text;                /* target, names and values, each ended by NUL */
	size_t bound;                   /* of text, and of trailers on their own */
	size_t trailer_bytes;
	struct http_parse_field fields[HTTP_MAX_FIELDS];
	unsigned field_count;
	bool has_head, has_begun;       /* a byte of this message was seen */
	/* set by the owner after HEAD requests, before the reply's head */
	bool has_no_body;
	enum http_parse_event event;
	const uint8_t *piece;
	size_t piece_bytes;
	bool is_too_large;              /* with HTTP_PARSE_ERROR: the bound was it, 431 */
	bool is_other_version;          /* the same: neither HTTP/1.0 nor HTTP/1.1, 505 */
};

void http_parse_init(struct http_parse *parse, enum http_side side, size_t bound);
void http_parse_fini(struct http_parse *parse);
enum http_parse_event http_parse_next(struct http_parse *parse, const uint8_t **bytes,
				      size_t *count, struct err *err);
/* The connection has ended: for a reply without a length that is the end of its body
 * (HTTP_PARSE_END), else it is HTTP_PARSE_ERROR. */
enum http_parse_event http_parse_eof(struct http_parse *parse, struct err *err);

/* Valid from HTTP_PARSE_HEAD until the call after HTTP_PARSE_END. */
const char *http_parse_method(const struct http_parse *parse);
const char *http_parse_target(const struct http_parse *parse);
int http_parse_status(const struct http_parse *parse);
bool http_parse_is_http10(const struct http_parse *parse);
/* asked at HTTP_PARSE_HEAD or HTTP_PARSE_END */
bool http_parse_keeps_alive(const struct http_parse *parse);
bool http_parse_has_body(const struct http_parse *parse);
/* first of that name, any case; NULL */
const char *http_parse_field(const struct http_parse *parse, const char *name);
