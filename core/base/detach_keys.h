/* detach_keys.h - the keys by which a person at a terminal leaves a container without ending it: ctrl-p,ctrl-q unless told otherwise.
 *
 * Pure. The first keys of the sequence are held back until it is clear whether it is one; what is not goes on to the container, in order.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum { DETACH_KEYS_MAX = 16 };
struct detach_keys {
	uint8_t keys[DETACH_KEYS_MAX];
	unsigned count, matched;        /* matched: keys that were typed and are held back */
};
/* "ctrl-p,ctrl-q", "a,b", "ctrl-@"; "" and NULL: the usual ones. ERR_INVALID "Invalid detach keys (x) provided". */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct err *err);
/* Appends what goes on to the container. True: the sequence was typed, and the rest of the bytes is nobody's. */
bool detach_keys_feed(struct detach_keys *keys, const uint8_t *bytes, size_t count, struct buf *out);
