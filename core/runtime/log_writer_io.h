/* log_writer_io.h - a container's output to its log file: json-file lines, rotation, nothing that waits for the disk to have room.
 *
 * What cannot be written is counted, and said in the log once there is room again: a container never stands still for a log. No heap.
 */
#pragma once
#include "runtime/container_log.h"

#define LOG_WRITER_STAGE_BYTES (CONTAINER_LOG_ENTRY_MAX_BYTES + CONTAINER_LOG_PIECE_BYTES)

struct log_writer {
	int dir_fd;                      /* the caller's */
	char name[128];                  /* in it; older files are name.1, name.2 … */
	int64_t max_bytes;               /* 0: never rotated */
	int max_files;
	int fd;
	int64_t file_bytes;
	uint64_t lost;                   /* entries, since the last that was written */
	int why;                         /* errno of the first of them */
	size_t staged_bytes, staged_entries;
	char *stage;                     /* LOG_WRITER_STAGE_BYTES, the caller's */
};
/* Appends to what is there. The file is opened, and made, with the first entry: most containers never say a word. */
void log_writer_init(struct log_writer *writer, int dir_fd, const char *name, int64_t max_bytes, int max_files, char *stage);
void log_writer_fini(struct log_writer *writer);
void log_writer_add(struct log_writer *writer, const struct container_log_entry *entry);
void log_writer_flush(struct log_writer *writer);
/* Behind everything that was added. Makes the file; file 0 when that fails. */
void log_writer_mark(struct log_writer *writer, struct log_mark *ret);

/* One of the container's two pipes, or its terminal, with the piece of a line that has not ended yet. */
struct log_pipe {
	int fd;                          /* -1: closed */
	enum container_log_stream stream;
	size_t used;
	char *piece;                     /* CONTAINER_LOG_PIECE_BYTES, the caller's */
};
/* One read, non-blocking. What is new is the end of the piece; 0 when there is nothing (more) at the moment. At the end of the pipe it is closed. */
size_t log_pipe_fill(struct log_pipe *pipe);
/* Whole lines go to the log, and a piece that is full as it is. Without a writer everything is forgotten. */
void log_pipe_cut(struct log_pipe *pipe, struct log_writer *writer);
/* Its end: the last line even without its newline. */
void log_pipe_finish(struct log_pipe *pipe, struct log_writer *writer);
