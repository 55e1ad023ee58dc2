/* template_value.h - what a template computes with: JSON values, strings, numbers, lists of
 * strings.
 *
 * Pure. Values point into the JSON and into the arena of one run; nothing is owned.
 */
#pragma once
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* The first member of an object that stands for a struct of Go's: the name of its type. */
#define TVAL_TYPE "\t"

enum tval_kind { TVAL_NIL, TVAL_BOOL, TVAL_INT, TVAL_REAL, TVAL_STRING, TVAL_LIST, TVAL_JSON };
struct tval {
	enum tval_kind kind;
	union {
		bool truth;
		int64_t number;
		double real;
		const char *string;
		yyjson_val *json;        /* an object or an array; scalars become the kinds above */
		struct { const struct tval *items; size_t count; } list;
	};
};

struct tval tval_of_json(yyjson_val *json);
struct tval tval_of_string(const char *string);
bool tval_is_true(struct tval value);                   /* Go's: not zero, not empty */
const char *tval_struct(struct tval value);             /* its TVAL_TYPE, or NULL */
/* A field by its exact name, else, unless is_exact, without regard to case: Go says ID where the JSON says Id. */
struct tval tval_field(struct tval value, const char *name, bool is_exact, bool *ret_found);
/* Of what Labels says, "a=1,b=2" or an object; "" when there is none. In the row of heads: the last
 * part of the key, as docker writes it. */
struct tval tval_label(struct tval value, const char *key, struct arena *arena);
/* elements of a list, array, object; bytes of a string */
size_t tval_count(struct tval value);
/* The elements of a list, array or object (in the order of its keys, as Go walks maps), in the
 * arena. ret_keys may be NULL: their keys or indexes. */
const struct tval *tval_elements(struct tval value, struct arena *arena, size_t *ret_count, const struct tval **ret_keys);
/* As {{.}} prints it: map[a:1 b:2], [x y], of a struct {x y}. */
void tval_print(struct tval value, struct buf *out);
void tval_json(struct tval value, struct buf *out);
bool tval_equals(struct tval a, struct tval b);
