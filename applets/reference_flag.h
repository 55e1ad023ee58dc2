/* reference_flag.h - --secret and --config of services: "name", or "source=name,target=file,uid=,gid=,mode=".
 *
 * Pure but for the last one. Words as the docker client's.
 */
#pragma once
#include <yyjson.h>

#include "base/err.h"
#include "client/call.h"

/* Appends a reference without its id to the array at the path; is_config: for configs. */
int reference_flag_add(yyjson_mut_doc *doc, const char *path, bool is_config, const char *value, struct err *err);
/* Takes away what refers to the name. */
void reference_flag_remove(yyjson_mut_doc *doc, const char *path, bool is_config, const char *name);
/* Asks for the ids of those that have none: "secret not found: x". */
int reference_flag_resolve(struct call *call, yyjson_mut_doc *doc, struct err *err);
