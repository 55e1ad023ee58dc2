/* service_flags.h - one table: flag of `service create` and `service update` -> place in the
 * specification.
 *
 * Pure. Values are checked when the flag is read, so that a wrong one is answered as docker answers
 * it, and applied afterwards to a JSON document whose root is the specification. What Docker has
 * and we do not is refused by its name.
 */
#pragma once
#include <yyjson.h>

#include "applets/option.h"

#define SERVICE_FLAGS_MAX 1000
struct service_flag;
/* verb: = + - */
struct service_flag_use { const struct service_flag *flag; char verb; const char *value; };
/* The arguments of both commands begin with it. */
struct service_flags {
	struct service_flag_use uses[SERVICE_FLAGS_MAX];
	size_t count;
	const char *name, *mode, *log_driver;
	struct strlist env_files, cap_add, cap_drop, log_opts;
	struct option_uint replicas;
	bool detach, quiet, no_resolve_image, force, no_healthcheck, with_registry_auth;
};

extern const struct option service_create_options[], service_update_options[];

/* The whole specification for create: args[0] is the image, what follows are its arguments. */
int service_flags_create(const struct service_flags *flags, char *const *args, yyjson_mut_doc *doc,
			 struct err *err);
/* Changes the specification that doc's root holds. */
int service_flags_update(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err);
/* "nginx" to "nginx:latest"; ERR_INVALID for what is no reference. */
int service_flags_image(const char *text, char *ret_image, size_t size, struct err *err);
