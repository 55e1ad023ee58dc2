/* Everything the owner is told comes from the loop, never from within a call of his own: what a
 * write finds out is reported by the timer. While a callback runs the stream is held (busy), so
 * the callback may free it. */
#include "os/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/panic.h"
#include "os/file.h"

struct stream {
	struct loop *loop;
	struct watch *watch;
	/* Brings what must be told later: the end, or kept bytes after a pause. */
	struct timer soon;
	struct stream_events events;
	void *arg;
	int fd;
	bool is_socket;

	struct buf unread;
	struct buf queue;
	/* Of the queue; the front is dropped when it is half of it. */
	size_t sent;
	size_t write_bound;
	bool was_full;                  /* stream_write said false, on_writable is owed */

	bool paused;
	bool read_ended, write_ended;   /* no more will be read, written */
	bool ending;                    /* stream_end was called */
	bool owes_sent;                 /* and carried out, which on_sent has not told yet */
	const char *broken;             /* why; on_close was called or is about to be */
	bool closed;                    /* on_close was called */

	unsigned busy;
	bool freed;
};

static void on_events(void *arg, unsigned events);
static void on_soon(void *arg);

struct stream *stream_new(struct loop *loop, int fd, size_t write_bound,
			  const struct stream_events *events, void *arg)
{
	struct stream *stream = NEW(struct stream);
	struct stat st;

	check(write_bound > 0 && events->on_data && events->on_close);
	stream->loop = loop;
	stream->events = *events;
	stream->arg = arg;
	stream->fd = fd;
	stream->write_bound = write_bound;
	stream->is_socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
	fd_set_nonblocking(fd, true);
	if (!stream->is_socket) {
		int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
		stream->read_ended = mode == O_WRONLY;
		stream->write_ended = mode == O_RDONLY;
	}
	timer_init(&stream->soon, loop, on_soon, stream);
	stream->watch = watch_new(loop, fd, stream->read_ended ? LOOP_HANGUP : LOOP_READ, on_events,
				  stream);
	return stream;
}

static void close_fd(struct stream *stream)
{
	watch_free(stream->watch);
	stream->watch = NULL;
	timer_cancel(&stream->soon);
	fd_closep(&stream->fd);
}

static void release(struct stream *stream)
{
	if (stream->busy || !stream->freed)
		return;
	buf_fini(&stream->unread);
	buf_fini(&stream->queue);
	free(stream);
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	check(!stream->freed);
	close_fd(stream);
	stream->freed = true;
	release(stream);
}

/* Is anybody still to be told anything? */
static bool is_alive(const struct stream *stream)
{
	return !stream->freed && stream->fd >= 0 && !stream->broken;
}

size_t stream_queued(const struct stream *stream)
{
	return stream->queue.len - stream->sent;
}

int stream_fd(const struct stream *stream)
{
	return stream->fd;
}

static void update_watch(struct stream *stream)
{
	unsigned events = 0;

	if (!stream->watch)
		return;
	if (is_alive(stream)) {
		if (!stream->read_ended && !stream->paused)
			events |= LOOP_READ;
		if (stream_queued(stream))
			events |= LOOP_WRITE;
		if (!events && stream->read_ended && !stream->write_ended)
			events = LOOP_HANGUP;        /* all that is left to learn */
	}
	watch_set(stream->watch, events);
}

/* Told in the next round of timers. */
static void break_off(struct stream *stream, const char *reason)
{
	if (stream->broken)
		return;
	stream->broken = reason;
	update_watch(stream);
	timer_set(&stream->soon, 0);
}

static const char *reason_of(int error)
{
	switch (error) {
	case EPIPE:
		return "closed by the other side";
	case ECONNRESET:
		return "reset by the other side";
	case ETIMEDOUT:
		return "timed out";
	}
	return strerror(error);
}

/* Writing. */

static ssize_t write_some(struct stream *stream, const void *bytes, size_t count)
{
	ssize_t written;

	do
		written = stream->is_socket ? send(stream->fd, bytes, count, MSG_NOSIGNAL) :
					      write(stream->fd, bytes, count);
	while (written < 0 && errno == EINTR);
	if (written < 0 && errno == EAGAIN)
		return 0;
	if (written < 0)
		break_off(stream, reason_of(errno));
	return written;
}

static void finish_writing(struct stream *stream)
{
	if (!stream->ending || stream->write_ended || stream_queued(stream))
		return;
	stream->write_ended = true;
	if (stream->is_socket) {
		/* Fails only when the other side is gone, which reading tells. */
		shutdown(stream->fd, SHUT_WR);
	} else if (stream->read_ended) {
		/* The other end of a pipe sees the end by our closing. */
		close_fd(stream);
	}
	stream->owes_sent = stream->events.on_sent != NULL;
	if (stream->owes_sent)
		timer_set(&stream->soon, 0);
}

static void drop_sent(struct stream *stream)
{
	if (stream->sent == stream->queue.len)
		buf_clear(&stream->queue);
	else if (stream->sent > stream->queue.len / 2)
		buf_drop_front(&stream->queue, stream->sent);
	else
		return;
	stream->sent = 0;
}

static void flush(struct stream *stream)
{
	while (stream_queued(stream)) {
		ssize_t written = write_some(stream, stream->queue.data + stream->sent,
					     stream_queued(stream));
		if (written <= 0)
			break;
		stream->sent += (size_t)written;
	}
	drop_sent(stream);
	finish_writing(stream);
	update_watch(stream);
}

bool stream_write(struct stream *stream, const void *bytes, size_t count)
{
	const char *at = bytes;

	if (!is_alive(stream) || stream->ending || stream->write_ended)
		return false;
	if (!stream_queued(stream)) {
		while (count) {
			ssize_t written = write_some(stream, at, count);
			if (written < 0)
				return false;
			if (written == 0)
				break;
			at += written;
			count -= (size_t)written;
		}
	}
	if (count > 2 * stream->write_bound ||
	    stream_queued(stream) + count > 2 * stream->write_bound) {
		break_off(stream, "write queue over twice its bound");
		return false;
	}
	buf_add(&stream->queue, at, count);
	update_watch(stream);
	stream->was_full |= stream_queued(stream) > stream->write_bound;
	return stream_queued(stream) <= stream->write_bound;
}

void stream_end(struct stream *stream)
{
	stream->ending = true;
	if (is_alive(stream)) {
		finish_writing(stream);
		update_watch(stream);
	}
}

static void tell_writable(struct stream *stream)
{
	if (!stream->was_full || !is_alive(stream) ||
	    stream_queued(stream) > stream->write_bound / 2)
		return;
	stream->was_full = false;
	if (stream->events.on_writable && !stream->ending)
		stream->events.on_writable(stream->arg);
}

/* Reading. */

/* Gives what is unread to the owner, who may free the stream or take its descriptor while he
 * looks at it. */
static void tell_data(struct stream *stream)
{
	size_t count = stream->unread.len;
	size_t consumed =
		stream->events.on_data(stream->arg, (const uint8_t *)stream->unread.data, count);

	if (!is_alive(stream))
		return;
	check(consumed <= count);
	buf_drop_front(&stream->unread, consumed);
	if (stream->unread.len >= STREAM_READ_BYTES && !stream->paused)
		break_off(stream, "more unread bytes than the reader takes");
}

static void tell_end(struct stream *stream)
{
	stream->read_ended = true;
	update_watch(stream);
	if (stream->events.on_end)
		stream->events.on_end(stream->arg);
	else
		break_off(stream, "closed by the other side");
}

static void read_some(struct stream *stream)
{
	size_t room = STREAM_READ_BYTES - stream->unread.len;
	ssize_t got;

	buf_reserve(&stream->unread, room);
	do
		got = read(stream->fd, stream->unread.data + stream->unread.len, room);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		stream->unread.len += (size_t)got;
		stream->unread.data[stream->unread.len] = '\0';
		tell_data(stream);
	} else if (got == 0) {
		tell_end(stream);
	} else if (errno == EIO && !stream->is_socket) {
		/* How the master of a pseudo-terminal learns that nobody has it open any more. */
		tell_end(stream);
	} else if (errno != EAGAIN) {
		break_off(stream, reason_of(errno));
	}
}

void stream_pause(struct stream *stream, bool paused)
{
	bool resumed = stream->paused && !paused;

	stream->paused = paused;
	if (!is_alive(stream))
		return;
	update_watch(stream);
	if (resumed && stream->unread.len)
		timer_set(&stream->soon, 0);
}

/* What the loop brings. */

static void hold(struct stream *stream)
{
	stream->busy++;
}

static void let_go(struct stream *stream)
{
	stream->busy--;
	update_watch(stream);
	if (((stream->broken && !stream->closed) || stream->owes_sent) && !stream->freed)
		timer_set(&stream->soon, 0);
	release(stream);
}

static void on_hangup(struct stream *stream)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (stream->is_socket)
		getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error)
		break_off(stream, reason_of(error));
	else if (stream->read_ended && !stream->write_ended)
		break_off(stream, "closed by the other side");
}

static void on_events(void *arg, unsigned events)
{
	struct stream *stream = arg;

	if (stream->busy)
		/* A callback runs a nested round: the outer one goes on with it. */
		return;
	hold(stream);
	if (events & LOOP_WRITE) {
		flush(stream);
		tell_writable(stream);
	}
	/* A hang-up may leave bytes to be read, and the end behind them. */
	if (events & (LOOP_READ | LOOP_HANGUP) && is_alive(stream) && !stream->read_ended &&
	    !stream->paused)
		read_some(stream);
	else if (events & LOOP_HANGUP && is_alive(stream))
		on_hangup(stream);
	let_go(stream);
}

static void on_soon(void *arg)
{
	struct stream *stream = arg;

	if (stream->busy)
		return;                      /* as above; let_go sets the timer again */
	hold(stream);
	if (stream->broken && !stream->closed) {
		stream->closed = true;
		stream->events.on_close(stream->arg, stream->broken);
	} else if (is_alive(stream) && !stream->paused && stream->unread.len) {
		tell_data(stream);
	}
	if (stream->owes_sent && !stream->freed && !stream->broken) {
		stream->owes_sent = false;
		stream->events.on_sent(stream->arg);
	}
	let_go(stream);
}
