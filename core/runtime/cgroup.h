/* cgroup.h - which control group hierarchies this host has, and what a container's limits are as files and texts.
 *
 * Controllers are found by /proc/self/mountinfo (proc(5)), never by a fixed path: v1 (each controller anywhere, alone or with others), v2,
 * or the hybrid of both, where a v2 tree without controllers still gives cgroup.kill. Pure; cgroup_io.h makes the groups.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "runtime/container_spec.h"

enum { CGROUP_MEMORY = 1, CGROUP_CPU = 2, CGROUP_CPUACCT = 4, CGROUP_PIDS = 8, CGROUP_DEVICES = 16 };
#define CGROUP_MAX_V1 8

struct cgroup_v1 { char mount[256]; char options[64]; unsigned controllers; };   /* options: as it was mounted, "cpu,cpuacct" */
struct cgroup_layout {
	struct cgroup_v1 v1[CGROUP_MAX_V1];      /* only those with a controller of ours */
	size_t v1_count;
	char v2_mount[256];                      /* "": none */
	char named_mount[256];                   /* name=systemd of v1, for hosts without v2; "": none */
	bool is_unified;                         /* no v1 controllers: v2 has them */
	unsigned controllers;                    /* that can be used, CGROUP_* */
};

/* From mountinfo's text, and of the v2 tree's cgroup.controllers ("" when there is none). Lines that are not understood are skipped: mountinfo
 * may grow. ERR_UNSUPPORTED when there is no cgroup mount at all. */
int cgroup_layout_parse(const char *mountinfo, const char *v2_controllers, struct cgroup_layout *ret, struct err *err);

/* One write into one file of a group. */
struct cgroup_write { const char *file, *text; bool is_optional; };
struct cgroup_writes { struct cgroup_write *items; size_t count; };

/* What the spec's limits are in a v1 group with these controllers, or in v2. ERR_UNSUPPORTED names a limit that this host cannot keep. */
int cgroup_check_limits(const struct cgroup_layout *layout, const struct container_spec *spec, struct err *err);
/* is_new: the group is, and has no limit that would have to be lifted. */
struct cgroup_writes cgroup_v1_limits(unsigned controllers, const struct container_spec *spec, bool is_new, struct arena *arena);
struct cgroup_writes cgroup_v2_limits(const struct container_spec *spec, bool is_new, struct arena *arena);

/* "oom_kill 3" in memory.oom_control (v1) or memory.events (v2); 0 when it is not there. */
uint64_t cgroup_count_of(const char *text, const char *key);

/* Device rules: Docker's default list, then the spec's own devices. */
struct cgroup_device { char type; int64_t major, minor; const char *access; };  /* type 'a' 'b' 'c'; -1: any */
extern const struct cgroup_device cgroup_default_devices[];
extern const size_t cgroup_default_device_count;
const char *cgroup_device_text(const struct cgroup_device *device, struct arena *arena);         /* "c 1:3 rwm", for devices.allow */
