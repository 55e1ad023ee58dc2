/* mount_flag.h - what stands behind --mount: "type=bind,source=/a,target=/b,readonly".
 *
 * Pure but for the working folder, against which "source=./x" is meant. Makes the object of
 * Docker's API. Kinds that swarmbox does not have (image, cluster, npipe) are refused by name.
 */
#pragma once
#include <yyjson.h>

#include "base/err.h"

int mount_flag_parse(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret, struct err *err);
