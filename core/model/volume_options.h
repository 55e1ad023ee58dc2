/* volume_options.h - what `volume create --opt` asks of the local driver: a file system of its own.
 *
 * Pure. type, device and o, as mount(8) has them; without any of them a volume is a folder. `size` is Docker's word for a quota, which no
 * host of ours has.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "model/fields.h"

struct volume_fs {
	bool is_mounted;                /* it has one; else all below is empty */
	const char *type, *device;      /* "none" and a folder with MS_BIND in flags */
	unsigned long flags;            /* MS_* of mount(2) */
	unsigned long propagation;      /* set by a call of its own; 0: none */
	const char *data;               /* what o has besides, separated by commas; may hold a password */
};

/* Docker's words: invalid option: "x", missing required option: "device". */
int volume_options_check(const struct str_map *options, struct err *err);
/* Of checked options; what is returned lives in the arena. */
struct volume_fs volume_options_fs(const struct str_map *options, struct arena *arena);
/* The option's value without what is behind password=, for messages. */
const char *volume_options_hide(const char *data, struct arena *arena);
