/* shim_streams_io.c - output, clients and input of a shim's process. */
#include "runtime/shim_streams_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/clock.h"
#include "os/file.h"
#include "runtime/kcall_io.h"

enum { HEADER_BYTES = 8, INPUT_BYTES = 4096, FINISH_ROUNDS = 4096, FINISH_WAIT_MS = 2000, FINISH_SOCKET_BYTES = 4 << 20 };

/* Touched as far as they are used, which mostly is not at all. */
static char out_piece[CONTAINER_LOG_PIECE_BYTES], bad_piece[CONTAINER_LOG_PIECE_BYTES];
static char frame[HEADER_BYTES + CONTAINER_LOG_PIECE_BYTES], input[INPUT_BYTES];

void streams_init(struct streams *streams)
{
	*streams = (struct streams){
		.out = { .fd = -1, .stream = CONTAINER_LOG_STDOUT, .piece = out_piece },
		.bad = { .fd = -1, .stream = CONTAINER_LOG_STDERR, .piece = bad_piece },
		.in_fd = -1, .slave_fd = -1,
	};
	for (size_t i = 0; i < STREAMS_CLIENTS; i++)
		streams->clients[i].fd = -1;
}

/* Our end does not wait; the other one is as its user expects it. */
static int make_pipe(int *ret_ours, int *ret_theirs, bool is_input, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "make a pipe");
	*ret_ours = ends[is_input];
	*ret_theirs = ends[!is_input];
	return fd_set_nonblocking(*ret_ours, true) < 0 ? err_sys(err, "make a pipe") : 0;
}

int streams_open_pipes(struct streams *streams, struct streams_wants wants, int ret_theirs[3], struct err *err)
{
	if (wants.in && make_pipe(&streams->in_fd, &ret_theirs[0], true, err) < 0)
		return -1;
	if (wants.out && make_pipe(&streams->out.fd, &ret_theirs[1], false, err) < 0)
		return -1;
	return wants.err ? make_pipe(&streams->bad.fd, &ret_theirs[2], false, err) : 0;
}

void streams_take_terminal(struct streams *streams, const int terminal[2], bool has_stdin)
{
	if (!streams->has_tty)
		return;
	streams->out.fd = terminal[0];
	streams->slave_fd = terminal[1];
	streams->in_fd = has_stdin ? terminal[0] : -1;
}

/* --- clients ----------------------------------------------------------------------------------- */

static void drop_client(struct streams *streams, struct streams_client *client)
{
	fd_closep(&client->fd);
	*client = (struct streams_client){ .fd = -1 };
	for (size_t i = 0; i < STREAMS_CLIENTS; i++)
		if (streams->clients[i].fd >= 0)
			return;
	kcall_give_back(frame, sizeof frame);
	if (streams->input_at == streams->input_end)
		kcall_give_back(input, sizeof input);
}

void streams_take_client(struct streams *streams, int fd, struct streams_wants wants)
{
	check(streams->clients[0].fd < 0);
	streams->clients[0] = (struct streams_client){ .fd = fd, .wants = wants };
}

/* The frame of Docker's streams: the number of the stream, three zeros, the length in big endian. */
static void put_header(char to[HEADER_BYTES], enum container_log_stream stream, size_t count)
{
	memset(to, 0, HEADER_BYTES);
	to[0] = (char)stream;
	for (size_t i = 0; i < 4; i++)
		to[4 + i] = (char)(count >> (24 - 8 * i));
}

/* Into a fresh socket, which has room. */
static bool send_whole(int fd, const void *bytes, size_t count)
{
	return send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)count;
}

static bool send_begun(const struct streams *streams, int fd, const struct log_pipe *pipe)
{
	char header[HEADER_BYTES];

	if (!pipe->used)
		return true;
	put_header(header, pipe->stream, pipe->used);
	return (streams->has_tty || send_whole(fd, header, sizeof header)) && send_whole(fd, pipe->piece, pipe->used);
}

static int send_past(const struct streams *streams, int fd, struct streams_wants wants)
{
	struct log_mark mark = { 0 };

	if (streams->writer)
		log_writer_mark(streams->writer, &mark);
	if (send_whole(fd, &mark, sizeof mark) && (!wants.out || send_begun(streams, fd, &streams->out)) &&
	    (!wants.err || send_begun(streams, fd, &streams->bad)))
		return 0;
	return -1;
}

int streams_add_client(struct streams *streams, struct streams_wants wants, bool wants_past)
{
	int pair[2];

	for (size_t i = 0; i < STREAMS_CLIENTS; i++) {
		struct streams_client *client = &streams->clients[i];

		if (client->fd >= 0)
			continue;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
			return -1;
		if (wants_past && send_past(streams, pair[0], wants) < 0) {
			fd_closep(&pair[0]);
			fd_closep(&pair[1]);
			errno = ENOBUFS;
			return -1;
		}
		*client = (struct streams_client){ .fd = pair[0], .wants = wants };
		return pair[1];
	}
	errno = EBUSY;
	return -1;
}

int streams_resize(struct streams *streams, unsigned rows, unsigned columns)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	if (!streams->has_tty) {
		errno = ENOTTY;
		return -1;
	}
	return ioctl(streams->out.fd, TIOCSWINSZ, &size);
}

/* Its output goes nowhere any more; what it has written before still counts. */
static void hang_up(struct streams_client *client)
{
	client->has_hung_up = true;
	client->owed = 0;
	client->wants.out = client->wants.err = false;
}

/* --- output ------------------------------------------------------------------------------------ */

static bool is_owing(const struct streams *streams)
{
	for (size_t i = 0; i < STREAMS_CLIENTS; i++)
		if (streams->clients[i].owed)
			return true;
	return false;
}

static void push(const struct streams *streams, struct streams_client *client)
{
	while (client->owed) {
		ssize_t count = send(client->fd, frame + streams->frame_end - client->owed, client->owed, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (count < 0 && errno == EAGAIN)
			return;
		if (count < 0 && errno != EINTR)
			hang_up(client);
		else if (count > 0)
			client->owed -= (size_t)count;
	}
}

/* A terminal has one stream, without frames. */
static void offer(struct streams *streams, enum container_log_stream stream, const char *bytes, size_t count)
{
	size_t header = streams->has_tty ? 0 : HEADER_BYTES;
	bool is_wanted = false;

	for (size_t i = 0; i < STREAMS_CLIENTS; i++) {
		struct streams_client *client = &streams->clients[i];
		bool wants = client->fd >= 0 && (stream == CONTAINER_LOG_STDERR ? client->wants.err : client->wants.out);

		client->owed = wants ? header + count : 0;
		is_wanted = is_wanted || wants;
	}
	if (!is_wanted)
		return;
	if (header)
		put_header(frame, stream, count);
	memcpy(frame + header, bytes, count);
	streams->frame_end = header + count;
	for (size_t i = 0; i < STREAMS_CLIENTS; i++)
		push(streams, &streams->clients[i]);
}

/* One piece. False when there is none at the moment. */
static bool take_output(struct streams *streams, struct log_pipe *pipe)
{
	size_t count = log_pipe_fill(pipe);

	if (!count)
		return false;
	offer(streams, pipe->stream, pipe->piece + pipe->used - count, count);
	log_pipe_cut(pipe, streams->writer);
	return true;
}

/* --- input ------------------------------------------------------------------------------------- */

static bool has_input(const struct streams *streams)
{
	return streams->input_at < streams->input_end;
}

static void close_input(struct streams *streams)
{
	if (!streams->has_tty)
		fd_closep(&streams->in_fd);
	streams->in_fd = -1;
	streams->input_at = streams->input_end = 0;
}

static void flush_input(struct streams *streams)
{
	while (has_input(streams)) {
		ssize_t count = write(streams->in_fd, input + streams->input_at, streams->input_end - streams->input_at);

		if (count < 0 && errno == EAGAIN)
			return;
		if (count < 0 && errno != EINTR)
			close_input(streams);    /* nobody reads it: what comes from now on is thrown away */
		else if (count > 0)
			streams->input_at += (size_t)count;
	}
}

/* Docker's rule: with stdin-once the end of a client's input is the end of stdin; otherwise it is the end of the client. */
static void end_input(struct streams *streams, struct streams_client *client)
{
	client->wants.in = false;
	if (streams->is_stdin_once && !streams->has_tty)
		close_input(streams);
	else
		hang_up(client);
}

static void take_input(struct streams *streams, struct streams_client *client)
{
	ssize_t count = read(client->fd, input, sizeof input);

	if (count > 0 && streams->in_fd >= 0) {
		streams->input_at = 0;
		streams->input_end = (size_t)count;
		flush_input(streams);
	} else if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
		end_input(streams, client);
	}
}

/* --- rounds ------------------------------------------------------------------------------------ */

/* A socket that has hung up is always ready: it is left out while nothing can be done about it. */
static struct pollfd poll_client(const struct streams *streams, const struct streams_client *client)
{
	bool can_read = client->wants.in && !has_input(streams);

	return (struct pollfd){ .fd = client->has_hung_up && !can_read ? -1 : client->fd,
				.events = (short)((client->owed ? POLLOUT : 0) | (can_read ? POLLIN : 0)) };
}

void streams_poll(const struct streams *streams, struct pollfd fds[STREAMS_POLLS])
{
	bool waits = is_owing(streams);

	fds[0] = (struct pollfd){ waits ? -1 : streams->out.fd, POLLIN, 0 };
	fds[1] = (struct pollfd){ waits ? -1 : streams->bad.fd, POLLIN, 0 };
	fds[2] = (struct pollfd){ has_input(streams) ? streams->in_fd : -1, POLLOUT, 0 };
	for (size_t i = 0; i < STREAMS_CLIENTS; i++)
		fds[3 + i] = poll_client(streams, &streams->clients[i]);
}

static void serve_client(struct streams *streams, struct streams_client *client, int events)
{
	if (events & (POLLHUP | POLLERR))
		hang_up(client);
	push(streams, client);
	if (client->wants.in && !has_input(streams) && events & (POLLIN | POLLHUP | POLLERR))
		take_input(streams, client);
	if (client->has_hung_up && !client->wants.in)
		drop_client(streams, client);
}

void streams_serve(struct streams *streams, const struct pollfd fds[STREAMS_POLLS])
{
	if (fds[2].revents)
		flush_input(streams);
	for (size_t i = 0; i < STREAMS_CLIENTS; i++)
		if (streams->clients[i].fd >= 0 && fds[3 + i].revents)
			serve_client(streams, &streams->clients[i], fds[3 + i].revents);
	if (fds[0].revents && !is_owing(streams))
		take_output(streams, &streams->out);
	if (fds[1].revents && !is_owing(streams))
		take_output(streams, &streams->bad);
	if (streams->writer)
		log_writer_flush(streams->writer);
}

/* --- the end ----------------------------------------------------------------------------------- */

/* Sockets keep what is in them when we are gone, so there is no need to stay for a slow reader. */
static void widen_sockets(const struct streams *streams)
{
	int bytes = FINISH_SOCKET_BYTES;

	for (size_t i = 0; i < STREAMS_CLIENTS; i++)
		if (streams->clients[i].fd >= 0 && setsockopt(streams->clients[i].fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
			setsockopt(streams->clients[i].fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static void wait_for_clients(struct streams *streams, msec deadline)
{
	while (is_owing(streams)) {
		struct pollfd fds[STREAMS_CLIENTS];
		msec left = deadline - clock_boot_ms();

		for (size_t i = 0; i < STREAMS_CLIENTS; i++)
			fds[i] = (struct pollfd){ streams->clients[i].owed ? streams->clients[i].fd : -1, POLLOUT, 0 };
		bool is_late = left <= 0 || poll(fds, STREAMS_CLIENTS, (int)left) == 0;

		for (size_t i = 0; i < STREAMS_CLIENTS; i++) {
			push(streams, &streams->clients[i]);
			if (is_late && streams->clients[i].owed)
				drop_client(streams, &streams->clients[i]);
		}
	}
}

/* A writer outside (a pipe end handed over a socket) could go on for ever: a pipe's worth and a bit is enough. */
void streams_finish(struct streams *streams)
{
	msec deadline = clock_boot_ms() + FINISH_WAIT_MS;
	bool has_more = true;

	close_input(streams);
	widen_sockets(streams);
	for (int rounds = 0; has_more && rounds < FINISH_ROUNDS; rounds++) {
		wait_for_clients(streams, deadline);
		has_more = take_output(streams, &streams->out);
		wait_for_clients(streams, deadline);
		has_more = take_output(streams, &streams->bad) || has_more;
	}
	wait_for_clients(streams, deadline);
	log_pipe_finish(&streams->out, streams->writer);
	log_pipe_finish(&streams->bad, streams->writer);
	fd_closep(&streams->slave_fd);
	streams->slave_fd = -1;
}

void streams_close(struct streams *streams)
{
	for (size_t i = 0; i < STREAMS_CLIENTS; i++)
		fd_closep(&streams->clients[i].fd);
}
