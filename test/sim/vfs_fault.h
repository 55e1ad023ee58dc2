/* vfs_fault.h - SQLite files in memory on a disk that has bad days, for simulations and tests.
 *
 * A file has two contents: what readers see (the page cache) and what was synced. Power loss keeps
 * the synced one and, sector by sector as the seed decides, parts of the other; names that were made
 * and never synced may vanish, names that were removed may return. Handles from before a power loss
 * fail until they are closed. No shared memory: WAL needs locking_mode=EXCLUSIVE. Safe to use from
 * several threads.
 */
#pragma once
#include "base/base.h"

struct vfs_fault;
/* Registers a VFS called name with SQLite; the name is the test's own. */
struct vfs_fault *vfs_fault_new(const char *name, uint64_t seed);
void vfs_fault_free(struct vfs_fault *vfs);             /* every file closed before; NULL is welcome */
void vfs_fault_freep(struct vfs_fault **vfs);

/* Writes, truncations, syncs and removals so far: the instants at which a test can strike. */
uint64_t vfs_fault_acts(const struct vfs_fault *vfs);
/* The count-th act from now on (1: the next) and all after it fail, as if the power were gone. */
void vfs_fault_unplug_in(struct vfs_fault *vfs, uint64_t count);
/* Loses what was not synced; the disk is new-born then, with no fault set. */
void vfs_fault_power_loss(struct vfs_fault *vfs);

/* The count-th write / sync from now on fails once, with EIO. After a failed sync the kernel believes
 * that all is well: the bytes are visible, never reach the disk by themselves, later syncs succeed. */
void vfs_fault_fail_write_in(struct vfs_fault *vfs, uint64_t count);
void vfs_fault_fail_sync_in(struct vfs_fault *vfs, uint64_t count);
/* A disk that lies: syncs succeed, and nothing has reached the platter. */
void vfs_fault_lie(struct vfs_fault *vfs, bool lies);
/* Nothing moves until it is released: a disk that stalls. Acts wait, they do not fail. */
void vfs_fault_hold(struct vfs_fault *vfs, bool held);
/* All files together may not grow beyond; 0: no bound. */
void vfs_fault_set_capacity(struct vfs_fault *vfs, size_t bytes);
size_t vfs_fault_bytes(struct vfs_fault *vfs);
/* Bit rot, in both contents; path as SQLite was given it. */
void vfs_fault_flip(struct vfs_fault *vfs, const char *path, size_t offset);
