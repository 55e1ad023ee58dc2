/* json.h - the one way in which a document of ours becomes text. */
#pragma once
#include <yyjson.h>

#include "base/buf.h"
#include "model/fields.h"

/* Appends root as text and frees the document. It always succeeds: in a string that is not UTF-8 (a stranger's bytes, a message that was
 * cut inside of a character) each byte that does not fit becomes U+FFFD, as Go prints it; a number that JSON has not becomes null.
 * flags: 0 or YYJSON_WRITE_PRETTY. */
void json_write(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_write_flag flags, struct buf *out);

/* A described struct as text and back. */
void json_write_shape(const struct shape *shape, const void *value, struct buf *out);
int json_read_shape(const struct shape *shape, const char *text, struct arena *arena, void *ret, struct err *err);
