/* process_io.c - from a clone of a shim to a user's program: what is the same for all. */
#include "runtime/process_io.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "runtime/inroot_io.h"
#include "runtime/kcall_io.h"
#include "runtime/packet_io.h"
#include "runtime/privileges_io.h"
#include "runtime/program_io.h"

/* What the shim ignores is not the program's affair; all else came from the agent as it should be (os/child.h). */
void process_reset(void)
{
	static const int ignored_by_shim[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE };

	for (size_t i = 0; i < ARRAY_COUNT(ignored_by_shim); i++)
		signal(ignored_by_shim[i], SIG_DFL);
	setsid();
	umask(0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Without CAP_SYS_RESOURCE (a host that is a container) no score goes below the agent's: nobody asked for 0 but us. */
int process_set_oom_score(int score, struct err *err)
{
	char text[16];

	snprintf(text, sizeof text, "%d", score);
	return file_poke("/proc/self/oom_score_adj", text, err) < 0 && score ? -1 : 0;
}

int process_find_user(struct process *process, const struct container_spec *spec, struct err *err)
{
	CLEANUP(buf_finip) struct buf passwd = BUF_INIT;
	CLEANUP(buf_finip) struct buf group = BUF_INIT;

	if (inroot_read(process->root_fd, "/etc/passwd", CONTAINER_USER_FILE_MAX_BYTES, &passwd, err) < 0 ||
	    inroot_read(process->root_fd, "/etc/group", CONTAINER_USER_FILE_MAX_BYTES, &group, err) < 0)
		return -1;
	return container_user_find(spec, buf_text(&passwd), buf_text(&group), process->arena, &process->user, err);
}

/* /dev/stdout is opened anew by some programs: the pipe has to be the user's own. */
int process_take_stdio(struct process *process, struct err *err)
{
	const int *given = process->stdio;

	if (process->has_tty)
		return console_take_stdio(&process->console, process->user.uid, err);
	for (int fd = 0; fd <= 2; fd++) {
		if (given[fd] >= 0 && dup2(given[fd], fd) < 0)
			return err_sys(err, "standard input and output");
		if (given[fd] >= 0 && process->user.uid && fchown(fd, process->user.uid, (gid_t)-1) < 0)
			return err_sys(err, "standard input and output");
	}
	return 0;
}

int process_take_terminal(const struct process *process, struct err *err)
{
	return process->has_tty ? console_take(&process->console, err) : 0;
}

/* A change of identity takes more back than it should. */
int process_drop_privileges(const struct process *process, const struct container_spec *spec, uint64_t caps, struct err *err)
{
	if (privileges_set_rlimits(spec, err) < 0 || privileges_load_filter(spec, err) < 0)
		return -1;
	if (privileges_become(caps, &process->user, err) < 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

static void close_all_but(int a, int b)
{
	int low = MIN(a, b), high = MAX(a, b);

	if (low > 3)
		kcall_close_range(3, (unsigned)low - 1);
	if (high > low + 1)
		kcall_close_range(low < 3 ? 3u : (unsigned)low + 1, (unsigned)high - 1);
	kcall_close_range((unsigned)high + 1, ~0u);
}

/* Everything was opened close-on-exec; closing it is the belt to those braces. The gate stays until then: its end tells of exec. */
void process_wait_at_gate(const struct process *process)
{
	const int terminal[] = { process->console.master_fd, process->console.slave_fd };
	char word = PROCESS_READY;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (packet_send(process->gate_fd, &word, 1, terminal, process->has_tty ? ARRAY_COUNT(terminal) : 0) < 0)
		_exit(PROGRAM_FAILED);
	close_all_but(process->gate_fd, process->self_fd);
	if (recv(process->gate_fd, &word, 1, 0) != 1 || word != PROCESS_GO)
		_exit(PROGRAM_FAILED);
}

_Noreturn void process_fail(int gate_fd, int code, const struct err *err)
{
	char message[PROCESS_MESSAGE_BYTES] = { PROCESS_ERROR, (char)code };
	size_t length = strlen(err->text);

	memcpy(message + 2, err->text, length);
	send(gate_fd, message, 2 + length, MSG_NOSIGNAL);
	_exit(code);
}

/* --- the shim's side --------------------------------------------------------------------------- */

void process_be_shim(const char *name)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

enum process_word process_hear(int gate_fd, int ret_fds[2], struct shim_wire *ret_end)
{
	char text[PROCESS_MESSAGE_BYTES + 1];
	int fds[PACKET_FDS];
	ssize_t length = packet_receive(gate_fd, text, sizeof text - 1, fds);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return PROCESS_SAYS_NOTHING;
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	if (length == 1 && text[0] == PROCESS_READY)
		return PROCESS_IS_READY;
	if (length == 1 + sizeof(int32_t) && text[0] == PROCESS_MADE) {
		int32_t pid;

		memcpy(&pid, text + 1, sizeof pid);
		ret_end->pid = pid;
		return PROCESS_IS_MADE;
	}
	if (length >= 2 && text[0] == PROCESS_ERROR) {
		text[length] = '\0';
		ret_end->code = (unsigned char)text[1];
		str_copy(ret_end->error, sizeof ret_end->error, text + 2);
		return PROCESS_HAS_FAILED;
	}
	return PROCESS_IS_SILENT;
}

bool process_has_ended(int pidfd, int *ret_code)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return false;
	*ret_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return true;
}
