/* log_frame.h - one line of a log as Docker's multiplexed stream carries it: 8 bytes of header, [time ][details ]text.
 *
 * Header: stream (1 stdout, 2 stderr, 3 the daemon's own error), three zeros, length of the rest, big endian. Pure.
 */
#pragma once
#include "base/buf.h"
#include "runtime/container_log.h"
#include "runtime/container_spec.h"

void log_frame_header(unsigned stream, size_t length, struct buf *out);
/* Appends a frame. With details each frame is a whole line, since the client splits it: a piece of a long line gets a newline. */
void log_frame(const struct container_log_entry *entry, bool with_time, const char *details, struct buf *out);
/* The same without the header: what ran on a terminal. */
void log_frame_raw(const struct container_log_entry *entry, bool with_time, const char *details, struct buf *out);
void log_frame_error(const char *text, struct buf *out);
/* "key=value,…" of what clients of service logs have to be told of a line's task, sorted, query-escaped; NULL is "". Heap. */
char *log_frame_context(const char *node_id, const char *service_id, const char *task_id);
/* The same, of a container's labels. */
char *log_frame_details(const struct container_spec *spec);
