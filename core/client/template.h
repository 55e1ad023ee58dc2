/* template.h - the part of Go's text/template that people write behind --format.
 *
 * Pure. Text, {{ }} with - to trim, fields (.A.B, .), pipes, parentheses, strings, numbers, true,
 * false, nil; if, else, else if, with, range, end; the functions index len printf eq ne and or not,
 * and Docker's json join split upper lower title pad truncate. Whatever else is written is an error
 * that names it. Values are JSON; an absent field is nil, which is false and prints "<no value>".
 */
#pragma once
#include <yyjson.h>

#include "base/buf.h"
#include "base/err.h"

struct template;
int template_parse(const char *text, struct template **ret, struct err *err);
void template_free(struct template *template);           /* NULL is welcome */
void template_freep(struct template **template);
/* Appends to out. With is_strict, a field that the data lacks is an error: for rows, whose fields
 * are all known. */
int template_run(const struct template *template, yyjson_val *data, bool is_strict, struct buf *out,
		 struct err *err);
