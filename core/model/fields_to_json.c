/* Values into JSON (fields.h), as Docker's daemon would print them. */
#include <math.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/units.h"
#include "model/fields_inside.h"

static yyjson_mut_val *bytes_to_json(const struct bytes *bytes, yyjson_mut_doc *doc)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	base64_encode(bytes->items, bytes->count, &text);
	return yyjson_mut_strncpy(doc, buf_text(&text), text.len);
}

static yyjson_mut_val *str_list_to_json(const struct str_array *list, yyjson_mut_doc *doc)
{
	yyjson_mut_val *array = yyjson_mut_arr(doc);

	for (size_t i = 0; i < list->count; i++)
		yyjson_mut_arr_add_strcpy(doc, array, list->items[i] ? list->items[i] : "");
	return array;
}

static yyjson_mut_val *str_map_to_json(const struct str_map *map, yyjson_mut_doc *doc)
{
	yyjson_mut_val *object = yyjson_mut_obj(doc);

	for (size_t i = 0; i < map->count; i++)
		yyjson_mut_obj_add(object, yyjson_mut_strcpy(doc, map->items[i].key ? map->items[i].key : ""),
				   yyjson_mut_strcpy(doc, map->items[i].value ? map->items[i].value : ""));
	return object;
}

static yyjson_mut_val *list_to_json(const struct field *field, const struct any_array *list, yyjson_mut_doc *doc)
{
	yyjson_mut_val *array = yyjson_mut_arr(doc);

	for (size_t i = 0; i < list->count; i++)
		yyjson_mut_arr_append(array, shape_to_json(field->shape, (const char *)list->items + i * field->shape->size, doc));
	return array;
}

static yyjson_mut_val *field_to_json(const struct field *field, const void *object, yyjson_mut_doc *doc);

static yyjson_mut_val *map_to_json(const struct field *field, const struct any_array *map, yyjson_mut_doc *doc)
{
	yyjson_mut_val *object = yyjson_mut_obj(doc);

	for (size_t i = 0; i < map->count; i++) {
		const void *item = (const char *)map->items + i * field->shape->size;
		const char *key = *(char *const *)((const char *)item + field->shape->fields[0].offset);

		yyjson_mut_obj_add(object, yyjson_mut_strcpy(doc, key), field_to_json(&field->shape->fields[1], item, doc));
	}
	return object;
}

static yyjson_mut_val *field_to_json(const struct field *field, const void *object, yyjson_mut_doc *doc)
{
	const void *m = field_cmember(field, object);
	char stamp[STAMP_TEXT_SIZE];

	switch ((enum field_type)field->type) {
	case FIELD_STR: return yyjson_mut_strcpy(doc, *(char *const *)m ? *(char *const *)m : "");
	case FIELD_BYTES: return bytes_to_json(m, doc);
	case FIELD_BOOL: return yyjson_mut_bool(doc, *(const bool *)m);
	case FIELD_TRI: return yyjson_mut_bool(doc, *(const enum tri *)m == TRI_TRUE);
	case FIELD_I64: return yyjson_mut_sint(doc, *(const int64_t *)m);
	case FIELD_U64: return yyjson_mut_uint(doc, *(const uint64_t *)m);
	case FIELD_OPT_U64: return yyjson_mut_uint(doc, ((const struct opt_u64 *)m)->value);
	case FIELD_OPT_I64: {
		const struct opt_i64 *number = m;
		return number->is_set ? yyjson_mut_sint(doc, number->value) : yyjson_mut_null(doc);
	}
	case FIELD_F64: {
		double v = *(const double *)m;
		if (fabs(v) < 9e15 && !(trunc(v) < v) && !(trunc(v) > v))
			return yyjson_mut_sint(doc, (int64_t)v);        /* Go prints 0, not 0.0 */
		return yyjson_mut_real(doc, v);
	}
	case FIELD_STAMP: {
		nsec wall = *(const nsec *)m;
		return yyjson_mut_strcpy(doc, stamp_format(wall ? wall : STAMP_ZERO, stamp));
	}
	case FIELD_ENUM: return yyjson_mut_str(doc, field->names[*(const int *)m]);
	case FIELD_STR_LIST:
		if (((const struct str_array *)m)->count == 0 && (field->flags & FIELD_NULLABLE))
			return yyjson_mut_null(doc);
		return str_list_to_json(m, doc);
	case FIELD_STR_MAP:
		if (((const struct str_map *)m)->count == 0 && (field->flags & FIELD_NULLABLE))
			return yyjson_mut_null(doc);
		return str_map_to_json(m, doc);
	case FIELD_STRUCT: return shape_to_json(field->shape, m, doc);
	case FIELD_OPTION: return *(void *const *)m ? shape_to_json(field->shape, *(void *const *)m, doc) : yyjson_mut_null(doc);
	case FIELD_LIST:
		if (((const struct any_array *)m)->count == 0 && (field->flags & FIELD_NULLABLE))
			return yyjson_mut_null(doc);
		return list_to_json(field, m, doc);
	case FIELD_MAP:
		if (((const struct any_array *)m)->count == 0 && (field->flags & FIELD_NULLABLE))
			return yyjson_mut_null(doc);
		return map_to_json(field, m, doc);
	case FIELD_REFUSED: break;
	}
	panic("field %s: type %d", field->json, field->type);
}

static bool is_printed(const struct field *field, const void *object)
{
	if (field->type == FIELD_REFUSED || (field->flags & FIELD_HIDDEN))
		return false;
	if (field->flags & FIELD_ALWAYS)
		return true;
	return !field_is_empty(field, object);
}

yyjson_mut_val *shape_to_json(const struct shape *shape, const void *value, yyjson_mut_doc *doc)
{
	yyjson_mut_val *object = yyjson_mut_obj(doc);

	for (size_t i = 0; i < shape->count; i++)
		if (is_printed(&shape->fields[i], value))
			yyjson_mut_obj_add(object, yyjson_mut_str(doc, shape->fields[i].json),
					   field_to_json(&shape->fields[i], value, doc));
	return object;
}
