/* spec_edit.h - a specification in the making: JSON that is changed by dotted paths.
 *
 * Pure. Setting makes the objects on the way. Strings are copied.
 */
#pragma once
#include <yyjson.h>

#include "base/base.h"

/* The object at the path, made when it is absent or null; a RestartPolicy or UpdateConfig that is
 * made gets the values that Docker's service has without one, for the server takes what is absent
 * there as zero. */
yyjson_mut_val *spec_object(yyjson_mut_doc *doc, const char *path);
/* The array at the path, made when absent. */
yyjson_mut_val *spec_array(yyjson_mut_doc *doc, const char *path);
yyjson_mut_val *spec_find(yyjson_mut_doc *doc, const char *path);       /* NULL when absent */
void spec_set(yyjson_mut_doc *doc, const char *path, yyjson_mut_val *value);
void spec_set_str(yyjson_mut_doc *doc, const char *path, const char *value);
void spec_set_uint(yyjson_mut_doc *doc, const char *path, uint64_t value);
/* A member of the object at the path; replaces. */
void spec_put(yyjson_mut_doc *doc, const char *path, const char *key, const char *value);
void spec_remove(yyjson_mut_doc *doc, const char *path, const char *key);
/* Drops the elements for which drop says true. */
void spec_filter(yyjson_mut_doc *doc, const char *path,
		 bool (*drop)(yyjson_mut_val *element, const void *arg), const void *arg);
