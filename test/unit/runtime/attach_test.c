/* Clients of a container's streams, with and without a terminal. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/packet.h"
#include "runtime/kcall_io.h"
#include "runtime/log_files_io.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

static void start(struct host *host, const struct container_spec *spec)
{
	struct err err = { .code = 0 };

	EXPECT(host_create(host, spec, &err) == 0);
	EXPECT(host_start(host, spec->id, &err) == 0);
	EXPECT_STR(err.text, "");
}

static void send_text(int fd, const char *text)
{
	EXPECT(fd_write_all(fd, text, strlen(text)) == 0);
}

TEST(a_client_attached_before_the_start_sees_all_output)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "print", "one", ",", "error", "bad", ",", "print", "two", ",", "exit", "3", NULL);

	EXPECT(host_create(&host, &spec, &err) == 0);
	int both = host_attach(&host, spec.id, "oe"), bad = host_attach(&host, spec.id, "e");

	EXPECT(host_start(&host, spec.id, &err) == 0);
	EXPECT_STR(host_stream_rest(&host, both, true), "one\ntwo\n|bad\n");
	EXPECT_STR(host_stream_rest(&host, bad, true), "|bad\n");
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, 3);
	EXPECT(strstr(host_log(&host, spec.id), "E:bad\n") && strstr(host_log(&host, spec.id), "two\n"));
	host_close(&host);
}

TEST(without_a_log_there_is_output_for_clients)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "flood", "10000", "line", NULL);

	spec.log_driver = CONTAINER_LOG_NONE;
	EXPECT(host_create(&host, &spec, &err) == 0);
	int fd = host_attach(&host, spec.id, "oe");

	EXPECT(host_start(&host, spec.id, &err) == 0);
	const char *text = host_stream_rest(&host, fd, true);

	EXPECT(str_starts(text, "line 0\nline 1\n") && str_ends(text, "line 9999\n|"));
	EXPECT(host_wait_exit(&host, spec.id));
	EXPECT_STR(host_log(&host, spec.id), "");
	host_close(&host);
}

TEST(stdin_once_ends_with_the_first_clients_input)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "stdin", ",", "exit", "5", NULL);

	spec.has_stdin = spec.is_stdin_once = true;
	EXPECT(host_create(&host, &spec, &err) == 0);
	int fd = host_attach(&host, spec.id, "ioe");

	EXPECT(host_start(&host, spec.id, &err) == 0);
	send_text(fd, "hello\n");
	EXPECT(shutdown(fd, SHUT_WR) == 0);
	EXPECT_STR(host_stream_rest(&host, fd, true), "hello\n[end]\n|");
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, 5);

	/* what was written before the client went arrives as well */
	EXPECT(host_renew(&host, spec.id, NULL, &err) == 0);
	fd = host_attach(&host, spec.id, "ioe");
	EXPECT(host_start(&host, spec.id, &err) == 0);
	send_text(fd, "gone\n");
	close(fd);
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, 5);
	EXPECT_STR(host_log(&host, spec.id), "hello\n[end]\ngone\n[end]\n");
	host_close(&host);
}

TEST(an_open_stdin_outlives_its_clients)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "stdin", NULL);

	spec.has_stdin = true;
	start(&host, &spec);
	for (int i = 0; i < 3; i++) {
		int fd = host_attach(&host, spec.id, "ioe");
		char *line = arena_printf(&host.arena, "line %d\n", i);

		send_text(fd, line);
		EXPECT(host_wait_log(&host, spec.id, line));
		EXPECT(shutdown(fd, SHUT_WR) == 0);
		/* the end of its input detaches it */
		EXPECT_STR(host_stream_rest(&host, fd, true), arena_printf(&host.arena, "%s|", line));
	}
	/* one that is there for the output alone gives no input, and its half is no end */
	int listener = host_attach(&host, spec.id, "oe"), writer = host_attach(&host, spec.id, "i");

	EXPECT(shutdown(listener, SHUT_WR) == 0);
	send_text(writer, "last\n");
	EXPECT(host_wait_log(&host, spec.id, "last"));
	EXPECT(runtime_kill(host.rt, spec.id, &err) == 0);
	EXPECT_STR(host_stream_rest(&host, listener, true), "last\n|");
	EXPECT_STR(host_stream_rest(&host, writer, true), "|");
	host_close(&host);
}

TEST(input_that_nobody_reads_hurts_nobody)
{
	struct host host;
	struct err err = { .code = 0 };
	static char much[1 << 20];

	host_open(&host);
	struct container_spec closes = host_spec(&host, "close", "0", ",", "print", "closed", ",", "trap", "10", NULL),
			      deaf = host_spec(&host, "trap", "10", NULL);

	closes.has_stdin = deaf.has_stdin = true;
	start(&host, &closes);
	int fd = host_attach(&host, closes.id, "ioe");

	memset(much, 'x', sizeof much);
	EXPECT(host_wait_log(&host, closes.id, "trapped"));
	EXPECT(fd_set_nonblocking(fd, false) == 0);
	EXPECT(fd_write_all(fd, much, sizeof much) == 0);        /* thrown away */
	close(fd);

	/* a full pipe waits, and the end of the client with it: no processor is burnt meanwhile */
	start(&host, &deaf);
	EXPECT(host_wait_log(&host, deaf.id, "trapped"));
	fd = host_attach(&host, deaf.id, "ioe");
	while (write(fd, much, sizeof much) > 0)
		;
	EXPECT_INT(errno, EAGAIN);
	close(fd);
	EXPECT(host_wait_log(&host, deaf.id, "trapped"));        /* before that, a signal to the first process is lost */
	fd = host_attach(&host, deaf.id, "o");
	EXPECT(runtime_signal(host.rt, deaf.id, SIGUSR1, &err) == 0 && runtime_signal(host.rt, closes.id, SIGUSR1, &err) == 0);
	host_stream_rest(&host, fd, true);
	EXPECT_INT(host_wait_exit(&host, deaf.id)->code, 10);
	EXPECT_INT(host_wait_exit(&host, closes.id)->code, 10);
	host_close(&host);
}

TEST_TIMEOUT(a_slow_client_makes_the_container_wait_and_loses_nothing, 600)
{
	enum { LINES = 200000 };
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;
	struct stat before, after;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "flood", "200000", "line", NULL), other = host_spec(&host, "print", "free", NULL);

	EXPECT(host_create(&host, &spec, &err) == 0);
	int slow = host_attach(&host, spec.id, "oe"), gone = host_attach(&host, spec.id, "oe");

	EXPECT(host_start(&host, spec.id, &err) == 0);
	close(gone);
	EXPECT(host_wait_log(&host, spec.id, "line 100\n"));     /* the log goes on meanwhile, and others read it */
	EXPECT_STR(host_output(&host, &other), "free\n");
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	do {                                                     /* until it stands still */
		EXPECT(stat(info.log_path, &before) == 0);
		host_sh("sleep 0.3");
		EXPECT(stat(info.log_path, &after) == 0);
	} while (before.st_size != after.st_size);
	EXPECT_INT(info.state, RUNTIME_RUNNING);
	EXPECT_INT(host.exit_count, 1);                          /* of the other one */

	const char *text = host_stream_rest(&host, slow, true);
	size_t lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	EXPECT_INT(lines, LINES);
	EXPECT(str_ends(text, "line 199999\n|"));
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, 0);
	EXPECT(strlen(host_log(&host, spec.id)) + 1 == strlen(text));
	host_close(&host);
}

TEST(what_a_client_has_not_read_when_the_container_ends_waits_for_it)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	/* more than a socket holds by default, less than pipe and socket together */
	struct container_spec spec = host_spec(&host, "flood", "17000", "line", ",", "error", "end", NULL);

	EXPECT(host_create(&host, &spec, &err) == 0);
	int fd = host_attach(&host, spec.id, "oe");

	EXPECT(host_start(&host, spec.id, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, 0);
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	const char *text = host_stream_rest(&host, fd, true);

	EXPECT(str_starts(text, "line 0\n") && str_ends(text, "line 16999\n|end\n"));
	host_close(&host);
}

TEST(only_so_many_clients_are_attached_at_a_time)
{
	struct host host;
	struct err err = { .code = 0 };
	int fds[RUNTIME_MAX_ATTACHED], one_more;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "pause", NULL);

	EXPECT(host_try_attach(&host, spec.id, "o", &one_more, &err) == -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	start(&host, &spec);
	for (int i = 0; i < RUNTIME_MAX_ATTACHED; i++)
		fds[i] = host_attach(&host, spec.id, "o");
	EXPECT(host_try_attach(&host, spec.id, "o", &one_more, &err) == -1);
	EXPECT_INT(err.code, ERR_EXHAUSTED);
	EXPECT_STR(err.text, arena_printf(&host.arena, "container %.12s: more than 8 clients are attached to it", spec.id));
	close(fds[3]);
	while (host_try_attach(&host, spec.id, "o", &fds[3], &err) < 0)          /* as soon as the shim has heard of it */
		EXPECT_INT(err.code, ERR_EXHAUSTED);
	EXPECT(host_resize(&host, spec.id, 10, 20, &err) == -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_STR(err.text, arena_printf(&host.arena, "container %.12s: it has no terminal", spec.id));
	EXPECT(runtime_kill(host.rt, spec.id, &err) == 0 && host_wait_exit(&host, spec.id));
	for (int i = 0; i < RUNTIME_MAX_ATTACHED; i++)
		EXPECT_STR(host_stream_rest(&host, fds[i], true), "|");
	EXPECT(host_try_attach(&host, spec.id, "o", &one_more, &err) == -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	host_close(&host);
}

/* --- terminals --------------------------------------------------------------------------------- */

TEST(a_terminal_is_stdin_stdout_stderr_and_the_console)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "terminal", ",", "stat", "/dev/console", ",", "stat", "/dev/pts/0", ",", "ls", "/dev/pts", ",", "fds",
					       ",", "env", ",", "error", "bad", NULL);

	spec.has_tty = true;
	spec.tty_rows = 33;
	spec.tty_columns = 111;
	spec.user = "1000";
	EXPECT(host_create(&host, &spec, &err) == 0);
	EXPECT_STR(err.text, "");
	EXPECT(runtime_inspect(host.rt, spec.id, &info) && info.has_tty);
	int fd = host_attach(&host, spec.id, "oe");

	EXPECT(host_start(&host, spec.id, &err) == 0);
	const char *want = arena_printf(&host.arena,
		"/dev/pts/0 1 1 1 size 33 111 tty ok foreground yes\r\n/dev/console 20620 1000:5 136,0\r\n/dev/pts/0 20620 1000:5 136,0\r\n"
		"0 ptmx \r\n0 1 2 \r\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\r\nHOSTNAME=%.12s\r\nTERM=xterm\r\n"
		"HOME=/\r\nbad\r\n", spec.id);

	EXPECT_STR(host_stream_rest(&host, fd, false), want);
	EXPECT(host_wait_exit(&host, spec.id));
	EXPECT_STR(host_log(&host, spec.id), want);
	host_close(&host);
}

TEST(a_terminal_tells_its_new_size_and_hands_control_c_on)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "winch", ",", "trap", "2", NULL);

	spec.has_tty = spec.has_stdin = true;
	start(&host, &spec);
	int fd = host_attach(&host, spec.id, "ioe");

	EXPECT(host_wait_log(&host, spec.id, "ready"));
	EXPECT(host_resize(&host, spec.id, 50, 132, &err) == 0);
	EXPECT(host_stream_wait(&host, fd, "size 50 132"));
	EXPECT(host_wait_log(&host, spec.id, "trapped"));
	send_text(fd, "\003");
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, SIGINT);
	EXPECT(str_ends(host_stream_rest(&host, fd, false), "^C"));
	host_close(&host);
}

TEST(a_terminal_echoes_what_is_typed_and_its_client_may_come_back)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "stdin", NULL);

	spec.has_tty = spec.has_stdin = spec.is_stdin_once = true;
	start(&host, &spec);
	int fd = host_attach(&host, spec.id, "ioe");

	send_text(fd, "abc\n");
	EXPECT(host_stream_wait(&host, fd, "abc\r\nabc\r\n"));
	close(fd);
	fd = host_attach(&host, spec.id, "ioe");
	send_text(fd, "def\n");
	EXPECT(host_stream_wait(&host, fd, "def\r\ndef\r\n"));
	send_text(fd, "\004");
	EXPECT_STR(host_stream_rest(&host, fd, false), "[end]\r\n");
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, 0);
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	host_close(&host);
}

/* --- what was written before ------------------------------------------------------------------- */

static struct log_mark mark_of(int fd)
{
	struct log_mark mark = { 0 };
	struct pollfd wait = { fd, POLLIN, 0 };

	EXPECT(poll(&wait, 1, 60000) == 1 && runtime_stream_mark(fd, &mark) == 0);
	return mark;
}

static int open_log(const struct host *host, const char *id)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/containers/%s/%s-json.log", host->data_root, id, id);
	return log_files_open(path, 0);
}

TEST(a_stream_with_the_past_tells_where_the_log_ends_and_begins_with_the_begun_lines)
{
	for (int has_tty = 0; has_tty < 2; has_tty++) {
		struct host host;

		host_open(&host);
		struct container_spec spec = host_spec(&host, "stdin", NULL);

		spec.has_stdin = true;
		spec.has_tty = has_tty;
		start(&host, &spec);
		int fd = host_attach(&host, spec.id, "ioe");
		struct log_mark none = mark_of(host_attach(&host, spec.id, "oep"));
		CLEANUP(fd_closep) int log_fd = open_log(&host, spec.id);
		struct stat st;

		EXPECT(none.file == log_files_identity(log_fd) && none.bytes == 0);
		send_text(fd, "one\n");
		EXPECT(host_wait_log(&host, spec.id, has_tty ? "one\r\none\r\n" : "one\n"));
		send_text(fd, "be");
		EXPECT(host_stream_wait(&host, fd, "be"));
		int past = host_attach(&host, spec.id, "oep"), errors = host_attach(&host, spec.id, "ep");
		struct log_mark mark = mark_of(past), same = mark_of(errors);

		EXPECT(fstat(log_fd, &st) == 0 && st.st_size && mark.file == none.file && mark.bytes == st.st_size);
		EXPECT(same.file == mark.file && same.bytes == mark.bytes);
		send_text(fd, has_tty ? "gun\n" : "gun\nlast");
		EXPECT(host_wait_log(&host, spec.id, has_tty ? "begun\r\nbegun\r\n" : "begun\n"));
		EXPECT(runtime_kill(host.rt, spec.id, &(struct err){ 0 }) == 0);
		host_stream_rest(&host, fd, !has_tty);
		EXPECT_STR(host_stream_rest(&host, past, !has_tty), has_tty ? "begun\r\nbegun\r\n" : "begun\nlast|");
		EXPECT_STR(host_stream_rest(&host, errors, !has_tty), has_tty ? "" : "|");
		host_close(&host);
	}
}

TEST(without_a_log_there_is_no_place_in_it)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "stdin", NULL);

	spec.has_stdin = true;
	spec.log_driver = CONTAINER_LOG_NONE;
	start(&host, &spec);
	struct log_mark mark = mark_of(host_attach(&host, spec.id, "oep"));

	EXPECT(mark.file == 0 && mark.bytes == 0);
	EXPECT(runtime_kill(host.rt, spec.id, &(struct err){ 0 }) == 0);
	host_close(&host);
}

/* --- shims of the past ------------------------------------------------------------------------- */

/* What a shim of the first release says to hello, or with a level one of before the past could be asked for: that gives a stream to the first who asks,
 * whatever else he wants. It lives as long as its container, which here is a process that waits. */
static _Noreturn void be_an_old_shim(int listener, const char *level)
{
	static const char running[] = "{\"v\":1,%s\"state\":\"running\",\"pid\":%d,\"code\":0,\"oom\":false,\"started\":5,\"finished\":0,\"error\":\"\"}\n";
	pid_t container = fork();

	if (container == 0)
		for (;;)
			pause();
	int connection = accept(listener, NULL, NULL), pair[2];
	char text[512];

	if (recv(connection, text, sizeof text, 0) <= 0)
		_exit(1);
	snprintf(text, sizeof text, running, level, (int)container);
	packet_send(connection, text, strlen(text), (int[]){ kcall_pidfd_open(getpid()), kcall_pidfd_open(container) }, 2);
	if (*level && recv(connection, text, sizeof text, 0) > 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) {
		snprintf(text, sizeof text, running, "\"seq\":1,\"level\":1,", (int)container);
		packet_send(connection, text, strlen(text), pair, 1);
	}
	waitpid(container, NULL, 0);
	_exit(0);
}

static pid_t adopt_old_shim(struct host *host, const char *level, char ret_id[HEX_ID_SIZE])
{
	struct runtime_info info;
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	host_open(host);
	host_crash(host);
	entropy_hex_id(ret_id);
	host_sh("mkdir -p %s/shims/%s %s/containers/%s", host->run_root, ret_id, host->data_root, ret_id);
	snprintf(name.sun_path, sizeof name.sun_path, "%s/s", host->dir);
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	EXPECT(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 1) == 0);
	host_sh("mv %s/s %s/shims/%s/sock", host->dir, host->run_root, ret_id);
	pid_t shim = fork();

	if (shim == 0)
		be_an_old_shim(listener, level);
	close(listener);
	host_restart(host);
	EXPECT(runtime_inspect(host->rt, ret_id, &info) && info.state == RUNTIME_RUNNING && info.started_wall == 5);
	return shim;
}

static void refuses_stream(struct host *host, const char *id, const char *wants)
{
	struct err err = { .code = 0 };
	int fd;

	EXPECT(host_try_attach(host, id, wants, &fd, &err) == -1);
	EXPECT_INT(err.code, ERR_UNSUPPORTED);
	EXPECT_STR(err.text, arena_printf(&host->arena, "container %.12s was started by an older swarmbox, which could not do that: restart it", id));
}

static void remove_old(struct host *host, const char *id, pid_t shim)
{
	struct err err;

	EXPECT(host_remove(host, id, &err) == 0);
	EXPECT(kill(shim, 0) == -1);     /* reaped by the runtime, as it is a child of ours */
	host_close(host);
}

TEST(a_shim_from_before_attach_is_adopted_and_never_asked_for_it)
{
	struct host host;
	struct err err = { .code = 0 };
	char id[HEX_ID_SIZE];
	pid_t shim = adopt_old_shim(&host, "", id);

	refuses_stream(&host, id, "o");
	EXPECT(host_resize(&host, id, 1, 1, &err) == -1 && err.code == ERR_UNSUPPORTED);
	remove_old(&host, id, shim);
}

TEST(a_shim_from_before_the_past_gives_streams_and_is_never_asked_for_it)
{
	struct host host;
	char id[HEX_ID_SIZE];
	pid_t shim = adopt_old_shim(&host, "\"level\":1,", id);

	refuses_stream(&host, id, "op");
	close(host_attach(&host, id, "o"));
	remove_old(&host, id, shim);
}

/* --- agents that come and go ------------------------------------------------------------------- */

TEST(a_killed_agent_leaves_containers_to_which_the_next_one_attaches)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec tty = host_spec(&host, "stdin", NULL), piped = host_spec(&host, "stdin", NULL);

	tty.has_tty = tty.has_stdin = piped.has_stdin = true;
	start(&host, &tty);
	start(&host, &piped);
	int a = host_attach(&host, tty.id, "ioe"), b = host_attach(&host, piped.id, "ioe");

	send_text(b, "before\n");
	EXPECT(host_wait_log(&host, piped.id, "before"));
	host_crash(&host);
	close(a);
	close(b);
	host_restart(&host);
	EXPECT(runtime_inspect(host.rt, tty.id, &info) && info.state == RUNTIME_RUNNING && info.has_tty);
	EXPECT(runtime_inspect(host.rt, piped.id, &info) && info.state == RUNTIME_RUNNING && !info.has_tty);
	a = host_attach(&host, tty.id, "ioe");
	b = host_attach(&host, piped.id, "ioe");
	send_text(a, "after\n");
	send_text(b, "after\n");
	EXPECT(host_stream_wait(&host, a, "after\r\nafter\r\n"));
	EXPECT(host_wait_log(&host, piped.id, "before\nafter"));
	EXPECT(host_resize(&host, tty.id, 5, 6, &err) == 0);
	EXPECT(runtime_kill(host.rt, tty.id, &err) == 0 && runtime_kill(host.rt, piped.id, &err) == 0);
	host_stream_rest(&host, a, false);
	EXPECT_STR(host_stream_rest(&host, b, true), "after\n|");
	host_close(&host);
}
