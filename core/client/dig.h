/* dig.h - values deep inside of JSON by a dotted path: dig_str(service, "Spec.Name").
 *
 * Pure. What is absent, null or of another type reads as nothing: NULL, "", 0, false. For labels
 * and other keys that may hold dots, take the object and use yyjson_obj_get.
 */
#pragma once
#include <yyjson.h>

#include "base/base.h"

yyjson_val *dig(yyjson_val *from, const char *path);    /* NULL when absent or null */
const char *dig_str(yyjson_val *from, const char *path);        /* never NULL */
int64_t dig_int(yyjson_val *from, const char *path);
bool dig_bool(yyjson_val *from, const char *path);
nsec dig_time(yyjson_val *from, const char *path);      /* STAMP_ZERO when absent or no time */
