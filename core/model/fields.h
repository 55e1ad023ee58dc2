/* fields.h - one descriptor table per struct; from it come Docker's JSON in and out, the numbered binary form of change lists and rows,
 * equality, copies and freeing.
 *
 * A struct described here holds only the member types below. Two ownerships: a value lives in an arena (decoded, planned) or on
 * the heap (arena NULL; then shape_fini frees it). Field numbers are 1..63 and never reused: a replica that meets a number it
 * does not know stops with an error instead of guessing (design: format levels).
 *
 * Binary form of a struct: for each field that is not empty, varint number, varint size, payload. Empty and absent are one thing,
 * which also makes equality what Docker users expect: {} equals null equals nothing.
 */
#pragma once
#include <yyjson.h>

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/encode.h"
#include "base/err.h"

enum field_type {
	FIELD_STR,              /* char *; NULL is "" */
	FIELD_BYTES,            /* struct bytes; JSON is base64 (RFC 4648 §4): Go's []byte */
	FIELD_BOOL,             /* bool */
	FIELD_TRI,              /* enum tri: Go's *bool */
	FIELD_I64, FIELD_U64, FIELD_F64,
	FIELD_OPT_U64,          /* struct opt_u64: Go's *uint64 */
	FIELD_OPT_I64,          /* struct opt_i64: Go's *int64 */
	FIELD_STAMP,            /* nsec wall; JSON is RFC 3339; 0 is empty */
	FIELD_ENUM,             /* int, an index into names[]; JSON is the name; index 0 is the default and empty */
	FIELD_STR_LIST,         /* struct str_array */
	FIELD_STR_MAP,          /* struct str_map, kept sorted by key */
	FIELD_STRUCT,           /* the struct itself */
	FIELD_OPTION,           /* pointer to the struct, or NULL */
	FIELD_LIST,             /* struct any_array of the struct */
	FIELD_MAP,              /* the same; JSON is an object, kept sorted: the struct's first field is the key (STR), its second the value */
	FIELD_REFUSED,          /* no member: JSON that holds a non-empty value is ERR_UNSUPPORTED, naming the path */
};

enum tri { TRI_UNSET, TRI_FALSE, TRI_TRUE };
struct opt_u64 { bool is_set; uint64_t value; };
struct opt_i64 { bool is_set; int64_t value; };
struct bytes { uint8_t *items; size_t count; };
struct str_array { char **items; size_t count; };
struct str_pair { char *key, *value; };
struct str_map { struct str_pair *items; size_t count; };
struct any_array { void *items; size_t count; };
#define ARRAY_OF(type) struct { type *items; size_t count; }    /* same layout as any_array */

enum {
	FIELD_ALWAYS = 1,       /* JSON output prints it even when empty (Go without omitempty) */
	FIELD_SPEC = 2,         /* belongs to the object's spec: writing it moves Version.Index */
	FIELD_HIDDEN = 4,       /* in the binary form only, never in JSON */
	FIELD_READ_ONLY = 8,    /* JSON out only; ignored when read */
	FIELD_NULLABLE = 16,    /* an empty list or map is printed as null instead of [] or {} */
	FIELD_LEVEL_SHIFT = 12, /* above: the format level (state/change.h) that it came with; 0: the first */
};
#define FIELD_SINCE(level) ((level) << FIELD_LEVEL_SHIFT)

struct shape;
struct field {
	uint8_t number;
	uint8_t type;           /* enum field_type */
	uint16_t flags;
	size_t offset;
	const char *json;
	const struct shape *shape;      /* STRUCT, OPTION, LIST, MAP */
	const char *const *names;       /* ENUM, ended by NULL */
	const char *said;       /* Docker's words for a wrong value; a name follows them, in quotes behind a colon; NULL: ours */
};
struct shape {
	const char *name;
	size_t size;
	const struct field *fields;
	size_t count;
};
#define SHAPE(type, table) { #type, sizeof(struct type), table, ARRAY_COUNT(table) }

/* JSON. Unknown members are ignored (Docker does), a wrong type is ERR_INVALID with the member's path. Keys match case-insensitively. */
int shape_from_json(const struct shape *shape, yyjson_val *json, struct arena *arena, void *ret, struct err *err);
yyjson_mut_val *shape_to_json(const struct shape *shape, const void *value, yyjson_mut_doc *doc);

/* Binary, fields by number. decode fails on unknown numbers, truncation and values out of range; err says which struct
 * and number. What it had read until then is in ret: on the heap it is shape_fini's to free, as after success. */
void shape_encode(const struct shape *shape, const void *value, struct buf *out);
int shape_decode(const struct shape *shape, struct reader in, struct arena *arena, void *ret, struct err *err);

/* One field at a time: what change lists are made of. The payload of an empty field is empty. */
const struct field *shape_field(const struct shape *shape, unsigned number);    /* NULL when unknown */
void field_encode(const struct field *field, const void *object, struct buf *out);
int field_decode(const struct shape *shape, const struct field *field, struct reader in, struct arena *arena, void *ret_object, struct err *err);
void field_copy(const struct field *field, const void *from, struct arena *arena, void *to);   /* to's old content must be empty or arena */
void field_fini(const struct field *field, void *object);                       /* frees heap content, leaves it empty */
bool field_is_empty(const struct field *field, const void *object);
/* The lowest format level whose tables can read the bytes: of an empty one, the first. */
unsigned field_level(const struct field *field, const void *object);
bool field_equal(const struct field *field, const void *a, const void *b);

bool shape_equal(const struct shape *shape, const void *a, const void *b);
bool shape_is_empty(const struct shape *shape, const void *value);
unsigned shape_level(const struct shape *shape, const void *value);
void shape_copy(const struct shape *shape, const void *from, struct arena *arena, void *to);    /* deep; to is overwritten */
void shape_fini(const struct shape *shape, void *value);                        /* heap only */

const char *str_map_get(const struct str_map *map, const char *key);            /* NULL when absent */
bool str_array_has(const struct str_array *array, const char *item);

/* For the tables: F(number, TYPE, struct, member, "Json", flags), and those that need one more word. */
#define F(n, t, T, m, j, fl)                { n, FIELD_##t, fl, offsetof(struct T, m), j, NULL, NULL, NULL }
#define F_OF(n, t, T, m, j, fl, sh)         { n, FIELD_##t, fl, offsetof(struct T, m), j, &(sh), NULL, NULL }
#define F_SAID(n, t, T, m, j, fl, sd)       { n, FIELD_##t, fl, offsetof(struct T, m), j, NULL, NULL, sd }
#define F_ENUM(n, T, m, j, fl, nm)          { n, FIELD_ENUM, fl, offsetof(struct T, m), j, NULL, nm, NULL }
#define F_ENUM_SAID(n, T, m, j, fl, nm, sd) { n, FIELD_ENUM, fl, offsetof(struct T, m), j, NULL, nm, sd }
#define F_REFUSED(j)                        { 0, FIELD_REFUSED, 0, 0, j, NULL, NULL, NULL }
