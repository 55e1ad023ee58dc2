/* stream.h - a connected stream socket or pipe on the loop: reads are pushed to a callback, writes are queued with a bound.
 *
 * The owner frees it; after on_close nothing is called any more and the owner must still free it. A reader that cannot keep up pauses.
 */
#pragma once
#include "base/err.h"
#include "os/loop.h"

struct buf;
struct stream;
struct stream_events {
	/* Returns how many bytes were consumed; the rest is kept and given again with more behind it. */
	size_t (*on_data)(void *arg, const uint8_t *bytes, size_t count);
	/* The other side has ended its writing (EOF). The stream can still be written. May be NULL: then it is an on_close. */
	void (*on_end)(void *arg);
	/* The queue has drained below half of its bound after stream_write had said it was full. May be NULL. */
	void (*on_writable)(void *arg);
	/* Broken: reset, timeout, bound exceeded. reason is a word for the log. */
	void (*on_close)(void *arg, const char *reason);
	/* What stream_end was asked for has been done: all is written, and the end behind it. May be NULL. */
	void (*on_sent)(void *arg);
};
#define STREAM_READ_BYTES   (64 * 1024)          /* the most that is kept unread; an on_data that consumes nothing of this much closes it */

struct stream *stream_new(struct loop *loop, int fd, size_t write_bound, const struct stream_events *events, void *arg);   /* takes fd */
void stream_free(struct stream *stream);         /* NULL is welcome; what is queued is lost */
/* Copies. False: the queue is over its bound (the bytes are queued all the same, up to twice the bound, then it closes). */
bool stream_write(struct stream *stream, const void *bytes, size_t count);
size_t stream_queued(const struct stream *stream);
void stream_pause(struct stream *stream, bool paused);
void stream_end(struct stream *stream);          /* shutdown(SHUT_WR) when the queue is empty */
int stream_fd(const struct stream *stream);
