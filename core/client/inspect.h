/* inspect.h - objects as --format of an inspect command wants them: an indented JSON array, or a
 * template for each.
 *
 * Pure.
 */
#pragma once
#include <yyjson.h>

#include "base/buf.h"
#include "base/err.h"

/* format NULL or "": [ … ] with four blanks of indent; "json": the same in one line; else a
 * template, a line each. */
int inspect_print(yyjson_val *const *objects, size_t count, const char *format, struct buf *out,
		  struct err *err);
/* For what is one object and no list of them: "json" is that object in one line. */
const char *inspect_format_of_one(const char *format);
