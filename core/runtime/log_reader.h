/* log_reader.h - reads a container's log files on the loop: the last N lines, a span of time, and on as the container writes.
 *
 * Follows across rotation (log.json, log.json.1, …): it holds the file it reads open, and goes to the next when that one is done.
 * Woken by inotify, never by a timer. One reader reads at most LOG_READER_ROUND_BYTES in one round of the loop.
 */
#pragma once
#include "base/err.h"
#include "os/loop.h"
#include "runtime/container_log.h"

#define LOG_READER_ROUND_BYTES (256 * 1024)

struct log_query {
	bool wants_stdout, wants_stderr;
	bool follows;
	int64_t tail;                    /* the last N lines; -1: all */
	nsec since_wall, until_wall;     /* 0: no bound. since is included, until is too */
	struct log_mark until_mark;      /* file 0: no bound. When it has fallen off the end nothing is given */
};

struct log_reader;
struct log_reader_events {
	/* False: enough for now; nothing comes before log_reader_resume. The entry itself counts as taken. It lives until the return. */
	bool (*on_entry)(void *arg, const struct container_log_entry *entry);
	/* Everything has been given (never in the call that made or resumed the reader); failure is NULL then. The reader is still to be freed. */
	void (*on_end)(void *arg, const struct err *failure);
};

/* `path` is that of the newest file. A file that is not there yet is an empty log. Nothing is called before this returns. */
struct log_reader *log_reader_new(struct loop *loop, const char *path, const struct log_query *query,
				  const struct log_reader_events *events, void *arg);
void log_reader_free(struct log_reader *reader);         /* NULL is welcome; at any time, also inside its own callbacks */
void log_reader_resume(struct log_reader *reader);
void log_reader_until(struct log_reader *reader, const struct log_mark *mark);   /* it has not read beyond it yet */
void log_reader_finish(struct log_reader *reader);       /* the container has ended: give what is there, then on_end, even when following */
