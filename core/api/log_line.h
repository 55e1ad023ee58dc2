/* log_line.h - one entry of a log on its way from a node to the manager that was asked for it.
 *
 * A frame as Docker's clients get it (log_frame.h), always with its time and its context, so that it can be put in order and shown in any
 * way; the text is as it was written, no newline is added. Frames of stream 3 are a sentence of the node's. The reader is given bytes of
 * another node: whatever they are, it says what they mean or that they mean nothing. Pure.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "runtime/container_log.h"

enum { LOG_LINE_MAX_BYTES = 64 * 1024 };        /* of one frame behind its header */

void log_line_write(const struct container_log_entry *entry, const char *details, struct buf *out);

struct log_line {
	bool is_failure;                /* then only the entry's text counts */
	struct container_log_entry entry;
	const char *details;            /* not ended by NUL */
	size_t details_length;
};
enum log_line_result { LOG_LINE_MORE, LOG_LINE_READY, LOG_LINE_BAD };
/* The frame that begins at bytes; how long it is in *ret_used. READY: ret points into the bytes. BAD: the rest cannot be read. */
enum log_line_result log_line_read(const void *bytes, size_t count, struct log_line *ret, size_t *ret_used, struct err *err);
