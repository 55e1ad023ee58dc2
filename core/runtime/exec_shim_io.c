/* exec_shim_io.c - the life of an exec's shim: clone a helper that makes the process inside, one poll loop until that ends. */
#include "runtime/exec_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "runtime/exec_join_io.h"
#include "runtime/kcall_io.h"
#include "runtime/packet_io.h"
#include "runtime/process_io.h"
#include "runtime/program_io.h"
#include "runtime/relro_io.h"
#include "runtime/shim_streams_io.h"

struct exec_shim {
	int link_fd, gate_fd;            /* link_fd -1: the agent is gone */
	int pidfd, helper_fd;            /* the process; until it is made, its helper, which then is the other one until it is reaped */
	pid_t pid;
	bool is_made, is_running, has_failed, is_bound, has_stdin;
	struct shim_wire end;
	struct streams streams;
};

static void tell(struct exec_shim *shim, enum shim_wire_state state)
{
	struct shim_wire reply = shim->end;

	reply.state = state;
	reply.pid = shim->pid;
	if (shim->link_fd >= 0)
		packet_send_wire(shim->link_fd, &reply, NULL, 0);
}

/* --- making the process ------------------------------------------------------------------------ */

static int clone_helper(struct exec_shim *shim, const char *letters, const struct exec_join *join, struct err *err)
{
	struct kcall_clone_args args = { .flags = KCALL_CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&shim->pidfd, .exit_signal = SIGCHLD };

	if (strchr(letters, EXEC_LETTER_GROUP)) {
		args.flags |= KCALL_CLONE_INTO_CGROUP;
		args.cgroup = EXEC_CGROUP_FD;
	}
	shim->pid = kcall_clone3(&args);
	if (shim->pid == 0) {
		close(EXEC_LINK_FD);
		close(EXEC_CGROUP_FD);
		close(EXEC_CLIENT_FD);
		fd_closep(&shim->gate_fd);
		fd_closep(&shim->streams.in_fd);
		fd_closep(&shim->streams.out.fd);
		fd_closep(&shim->streams.bad.fd);
		exec_join_run(join);
	}
	return shim->pid < 0 ? err_sys(err, "make a process for the container") : 0;
}

static int make(struct exec_shim *shim, const char *letters, struct err *err)
{
	struct exec_join join = { .spec_fd = EXEC_SPEC_FD, .dir_fd = EXEC_DIR_FD, .pidfd = EXEC_PIDFD_FD, .gate_fd = -1, .stdio = { -1, -1, -1 } };
	bool has_output = strchr(letters, EXEC_LETTER_OUT);
	int pair[2];

	shim->has_stdin = strchr(letters, EXEC_LETTER_IN);
	shim->is_bound = strchr(letters, EXEC_LETTER_BOUND);
	shim->streams.has_tty = strchr(letters, EXEC_LETTER_TTY);
	shim->streams.is_stdin_once = true;
	if (strchr(letters, EXEC_LETTER_CLIENT))
		streams_take_client(&shim->streams, EXEC_CLIENT_FD, (struct streams_wants){ shim->has_stdin, has_output, has_output });
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "make a socket pair");
	shim->gate_fd = pair[0];
	join.gate_fd = pair[1];
	int result = shim->streams.has_tty ? 0
		: streams_open_pipes(&shim->streams, (struct streams_wants){ shim->has_stdin, has_output, has_output }, join.stdio, err);

	if (result == 0)
		result = clone_helper(shim, letters, &join, err);
	fd_closep(&join.gate_fd);
	for (size_t i = 0; i < ARRAY_COUNT(join.stdio); i++)
		fd_closep(&join.stdio[i]);
	for (int fd = EXEC_SPEC_FD; fd <= EXEC_PIDFD_FD; fd++)
		close(fd);
	return result;
}

/* --- the loop ---------------------------------------------------------------------------------- */

static void take_process(struct exec_shim *shim, int pidfd)
{
	shim->helper_fd = shim->pidfd;
	shim->pidfd = pidfd;
	shim->pid = shim->end.pid;
	shim->is_made = true;
}

/* The helper has the gate open as well: only without it does the gate's end tell of exec. */
static void let_go(struct exec_shim *shim)
{
	char word = PROCESS_GO;

	if (!process_has_ended(shim->helper_fd, &(int){ 0 }))
		return;
	fd_closep(&shim->helper_fd);
	shim->helper_fd = -1;
	send(shim->gate_fd, &word, 1, MSG_NOSIGNAL);    /* when it is gone, its pidfd says so */
}

static void hear_gate(struct exec_shim *shim)
{
	int fds[2];

	switch (process_hear(shim->gate_fd, fds, &shim->end)) {
	case PROCESS_SAYS_NOTHING:
		return;
	case PROCESS_IS_MADE:
		take_process(shim, fds[0]);
		return;
	case PROCESS_IS_READY:
		streams_take_terminal(&shim->streams, fds, shim->has_stdin);
		return;
	case PROCESS_HAS_FAILED:
		shim->has_failed = true;
		return;
	case PROCESS_IS_SILENT:
		shim->is_running = shim->is_made && !shim->has_failed;
		if (shim->is_running)
			tell(shim, SHIM_WIRE_RUNNING);
		fd_closep(&shim->gate_fd);
		shim->gate_fd = -1;
		return;
	}
}

static void hear_agent(struct exec_shim *shim)
{
	char text[SHIM_WIRE_REQUEST_BYTES];
	ssize_t length = recv(shim->link_fd, text, sizeof text, MSG_DONTWAIT | MSG_TRUNC);
	struct shim_wire request;
	struct err ignored;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		fd_closep(&shim->link_fd);
		shim->link_fd = -1;
		if (shim->is_bound)
			kcall_pidfd_signal(shim->pidfd, SIGKILL);
		return;
	}
	if (shim_wire_parse_request(text, (size_t)length, &request, &ignored) == 0 && request.verb == SHIM_WIRE_RESIZE)
		streams_resize(&shim->streams, request.rows, request.columns);
}

/* One round; false when the process has ended. What the gate says comes before the death that may follow it. */
static bool serve_once(struct exec_shim *shim)
{
	int nobodys = 0;

	enum { OWN = 4 };
	struct pollfd fds[OWN + STREAMS_POLLS] = {
		{ shim->gate_fd, POLLIN, 0 }, { shim->pidfd, POLLIN, 0 }, { shim->link_fd, POLLIN, 0 }, { shim->helper_fd, POLLIN, 0 }
	};

	streams_poll(&shim->streams, fds + OWN);
	if (poll(fds, ARRAY_COUNT(fds), -1) < 0)
		return errno == EINTR;
	if (fds[0].revents)
		hear_gate(shim);
	streams_serve(&shim->streams, fds + OWN);
	if (fds[2].revents)
		hear_agent(shim);
	if (fds[3].revents)
		let_go(shim);
	if (!fds[1].revents)
		return true;
	while (shim->gate_fd >= 0 && poll(&fds[0], 1, 0) > 0)
		hear_gate(shim);
	return !process_has_ended(shim->pidfd, shim->has_failed ? &nobodys : &shim->end.code);
}

static struct exec_shim *shim_new(void)
{
	static struct exec_shim shim;

	shim.link_fd = EXEC_LINK_FD;
	shim.gate_fd = shim.pidfd = shim.helper_fd = -1;
	streams_init(&shim.streams);
	return &shim;
}

int exec_shim_run(const char *letters)
{
	struct exec_shim *shim = shim_new();
	struct err err = { .code = 0 };

	process_be_shim("swarmbox-exec");
	for (int fd = EXEC_LINK_FD; fd <= EXEC_CLIENT_FD; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			dup3(0, fd, O_CLOEXEC);  /* not given; nothing else shall have that number */
	if (make(shim, letters, &err) < 0) {
		shim->end.code = PROGRAM_FAILED;
		str_copy(shim->end.error, sizeof shim->end.error, err.text);
	} else {
		relro_give_back();       /* the child has its own copy */
		while (serve_once(shim))
			;
		streams_finish(&shim->streams);
	}
	if (!shim->is_running && !shim->end.error[0])
		str_copy(shim->end.error, sizeof shim->end.error, "it was killed before its program ran");
	tell(shim, shim->is_running ? SHIM_WIRE_EXITED : SHIM_WIRE_NONE);
	fd_closep(&shim->link_fd);
	streams_close(&shim->streams);
	return 0;
}
