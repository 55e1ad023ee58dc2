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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "runtime/cgroup_io.h"
#include "runtime/container_init_io.h"
#include "runtime/kcall_io.h"
#include "runtime/log_writer_io.h"
#include "runtime/relro_io.h"
#include "runtime/shim_wire.h"

enum { CONNECTIONS = 4, REPLY_FDS = 3 };
enum phase { MAKING, AT_GATE, STARTING, RUNNING, FAILED };

struct connection { int fd; bool wants_hello, wants_start; };
struct shim {
	int run_dir;                     /* shims/<id> */
	struct connection connections[CONNECTIONS];
	enum phase phase;
	pid_t pid;
	int pidfd, gate_fd;
	bool shares_network;
	struct shim_wire end;            /* what `exit` will say */
	struct log_writer writer;
	struct log_pipe out, bad;
};

/* Touched as far as they are used, which mostly is not at all. */
static char message_text[SHIM_WIRE_MAX_BYTES];
static char log_stage[LOG_WRITER_STAGE_BYTES], out_piece[CONTAINER_LOG_PIECE_BYTES], bad_piece[CONTAINER_LOG_PIECE_BYTES];

/* --- making the container ---------------------------------------------------------------------- */

/* A shim ends with its container, not when a terminal or a shutdown sends signals around. */
static void settle(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NAME, "swarmbox-shim", 0, 0, 0);
}

static int make_pipe(struct log_pipe *log, int *ret_write_end, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "make a pipe");
	log->fd = ends[0];
	*ret_write_end = ends[1];
	return fd_set_nonblocking(ends[0], true) < 0 ? err_sys(err, "make a pipe") : 0;
}

static int64_t number_of(const char *word)
{
	int64_t number = 0;

	str_to_i64(word, &number);
	return number;
}

static int open_log(struct shim *shim, char *const *words, struct container_init *init, struct err *err)
{
	char name[HEX_ID_SIZE + 16];
	const char *slash = strrchr(words[SHIM_WORD_DIR], '/');

	if (str_eq(words[SHIM_WORD_LOG], SHIM_LOG_NONE))
		return 0;
	snprintf(name, sizeof name, "%.64s-json.log", slash ? slash + 1 : "");
	log_writer_init(&shim->writer, SHIM_DIR_FD, name, number_of(words[SHIM_WORD_LOG_BYTES]),
			(int)number_of(words[SHIM_WORD_LOG_FILES]), log_stage);
	if (make_pipe(&shim->out, &init->stdout_fd, err) < 0)
		return -1;
	return make_pipe(&shim->bad, &init->stderr_fd, err);
}

/* Ends of ours that the child must not hold up: its gate would never close, nor the agent's connection, if we were killed now. */
static void close_our_ends(struct shim *shim)
{
	close(SHIM_LISTEN_FD);
	close(SHIM_AGENT_FD);
	fd_closep(&shim->gate_fd);
	fd_closep(&shim->out.fd);
	fd_closep(&shim->bad.fd);
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
	struct container_init init = { .spec_dir_fd = SHIM_DIR_FD, .gate_fd = -1, .stdout_fd = -1, .stderr_fd = -1 };
	int pair[2];

	shim->shares_network = str_eq(words[SHIM_WORD_NETWORK], SHIM_NETWORK_HOST);
	shim->run_dir = open(words[SHIM_WORD_DIR], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shim->run_dir < 0)
		return err_sys(err, "open '%s'", words[SHIM_WORD_DIR]);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "make a socket pair");
	shim->gate_fd = pair[0];
	init.gate_fd = pair[1];
	int result = open_log(shim, words, &init, err);

	if (result == 0)
		result = clone_container(shim, &init, err);
	fd_closep(&init.gate_fd);
	fd_closep(&init.stdout_fd);
	fd_closep(&init.stderr_fd);
	return result;
}

/* --- talking to agents ------------------------------------------------------------------------- */

static void hang_up(struct connection *connection)
{
	fd_closep(&connection->fd);
	*connection = (struct connection){ .fd = -1 };
}

static void send_reply(struct connection *connection, const struct shim_wire *reply, const int *fds, size_t fd_count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(REPLY_FDS * sizeof(int))] = { 0 };
	struct iovec part = { .iov_base = message_text, .iov_len = shim_wire_format(reply, message_text) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd_count) {
		message.msg_control = control;
		message.msg_controllen = (socklen_t)CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = (socklen_t)CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
	}
	/* Replies are few and small: an agent that does not take them is stuck, and comes again on a new connection. */
	if (sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		hang_up(connection);
}

static struct shim_wire describe(const struct shim *shim)
{
	struct shim_wire reply = shim->end;

	reply.verb = SHIM_WIRE_REPLY;
	reply.state = shim->phase == RUNNING ? SHIM_WIRE_RUNNING : shim->phase == FAILED ? SHIM_WIRE_NONE : SHIM_WIRE_CREATED;
	reply.pid = shim->pid;
	return reply;
}

/* State and, as far as there is a container, what an agent needs to hold on to it: our pidfd, its pidfd, its network namespace. */
static void say_hello(struct shim *shim, struct connection *connection)
{
	struct shim_wire reply = describe(shim);
	CLEANUP(fd_closep) int own = kcall_pidfd_open(getpid());
	CLEANUP(fd_closep) int netns = -1;
	char path[48];

	connection->wants_hello = false;
	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)shim->pid);
	if (shim->phase != FAILED && !shim->shares_network)
		netns = open(path, O_RDONLY | O_CLOEXEC);
	int fds[REPLY_FDS] = { own, shim->pidfd, netns };

	send_reply(connection, &reply, fds, shim->phase == FAILED || own < 0 ? 0 : netns < 0 ? 2 : 3);
}

static void answer_waiting(struct shim *shim)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *connection = &shim->connections[i];

		if (connection->fd >= 0 && connection->wants_hello)
			say_hello(shim, connection);
		if (connection->fd >= 0 && connection->wants_start && shim->phase != STARTING) {
			struct shim_wire reply = describe(shim);

			connection->wants_start = false;
			send_reply(connection, &reply, NULL, 0);
		}
	}
}

static void refuse(struct connection *connection, const char *why)
{
	struct shim_wire reply = { .verb = SHIM_WIRE_REPLY };

	str_copy(reply.error, sizeof reply.error, why);
	send_reply(connection, &reply, NULL, 0);
}

static void open_gate(struct shim *shim, struct connection *connection)
{
	char word = CONTAINER_INIT_GO;

	if (shim->phase == MAKING) {
		refuse(connection, "shim: the container is not made yet");
		return;
	}
	connection->wants_start = true;
	if (shim->phase == AT_GATE) {
		shim->phase = STARTING;
		send(shim->gate_fd, &word, 1, MSG_NOSIGNAL);    /* when it is gone, its pidfd says so */
	} else {
		answer_waiting(shim);
	}
}

static void hear(struct shim *shim, struct connection *connection)
{
	char text[SHIM_WIRE_REQUEST_BYTES];
	ssize_t length = recv(connection->fd, text, sizeof text, MSG_DONTWAIT | MSG_TRUNC);
	struct shim_wire request;
	struct err err;

	if (length <= 0) {
		if (length == 0 || (errno != EAGAIN && errno != EINTR))
			hang_up(connection);
		return;
	}
	if (shim_wire_parse_request(text, (size_t)length, &request, &err) < 0) {
		refuse(connection, err.text);
	} else if (request.verb == SHIM_WIRE_START) {
		open_gate(shim, connection);
	} else if (request.verb == SHIM_WIRE_HELLO) {
		connection->wants_hello = true;
		if (shim->phase != MAKING)
			answer_waiting(shim);
	} else {
		refuse(connection, "shim: this is not a request");
	}
}

static void accept_agent(struct shim *shim)
{
	int fd = accept4(SHIM_LISTEN_FD, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < CONNECTIONS; i++)
		if (shim->connections[i].fd < 0)
			shim->connections[i] = (struct connection){ .fd = fd_take(&fd) };
	fd_closep(&fd);          /* all places taken */
}

/* --- listening to the container ---------------------------------------------------------------- */

static void hear_gate(struct shim *shim)
{
	char text[CONTAINER_INIT_MESSAGE_BYTES + 1];
	ssize_t length = recv(shim->gate_fd, text, sizeof text - 1, MSG_DONTWAIT);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length == 1 && text[0] == CONTAINER_INIT_READY) {
		shim->phase = AT_GATE;
		answer_waiting(shim);
		return;
	}
	if (length >= 2 && text[0] == CONTAINER_INIT_ERROR) {
		text[length] = '\0';
		shim->phase = FAILED;
		shim->end.code = (unsigned char)text[1];
		str_copy(shim->end.error, sizeof shim->end.error, text + 2);
		answer_waiting(shim);
		return;
	}
	/* The end of the pair. From a process that was let through the gate it means that exec has happened. */
	if (shim->phase == STARTING) {
		shim->phase = RUNNING;
		shim->end.started_wall = clock_wall_ns();
		answer_waiting(shim);
	}
	fd_closep(&shim->gate_fd);
	shim->gate_fd = -1;
}

/* True when the container has ended; its code is then known. */
static bool reap(struct shim *shim)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PIDFD, (id_t)shim->pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return false;
	if (shim->phase != FAILED)
		shim->end.code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
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
	struct pollfd fds[5 + CONNECTIONS] = {
		{ shim->gate_fd, POLLIN, 0 }, { shim->out.fd, POLLIN, 0 }, { shim->bad.fd, POLLIN, 0 },
		{ shim->pidfd, POLLIN, 0 }, { SHIM_LISTEN_FD, POLLIN, 0 }
	};

	for (size_t i = 0; i < CONNECTIONS; i++)
		fds[5 + i] = (struct pollfd){ shim->connections[i].fd, POLLIN, 0 };
	if (poll(fds, ARRAY_COUNT(fds), -1) < 0)
		return errno == EINTR;
	if (is_ready(&fds[0]))
		hear_gate(shim);
	if (is_ready(&fds[1]))
		log_pipe_read(&shim->out, &shim->writer);
	if (is_ready(&fds[2]))
		log_pipe_read(&shim->bad, &shim->writer);
	log_writer_flush(&shim->writer);
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (shim->connections[i].fd >= 0 && is_ready(&fds[5 + i]))
			hear(shim, &shim->connections[i]);
	if (is_ready(&fds[4]))
		accept_agent(shim);
	if (!is_ready(&fds[3]))
		return true;
	while (shim->gate_fd >= 0 && shim->phase != FAILED && poll(&fds[0], 1, 0) > 0)
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
	log_pipe_finish(&shim->out, &shim->writer);
	log_pipe_finish(&shim->bad, &shim->writer);
	log_writer_fini(&shim->writer);
	shim->end.verb = SHIM_WIRE_REPLY;
	shim->end.state = SHIM_WIRE_EXITED;
	size_t length = shim_wire_format(&shim->end, message_text);

	write_exit(shim->run_dir, message_text, length);
	close(SHIM_LISTEN_FD);
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (shim->connections[i].fd >= 0)
			hang_up(&shim->connections[i]);
	add_to_spec(message_text, length);
}

static void fail_to_make(struct shim *shim, const struct err *err)
{
	shim->phase = FAILED;
	shim->end.code = 126;
	shim->end.finished_wall = clock_wall_ns();
	str_copy(shim->end.error, sizeof shim->end.error, err->text);
	answer_waiting(shim);
}

static struct shim *shim_new(void)
{
	static struct shim shim;

	shim.run_dir = shim.pidfd = shim.gate_fd = -1;
	shim.writer.fd = -1;
	shim.out = (struct log_pipe){ .fd = -1, .stream = CONTAINER_LOG_STDOUT, .piece = out_piece };
	shim.bad = (struct log_pipe){ .fd = -1, .stream = CONTAINER_LOG_STDERR, .piece = bad_piece };
	for (size_t i = 0; i < CONNECTIONS; i++)
		shim.connections[i] = (struct connection){ .fd = -1 };
	shim.connections[0] = (struct connection){ .fd = SHIM_AGENT_FD, .wants_hello = true };
	return &shim;
}

int shim_run(char *const words[SHIM_WORD_COUNT])
{
	struct shim *shim = shim_new();
	struct err err = { .code = 0 };

	settle();
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
