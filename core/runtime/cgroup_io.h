/* cgroup_io.h - makes, joins, kills and removes the control groups of containers: <mount>/<parent>/<id>.
 *
 * In the v2 tree a container has <id>/ctr and its shim <id>/shim (a group with children may hold no process). In v1, where that rule does not exist,
 * <id> itself is the container's, which halves the directories; shims share the parent there. Containers without devices of their own share
 * one v1 devices group, for it only holds rules; a v1 hierarchy that only counts processor time is left alone where v2 does the same.
 * Everything blocks: for work threads and shims.
 */
#pragma once
#include "base/str.h"
#include "os/child.h"
#include "runtime/cgroup.h"
#include "runtime/runtime.h"
#include "runtime/shim_plan.h"

struct cgroup_host {
	struct cgroup_layout layout;
	const char *parent;              /* the caller's; outlives this */
	int device_prog_fd;              /* v2: Docker's default rules, loaded once; -1 */
};

int cgroup_open(const char *parent, struct cgroup_host *ret, struct err *err);
void cgroup_close(struct cgroup_host *host);     /* removes the parents when they are empty */

/* Can memory be limited together with swap, in groups below that parent? The kernel may count none (swapaccount=0, no CONFIG_SWAP). */
bool cgroup_limits_swap(const struct cgroup_layout *layout, const char *parent);

/* Directories and limits; on failure what was made stays for cgroup_remove. */
int cgroup_make(const struct cgroup_host *host, const struct container_spec *spec, struct err *err);
/* The limits of a container that runs become the spec's, of which nothing else is read. On failure some of them may. */
int cgroup_limit(const struct cgroup_host *host, const struct container_spec *spec, struct err *err);
/* Fills the plan's groups; strings in the arena. */
void cgroup_fill_plan(const struct cgroup_host *host, struct shim_plan *plan, struct arena *arena);
/* The groups that a shim of the container's belongs into. */
void cgroup_place_shim(const struct cgroup_host *host, const char *id, struct arena *arena, struct child_spec *child);

/* In the container's process: all v1 groups; v2 was joined by clone3. */
int cgroup_join(const struct shim_plan *plan, struct err *err);
/* An open descriptor of the file that counts what the kernel killed in the container for memory; -1 when there is none. */
int cgroup_open_oom(const struct cgroup_host *host, const char *id);
bool cgroup_oom_happened(int fd);
/* The container's group in the v2 tree; -1. */
int cgroup_open_v2(const struct cgroup_host *host, const char *id);

/* The container's v2 group stands still, or goes on; returns when it does, ERR_IO after 10 s (then it goes on). */
int cgroup_freeze(const struct cgroup_host *host, const char *id, bool is_frozen, struct err *err);
bool cgroup_is_frozen(const struct cgroup_host *host, const char *id);

/* Everything in both groups gets SIGKILL; returns when it is gone, ERR_IO after 10 s. */
int cgroup_kill(const struct cgroup_host *host, const char *id, struct err *err);
int cgroup_remove(const struct cgroup_host *host, const char *id, struct err *err);
void cgroup_list(const struct cgroup_host *host, struct strlist *ret_ids);
/* What the groups count; ret is zeroed by the caller. */
void cgroup_stats(const struct cgroup_host *host, const char *id, unsigned ticks_per_second, struct runtime_stats *ret);
/* As this host counts, in decimal. */
void cgroup_pids(const struct cgroup_host *host, const char *id, size_t max_count, struct strlist *ret);
