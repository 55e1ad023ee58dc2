/* image_json.h - how this room reads a stranger's JSON: bounded, and with what is wrong said in one line.
 *
 * Pure. Used by the parsers of this room only.
 */
#pragma once
#include <yyjson.h>

#include "base/err.h"
#include "image/image_manifest.h"

/* NULL with err: too long, or no JSON. what goes in front ("index.json"). The bytes are only read. */
yyjson_doc *image_json_read(const char *json, size_t bytes, const char *what, size_t max_bytes, struct err *err);
/* 64 lower-case digits out of "sha256:…"; NULL otherwise. */
const char *image_json_digest(yyjson_val *text);
/* digest and size of a descriptor. ret->kind stays as it is. */
int image_json_blob(yyjson_val *object, const char *what, struct image_blob *ret, struct err *err);
/* A string without NUL; NULL otherwise. */
const char *image_json_text(yyjson_val *value);
