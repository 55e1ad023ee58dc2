/* spec_fields.c - structs to JSON and back, by a table. */
#include "runtime/spec_fields.h"

#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "runtime/container_spec.h"

static yyjson_mut_val *encode_list(yyjson_mut_doc *doc, const struct spec_field *field, const void *from)
{
	const char *items = *(char *const *)((const char *)from + field->at);
	size_t count = *(const size_t *)(const void *)((const char *)from + field->count_at);
	yyjson_mut_val *list = yyjson_mut_arr(doc);

	for (size_t i = 0; i < count; i++)
		yyjson_mut_arr_append(list, spec_fields_encode(doc, field->items, items + i * field->item_bytes));
	return count ? list : NULL;
}

static yyjson_mut_val *encode_texts(yyjson_mut_doc *doc, const struct container_strings *texts)
{
	yyjson_mut_val *list = yyjson_mut_arr(doc);

	for (size_t i = 0; i < texts->count; i++)
		yyjson_mut_arr_add_str(doc, list, texts->items[i]);
	return texts->count ? list : NULL;
}

/* A list of two-element lists, not an object: order and doubles stay. */
static yyjson_mut_val *encode_pairs(yyjson_mut_doc *doc, const struct container_pairs *pairs)
{
	yyjson_mut_val *list = yyjson_mut_arr(doc);

	for (size_t i = 0; i < pairs->count; i++) {
		yyjson_mut_val *pair = yyjson_mut_arr_add_arr(doc, list);

		yyjson_mut_arr_add_str(doc, pair, pairs->items[i].key);
		yyjson_mut_arr_add_str(doc, pair, pairs->items[i].value ? pairs->items[i].value : "");
	}
	return pairs->count ? list : NULL;
}

/* NULL: the field has its zero value. */
static yyjson_mut_val *encode_field(yyjson_mut_doc *doc, const struct spec_field *field, const void *from)
{
	const void *at = (const char *)from + field->at;

	switch (field->kind) {
	case SPEC_TEXT:
		return str_is_empty(*(const char *const *)at) ? NULL : yyjson_mut_str(doc, *(const char *const *)at);
	case SPEC_TEXTS:
		return encode_texts(doc, at);
	case SPEC_PAIRS:
		return encode_pairs(doc, at);
	case SPEC_BOOL:
		return *(const bool *)at ? yyjson_mut_bool(doc, true) : NULL;
	case SPEC_INT:
		return *(const int *)at ? yyjson_mut_sint(doc, *(const int *)at) : NULL;
	case SPEC_I64:
		return *(const int64_t *)at ? yyjson_mut_sint(doc, *(const int64_t *)at) : NULL;
	case SPEC_U32:
		return *(const uint32_t *)at ? yyjson_mut_uint(doc, *(const uint32_t *)at) : NULL;
	case SPEC_U64:
		return *(const uint64_t *)at ? yyjson_mut_uint(doc, *(const uint64_t *)at) : NULL;
	case SPEC_WORD:
		return *(const unsigned *)at ? yyjson_mut_str(doc, field->words[*(const unsigned *)at]) : NULL;
	case SPEC_LIST:
		return encode_list(doc, field, from);
	case SPEC_END:
		break;
	}
	return NULL;
}

yyjson_mut_val *spec_fields_encode(yyjson_mut_doc *doc, const struct spec_field *fields, const void *from)
{
	yyjson_mut_val *object = yyjson_mut_obj(doc);

	for (const struct spec_field *field = fields; field->kind != SPEC_END; field++) {
		yyjson_mut_val *value = encode_field(doc, field, from);

		if (value)
			yyjson_mut_obj_add_val(doc, object, field->name, value);
	}
	return object;
}

/* A C string cannot carry a NUL, and a path cut at one is another path. */
static int decode_text(yyjson_val *value, struct arena *arena, const char **ret)
{
	if (!yyjson_is_str(value) || strlen(yyjson_get_str(value)) != yyjson_get_len(value))
		return -1;
	*ret = arena_strndup(arena, yyjson_get_str(value), yyjson_get_len(value));
	return 0;
}

static int decode_texts(yyjson_val *value, struct arena *arena, struct container_strings *ret)
{
	size_t at, count;
	yyjson_val *item;

	if (!yyjson_is_arr(value))
		return -1;
	ret->items = ARENA_ARRAY(arena, const char *, yyjson_arr_size(value));
	yyjson_arr_foreach(value, at, count, item)
		if (decode_text(item, arena, &ret->items[at]) < 0)
			return -1;
	ret->count = yyjson_arr_size(value);
	return 0;
}

static int decode_pairs(yyjson_val *value, struct arena *arena, struct container_pairs *ret)
{
	size_t at, count;
	yyjson_val *item;

	if (!yyjson_is_arr(value))
		return -1;
	ret->items = ARENA_ARRAY(arena, struct container_pair, yyjson_arr_size(value));
	yyjson_arr_foreach(value, at, count, item) {
		struct container_pair *pair = &ret->items[at];

		if (!yyjson_is_arr(item) || yyjson_arr_size(item) != 2 ||
		    decode_text(yyjson_arr_get(item, 0), arena, &pair->key) < 0 ||
		    decode_text(yyjson_arr_get(item, 1), arena, &pair->value) < 0)
			return -1;
	}
	ret->count = yyjson_arr_size(value);
	return 0;
}

static int decode_signed(yyjson_val *value, int64_t min, int64_t max, int64_t *ret)
{
	if (!yyjson_is_int(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > (uint64_t)INT64_MAX))
		return -1;
	if (yyjson_get_sint(value) < min || yyjson_get_sint(value) > max)
		return -1;
	*ret = yyjson_get_sint(value);
	return 0;
}

static int decode_unsigned(yyjson_val *value, uint64_t max, uint64_t *ret)
{
	if (!yyjson_is_uint(value) || yyjson_get_uint(value) > max)
		return -1;
	*ret = yyjson_get_uint(value);
	return 0;
}

static int decode_word(yyjson_val *value, const char *const *words, unsigned *ret)
{
	for (unsigned i = 0; words[i]; i++)
		if (yyjson_equals_str(value, words[i])) {
			*ret = i;
			return 0;
		}
	return -1;
}

static int decode_list(yyjson_val *value, const struct spec_field *field, struct arena *arena, void *to, struct err *err)
{
	size_t at, count;
	yyjson_val *item;

	if (!yyjson_is_arr(value))
		return -1;
	char *items = arena_take_array(arena, yyjson_arr_size(value), field->item_bytes);

	yyjson_arr_foreach(value, at, count, item)
		if (spec_fields_decode(item, field->items, field->name, arena, items + at * field->item_bytes, err) < 0)
			return -1;
	*(char **)(void *)((char *)to + field->at) = items;
	*(size_t *)(void *)((char *)to + field->count_at) = yyjson_arr_size(value);
	return 0;
}

static int decode_field(yyjson_val *value, const struct spec_field *field, struct arena *arena, void *to, struct err *err)
{
	void *at = (char *)to + field->at;
	int64_t number;
	uint64_t natural;

	switch (field->kind) {
	case SPEC_TEXT:
		return decode_text(value, arena, at);
	case SPEC_TEXTS:
		return decode_texts(value, arena, at);
	case SPEC_PAIRS:
		return decode_pairs(value, arena, at);
	case SPEC_BOOL:
		*(bool *)at = yyjson_get_bool(value);
		return yyjson_is_bool(value) ? 0 : -1;
	case SPEC_INT:
		if (decode_signed(value, INT_MIN, INT_MAX, &number) < 0)
			return -1;
		*(int *)at = (int)number;
		return 0;
	case SPEC_I64:
		return decode_signed(value, INT64_MIN, INT64_MAX, at);
	case SPEC_U32:
		if (decode_unsigned(value, UINT32_MAX, &natural) < 0)
			return -1;
		*(uint32_t *)at = (uint32_t)natural;
		return 0;
	case SPEC_U64:
		return decode_unsigned(value, UINT64_MAX, at);
	case SPEC_WORD:
		return decode_word(value, field->words, at);
	case SPEC_LIST:
		return decode_list(value, field, arena, to, err);
	case SPEC_END:
		break;
	}
	return -1;
}

int spec_fields_decode(yyjson_val *object, const struct spec_field *fields, const char *what, struct arena *arena, void *to,
		       struct err *err)
{
	size_t at, count;
	yyjson_val *key, *value;

	if (!yyjson_is_obj(object))
		return err_set(err, ERR_INVALID, "%s: not a JSON object", what);
	yyjson_obj_foreach(object, at, count, key, value) {
		const struct spec_field *field = fields;
		struct err inner = { .code = 0 };

		while (field->kind != SPEC_END && !yyjson_equals_str(key, field->name))
			field++;
		if (field->kind == SPEC_END)
			return err_set(err, ERR_INVALID, "%s: unknown field '%.64s'", what, yyjson_get_str(key));
		if (decode_field(value, field, arena, to, &inner) < 0)
			return inner.code ? err_set(err, inner.code, "%s: %s", what, inner.text)
					  : err_set(err, ERR_INVALID, "%s: field '%s' has a wrong value", what, field->name);
	}
	return 0;
}
