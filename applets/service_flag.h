/* service_flag.h - one flag of a service: what kind of value it takes, and where in the specification
 * the value goes.
 *
 * Pure.
 */
#pragma once
#include <yyjson.h>

#include "base/err.h"

enum service_flag_kind {
	FLAG_STRING, FLAG_IMAGE, FLAG_WORDS, FLAG_BOOL, FLAG_INT, FLAG_UINT, FLAG_BYTES, FLAG_CPUS,
	FLAG_DURATION, FLAG_PERIOD, FLAG_ISOLATION, FLAG_ENDPOINT, FLAG_CHECK,
	FLAG_MAP, FLAG_PAIR, FLAG_ENV, FLAG_LIST, FLAG_ONCE, FLAG_ADDRESS, FLAG_DOMAIN, FLAG_HOST,
	FLAG_ULIMIT, FLAG_NETWORK, FLAG_MOUNT, FLAG_PORT, FLAG_SECRET, FLAG_CONFIG,
};
struct service_flag { enum service_flag_kind kind; const char *path; };

/* Removes what an addition takes the place of: a mount of the old spec at the same target. */
int service_flag_make_room(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
			   struct err *err);
/* verb: = + - */
int service_flag_apply(const struct service_flag *flag, char verb, const char *value,
		       yyjson_mut_doc *doc, struct err *err);
