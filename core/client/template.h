/* template.h - the part of Go's text/template that people write behind --format.
 *
 * Pure. Text, {{ }} with - to trim, fields (.A.B, .), .Label "key" (of the row's Labels), pipes,
 * parentheses, strings, numbers, true, false, nil; if, else, else if, with, range, end; the functions index len printf eq ne and or not,
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
enum template_absent {
	TEMPLATE_ABSENT_IS_NIL,
	TEMPLATE_ABSENT_TOP_IS_ERROR,   /* of the data's own members: an object, all whose members are told */
	TEMPLATE_ABSENT_IS_ERROR,       /* of rows, whose fields are all known */
};
/* Appends to out. */
int template_run(const struct template *template, yyjson_val *data, enum template_absent absent,
		 struct buf *out, struct err *err);
