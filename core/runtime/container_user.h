/* container_user.h - "name:group" as numbers, by the image's own passwd(5) and group(5). Pure: it is handed the files' texts. */
#pragma once
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "runtime/container_spec.h"

#define CONTAINER_USER_MAX_GROUPS 256
#define CONTAINER_USER_FILE_MAX_BYTES (1024 * 1024)

struct container_user {
	uid_t uid;
	gid_t gid;
	gid_t groups[CONTAINER_USER_MAX_GROUPS]; /* the gid itself first, then those that the group file puts the user into, then the spec's */
	size_t group_count;
	const char *home;                        /* "/" where passwd knows none */
};

/* Errors in runc's words: "unable to find user web: no matching entries in passwd file". Lines that make no sense are skipped. */
int container_user_find(const struct container_spec *spec, const char *passwd, const char *group, struct arena *arena,
			struct container_user *ret, struct err *err);
/* The name that passwd has for the number, or the number as text; in the arena. */
const char *container_user_name(const char *passwd, uid_t uid, struct arena *arena);
