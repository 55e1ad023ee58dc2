/* container_log.h - one line of a container's log as Docker's json-file driver writes it: to bytes and back.
 *
 * {"log":"text\n","stream":"stdout","time":"2026-01-31T12:00:00.123456789Z"}
 * A line longer than CONTAINER_LOG_PIECE_BYTES is several entries; only the last one's text ends in a newline. Bytes that are not UTF-8
 * become U+FFFD, as Go's encoder does. Pure.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#define CONTAINER_LOG_PIECE_BYTES (16 * 1024)
#define CONTAINER_LOG_ENTRY_MAX_BYTES (CONTAINER_LOG_PIECE_BYTES * 6 + 256)      /* every byte as \u00XX */

enum container_log_stream { CONTAINER_LOG_STDOUT = 1, CONTAINER_LOG_STDERR = 2 };
struct container_log_entry {
	enum container_log_stream stream;
	nsec wall;
	const char *text;                /* not ended by NUL; with its newline unless is_partial */
	size_t length;
	bool is_partial;                 /* more of the same line follows in the next entry of this stream */
};

/* A place in a log: so many bytes of that file, wherever rotation moves it, and all older ones. file 0: none. */
struct log_mark { uint64_t file; int64_t bytes; };      /* file: log_files_identity */

/* Appends one entry with its newline behind it. `room` is bytes that the caller has at `to`, at least CONTAINER_LOG_ENTRY_MAX_BYTES
 * for a piece of up to CONTAINER_LOG_PIECE_BYTES. Returns how many were written. No heap: the shim calls this. */
size_t container_log_format(const struct container_log_entry *entry, char *to, size_t room);
/* Text as the inside of a JSON string; `to` has room for six times the length. How many bytes were written, no NUL. */
size_t container_log_escape(const char *text, size_t length, char *to);
/* One line without its newline. entry->text points into scratch, which is cleared first. */
int container_log_parse(const char *line, size_t length, struct buf *scratch, struct container_log_entry *ret, struct err *err);
