#include "model/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/fields_inside.h"

bool field_is_empty(const struct field *field, const void *object)
{
	const void *m = field_cmember(field, object);

	switch ((enum field_type)field->type) {
	case FIELD_STR: return str_is_empty(*(char *const *)m);
	case FIELD_BOOL: return !*(const bool *)m;
	case FIELD_TRI: return *(const enum tri *)m == TRI_UNSET;
	case FIELD_I64:
	case FIELD_STAMP: return *(const int64_t *)m == 0;
	case FIELD_U64: return *(const uint64_t *)m == 0;
	case FIELD_F64: return !(*(const double *)m > 0 || *(const double *)m < 0);
	case FIELD_OPT_U64: return !((const struct opt_u64 *)m)->is_set;
	case FIELD_OPT_I64: return !((const struct opt_i64 *)m)->is_set;
	case FIELD_ENUM: return *(const int *)m == 0;
	case FIELD_BYTES:
	case FIELD_STR_LIST:
	case FIELD_STR_MAP:
	case FIELD_LIST:
	case FIELD_MAP: return ((const struct any_array *)m)->count == 0;
	case FIELD_STRUCT: return shape_is_empty(field->shape, m);
	case FIELD_OPTION: return *(void *const *)m == NULL;
	case FIELD_REFUSED: return true;
	}
	panic("field %s: type %d", field->json, field->type);
}

bool shape_is_empty(const struct shape *shape, const void *value)
{
	for (size_t i = 0; i < shape->count; i++)
		if (!field_is_empty(&shape->fields[i], value))
			return false;
	return true;
}

/* ---- format levels ----------------------------------------------------------------------------------------------- */

unsigned field_level(const struct field *field, const void *object)
{
	const struct any_array *list = field_cmember(field, object);
	unsigned level = MAX(1u, (unsigned)field->flags >> FIELD_LEVEL_SHIFT);

	if (field_is_empty(field, object))
		return 1;
	if (field->type == FIELD_STRUCT)
		return MAX(level, shape_level(field->shape, field_cmember(field, object)));
	if (field->type == FIELD_OPTION)
		return MAX(level, shape_level(field->shape, *(void *const *)field_cmember(field, object)));
	if (field->type != FIELD_LIST && field->type != FIELD_MAP)
		return level;
	for (size_t i = 0; i < list->count; i++)
		level = MAX(level, shape_level(field->shape, (const char *)list->items + i * field->shape->size));
	return level;
}

unsigned shape_level(const struct shape *shape, const void *value)
{
	unsigned level = 1;

	for (size_t i = 0; i < shape->count; i++)
		level = MAX(level, field_level(&shape->fields[i], value));
	return level;
}

const struct field *shape_field(const struct shape *shape, unsigned number)
{
	for (size_t i = 0; i < shape->count; i++)
		if (shape->fields[i].number == number && shape->fields[i].type != FIELD_REFUSED)
			return &shape->fields[i];
	return NULL;
}

/* ---- copy, free, compare --------------------------------------------------------------------------------------- */

void field_copy(const struct field *field, const void *from_object, struct arena *arena, void *to_object)
{
	const void *from = field_cmember(field, from_object);
	void *to = field_member(field, to_object);

	switch ((enum field_type)field->type) {
	case FIELD_STR:
		*(char **)to = fields_strdup(arena, *(char *const *)from);
		return;
	case FIELD_BYTES:
		fields_copy_bytes(from, arena, to);
		return;
	case FIELD_BOOL:
		*(bool *)to = *(const bool *)from;
		return;
	case FIELD_TRI:
		*(enum tri *)to = *(const enum tri *)from;
		return;
	case FIELD_I64:
	case FIELD_STAMP:
	case FIELD_U64:
	case FIELD_F64:
		memcpy(to, from, 8);
		return;
	case FIELD_OPT_U64:
		*(struct opt_u64 *)to = *(const struct opt_u64 *)from;
		return;
	case FIELD_OPT_I64:
		*(struct opt_i64 *)to = *(const struct opt_i64 *)from;
		return;
	case FIELD_ENUM:
		*(int *)to = *(const int *)from;
		return;
	case FIELD_STR_LIST: {
		const struct str_array *a = from;
		struct str_array *b = to;
		b->items = fields_take(arena, a->count, sizeof(char *));
		b->count = a->count;
		for (size_t i = 0; i < a->count; i++)
			b->items[i] = fields_strdup(arena, a->items[i]);
		return;
	}
	case FIELD_STR_MAP: {
		const struct str_map *a = from;
		struct str_map *b = to;
		b->items = fields_take(arena, a->count, sizeof(struct str_pair));
		b->count = a->count;
		for (size_t i = 0; i < a->count; i++) {
			b->items[i].key = fields_strdup(arena, a->items[i].key);
			b->items[i].value = fields_strdup(arena, a->items[i].value);
		}
		return;
	}
	case FIELD_STRUCT:
		shape_copy(field->shape, from, arena, to);
		return;
	case FIELD_OPTION:
		*(void **)to = NULL;
		if (*(void *const *)from) {
			*(void **)to = fields_take(arena, 1, field->shape->size);
			shape_copy(field->shape, *(void *const *)from, arena, *(void **)to);
		}
		return;
	case FIELD_LIST:
	case FIELD_MAP: {
		const struct any_array *a = from;
		struct any_array *b = to;
		b->items = fields_take(arena, a->count, field->shape->size);
		b->count = a->count;
		for (size_t i = 0; i < a->count; i++)
			shape_copy(field->shape, (const char *)a->items + i * field->shape->size, arena,
				   (char *)b->items + i * field->shape->size);
		return;
	}
	case FIELD_REFUSED:
		return;
	}
}

void field_fini(const struct field *field, void *object)
{
	void *m = field_member(field, object);

	switch ((enum field_type)field->type) {
	case FIELD_STR:
		free(*(char **)m);
		*(char **)m = NULL;
		return;
	case FIELD_BYTES:
		free(((struct bytes *)m)->items);
		*(struct bytes *)m = (struct bytes){ 0 };
		return;
	case FIELD_BOOL:
		*(bool *)m = false;
		return;
	case FIELD_TRI:
		*(enum tri *)m = TRI_UNSET;
		return;
	case FIELD_I64:
	case FIELD_STAMP:
	case FIELD_U64:
	case FIELD_F64:
		memset(m, 0, 8);
		return;
	case FIELD_OPT_U64:
		*(struct opt_u64 *)m = (struct opt_u64){ 0 };
		return;
	case FIELD_OPT_I64:
		*(struct opt_i64 *)m = (struct opt_i64){ 0 };
		return;
	case FIELD_ENUM:
		*(int *)m = 0;
		return;
	case FIELD_STR_LIST: {
		struct str_array *list = m;
		for (size_t i = 0; i < list->count; i++)
			free(list->items[i]);
		free(list->items);
		*list = (struct str_array){ 0 };
		return;
	}
	case FIELD_STR_MAP: {
		struct str_map *map = m;
		for (size_t i = 0; i < map->count; i++) {
			free(map->items[i].key);
			free(map->items[i].value);
		}
		free(map->items);
		*map = (struct str_map){ 0 };
		return;
	}
	case FIELD_STRUCT:
		shape_fini(field->shape, m);
		return;
	case FIELD_OPTION:
		if (*(void **)m)
			shape_fini(field->shape, *(void **)m);
		free(*(void **)m);
		*(void **)m = NULL;
		return;
	case FIELD_LIST:
	case FIELD_MAP: {
		struct any_array *list = m;
		for (size_t i = 0; i < list->count; i++)
			shape_fini(field->shape, (char *)list->items + i * field->shape->size);
		free(list->items);
		*list = (struct any_array){ 0 };
		return;
	}
	case FIELD_REFUSED:
		return;
	}
}

bool field_equal(const struct field *field, const void *a, const void *b)
{
	CLEANUP(buf_finip) struct buf x = BUF_INIT;
	CLEANUP(buf_finip) struct buf y = BUF_INIT;

	/* The binary form is canonical (sorted maps, empty left out), so equal bytes are equal values. */
	field_encode(field, a, &x);
	field_encode(field, b, &y);
	return x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
}

bool shape_equal(const struct shape *shape, const void *a, const void *b)
{
	for (size_t i = 0; i < shape->count; i++)
		if (!field_equal(&shape->fields[i], a, b))
			return false;
	return true;
}

void shape_copy(const struct shape *shape, const void *from, struct arena *arena, void *to)
{
	memset(to, 0, shape->size);
	for (size_t i = 0; i < shape->count; i++)
		field_copy(&shape->fields[i], from, arena, to);
}

void shape_fini(const struct shape *shape, void *value)
{
	for (size_t i = 0; i < shape->count; i++)
		field_fini(&shape->fields[i], value);
}

const char *str_map_get(const struct str_map *map, const char *key)
{
	for (size_t i = 0; i < map->count; i++)
		if (str_eq(map->items[i].key, key))
			return map->items[i].value ? map->items[i].value : "";
	return NULL;
}

bool str_array_has(const struct str_array *array, const char *item)
{
	for (size_t i = 0; i < array->count; i++)
		if (str_eq(array->items[i], item))
			return true;
	return false;
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

void *fields_take(struct arena *arena, size_t count, size_t size)
{
	if (count == 0)
		return NULL;
	return arena ? arena_take_array(arena, count, size) : mem_new(count, size);
}

char *fields_strdup(struct arena *arena, const char *s)
{
	return arena ? arena_strdup(arena, s) : str_dup(s);
}

char *fields_strndup(struct arena *arena, const char *s, size_t length)
{
	char *copy = fields_take(arena, length + 1, 1);

	memcpy(copy, s, length);
	return copy;
}

void fields_copy_bytes(const struct bytes *from, struct arena *arena, struct bytes *to)
{
	to->items = fields_take(arena, from->count, 1);
	to->count = from->count;
	if (from->count)
		memcpy(to->items, from->items, from->count);
}
