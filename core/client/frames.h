/* frames.h - Docker's multiplexed streams, taken apart as their bytes arrive: eight bytes of head (stream, length big endian), then the payload.
 *
 * Pure. A payload is handed on in the pieces in which it came, so nothing of it is kept.
 */
#pragma once
#include "base/err.h"

enum { FRAMES_STDIN, FRAMES_STDOUT, FRAMES_STDERR, FRAMES_ERROR };      /* the last one is the daemon's own */
typedef int frames_fn(void *arg, int stream, const char *bytes, size_t count, struct err *err);         /* -1 with err ends it */
struct frames { unsigned char head[8]; size_t head_length; size_t left; };      /* zeroed at the start */

/* ERR_IO for what is no frame. */
int frames_take(struct frames *frames, const char *bytes, size_t count, frames_fn *fn, void *arg, struct err *err);
/* Between two frames: the only place where a stream may end. */
bool frames_is_between(const struct frames *frames);
