/* confine_io.h - what the children that meet a stranger's bytes have in common when they give up their rights.
 *
 * For a process of one thread. Used by unpack_confine_io.c and fetch_confine_io.c, which say what each of them may keep.
 */
#pragma once
#include "base/base.h"
#include "base/err.h"

/* No new privileges by exec, no core dump, nobody looks into our memory. */
int confine_start(struct err *err);
/* Own mount and IPC namespaces, with network also that; what is mounted here stays here. */
int confine_namespaces(bool network, struct err *err);
int confine_limits(int64_t memory_bytes, int64_t descriptors, struct err *err);
/* Bits of CAP_*; the others are gone for good. */
int confine_caps(uint32_t kept, struct err *err);
/* dir, which is a mount, becomes the root and the working directory; nothing else is left. */
int confine_root(const char *dir, struct err *err);
