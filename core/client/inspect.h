/* inspect.h - objects as --format of an inspect command wants them: an indented JSON array, or a
 * template for each.
 *
 * Pure.
 */
#pragma once
#include <yyjson.h>

#include "base/buf.h"
#include "base/err.h"

/* format NULL or "": [ … ] with four blanks of indent; "json": one compact line each; else a
 * template, a line each. */
int inspect_print(yyjson_val *const *objects, size_t count, const char *format, struct buf *out,
		  struct err *err);
