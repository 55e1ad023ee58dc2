/* spec_fields.h - tables that tell where a struct's fields are, and JSON in both directions by them.
 *
 * For the plain structs of this room that are stored in files. A field that has its zero value is not written; one that the table does not
 * know is refused by name, for nobody here could honour it.
 */
#pragma once
#include <yyjson.h>

#include "base/arena.h"
#include "base/err.h"

enum spec_kind { SPEC_TEXT, SPEC_TEXTS, SPEC_PAIRS, SPEC_BOOL, SPEC_INT, SPEC_I64, SPEC_U32, SPEC_U64, SPEC_WORD, SPEC_LIST, SPEC_END };
struct spec_field {
	const char *name;
	enum spec_kind kind;
	size_t at;                       /* offset in the struct */
	const char *const *words;        /* SPEC_WORD: an enum's names from 0 up, NULL at the end */
	const struct spec_field *items;  /* SPEC_LIST: the table of one item; `at` holds a pointer, count_at a size_t */
	size_t item_bytes, count_at;
};

yyjson_mut_val *spec_fields_encode(yyjson_mut_doc *doc, const struct spec_field *fields, const void *from);
/* `to` is zeroed by the caller; what is named in errors is `what`. */
int spec_fields_decode(yyjson_val *object, const struct spec_field *fields, const char *what, struct arena *arena, void *to,
		       struct err *err);
