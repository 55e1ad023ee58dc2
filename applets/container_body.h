/* container_body.h - what the flags of `run`, `create` and `container update` make of the body of the call.
 *
 * Pure but for the files that --env-file, --label-file and --security-opt name, and the working folder that "-v ./x:/y" is meant against.
 */
#pragma once
#include <yyjson.h>

#include "applets/container_flags.h"

/* Which streams the client wants: by -a, else output and, with -i, input; none with -d. */
struct container_streams { bool in, out, err; };
int container_body_streams(const struct container_flags *flags, struct container_streams *ret, struct err *err);
/* The whole body; words[0] is the image, what follows is its command. */
int container_body_make(const struct container_flags *flags, const struct container_streams *streams, char *const *words,
			yyjson_mut_doc *doc, struct err *err);
/* The body of the update call. */
int container_body_update(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err);
