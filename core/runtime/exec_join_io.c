/* exec_join_io.c - specs -> v1 groups -> namespaces -> root, user, cwd -> terminal, stdio -> limits, filter, identity -> the process itself -> exec. */
#include "runtime/exec_join_io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "model/caps.h"
#include "os/file.h"
#include "runtime/cgroup_io.h"
#include "runtime/container_exec.h"
#include "runtime/container_files.h"
#include "runtime/inroot_io.h"
#include "runtime/kcall_io.h"
#include "runtime/packet_io.h"
#include "runtime/process_io.h"
#include "runtime/program_io.h"
#include "runtime/shim_plan.h"
#include "runtime/shim_wire.h"

enum { ARENA_BYTES = 96 << 20 };
#define HAS_ENDED "the container has ended"

struct entry {
	struct arena arena;
	struct shim_plan plan;
	struct container_exec exec;
	struct container_spec spec;      /* the container's, with what is the exec's own in its place */
	struct process process;
};

static int read_specs(struct entry *entry, const struct exec_join *join, struct err *err)
{
	CLEANUP(buf_finip) struct buf plan = BUF_INIT;
	CLEANUP(buf_finip) struct buf exec = BUF_INIT;
	char name[32];

	snprintf(name, sizeof name, "/proc/self/fd/%d", join->spec_fd);
	if (file_read(name, CONTAINER_SPEC_MAX_BYTES, &exec, err) < 0 ||
	    container_exec_decode(buf_text(&exec), exec.len, &entry->arena, &entry->exec, err) < 0)
		return -1;
	if (file_read_at(join->dir_fd, "spec", CONTAINER_SPEC_MAX_BYTES + SHIM_WIRE_MAX_BYTES, &plan, err) < 0 ||
	    shim_plan_decode(buf_text(&plan), plan.len, &entry->arena, &entry->plan, err) < 0)
		return -1;
	entry->spec = entry->plan.spec;
	if (!str_is_empty(entry->exec.user))
		entry->spec.user = entry->exec.user;
	if (!str_is_empty(entry->exec.cwd))
		entry->spec.cwd = entry->exec.cwd;
	entry->process.has_tty = entry->exec.has_tty;
	return 0;
}

/* Last of all that concerns the host: from here on every path is one of the container's, and of the host nothing is open but what is a pipe. */
static int join_namespaces(struct entry *entry, const struct exec_join *join, struct err *err)
{
	close(join->spec_fd);
	close(join->dir_fd);
	if (setns(join->pidfd, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWPID) < 0)
		return errno == ESRCH ? err_set(err, ERR_CONFLICT, HAS_ENDED) : err_sys(err, "join the container's namespaces");
	close(join->pidfd);
	entry->process.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return entry->process.root_fd < 0 ? err_sys(err, "open the container's root") : 0;
}

/* A directory that is reached over a link of /proc may be one of another root. It is looked up without those, and afterwards the kernel must have a path
 * for it that starts at the root: "(unreachable)" otherwise (getcwd(2)). */
static int enter_cwd(const struct entry *entry, struct err *err)
{
	const char *cwd = str_is_empty(entry->spec.cwd) ? "/" : entry->spec.cwd;
	CLEANUP(fd_closep) int fd = inroot_open(entry->process.root_fd, cwd, O_PATH | O_DIRECTORY);
	char path[PATH_MAX];

	if (fd < 0 || fchdir(fd) < 0 || syscall(SYS_getcwd, path, sizeof path) < 0) {
		const char *why = strerror(errno);

		/* as Go has it, whose words people know here */
		return err_set(err, ERR_IO, "chdir to cwd (\"%s\") set in config.json failed: %c%s", cwd, tolower(why[0]), why + 1);
	}
	if (path[0] != '/')
		return err_set(err, ERR_INVALID, "current working directory is outside of container mount namespace root");
	return 0;
}

static int open_console(struct entry *entry, struct err *err)
{
	if (!entry->exec.has_tty)
		return 0;
	return console_open(entry->process.root_fd, entry->exec.tty_rows, entry->exec.tty_columns, &entry->process.console, err);
}

static int enter(struct entry *entry, const struct exec_join *join, struct err *err)
{
	if (read_specs(entry, join, err) < 0 || cgroup_join(&entry->plan, err) < 0 ||
	    process_set_oom_score(entry->spec.oom_score_adj, err) < 0 || join_namespaces(entry, join, err) < 0)
		return -1;
	umask(022);
	if (process_find_user(&entry->process, &entry->spec, err) < 0 || enter_cwd(entry, err) < 0 || open_console(entry, err) < 0 ||
	    process_take_stdio(&entry->process, err) < 0)
		return -1;
	return process_drop_privileges(&entry->process, &entry->spec, entry->exec.is_privileged ? CAPS_ALL : entry->spec.caps, err);
}

/* Returns in the new process only: the helper hands it to the shim, whose child it is, and ends. */
static int make_process(const struct entry *entry, struct err *err)
{
	int gate_fd = entry->process.gate_fd, pidfd = -1;
	int32_t pid = kcall_clone_sibling(&pidfd);
	char message[1 + sizeof pid] = { PROCESS_MADE };

	if (pid < 0)             /* none can be made in a namespace whose first one is gone: pid_namespaces(7) */
		return errno == ENOMEM ? err_set(err, ERR_CONFLICT, HAS_ENDED) : err_sys(err, "make a process in the container");
	if (pid > 0) {
		memcpy(message + 1, &pid, sizeof pid);
		_exit(packet_send(gate_fd, message, sizeof message, &pidfd, 1) < 0 ? PROGRAM_FAILED : 0);
	}
	setsid();
	return process_take_terminal(&entry->process, err);
}

_Noreturn void exec_join_run(const struct exec_join *join)
{
	struct entry entry = { .process = { .root_fd = -1, .self_fd = -1, .gate_fd = join->gate_fd,
					  .stdio = { join->stdio[0], join->stdio[1], join->stdio[2] } } };
	struct err err = { .code = 0 };

	arena_init(&entry.arena, "exec_join", ARENA_BYTES);
	entry.process.arena = &entry.arena;
	process_reset();
	if (enter(&entry, join, &err) < 0 || make_process(&entry, &err) < 0)
		process_fail(join->gate_fd, PROGRAM_FAILED, &err);

	char *const *argv = program_argv(&entry.exec.argv, &entry.arena);
	char *const *env = container_files_env(&entry.spec, &entry.exec.env, entry.exec.has_tty, entry.process.user.home, &entry.arena);

	process_wait_at_gate(&entry.process);
	int code = program_exec(argv, env, &entry.arena, &err);

	process_fail(join->gate_fd, code, &err);
}
