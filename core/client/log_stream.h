/* log_stream.h - Docker's multiplexed streams, taken apart: eight bytes of head (stream, length big
 * endian), then the payload.
 *
 * Without a terminal each frame is one piece; with one (content type
 * application/vnd.docker.raw-stream) the bytes come as they are.
 */
#pragma once
#include "client/call.h"

enum { LOG_STREAM_STDOUT = 1, LOG_STREAM_STDERR = 2 };
/* -1 with err set ends the reading. */
typedef int log_stream_fn(void *arg, int stream, const char *bytes, size_t count, struct err *err);
/* Reads the body of a reply whose head was read, to its end. A frame of the error stream becomes
 * the error. */
int log_stream_read(struct http_client *client, log_stream_fn *fn, void *arg, struct err *err);
