/* tmpfs_options.h - what stands behind `--tmpfs /path:`, as flags and data of mount(2). Pure. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

#define TMPFS_OPTIONS_MAX_BYTES 1024

struct tmpfs_options {
	unsigned long flags;             /* MS_* that are set; noexec, nosuid and nodev unless the text says otherwise */
	const char *data;                /* "size=64m,mode=1770"; "" */
};

/* NULL and "" are the defaults. The last word on a matter holds. ERR_INVALID in Docker's words: invalid tmpfs option ["foo"]. What a value may be is
 * the kernel's affair. */
int tmpfs_options_parse(const char *text, struct arena *arena, struct tmpfs_options *ret, struct err *err);
