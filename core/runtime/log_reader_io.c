/* log_reader_io.c - the reader of a log: a file of the chain, a buffer, and a rule for what comes when the file is at its end. */
#include "runtime/log_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "runtime/log_files_io.h"
#include "runtime/runtime_inside.h"

enum { CHUNK_BYTES = 64 * 1024, LINE_MAX_BYTES = 2 * CONTAINER_LOG_ENTRY_MAX_BYTES };

struct log_reader {
	struct list node;                /* in the container's readers */
	struct loop *loop;
	struct log_query query;
	struct log_reader_events events;
	void *arg;
	char *path;
	int fd;                          /* of the chain; -1: none yet */
	uint64_t file;                   /* its identity */
	int64_t offset;                  /* of what is read from it */
	struct buf line_buf, text;       /* read and not yet given; one entry's text */
	size_t given;                    /* of line_buf */
	int inotify_fd;
	struct watch *watch;
	struct timer pump, until;        /* pump: "go on in the next round" */
	bool is_started, is_paused, is_finishing, is_final, is_skipping, is_ended;
	bool is_inside, is_freed;        /* in a callback, and freed there */
};

static void pump_soon(struct log_reader *reader)
{
	if (!reader->is_paused && !reader->is_ended)
		timer_set_in(&reader->pump, 0);
}

/* --- giving ------------------------------------------------------------------------------------ */

static void end(struct log_reader *reader, const struct err *failure)
{
	reader->is_ended = true;
	timer_cancel(&reader->pump);
	timer_cancel(&reader->until);
	if (reader->watch)
		watch_set(reader->watch, 0);
	reader->events.on_end(reader->arg, failure);
}

/* False: no more in this round. */
static bool give(struct log_reader *reader, const char *line, size_t length)
{
	const struct log_query *query = &reader->query;
	struct container_log_entry entry;
	struct err ignored;

	/* A line that makes no sense is one that a crash cut in two. */
	if (container_log_parse(line, length, &reader->text, &entry, &ignored) < 0)
		return true;
	if (query->until_wall && entry.wall > query->until_wall) {
		end(reader, NULL);
		return false;
	}
	if (query->since_wall && entry.wall < query->since_wall)
		return true;
	if (!(entry.stream == CONTAINER_LOG_STDERR ? query->wants_stderr : query->wants_stdout))
		return true;
	if (!reader->events.on_entry(reader->arg, &entry))
		reader->is_paused = true;
	return !reader->is_paused && !reader->is_freed;
}

/* Whole lines that are in the buffer. False: paused, ended or freed. */
static bool give_lines(struct log_reader *reader)
{
	for (;;) {
		const char *start = reader->line_buf.data ? reader->line_buf.data + reader->given : NULL;
		size_t left = reader->line_buf.len - reader->given;
		const char *newline = start ? memchr(start, '\n', left) : NULL;

		if (!newline)
			break;
		size_t length = (size_t)(newline - start);

		reader->given += length + 1;
		if (reader->is_skipping)
			reader->is_skipping = false;
		else if (!give(reader, start, length))
			return false;
	}
	buf_drop_front(&reader->line_buf, reader->given);
	reader->given = 0;
	if (reader->line_buf.len > LINE_MAX_BYTES) {     /* none of ours: what follows up to a newline is left out */
		buf_clear(&reader->line_buf);
		reader->is_skipping = true;
	}
	return true;
}

/* --- reading ----------------------------------------------------------------------------------- */

static void switch_to(struct log_reader *reader, int fd, int64_t offset)
{
	fd_closep(&reader->fd);
	reader->fd = fd;
	reader->file = log_files_identity(fd);
	reader->offset = offset;
	reader->is_final = reader->is_skipping = false;
	buf_clear(&reader->line_buf);
	reader->given = 0;
}

static bool is_at_mark(const struct log_reader *reader)
{
	return reader->query.until_mark.file && reader->file == reader->query.until_mark.file;
}

/* False when it has fallen off, or was emptied: with one file that is how logs are rotated. */
static bool has_mark(const struct log_reader *reader, int oldest)
{
	const struct log_mark *mark = &reader->query.until_mark;

	for (int i = 0; i <= oldest; i++) {
		CLEANUP(fd_closep) int fd = log_files_open(reader->path, i);
		struct stat st;

		if (fd >= 0 && log_files_identity(fd) == mark->file)
			return fstat(fd, &st) == 0 && st.st_size >= mark->bytes;
	}
	return false;
}

static int start(struct log_reader *reader, struct err *err)
{
	int index = log_files_oldest(reader->path);
	int64_t offset = 0;

	if (index < 0)
		return 0;
	if (reader->query.until_mark.file && !has_mark(reader, index)) {
		end(reader, NULL);
		return 0;
	}
	if (reader->query.tail == 0) {
		index = 0;
		offset = INT64_MAX;
	} else if (reader->query.tail > 0 &&
		   log_files_seek_tail(reader->path, reader->query.tail, &index, &offset, err) < 0) {
		return -1;
	}
	int fd = log_files_open(reader->path, index);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open log '%s'", reader->path);
	if (offset == INT64_MAX)
		offset = fstat(fd, &st) == 0 ? st.st_size : 0;
	switch_to(reader, fd, offset);
	return 0;
}

/* At the end of a file. True: there is another one, or this one has changed under us; go on. */
static bool advance(struct log_reader *reader)
{
	struct stat st;
	int index = reader->fd < 0 ? -1 : log_files_index(reader->path, reader->fd);

	if (index == 0) {
		/* one-file rotation empties it where it is */
		if (fstat(reader->fd, &st) < 0 || st.st_size >= reader->offset)
			return false;
		switch_to(reader, fd_take(&reader->fd), 0);
		return true;
	}
	/* Rotated away: nothing is added any more, but something may have been since the last read. */
	if (reader->fd >= 0 && !reader->is_final) {
		reader->is_final = true;
		return true;
	}
	int next = log_files_open(reader->path, index > 0 ? index - 1 : MAX(log_files_oldest(reader->path), 0));

	if (next < 0)
		return false;
	switch_to(reader, next, 0);
	return true;
}

/* Bytes read; 0 at the end of the file. */
static ssize_t read_chunk(struct log_reader *reader)
{
	char chunk[CHUNK_BYTES];
	size_t most = sizeof chunk;

	if (is_at_mark(reader))
		most = (size_t)MIN(MAX(reader->query.until_mark.bytes - reader->offset, (int64_t)0), (int64_t)sizeof chunk);
	ssize_t count = reader->fd < 0 || !most ? 0 : pread(reader->fd, chunk, most, reader->offset);

	if (count > 0) {
		reader->offset += count;
		buf_add(&reader->line_buf, chunk, (size_t)count);
	}
	return count;
}

static void read_round(struct log_reader *reader)
{
	struct err err;

	if (!give_lines(reader))
		return;
	for (size_t bytes = 0; bytes < LOG_READER_ROUND_BYTES;) {
		ssize_t count = read_chunk(reader);

		if (count < 0) {
			err_sys(&err, "read log '%s'", reader->path);
			end(reader, &err);
			return;
		}
		bytes += (size_t)count;
		if (count > 0) {
			if (!give_lines(reader))
				return;
		} else if (is_at_mark(reader) || !advance(reader)) {
			if (!reader->query.follows || reader->is_finishing || is_at_mark(reader))
				end(reader, NULL);
			return;          /* else inotify wakes us */
		}
	}
	pump_soon(reader);
}

/* --- the loop ---------------------------------------------------------------------------------- */

static void on_pump(void *arg)
{
	struct log_reader *reader = arg;
	struct err err;

	reader->is_inside = true;
	if (!reader->is_started && start(reader, &err) < 0)
		end(reader, &err);
	reader->is_started = true;
	if (!reader->is_ended && !reader->is_paused)
		read_round(reader);
	reader->is_inside = false;
	if (reader->is_freed)
		log_reader_free(reader);
}

static void on_until(void *arg)
{
	log_reader_finish(arg);
}

static void on_inotify(void *arg, unsigned events UNUSED)
{
	struct log_reader *reader = arg;
	_Alignas(struct inotify_event) char bytes[4096];

	while (read(reader->inotify_fd, bytes, sizeof bytes) > 0)
		;
	pump_soon(reader);
}

/* The directory, not the file: the file may not be there yet, and is another one after each rotation. Set before anything is read, so that
 * nothing written in between is missed. */
static void watch_dir(struct log_reader *reader)
{
	char *slash = strrchr(reader->path, '/');

	reader->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (reader->inotify_fd < 0 || !slash)
		return;
	*slash = '\0';
	inotify_add_watch(reader->inotify_fd, reader->path, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
	*slash = '/';
	reader->watch = watch_new(reader->loop, reader->inotify_fd, LOOP_READ, on_inotify, reader);
}

struct log_reader *log_reader_new(struct loop *loop, const char *path, const struct log_query *query,
				  const struct log_reader_events *events, void *arg)
{
	struct log_reader *reader = NEW(struct log_reader);

	*reader = (struct log_reader){ .loop = loop, .query = *query, .events = *events, .arg = arg, .path = str_dup(path), .fd = -1,
				       .inotify_fd = -1 };
	list_init(&reader->node);
	timer_init(&reader->pump, loop, on_pump, reader);
	timer_init(&reader->until, loop, on_until, reader);
	if (query->follows)
		watch_dir(reader);
	if (query->follows && query->until_wall)
		timer_set_in(&reader->until, MAX((query->until_wall - clock_wall_ns()) / 1000000, 0));
	pump_soon(reader);
	return reader;
}

void log_reader_free(struct log_reader *reader)
{
	if (!reader)
		return;
	if (reader->is_inside) {
		reader->is_freed = reader->is_paused = true;
		return;
	}
	list_remove(&reader->node);
	timer_cancel(&reader->pump);
	timer_cancel(&reader->until);
	watch_free(reader->watch);
	fd_closep(&reader->inotify_fd);
	fd_closep(&reader->fd);
	buf_fini(&reader->line_buf);
	buf_fini(&reader->text);
	free(reader->path);
	free(reader);
}

void log_reader_resume(struct log_reader *reader)
{
	reader->is_paused = false;
	pump_soon(reader);
}

void log_reader_until(struct log_reader *reader, const struct log_mark *mark)
{
	reader->query.until_mark = *mark;
	pump_soon(reader);
}

void log_reader_finish(struct log_reader *reader)
{
	reader->is_finishing = true;
	pump_soon(reader);
}

void log_reader_enlist(struct log_reader *reader, struct list *readers)
{
	list_add_last(readers, &reader->node);
}

void log_reader_finish_all(struct list *readers)
{
	LIST_EACH(item, readers) {
		list_remove(item);
		log_reader_finish(CONTAINER_OF(item, struct log_reader, node));
	}
}
