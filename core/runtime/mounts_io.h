/* mounts_io.h - does what mounts.h planned, in the container's process.
 *
 * In two halves: sources are opened as detached trees while the host's root is still there, and put into place after the pivot.
 */
#pragma once
#include "runtime/mounts.h"

struct mount_source { int tree_fd, volume_fd; bool is_file; };   /* -1: none; volume_fd: a volume that may have to be filled */
struct device_node { const char *path; unsigned mode; uint64_t number; unsigned uid, gid; };
struct device_nodes { struct device_node *items; size_t count, room; };

/* One source for each step of the plan; made in the arena. Before anything in this mount namespace is made private, so that
 * propagation is the source's own. */
int mounts_open_sources(const struct mount_plan *plan, struct arena *arena, struct mount_source **ret, struct err *err);
int mounts_look_at_devices(const struct container_spec *spec, struct arena *arena, struct device_nodes *ret, struct err *err);

/* After the pivot. */
int mounts_apply(int root_fd, const struct mount_plan *plan, struct mount_source *sources, struct err *err);
int mounts_make_dev(int root_fd, const struct mount_plan *plan, const struct device_nodes *nodes, struct err *err);
int mounts_hide(int root_fd, const struct container_spec *spec, struct err *err);        /* masked and read-only paths */
/* "net/ipv4/ip_forward", for writing: in /proc/sys itself, whatever is mounted in it. With errno, no error text. */
int mounts_open_sysctl(int root_fd, const char *path);
