/* mounts.h - what is mounted in a container, in order: Docker's own list, then the user's by depth. Pure; mounts_io.h mounts it.
 *
 * Executed after pivot_root, so that no path can lead outside; the sources on the host are opened before.
 */
#pragma once
#include "base/arena.h"
#include "runtime/shim_plan.h"

enum mount_act {
	MOUNT_FS,                        /* a new file system of `type` with `data` */
	MOUNT_TREE,                      /* `user`'s source, opened before the pivot */
	MOUNT_SEAL,                      /* the mount at target becomes read-only */
};
struct mount_step {
	enum mount_act act;
	const char *target, *type, *data;
	unsigned long flags;             /* MS_* of mount(2) */
	const struct container_mount *user;      /* what the user asked for, or a group of cgroup v1; NULL: Docker's own */
};
struct mount_plan {
	struct mount_step *steps;
	size_t count;
	bool makes_dev;                  /* /dev is ours: nodes and links are made in it */
	bool sees_cgroups;
};

/* A user's mount at the same target as one of Docker's own takes its place. Never fails: the spec has been checked. */
struct mount_plan mounts_plan(const struct shim_plan *plan, struct arena *arena);
/* "/a//b/" and "/a/b" are one place. */
bool mounts_is_same_place(const char *a, const char *b);
