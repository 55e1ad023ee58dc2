/* log_writer_io.c - from pipes to a rotating file. */
#include "runtime/log_writer_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "runtime/kcall_io.h"
#include "runtime/log_files_io.h"

static int open_file(struct log_writer *writer, int more_flags)
{
	struct stat st;

	writer->fd = openat(writer->dir_fd, writer->name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | more_flags, 0640);
	writer->file_bytes = 0;
	if (writer->fd >= 0 && fstat(writer->fd, &st) == 0)
		writer->file_bytes = st.st_size;
	return writer->fd;
}

void log_writer_init(struct log_writer *writer, int dir_fd, const char *name, int64_t max_bytes, int max_files, char *stage)
{
	writer->dir_fd = dir_fd;
	str_copy(writer->name, sizeof writer->name, name);
	writer->max_bytes = max_bytes;
	writer->max_files = max_files;
	writer->fd = -1;
	writer->file_bytes = 0;
	writer->lost = writer->staged_bytes = writer->staged_entries = 0;
	writer->stage = stage;
}

void log_writer_fini(struct log_writer *writer)
{
	log_writer_flush(writer);
	fd_closep(&writer->fd);
	writer->fd = -1;
}

/* name.2 -> name.3, name.1 -> name.2, name -> name.1; the oldest falls off. With one file it is started afresh. */
static void rotate(struct log_writer *writer)
{
	char from[160], to[160];

	fd_closep(&writer->fd);
	for (int i = writer->max_files - 2; i >= 0; i--) {
		if (i)
			snprintf(from, sizeof from, "%s.%d", writer->name, i);
		else
			snprintf(from, sizeof from, "%s", writer->name);
		snprintf(to, sizeof to, "%s.%d", writer->name, i + 1);
		renameat(writer->dir_fd, from, writer->dir_fd, to);
	}
	open_file(writer, writer->max_files < 2 ? O_TRUNC : 0);
	if (writer->max_files < 2)
		writer->file_bytes = 0;
}

/* All of it or nothing: half an entry would spoil the next one as well. */
static int write_whole(struct log_writer *writer, const char *bytes, size_t count)
{
	if (writer->fd < 0 && open_file(writer, 0) < 0)
		return -1;
	if (fd_write_all(writer->fd, bytes, count) < 0) {
		int why = errno;

		if (ftruncate(writer->fd, writer->file_bytes) < 0)
			why = errno;
		errno = why;
		return -1;
	}
	writer->file_bytes += (int64_t)count;
	return 0;
}

static void count_lost(struct log_writer *writer, uint64_t entries)
{
	if (!writer->lost)
		writer->why = errno;
	writer->lost += entries;
}

void log_writer_flush(struct log_writer *writer)
{
	if (writer->staged_bytes && write_whole(writer, writer->stage, writer->staged_bytes) < 0)
		count_lost(writer, writer->staged_entries);
	/* A burst leaves no pages behind in a process that sleeps most of its life. */
	if (writer->staged_bytes > 4 * 4096)
		kcall_give_back(writer->stage, LOG_WRITER_STAGE_BYTES);
	writer->staged_bytes = writer->staged_entries = 0;
}

void log_writer_mark(struct log_writer *writer, struct log_mark *ret)
{
	log_writer_flush(writer);
	*ret = (struct log_mark){ 0 };
	if (writer->fd >= 0 || open_file(writer, 0) >= 0)
		*ret = (struct log_mark){ log_files_identity(writer->fd), writer->file_bytes };
}

/* What was lost is said before anything else is written; as long as that fails, everything is lost. */
static bool tell_lost(struct log_writer *writer)
{
	char text[160];
	int length = snprintf(text, sizeof text, "swarmbox: %llu log lines were lost: %s\n", (unsigned long long)writer->lost,
			      strerror(writer->why));
	struct container_log_entry note = { .stream = CONTAINER_LOG_STDERR, .wall = clock_wall_ns(), .text = text,
					    .length = (size_t)length };
	size_t count = container_log_format(&note, writer->stage, (size_t)LOG_WRITER_STAGE_BYTES);

	if (write_whole(writer, writer->stage, count) < 0)
		return false;
	writer->lost = 0;
	return true;
}

static bool would_be_too_large(const struct log_writer *writer, size_t more)
{
	int64_t before = writer->file_bytes + (int64_t)writer->staged_bytes;

	return writer->max_bytes > 0 && before > 0 && before + (int64_t)more > writer->max_bytes;
}

void log_writer_add(struct log_writer *writer, const struct container_log_entry *entry)
{
	if (writer->lost) {
		log_writer_flush(writer);
		if (!tell_lost(writer)) {
			writer->lost++;
			return;
		}
	}
	if (writer->fd < 0)
		open_file(writer, 0);    /* its size decides when to rotate; tried again when it is written */
	if (LOG_WRITER_STAGE_BYTES - writer->staged_bytes < CONTAINER_LOG_ENTRY_MAX_BYTES)
		log_writer_flush(writer);
	char *at = writer->stage + writer->staged_bytes;
	size_t count = container_log_format(entry, at, (size_t)LOG_WRITER_STAGE_BYTES - writer->staged_bytes);

	if (would_be_too_large(writer, count)) {
		size_t before = writer->staged_bytes;

		if (before && write_whole(writer, writer->stage, before) < 0)
			count_lost(writer, writer->staged_entries);
		rotate(writer);
		memmove(writer->stage, writer->stage + before, count);
		writer->staged_bytes = writer->staged_entries = 0;
	}
	writer->staged_bytes += count;
	writer->staged_entries++;
}

static void add_piece(struct log_pipe *pipe, struct log_writer *writer, const char *text, size_t length)
{
	struct container_log_entry entry = { .stream = pipe->stream, .wall = clock_wall_ns(), .text = text, .length = length };

	log_writer_add(writer, &entry);
}

/* What is left moves to the start of the piece. */
void log_pipe_cut(struct log_pipe *pipe, struct log_writer *writer)
{
	size_t start = 0;

	if (!writer) {
		pipe->used = 0;
		return;
	}
	for (char *newline; (newline = memchr(pipe->piece + start, '\n', pipe->used - start));) {
		size_t end = (size_t)(newline - pipe->piece) + 1;

		add_piece(pipe, writer, pipe->piece + start, end - start);
		start = end;
	}
	if (start == 0 && pipe->used == (size_t)CONTAINER_LOG_PIECE_BYTES) {
		add_piece(pipe, writer, pipe->piece, pipe->used);
		start = pipe->used;
	}
	memmove(pipe->piece, pipe->piece + start, pipe->used - start);
	pipe->used -= start;
}

size_t log_pipe_fill(struct log_pipe *pipe)
{
	ssize_t count = pipe->fd < 0 ? -1 : read(pipe->fd, pipe->piece + pipe->used, (size_t)CONTAINER_LOG_PIECE_BYTES - pipe->used);

	if (count > 0) {
		pipe->used += (size_t)count;
		return (size_t)count;
	}
	if (count == 0 || (pipe->fd >= 0 && errno != EAGAIN && errno != EINTR)) {
		fd_closep(&pipe->fd);
		pipe->fd = -1;
	}
	return 0;
}

void log_pipe_finish(struct log_pipe *pipe, struct log_writer *writer)
{
	if (pipe->used && writer)
		add_piece(pipe, writer, pipe->piece, pipe->used);
	pipe->used = 0;
	fd_closep(&pipe->fd);
	pipe->fd = -1;
}
