#include "api/filters.h"

#include <string.h>
#include <strings.h>
#include <yyjson.h>

#include "base/str.h"

static bool is_allowed(const char *const *allowed, const char *key)
{
	for (size_t i = 0; allowed[i]; i++)
		if (str_eq(allowed[i], key))
			return true;
	return false;
}

static int malformed(struct err *err)
{
	return err_set(err, ERR_INVALID, "invalid filters: expected a JSON object such as {\"name\":{\"web\":true}}");
}

static int take_values(yyjson_val *value, struct arena *arena, struct filter *ret, struct err *err)
{
	yyjson_val *item;
	size_t index, max;

	if (yyjson_is_arr(value)) {
		ret->values.items = ARENA_ARRAY(arena, char *, yyjson_arr_size(value));
		yyjson_arr_foreach(value, index, max, item) {
			if (!yyjson_is_str(item))
				return malformed(err);
			ret->values.items[ret->values.count++] = arena_strdup(arena, yyjson_get_str(item));
		}
		return 0;
	}
	if (!yyjson_is_obj(value))
		return malformed(err);
	ret->values.items = ARENA_ARRAY(arena, char *, yyjson_obj_size(value));
	yyjson_obj_iter iter = yyjson_obj_iter_with(value);
	while ((item = yyjson_obj_iter_next(&iter))) {
		/* Docker looks at the names alone. A filter that is there must narrow: "false" read as "no filter" would list, or prune, all. */
		if (!yyjson_is_bool(yyjson_obj_iter_get_val(item)))
			return malformed(err);
		ret->values.items[ret->values.count++] = arena_strdup(arena, yyjson_get_str(item));
	}
	return 0;
}

static int take(yyjson_val *root, const char *const *allowed, struct arena *arena, struct filters *ret, struct err *err)
{
	yyjson_obj_iter iter;
	yyjson_val *key;

	if (yyjson_is_null(root))
		return 0;
	if (!yyjson_is_obj(root))
		return malformed(err);
	ret->items = ARENA_ARRAY(arena, struct filter, yyjson_obj_size(root));
	iter = yyjson_obj_iter_with(root);
	while ((key = yyjson_obj_iter_next(&iter))) {
		struct filter *filter = &ret->items[ret->count];

		if (!is_allowed(allowed, yyjson_get_str(key)))
			return err_set(err, ERR_INVALID, "invalid filter '%.100s'", yyjson_get_str(key));
		filter->key = arena_strdup(arena, yyjson_get_str(key));
		if (take_values(yyjson_obj_iter_get_val(key), arena, filter, err) < 0)
			return -1;
		if (filter->values.count)
			ret->count++;
	}
	return 0;
}

int filters_parse(const char *text, const char *const *allowed, struct arena *arena, struct filters *ret, struct err *err)
{
	yyjson_doc *doc;
	int rc;

	*ret = (struct filters){ 0 };
	if (str_is_empty(text))
		return 0;
	doc = yyjson_read(text, strlen(text), 0);
	if (!doc)
		return malformed(err);
	rc = take(yyjson_doc_get_root(doc), allowed, arena, ret, err);
	yyjson_doc_free(doc);
	return rc;
}

const struct str_array *filters_get(const struct filters *filters, const char *key)
{
	for (size_t i = 0; i < filters->count; i++)
		if (str_eq(filters->items[i].key, key))
			return &filters->items[i].values;
	return NULL;
}

static bool any(const struct filters *filters, const char *key, const char *text, bool (*holds)(const char *text, const char *value))
{
	const struct str_array *values = filters_get(filters, key);

	for (size_t i = 0; values && i < values->count; i++)
		if (holds(text ? text : "", values->items[i]))
			return true;
	return !values;
}

static bool holds_exact(const char *text, const char *value) { return str_eq(text, value); }
static bool holds_exact_nocase(const char *text, const char *value) { return str_eq_nocase(text, value); }
static bool holds_prefix_nocase(const char *text, const char *value) { return strncasecmp(text, value, strlen(value)) == 0; }
static bool holds_contains(const char *text, const char *value) { return strstr(text, value) != NULL; }

bool filters_exact(const struct filters *filters, const char *key, const char *text) { return any(filters, key, text, holds_exact); }
bool filters_prefix(const struct filters *filters, const char *key, const char *text) { return any(filters, key, text, str_starts); }
bool filters_exact_nocase(const struct filters *filters, const char *key, const char *text) { return any(filters, key, text, holds_exact_nocase); }
bool filters_prefix_nocase(const struct filters *filters, const char *key, const char *text) { return any(filters, key, text, holds_prefix_nocase); }
bool filters_contains(const struct filters *filters, const char *key, const char *text) { return any(filters, key, text, holds_contains); }

static bool label_holds(const char *wanted, const struct str_map *labels)
{
	const char *equals = strchr(wanted, '=');
	size_t length = equals ? (size_t)(equals - wanted) : strlen(wanted);

	for (size_t i = 0; i < labels->count; i++) {
		const char *key = labels->items[i].key;
		if (key && strlen(key) == length && strncmp(key, wanted, length) == 0)
			return !equals || str_eq(labels->items[i].value, equals + 1);
	}
	return false;
}

bool filters_labels(const struct filters *filters, const char *key, const struct str_map *labels)
{
	const struct str_array *values = filters_get(filters, key);

	for (size_t i = 0; values && i < values->count; i++)
		if (!label_holds(values->items[i], labels))
			return false;
	return true;
}

const char *filters_stranger(const struct filters *filters, const char *key, const char *const *words)
{
	const struct str_array *values = filters_get(filters, key);

	for (size_t i = 0; values && i < values->count; i++)
		if (!is_allowed(words, values->items[i]))
			return values->items[i];
	return NULL;
}

int filters_words(const struct filters *filters, const char *key, const char *const *words, struct err *err)
{
	const char *stranger = filters_stranger(filters, key, words);

	if (!stranger)
		return 0;
	return err_set(err, ERR_INVALID, "Invalid %s filter: '%.100s'", key, stranger);
}

int filters_bool(const struct filters *filters, const char *key, bool def, bool *ret, struct err *err)
{
	const struct str_array *values = filters_get(filters, key);

	*ret = def;
	if (!values)
		return 0;
	if (values->count == 1 && (str_eq_nocase(values->items[0], "true") || str_eq(values->items[0], "1")))
		*ret = true;
	else if (values->count == 1 && (str_eq_nocase(values->items[0], "false") || str_eq(values->items[0], "0")))
		*ret = false;
	else
		return err_set(err, ERR_INVALID, "invalid filter '%s=[%.100s]'", key, values->items[0]);
	return 0;
}
