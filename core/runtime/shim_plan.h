/* shim_plan.h - what a container is made from, once: the spec, and where on this host it lives. Stored as `spec`, in one line.
 *
 * When the container has ended, its end (shim_wire.h) is added as a second line: what an agent needs to know after a reboot, without one
 * more inode for each container.
 * The stored form carries a version, because an old shim meets a newer agent and the other way round; one that this binary does not know
 * is refused, never guessed at. Pure.
 */
#pragma once
#include "base/buf.h"
#include "runtime/container_spec.h"

#define SHIM_PLAN_VERSION 1

/* One cgroup v1 hierarchy that the container joins. */
struct shim_cgroup { const char *dir, *controllers; };   /* "/sys/fs/cgroup/memory/swarmbox/<id>", "memory" */
struct shim_plan {
	const char *boot_id;             /* of the host when the container was made: another one means that nothing of it runs */
	const char *dir;                 /* <data_root>/containers/<id> */
	const char *base;                /* a layer below all others, with the places that things are mounted at; also where the root is mounted */
	bool uses_overlay;               /* else the layers are copied */
	const char *cgroup2_dir;         /* the container's own group in the v2 tree; "" when the host has none */
	bool is_cgroup2_unified;         /* the v2 tree has the controllers, and is what the container sees at /sys/fs/cgroup */
	struct shim_cgroup *cgroups;     /* v1 */
	size_t cgroup_count;
	struct container_spec spec;
};

/* With its newline. ERR_INVALID when a text in it is not UTF-8. */
int shim_plan_encode(const struct shim_plan *plan, struct buf *out, struct err *err);
int shim_plan_decode(const char *text, size_t length, struct arena *arena, struct shim_plan *ret, struct err *err);
/* Behind the first line: "" or the end. */
const char *shim_plan_end(const char *text);
