/* spec_json.h - the JSON of this room's stored files, below container_spec.h and shim_plan.h. */
#pragma once
#include <yyjson.h>

#include "base/buf.h"
#include "runtime/container_spec.h"
#include "runtime/spec_fields.h"

yyjson_mut_val *spec_json_encode(yyjson_mut_doc *doc, const struct container_spec *spec);
int spec_json_decode(yyjson_val *object, struct arena *arena, struct container_spec *ret, struct err *err);

/* ERR_INVALID when a text in it is not UTF-8: JSON could not carry it. */
int spec_json_write(yyjson_mut_doc *doc, const char *what, struct buf *out, struct err *err);
/* NULL with err; at most CONTAINER_SPEC_MAX_BYTES. */
yyjson_doc *spec_json_read(const char *text, size_t length, const char *what, struct err *err);
void spec_json_freep(yyjson_doc **doc);
void spec_json_mut_freep(yyjson_mut_doc **doc);
