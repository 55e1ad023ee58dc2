/* shim_io.c - the life of a shim: make the container, then one poll loop until it ends.
 *
 * Its memory is a handful of pages: nothing is allocated, large buffers are static and only touched when there is something to log, and
 * the spec is read by the child (clone3 without CLONE_VM: what the child touches is its own). Once that is cloned, no constant table with
 * pointers may be used here any more (relro_io.h).
 */
#include "runtime/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "runtime/cgroup_io.h"
#include "runtime/container_init_io.h"
#include "runtime/kcall_io.h"
#include "runtime/log_writer_io.h"
#include "runtime/process_io.h"
#include "runtime/relro_io.h"
#include "runtime/shim_inside.h"

/* Touched as far as they are used, which mostly is not at all. */
static char log_stage[LOG_WRITER_STAGE_BYTES];

/* --- making the container ---------------------------------------------------------------------- */

static int64_t number_of(const char *word)
{
	int64_t number = 0;

	str_to_i64(word, &number);
	return number;
}

static void open_log(struct shim *shim, char *const *words)
{
	char name[HEX_ID_SIZE + 16];
	const char *slash = strrchr(words[SHIM_WORD_DIR], '/');

	if (str_eq(words[SHIM_WORD_LOG], SHIM_LOG_NONE))
		return;
	snprintf(name, sizeof name, "%.64s-json.log", slash ? slash + 1 : "");
	log_writer_init(&shim->writer, SHIM_DIR_FD, name, number_of(words[SHIM_WORD_LOG_BYTES]),
			(int)number_of(words[SHIM_WORD_LOG_FILES]), log_stage);
	shim->streams.writer = &shim->writer;
}

/* A terminal comes from the container, when it is at the gate. */
static int open_streams(struct shim *shim, char *const *words, struct container_init *init, struct err *err)
{
	struct streams *streams = &shim->streams;

	shim->has_stdin = strchr(words[SHIM_WORD_STDIO], SHIM_STDIO_IN);
	streams->is_stdin_once = strchr(words[SHIM_WORD_STDIO], SHIM_STDIO_ONCE);
	streams->has_tty = strchr(words[SHIM_WORD_STDIO], SHIM_STDIO_TTY);
	open_log(shim, words);
	return streams->has_tty ? 0 : streams_open_pipes(streams, (struct streams_wants){ shim->has_stdin, true, true }, init->stdio, err);
}

/* Ends of ours that the child must not hold up: its gate would never close, nor the agent's connection, if we were killed now. */
static void close_our_ends(struct shim *shim)
{
	close(SHIM_LISTEN_FD);
	close(SHIM_AGENT_FD);
	fd_closep(&shim->gate_fd);
	fd_closep(&shim->streams.out.fd);
	fd_closep(&shim->streams.bad.fd);
	fd_closep(&shim->streams.in_fd);
}

/* The child is in its v2 group from its first instruction; v1 has no such thing, there it joins by itself. */
static int clone_container(struct shim *shim, const struct container_init *init, struct err *err)
{
	struct kcall_clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | KCALL_CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&shim->pidfd,
		.exit_signal = SIGCHLD,
	};
	struct stat st;

	if (!shim->shares_network)
		args.flags |= CLONE_NEWNET;
	if (fstat(SHIM_CGROUP_FD, &st) == 0 && S_ISDIR(st.st_mode)) {
		args.flags |= KCALL_CLONE_INTO_CGROUP;
		args.cgroup = SHIM_CGROUP_FD;
	}
	shim->pid = kcall_clone3(&args);
	if (shim->pid == 0) {
		close_our_ends(shim);
		container_init_run(init);
	}
	return shim->pid < 0 ? err_sys(err, "make the container's namespaces") : 0;
}

static int make(struct shim *shim, char *const *words, struct err *err)
{
	struct container_init init = { .spec_dir_fd = SHIM_DIR_FD, .gate_fd = -1, .stdio = { -1, -1, -1 } };
	int pair[2];

	shim->shares_network = str_eq(words[SHIM_WORD_NETWORK], SHIM_NETWORK_HOST);
	shim->run_dir = open(words[SHIM_WORD_DIR], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shim->run_dir < 0)
		return err_sys(err, "open '%s'", words[SHIM_WORD_DIR]);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "make a socket pair");
	shim->gate_fd = pair[0];
	init.gate_fd = pair[1];
	int result = open_streams(shim, words, &init, err);

	if (result == 0)
		result = clone_container(shim, &init, err);
	fd_closep(&init.gate_fd);
	for (size_t i = 0; i < ARRAY_COUNT(init.stdio); i++)
		fd_closep(&init.stdio[i]);
	return result;
}

/* --- listening to the container ---------------------------------------------------------------- */

static void hear_gate(struct shim *shim)
{
	int terminal[2];

	switch (process_hear(shim->gate_fd, terminal, &shim->end)) {
	case PROCESS_SAYS_NOTHING:
		return;
	case PROCESS_IS_READY:
		streams_take_terminal(&shim->streams, terminal, shim->has_stdin);
		shim->phase = SHIM_AT_GATE;
		break;
	case PROCESS_IS_MADE:            /* by a helper, which the first process of a container has none of */
		fd_closep(&terminal[0]);
		return;
	case PROCESS_HAS_FAILED:
		shim->phase = SHIM_FAILED;
		break;
	case PROCESS_IS_SILENT:
		/* From a process that was let through the gate it means that exec has happened. */
		if (shim->phase == SHIM_STARTING) {
			shim->phase = SHIM_RUNNING;
			shim->end.started_wall = clock_wall_ns();
		}
		fd_closep(&shim->gate_fd);
		shim->gate_fd = -1;
		break;
	}
	shim_talk_answer(shim);
}

/* True when the container has ended; its code is then known. */
static bool reap(struct shim *shim)
{
	int code;

	if (!process_has_ended(shim->pidfd, &code))
		return false;
	if (shim->phase != SHIM_FAILED)
		shim->end.code = code;
	shim->end.finished_wall = clock_wall_ns();
	shim->end.is_oom = shim->end.code != 0 && cgroup_oom_happened(SHIM_OOM_FD);
	return true;
}

/* --- the loop ---------------------------------------------------------------------------------- */

static bool is_ready(const struct pollfd *fd)
{
	return fd->revents != 0;
}

/* One round. Order matters: what the gate says comes before the death that may follow it, and output before both are final. */
static bool serve_once(struct shim *shim)
{
	struct pollfd fds[3 + SHIM_CONNECTIONS + STREAMS_POLLS] = {
		{ shim->gate_fd, POLLIN, 0 }, { shim->pidfd, POLLIN, 0 }, { SHIM_LISTEN_FD, POLLIN, 0 }
	};
	struct pollfd *talks = fds + 3, *streams = talks + SHIM_CONNECTIONS;

	for (size_t i = 0; i < SHIM_CONNECTIONS; i++)
		talks[i] = (struct pollfd){ shim->connections[i].fd, POLLIN, 0 };
	streams_poll(&shim->streams, streams);
	if (poll(fds, ARRAY_COUNT(fds), -1) < 0)
		return errno == EINTR;
	if (is_ready(&fds[0]))
		hear_gate(shim);
	streams_serve(&shim->streams, streams);
	for (size_t i = 0; i < SHIM_CONNECTIONS; i++)
		if (shim->connections[i].fd >= 0 && is_ready(&talks[i]))
			shim_talk_hear(shim, &shim->connections[i]);
	if (is_ready(&fds[2]))
		shim_talk_accept(shim);
	if (!is_ready(&fds[1]))
		return true;
	while (shim->gate_fd >= 0 && shim->phase != SHIM_FAILED && poll(&fds[0], 1, 0) > 0)
		hear_gate(shim);
	return !reap(shim);
}

static void write_exit(int dir, const char *text, size_t length)
{
	CLEANUP(fd_closep) int fd = openat(dir, "exit.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0 && fd_write_all(fd, text, length) == 0)
		renameat(dir, "exit.new", dir, "exit");
}

/* Behind the plan, for after a reboot, when the run root is empty. */
static void add_to_spec(const char *text, size_t length)
{
	CLEANUP(fd_closep) int fd = openat(SHIM_DIR_FD, "spec", O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd >= 0)
		fd_write_all(fd, text, length);  /* if not, "host restarted" is what will be known */
}

/* The exit file first; then the sockets close, which is what agents wait for. Nobody waits for the rest. */
static void finish(struct shim *shim)
{
	char text[SHIM_WIRE_MAX_BYTES];

	streams_finish(&shim->streams);
	if (shim->streams.writer)
		log_writer_fini(&shim->writer);
	shim->end.verb = SHIM_WIRE_REPLY;
	shim->end.state = SHIM_WIRE_EXITED;
	size_t length = shim_wire_format(&shim->end, text);

	write_exit(shim->run_dir, text, length);
	close(SHIM_LISTEN_FD);
	shim_talk_end(shim);
	streams_close(&shim->streams);
	add_to_spec(text, length);
}

static void fail_to_make(struct shim *shim, const struct err *err)
{
	shim->phase = SHIM_FAILED;
	shim->end.code = 126;
	shim->end.finished_wall = clock_wall_ns();
	str_copy(shim->end.error, sizeof shim->end.error, err->text);
	shim_talk_answer(shim);
}

static struct shim *shim_new(void)
{
	static struct shim shim;

	shim.run_dir = shim.pidfd = shim.gate_fd = -1;
	streams_init(&shim.streams);
	for (size_t i = 0; i < SHIM_CONNECTIONS; i++)
		shim.connections[i] = (struct shim_connection){ .fd = -1 };
	shim.connections[0] = (struct shim_connection){ .fd = SHIM_AGENT_FD, .wants_hello = true };
	return &shim;
}

int shim_run(char *const words[SHIM_WORD_COUNT])
{
	struct shim *shim = shim_new();
	struct err err = { .code = 0 };

	process_be_shim("swarmbox-shim");
	for (int fd = SHIM_LISTEN_FD; fd <= SHIM_OOM_FD; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (make(shim, words, &err) < 0) {
		fail_to_make(shim, &err);
	} else {
		relro_give_back();       /* the child has its own copy */
		while (serve_once(shim))
			;
	}
	finish(shim);
	return 0;
}
