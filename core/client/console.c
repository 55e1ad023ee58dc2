#include "client/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "client/frames.h"
#include "os/file.h"

enum { PIECE_BYTES = 32 * 1024, PENDING_MAX_BYTES = 256 * 1024 };

struct console {
	const struct console_options *options;
	int fd, signal_fd;
	struct detach_keys keys;
	struct frames frames;
	struct buf pending;             /* typed, not yet sent */
	bool input_ended, end_sent, is_over, is_detached;
};

static void signals_of(bool proxies, sigset_t *ret)
{
	/* as docker's client, which hands on all but those that are about itself */
	static const int handed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCONT, SIGTSTP };

	sigemptyset(ret);
	sigaddset(ret, SIGWINCH);
	for (size_t i = 0; proxies && i < ARRAY_COUNT(handed_on); i++)
		sigaddset(ret, handed_on[i]);
}

void console_hold_signals(bool proxies)
{
	sigset_t set;

	signals_of(proxies, &set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* --- out --- */

static int print(void *arg, int stream, const char *bytes, size_t count, struct err *err)
{
	(void)arg;
	if (stream == FRAMES_ERROR)
		return err_set(err, ERR_IO, "error from daemon in stream: %.*s", (int)MIN(count, (size_t)500), bytes);
	return fd_write_all(stream == FRAMES_STDERR ? STDERR_FILENO : STDOUT_FILENO, bytes, count) < 0 ? err_sys(err, "write output") : 0;
}

static int take_output(struct console *console, const char *bytes, size_t count, struct err *err)
{
	if (count == 0)
		return 0;
	if (console->options->connection->is_raw)
		return print(console, FRAMES_STDOUT, bytes, count, err);
	return frames_take(&console->frames, bytes, count, print, console, err);
}

static int read_output(struct console *console, struct err *err)
{
	char bytes[PIECE_BYTES];
	ssize_t got;

	do
		got = recv(console->fd, bytes, sizeof(bytes), 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != ECONNRESET)
		return err_sys(err, "receive output");
	if (got > 0)
		return take_output(console, bytes, (size_t)got, err);
	console->is_over = true;
	return frames_is_between(&console->frames) ? 0 : err_set(err, ERR_IO, "the output ended within a frame");
}

/* --- in --- */

static void read_input(struct console *console)
{
	uint8_t bytes[PIECE_BYTES];
	ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		console->input_ended = true;
	} else if (!console->options->is_raw) {
		buf_add(&console->pending, bytes, (size_t)got);
	} else if (detach_keys_feed(&console->keys, bytes, (size_t)got, &console->pending)) {
		console->is_over = console->is_detached = true;
	}
}

static void send_input(struct console *console)
{
	ssize_t sent = 0;

	if (console->pending.len) {
		sent = send(console->fd, console->pending.data, console->pending.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			buf_clear(&console->pending);           /* nobody takes it any more; the output may go on */
			console->input_ended = console->end_sent = true;
			return;
		}
		buf_drop_front(&console->pending, sent > 0 ? (size_t)sent : 0);
	}
	if (console->input_ended && !console->end_sent && !console->pending.len) {
		shutdown(console->fd, SHUT_WR);
		console->end_sent = true;
	}
}

/* --- signals --- */

static void take_signal(struct console *console)
{
	struct signalfd_siginfo info;

	if (read(console->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		console->options->on_resize(console->options->arg);
	else
		console->options->on_signal(console->options->arg, (int)info.ssi_signo);
}

/* --- until one side ends --- */

static int turn(struct console *console, struct err *err)
{
	bool wants_input = console->options->takes_input && !console->input_ended && console->pending.len < PENDING_MAX_BYTES;
	struct pollfd fds[] = {
		{ .fd = console->fd, .events = (short)(POLLIN | (console->pending.len ? POLLOUT : 0)) },
		{ .fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = console->signal_fd, .events = POLLIN },
	};

	if (poll(fds, ARRAY_COUNT(fds), -1) < 0)
		return errno == EINTR ? 0 : err_sys(err, "poll");
	if (fds[2].revents)
		take_signal(console);
	if (fds[1].revents)
		read_input(console);
	send_input(console);
	return fds[0].revents & (POLLIN | POLLHUP | POLLERR) && !console->is_over ? read_output(console, err) : 0;
}

int console_run(const struct console_options *options, enum console_end *ret, struct err *err)
{
	struct console console = { .options = options, .fd = options->connection->fd, .keys = options->keys };
	sigset_t set, before;
	int result;

	signals_of(options->proxies, &set);
	sigprocmask(SIG_BLOCK, &set, &before);
	console.signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (console.signal_fd < 0)
		return err_sys(err, "signalfd");
	result = take_output(&console, options->connection->unread.data, options->connection->unread.len, err);
	while (result == 0 && !console.is_over)
		result = turn(&console, err);
	close(console.signal_fd);
	buf_fini(&console.pending);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	*ret = console.is_detached ? CONSOLE_DETACHED : CONSOLE_ENDED;
	return result;
}
