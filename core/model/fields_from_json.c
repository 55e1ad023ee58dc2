/* JSON into values (fields.h). A path such as "TaskTemplate.ContainerSpec.Env" is kept while descending, so that an error names its place. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "model/fields_inside.h"

/* Each key is compared with each other. */
enum { DEPTH_MAX = 16, MAP_KEYS_MAX = 4096 };

struct path {
	const char *names[DEPTH_MAX];
	unsigned depth;
};

static int bad_type(const struct path *path, const char *want, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	for (unsigned i = 0; i < path->depth; i++)
		buf_printf(&text, "%s%s", i ? "." : "", path->names[i]);
	return err_set(err, ERR_INVALID, "invalid JSON: %s must be %s", buf_text(&text), want);
}

static int refused(const struct path *path, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	for (unsigned i = 0; i < path->depth; i++)
		buf_printf(&text, "%s%s", i ? "." : "", path->names[i]);
	return err_set(err, ERR_UNSUPPORTED, "%s is not supported by swarmbox yet", buf_text(&text));
}

static char *json_str(yyjson_val *json, struct arena *arena)
{
	return fields_strndup(arena, yyjson_get_str(json), yyjson_get_len(json));
}

/* Strings with a NUL inside would be cut silently by every C function later on. */
static bool is_plain_str(yyjson_val *json)
{
	return yyjson_is_str(json) && strlen(yyjson_get_str(json)) == yyjson_get_len(json);
}

static bool json_is_empty(yyjson_val *json)
{
	if (!json || yyjson_is_null(json) || yyjson_is_false(json))
		return true;
	if (yyjson_is_str(json))
		return yyjson_get_len(json) == 0;
	if (yyjson_is_num(json))
		return !(yyjson_get_num(json) > 0 || yyjson_get_num(json) < 0);
	if (yyjson_is_arr(json))
		return yyjson_arr_size(json) == 0;
	if (yyjson_is_obj(json)) {
		yyjson_obj_iter iter = yyjson_obj_iter_with(json);
		yyjson_val *key;
		while ((key = yyjson_obj_iter_next(&iter)))
			if (!json_is_empty(yyjson_obj_iter_get_val(key)))
				return false;
		return true;
	}
	return false;
}

/* By key, and what came first first. */
struct read_pair { struct str_pair pair; size_t at; };
static int pair_order(const void *a, const void *b)
{
	const struct read_pair *x = a, *y = b;
	int order = strcmp(x->pair.key, y->pair.key);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int str_map_from_json(yyjson_val *json, struct arena *arena, struct str_map *ret, const struct path *path, struct err *err)
{
	size_t count = yyjson_obj_size(json), read = 0;
	yyjson_obj_iter iter;
	yyjson_val *key;

	*ret = (struct str_map){ 0 };
	if (!yyjson_is_obj(json))
		return bad_type(path, "an object of strings", err);
	if (count == 0)
		return 0;
	/* strings are looked at where they are, and copied when it is known which of them stay */
	struct read_pair *pairs = NEW_ARRAY(struct read_pair, count);
	iter = yyjson_obj_iter_with(json);
	while ((key = yyjson_obj_iter_next(&iter))) {
		yyjson_val *value = yyjson_obj_iter_get_val(key);

		if (!is_plain_str(key) || (!is_plain_str(value) && !yyjson_is_null(value))) {
			free(pairs);
			return bad_type(path, "an object of strings", err);
		}
		pairs[read] = (struct read_pair){ { (char *)(uintptr_t)yyjson_get_str(key), (char *)(uintptr_t)yyjson_get_str(value) }, read };
		read++;
	}
	qsort(pairs, count, sizeof *pairs, pair_order);
	ret->items = fields_take(arena, count, sizeof(struct str_pair));
	for (size_t i = 0; i < count; i++) {
		if (i + 1 < count && str_eq(pairs[i].pair.key, pairs[i + 1].pair.key))
			continue;               /* a repeated key: the last one wins, as in Go */
		ret->items[ret->count].key = fields_strdup(arena, pairs[i].pair.key);
		ret->items[ret->count++].value = fields_strdup(arena, pairs[i].pair.value);
	}
	free(pairs);
	return 0;
}

static int str_list_from_json(yyjson_val *json, struct arena *arena, struct str_array *ret, const struct path *path, struct err *err)
{
	yyjson_arr_iter iter;
	yyjson_val *item;

	if (!yyjson_is_arr(json))
		return bad_type(path, "a list of strings", err);
	ret->items = fields_take(arena, yyjson_arr_size(json), sizeof(char *));
	ret->count = 0;
	iter = yyjson_arr_iter_with(json);
	while ((item = yyjson_arr_iter_next(&iter))) {
		if (!is_plain_str(item))
			return bad_type(path, "a list of strings", err);
		ret->items[ret->count++] = json_str(item, arena);
	}
	return 0;
}

static int struct_from_json(const struct shape *shape, yyjson_val *json, struct arena *arena, void *ret, struct path *path, struct err *err);

static int list_from_json(const struct field *field, yyjson_val *json, struct arena *arena, struct any_array *ret, struct path *path,
			  struct err *err)
{
	yyjson_arr_iter iter;
	yyjson_val *item;

	if (!yyjson_is_arr(json))
		return bad_type(path, "a list", err);
	ret->items = fields_take(arena, yyjson_arr_size(json), field->shape->size);
	ret->count = 0;
	iter = yyjson_arr_iter_with(json);
	while ((item = yyjson_arr_iter_next(&iter)))
		if (struct_from_json(field->shape, item, arena, (char *)ret->items + ret->count++ * field->shape->size, path, err) < 0)
			return -1;
	return 0;
}

static int field_from_json(const struct field *field, yyjson_val *json, struct arena *arena, void *ret_object, struct path *path, struct err *err);

static void *map_item(const struct field *field, const struct any_array *map, size_t i)
{
	return (char *)map->items + i * field->shape->size;
}

/* The place for this key: its own from before (as in Go, the last of repeated keys wins), or a new one. */
static void *map_place(const struct field *field, const char *key, struct arena *arena, struct any_array *map)
{
	const struct field *key_field = &field->shape->fields[0];

	for (size_t i = 0; i < map->count; i++) {
		void *item = map_item(field, map, i);
		if (!str_eq(*(char **)((char *)item + key_field->offset), key))
			continue;
		if (!arena)
			shape_fini(field->shape, item);
		return memset(item, 0, field->shape->size);
	}
	return map_item(field, map, map->count++);
}

static void sort_map(const struct field *field, struct any_array *map)
{
	size_t offset = field->shape->fields[0].offset, size = field->shape->size;
	CLEANUP(buf_finip) struct buf kept = BUF_INIT;

	/* by insertion: qsort would need the offset, and the maps of our API are short */
	for (size_t i = 1; i < map->count; i++) {
		size_t at = i;

		buf_clear(&kept);
		buf_add(&kept, map_item(field, map, i), size);
		const char *key = *(char *const *)(void *)(kept.data + offset);
		for (; at > 0 && strcmp(*(char **)((char *)map_item(field, map, at - 1) + offset), key) > 0; at--)
			memcpy(map_item(field, map, at), map_item(field, map, at - 1), size);
		memcpy(map_item(field, map, at), kept.data, size);
	}
}

static int map_from_json(const struct field *field, yyjson_val *json, struct arena *arena, struct any_array *ret, struct path *path,
			 struct err *err)
{
	const struct field *fields = field->shape->fields;
	yyjson_obj_iter iter;
	yyjson_val *key;

	check(field->shape->count == 2 && fields[0].type == FIELD_STR && path->depth < DEPTH_MAX);
	if (!yyjson_is_obj(json))
		return bad_type(path, "an object", err);
	if (yyjson_obj_size(json) > MAP_KEYS_MAX)
		return bad_type(path, "an object of fewer members", err);
	ret->items = fields_take(arena, yyjson_obj_size(json), field->shape->size);
	ret->count = 0;
	iter = yyjson_obj_iter_with(json);
	while ((key = yyjson_obj_iter_next(&iter))) {
		int rc;

		if (!is_plain_str(key) || yyjson_get_len(key) == 0)
			return bad_type(path, "an object whose keys are words", err);
		void *item = map_place(field, yyjson_get_str(key), arena, ret);
		*(char **)((char *)item + fields[0].offset) = json_str(key, arena);
		path->names[path->depth++] = yyjson_get_str(key);
		rc = field_from_json(&fields[1], yyjson_obj_iter_get_val(key), arena, item, path, err);
		path->depth--;
		if (rc < 0)
			return -1;
	}
	sort_map(field, ret);
	return 0;
}

static int enum_from_json(const struct field *field, yyjson_val *json, int *ret, const struct path *path, struct err *err)
{
	CLEANUP(buf_finip) struct buf want = BUF_INIT;

	if (!is_plain_str(json))
		return bad_type(path, "a string", err);
	if (yyjson_get_len(json) == 0) {
		*ret = 0;
		return 0;
	}
	for (int i = 0; field->names[i]; i++) {
		if (str_eq(field->names[i], yyjson_get_str(json))) {
			*ret = i;
			return 0;
		}
		if (*field->names[i])           /* "", where that is a name, need not be told */
			buf_printf(&want, "%s %s", want.len ? "," : "one of", field->names[i]);
	}
	if (field->said && str_ends(field->said, ":"))
		return err_set(err, ERR_INVALID, "%s \"%.200s\"", field->said, yyjson_get_str(json));
	if (field->said)
		return err_set(err, ERR_INVALID, "%s %.200s", field->said, yyjson_get_str(json));
	return bad_type(path, buf_text(&want), err);
}

static int int_from_json(yyjson_val *json, bool is_signed, uint64_t *ret, const struct path *path, struct err *err)
{
	if (yyjson_is_uint(json) && (!is_signed || yyjson_get_uint(json) <= INT64_MAX))
		*ret = yyjson_get_uint(json);
	else if (is_signed && yyjson_is_sint(json))
		*ret = (uint64_t)yyjson_get_sint(json);
	else if (yyjson_is_real(json) && fabs(yyjson_get_real(json)) < 9e15 && (is_signed || yyjson_get_real(json) >= 0) &&
		 !(trunc(yyjson_get_real(json)) < yyjson_get_real(json)) && !(trunc(yyjson_get_real(json)) > yyjson_get_real(json)))
		*ret = (uint64_t)(int64_t)yyjson_get_real(json);        /* 5e9 */
	else
		return bad_type(path, is_signed ? "a whole number" : "a whole number of at least 0", err);
	return 0;
}

static int bytes_from_json(yyjson_val *json, struct arena *arena, struct bytes *ret, struct path *path, struct err *err)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	if (!yyjson_is_str(json) || base64_decode(yyjson_get_str(json), yyjson_get_len(json), &bytes) < 0)
		return bad_type(path, "bytes in base64", err);
	fields_copy_bytes(&(const struct bytes){ (uint8_t *)bytes.data, bytes.len }, arena, ret);
	return 0;
}

static int field_from_json(const struct field *field, yyjson_val *json, struct arena *arena, void *ret_object, struct path *path, struct err *err)
{
	void *m = field_member(field, ret_object);
	uint64_t number;

	if (!json || yyjson_is_null(json))
		return 0;
	switch ((enum field_type)field->type) {
	case FIELD_STR:
		if (!is_plain_str(json))
			return bad_type(path, "a string", err);
		*(char **)m = yyjson_get_len(json) ? json_str(json, arena) : NULL;
		return 0;
	case FIELD_BYTES:
		return bytes_from_json(json, arena, m, path, err);
	case FIELD_BOOL:
	case FIELD_TRI:
		if (!yyjson_is_bool(json))
			return bad_type(path, "true or false", err);
		if (field->type == FIELD_BOOL)
			*(bool *)m = yyjson_get_bool(json);
		else
			*(enum tri *)m = yyjson_get_bool(json) ? TRI_TRUE : TRI_FALSE;
		return 0;
	case FIELD_I64:
	case FIELD_U64:
		return int_from_json(json, field->type == FIELD_I64, m, path, err);
	case FIELD_F64:
		if (!yyjson_is_num(json))
			return bad_type(path, "a number", err);
		*(double *)m = yyjson_get_num(json);
		return 0;
	case FIELD_OPT_U64:
		if (int_from_json(json, false, &number, path, err) < 0)
			return field->said && yyjson_is_num(json) ? err_set(err, ERR_INVALID, "%s", field->said) : -1;
		*(struct opt_u64 *)m = (struct opt_u64){ true, number };
		return 0;
	case FIELD_OPT_I64:
		if (int_from_json(json, true, &number, path, err) < 0)
			return -1;
		*(struct opt_i64 *)m = (struct opt_i64){ true, (int64_t)number };
		return 0;
	case FIELD_STAMP:
		if (!is_plain_str(json) || stamp_parse(yyjson_get_str(json), m) < 0)
			return bad_type(path, "an RFC 3339 time", err);
		return 0;
	case FIELD_ENUM:
		return enum_from_json(field, json, m, path, err);
	case FIELD_STR_LIST:
		return str_list_from_json(json, arena, m, path, err);
	case FIELD_STR_MAP:
		return str_map_from_json(json, arena, m, path, err);
	case FIELD_STRUCT:
		return struct_from_json(field->shape, json, arena, m, path, err);
	case FIELD_OPTION:
		*(void **)m = fields_take(arena, 1, field->shape->size);
		return struct_from_json(field->shape, json, arena, *(void **)m, path, err);
	case FIELD_LIST:
		return list_from_json(field, json, arena, m, path, err);
	case FIELD_MAP:
		return map_from_json(field, json, arena, m, path, err);
	case FIELD_REFUSED:
		return json_is_empty(json) ? 0 : refused(path, err);
	}
	panic("field %s: type %d", field->json, field->type);
}

static yyjson_val *find_key(yyjson_val *json, const char *name)
{
	yyjson_val *exact = yyjson_obj_get(json, name), *key;
	yyjson_obj_iter iter;

	if (exact)
		return exact;
	iter = yyjson_obj_iter_with(json);
	while ((key = yyjson_obj_iter_next(&iter)))
		if (str_eq_nocase(yyjson_get_str(key), name))
			return yyjson_obj_iter_get_val(key);
	return NULL;
}

static int struct_from_json(const struct shape *shape, yyjson_val *json, struct arena *arena, void *ret, struct path *path, struct err *err)
{
	memset(ret, 0, shape->size);
	if (yyjson_is_null(json))
		return 0;
	if (!yyjson_is_obj(json))
		return bad_type(path, "an object", err);
	check(path->depth < DEPTH_MAX);         /* as deep as our own tables nest, not as the input does */
	for (size_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];
		int rc;

		if (field->flags & (FIELD_HIDDEN | FIELD_READ_ONLY))
			continue;
		path->names[path->depth++] = field->json;
		rc = field_from_json(field, find_key(json, field->json), arena, ret, path, err);
		path->depth--;
		if (rc < 0)
			return -1;
	}
	return 0;
}

int shape_from_json(const struct shape *shape, yyjson_val *json, struct arena *arena, void *ret, struct err *err)
{
	struct path path = { .depth = 0 };

	memset(ret, 0, shape->size);
	if (!yyjson_is_obj(json))
		return err_set(err, ERR_INVALID, "invalid JSON: expected an object");
	return struct_from_json(shape, json, arena, ret, &path, err);
}
