/* http_text.h - the small texts of HTTP: percent-encoding, reason phrases, dates, heads of replies,
 * Docker's error body.
 *
 * Pure.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

/* Percent-decoding (RFC 3986, 2.1); plus_is_space for query parts. -1 for a broken escape, a NUL or
 * what is not UTF-8 afterwards. */
int http_decode(struct arena *arena, const char *text, size_t length, bool plus_is_space,
		char **ret);
/* Escapes all but unreserved characters and those in keep ("/:@" for paths, "" for values). */
void http_encode(const char *text, const char *keep, struct buf *out);

/* "Not Found"; "Unknown" for what is not in RFC 9110 */
const char *http_reason(int status);
#define HTTP_DATE_SIZE 32
/* IMF-fixdate, RFC 9110, 5.6.7 */
const char *http_date(nsec wall, char ret_text[HTTP_DATE_SIZE]);
bool http_status_has_body(int status);                  /* not 1xx, 204, 304 */
/* {"message":"…"} and a newline, as Docker's daemon sends it. */
void http_error_body(const char *message, struct buf *out);
/* "Name: value" CRLF; control characters of the value become spaces, so that no value can end the
 * line. */
void http_add_field(struct buf *out, const char *name, const char *value);
