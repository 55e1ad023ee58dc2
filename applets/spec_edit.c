#include "applets/spec_edit.h"

#include <string.h>

#include "base/panic.h"
#include "base/str.h"

static void fill_new(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, size_t length)
{
	if (length == 12 && memcmp(name, "UpdateConfig", 12) == 0) {
		yyjson_mut_obj_add_uint(doc, object, "Parallelism", 1);
		yyjson_mut_obj_add_str(doc, object, "FailureAction", "pause");
		yyjson_mut_obj_add_uint(doc, object, "Monitor", 5000000000);
		yyjson_mut_obj_add_uint(doc, object, "MaxFailureRatio", 0);
		yyjson_mut_obj_add_str(doc, object, "Order", "stop-first");
	} else if (length == 13 && memcmp(name, "RestartPolicy", 13) == 0) {
		yyjson_mut_obj_add_str(doc, object, "Condition", "any");
		yyjson_mut_obj_add_uint(doc, object, "Delay", 5000000000);
		yyjson_mut_obj_add_uint(doc, object, "MaxAttempts", 0);
	}
}

static yyjson_mut_val *step_into(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
				 size_t length)
{
	yyjson_mut_val *member = yyjson_mut_obj_getn(object, name, length);

	if (member && yyjson_mut_is_obj(member))
		return member;
	member = yyjson_mut_obj(doc);
	fill_new(doc, member, name, length);
	yyjson_mut_obj_put(object, yyjson_mut_strncpy(doc, name, length), member);
	return member;
}

yyjson_mut_val *spec_object(yyjson_mut_doc *doc, const char *path)
{
	yyjson_mut_val *at = yyjson_mut_doc_get_root(doc);

	while (*path) {
		size_t length = strcspn(path, ".");
		at = step_into(doc, at, path, length);
		path += length;
		path += *path == '.';
	}
	return at;
}

/* The object that holds the last name of the path, and that name. */
static yyjson_mut_val *holder(yyjson_mut_doc *doc, const char *path, const char **ret_name)
{
	const char *dot = strrchr(path, '.');
	char above[128] = "";

	if (dot) {
		check((size_t)(dot - path) < sizeof(above));
		memcpy(above, path, (size_t)(dot - path));
	}
	*ret_name = dot ? dot + 1 : path;
	return spec_object(doc, above);
}

yyjson_mut_val *spec_find(yyjson_mut_doc *doc, const char *path)
{
	yyjson_mut_val *at = yyjson_mut_doc_get_root(doc);

	while (at && *path) {
		size_t length = strcspn(path, ".");
		at = yyjson_mut_obj_getn(at, path, length);
		path += length;
		path += *path == '.';
	}
	return yyjson_mut_is_null(at) ? NULL : at;
}

void spec_set(yyjson_mut_doc *doc, const char *path, yyjson_mut_val *value)
{
	const char *name;
	yyjson_mut_val *object = holder(doc, path, &name);

	yyjson_mut_obj_put(object, yyjson_mut_strcpy(doc, name), value);
}

yyjson_mut_val *spec_array(yyjson_mut_doc *doc, const char *path)
{
	yyjson_mut_val *array = spec_find(doc, path);

	if (!array || !yyjson_mut_is_arr(array)) {
		array = yyjson_mut_arr(doc);
		spec_set(doc, path, array);
	}
	return array;
}

void spec_set_str(yyjson_mut_doc *doc, const char *path, const char *value)
{
	spec_set(doc, path, yyjson_mut_strcpy(doc, value));
}

void spec_set_uint(yyjson_mut_doc *doc, const char *path, uint64_t value)
{
	spec_set(doc, path, yyjson_mut_uint(doc, value));
}

void spec_put(yyjson_mut_doc *doc, const char *path, const char *key, const char *value)
{
	yyjson_mut_obj_put(spec_object(doc, path), yyjson_mut_strcpy(doc, key),
			   yyjson_mut_strcpy(doc, value));
}

void spec_remove(yyjson_mut_doc *doc, const char *path, const char *key)
{
	yyjson_mut_val *object = spec_find(doc, path);

	if (object)
		yyjson_mut_obj_remove_key(object, key);
}

void spec_filter(yyjson_mut_doc *doc, const char *path,
		 bool (*drop)(yyjson_mut_val *element, const void *arg), const void *arg)
{
	yyjson_mut_val *array = spec_find(doc, path), *element;
	yyjson_mut_arr_iter iter;

	if (!array)
		return;
	yyjson_mut_arr_iter_init(array, &iter);
	while ((element = yyjson_mut_arr_iter_next(&iter)))
		if (drop(element, arg))
			yyjson_mut_arr_iter_remove(&iter);
}
