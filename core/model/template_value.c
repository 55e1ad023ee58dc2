#include "model/template_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/json.h"

struct tval tval_of_string(const char *string)
{
	return (struct tval){ .kind = TVAL_STRING, .string = string ? string : "" };
}

struct tval tval_of_json(yyjson_val *json)
{
	switch (yyjson_get_type(json)) {
	case YYJSON_TYPE_BOOL:
		return (struct tval){ .kind = TVAL_BOOL, .truth = yyjson_get_bool(json) };
	case YYJSON_TYPE_STR:
		return tval_of_string(yyjson_get_str(json));
	case YYJSON_TYPE_NUM:
		if (yyjson_is_real(json))
			return (struct tval){ .kind = TVAL_REAL, .real = yyjson_get_real(json) };
		return (struct tval){ .kind = TVAL_INT, .number = yyjson_get_sint(json) };
	case YYJSON_TYPE_ARR:
	case YYJSON_TYPE_OBJ:
		return (struct tval){ .kind = TVAL_JSON, .json = json };
	default:
		return (struct tval){ .kind = TVAL_NIL };
	}
}

bool tval_is_true(struct tval value)
{
	switch (value.kind) {
	case TVAL_NIL:
		return false;
	case TVAL_BOOL:
		return value.truth;
	case TVAL_INT:
		return value.number != 0;
	case TVAL_REAL:
		return value.real < 0 || value.real > 0;
	case TVAL_STRING:
	case TVAL_LIST:
	case TVAL_JSON:
		return tval_count(value) > 0;
	}
	return false;
}

const char *tval_struct(struct tval value)
{
	return value.kind == TVAL_JSON ? yyjson_get_str(yyjson_obj_get(value.json, TVAL_TYPE)) : NULL;
}

struct tval tval_field(struct tval value, const char *name, bool is_exact, bool *ret_found)
{
	yyjson_obj_iter iter;
	yyjson_val *key;
	yyjson_val *member = NULL;

	*ret_found = false;
	if (value.kind != TVAL_JSON || !yyjson_is_obj(value.json))
		return (struct tval){ .kind = TVAL_NIL };
	member = yyjson_obj_get(value.json, name);
	yyjson_obj_iter_init(value.json, &iter);
	while (!member && !is_exact && (key = yyjson_obj_iter_next(&iter)))
		if (str_eq_nocase(yyjson_get_str(key), name))
			member = yyjson_obj_iter_get_val(key);
	*ret_found = member != NULL;
	return tval_of_json(member);
}

/* "com.example.two-words" is headed "two words". */
static const char *label_head(const char *key, struct arena *arena)
{
	const char *dot = strrchr(key, '.');
	char *head = arena_strdup(arena, dot ? dot + 1 : key);

	for (char *at = head; *at; at++)
		if (*at == '-' || *at == '_')
			*at = ' ';
	return head;
}

struct tval tval_label(struct tval value, const char *key, struct arena *arena)
{
	bool found;
	struct tval labels = tval_field(value, "Labels", false, &found), label;
	const char *at = labels.kind == TVAL_STRING ? labels.string : "";

	if (labels.kind == TVAL_JSON) {
		label = tval_field(labels, key, false, &found);
		return found ? label : tval_of_string("");
	}
	if (str_eq(at, "LABELS"))
		return tval_of_string(label_head(key, arena));
	for (; *at; at += strcspn(at, ","), at += *at == ',') {
		const char *text = str_after(at, key);

		if (text && *text == '=')
			return tval_of_string(arena_strndup(arena, text + 1, strcspn(text + 1, ",")));
	}
	return tval_of_string("");
}

size_t tval_count(struct tval value)
{
	switch (value.kind) {
	case TVAL_STRING:
		return strlen(value.string);
	case TVAL_LIST:
		return value.list.count;
	case TVAL_JSON:
		return yyjson_is_obj(value.json) ? yyjson_obj_size(value.json) :
						   yyjson_arr_size(value.json);
	case TVAL_NIL:
	case TVAL_BOOL:
	case TVAL_INT:
	case TVAL_REAL:
		break;
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	yyjson_val *const *left = a, *const *right = b;

	return strcmp(yyjson_get_str(*left), yyjson_get_str(*right));
}

/* The keys of an object, sorted; the caller frees them. */
static yyjson_val **sorted_keys(yyjson_val *object, size_t count)
{
	yyjson_val **keys = NEW_ARRAY(yyjson_val *, MAX(count, (size_t)1));
	yyjson_obj_iter iter;

	yyjson_obj_iter_init(object, &iter);
	for (size_t at = 0; at < count; at++)
		keys[at] = yyjson_obj_iter_next(&iter);
	qsort(keys, count, sizeof(*keys), by_key);
	return keys;
}

const struct tval *tval_elements(struct tval value, struct arena *arena, size_t *ret_count, const struct tval **ret_keys)
{
	size_t count = tval_count(value), at = 0;
	bool is_object = value.kind == TVAL_JSON && yyjson_is_obj(value.json);
	yyjson_val **names = is_object ? sorted_keys(value.json, count) : NULL;
	struct tval *keys = ret_keys ? ARENA_ARRAY(arena, struct tval, count + 1) : NULL, *items;
	yyjson_arr_iter iter;
	yyjson_val *item;

	*ret_count = count;
	for (size_t i = 0; keys && i < count; i++)
		keys[i] = is_object ? tval_of_string(yyjson_get_str(names[i])) :
				      (struct tval){ .kind = TVAL_INT, .number = (int64_t)i };
	if (ret_keys)
		*ret_keys = keys;
	if (value.kind == TVAL_LIST)
		return value.list.items;
	items = ARENA_ARRAY(arena, struct tval, count + 1);
	for (; is_object && at < count; at++)
		items[at] = tval_of_json(yyjson_obj_iter_get_val(names[at]));
	free(names);
	if (is_object)
		return items;
	yyjson_arr_iter_init(value.json, &iter);
	while ((item = yyjson_arr_iter_next(&iter)))
		items[at++] = tval_of_json(item);
	return items;
}

static void print_struct(yyjson_val *object, struct buf *out)
{
	yyjson_obj_iter iter;
	yyjson_val *key;
	char before = '{';

	yyjson_obj_iter_init(object, &iter);
	yyjson_obj_iter_next(&iter);            /* its type */
	for (; (key = yyjson_obj_iter_next(&iter)); before = ' ') {
		buf_add_char(out, before);
		tval_print(tval_of_json(yyjson_obj_iter_get_val(key)), out);
	}
	buf_add_char(out, '}');
}

static void print_object(yyjson_val *object, struct buf *out)
{
	size_t count = yyjson_obj_size(object);
	yyjson_val **keys = sorted_keys(object, count);

	buf_add_str(out, "map[");
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "%s%s:", i ? " " : "", yyjson_get_str(keys[i]));
		tval_print(tval_of_json(yyjson_obj_iter_get_val(keys[i])), out);
	}
	buf_add_char(out, ']');
	free(keys);
}

static void print_array(struct tval value, struct buf *out)
{
	yyjson_arr_iter iter;
	yyjson_val *item;
	bool is_first = true;

	buf_add_char(out, '[');
	for (size_t i = 0; value.kind == TVAL_LIST && i < value.list.count; i++) {
		buf_add_str(out, i ? " " : "");
		tval_print(value.list.items[i], out);
	}
	yyjson_arr_iter_init(value.kind == TVAL_JSON ? value.json : NULL, &iter);
	while ((item = yyjson_arr_iter_next(&iter))) {
		buf_add_str(out, is_first ? "" : " ");
		tval_print(tval_of_json(item), out);
		is_first = false;
	}
	buf_add_char(out, ']');
}

void tval_print(struct tval value, struct buf *out)
{
	switch (value.kind) {
	case TVAL_NIL:
		buf_add_str(out, "<no value>");
		break;
	case TVAL_BOOL:
		buf_add_str(out, value.truth ? "true" : "false");
		break;
	case TVAL_INT:
		buf_printf(out, "%lld", (long long)value.number);
		break;
	case TVAL_REAL:
		buf_printf(out, "%g", value.real);
		break;
	case TVAL_STRING:
		buf_add_str(out, value.string);
		break;
	case TVAL_LIST:
		print_array(value, out);
		break;
	case TVAL_JSON:
		if (tval_struct(value))
			print_struct(value.json, out);
		else if (yyjson_is_obj(value.json))
			print_object(value.json, out);
		else
			print_array(value, out);
		break;
	}
}

static yyjson_mut_val *to_json(yyjson_mut_doc *doc, struct tval value)
{
	yyjson_mut_val *array;

	switch (value.kind) {
	case TVAL_BOOL:
		return yyjson_mut_bool(doc, value.truth);
	case TVAL_INT:
		return yyjson_mut_sint(doc, value.number);
	case TVAL_REAL:
		return yyjson_mut_real(doc, value.real);
	case TVAL_STRING:
		return yyjson_mut_str(doc, value.string);
	case TVAL_LIST:
		array = yyjson_mut_arr(doc);
		for (size_t i = 0; i < value.list.count; i++)
			yyjson_mut_arr_append(array, to_json(doc, value.list.items[i]));
		return array;
	case TVAL_JSON:
		return yyjson_val_mut_copy(doc, value.json);
	case TVAL_NIL:
		break;
	}
	return yyjson_mut_null(doc);
}

void tval_json(struct tval value, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	json_write(doc, to_json(doc, value), 0, out);
}

bool tval_equals(struct tval a, struct tval b)
{
	if (a.kind == TVAL_STRING && b.kind == TVAL_STRING)
		return strcmp(a.string, b.string) == 0;
	if (a.kind == TVAL_BOOL && b.kind == TVAL_BOOL)
		return a.truth == b.truth;
	if (a.kind == TVAL_INT && b.kind == TVAL_INT)
		return a.number == b.number;
	return a.kind == TVAL_NIL && b.kind == TVAL_NIL;
}
