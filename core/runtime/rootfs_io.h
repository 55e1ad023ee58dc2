/* rootfs_io.h - a container's root: an overlay on its layers, or a copy of them where the data root cannot carry overlayfs. */
#pragma once
#include "runtime/shim_plan.h"

#define ROOTFS_MAX_LAYERS 200

/* The layer below all others, once for a host: the places that every container has something mounted at. So no container makes them in
 * its own layer, which would cost inodes. */
int rootfs_make_base(const char *dir, struct err *err);
/* The directories below containers/<id>; those that are there stay, but what only a mount in the past had a use for goes. */
int rootfs_prepare(const char *dir, bool uses_overlay, struct err *err);
/* In the container's process: blocks as long as copying takes. Once whole, it is not copied again. */
int rootfs_copy(const struct shim_plan *plan, struct err *err);
/* In the container's process, in its own mount namespace. The root is mounted where it is in nobody's way: over the base (an overlay), or where it is
 * (a copy, <dir>/rootfs). */
int rootfs_mount(const struct shim_plan *plan, struct err *err);
/* Makes it the root; nothing of the old one stays reachable by a path. */
int rootfs_enter(const struct shim_plan *plan, struct err *err);

/* Whether an overlay can be mounted with its upper directory below dir, which exists. Tries it in a folder of its own there, which goes again,
 * in a child with its own mount namespace. */
bool rootfs_probe_overlay(const char *dir);
