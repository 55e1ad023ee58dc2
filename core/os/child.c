/* The child shares our memory until it executes (CLONE_VM) and we stand still as long
 * (CLONE_VFORK). So what runs in it takes no lock, allocates nothing and touches nothing of
 * ours but struct start, where it leaves the reason when it fails. */
#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/clock.h"
#include "os/file.h"

enum { STACK_BYTES = 64 * 1024, FDS_MAX = CHILD_FDS_MAX + 3 };

/* The other stack confuses the sanitizer's picture of ours. */
#define IN_CHILD __attribute__((no_sanitize("address")))

struct start {
	const struct child_spec *spec;
	pid_t parent;
	struct child_fd fds[FDS_MAX];   /* from -1: /dev/null */
	size_t fd_count;
	int floor;              /* above every number that is wanted */
	int cgroup2_fd;         /* -1: none */
	bool moves_itself;      /* into cgroup2_procs: it could not be born there */
	char cgroup2_procs[512];
	const char *step;       /* what failed */
	const char *object;
	int failed_errno;
};

IN_CHILD static bool failed(struct start *start, const char *step, const char *object)
{
	start->step = step;
	start->object = object;
	start->failed_errno = errno;
	return false;
}

/* Everything below `until` and not below `from`. Linux 5.9 can do that; marking them close-on-exec in one call came with 5.11. */
IN_CHILD static bool close_between(struct start *start, int from, int until)
{
	if (from < until && syscall(SYS_close_range, from, until - 1, 0) < 0)
		return failed(start, "close descriptors for", start->spec->path);
	return true;
}

/* All that nobody wants. The next wanted number is looked for each time: they come in no order, and there are few. */
IN_CHILD static bool close_others(struct start *start)
{
	for (int from = 0; from < start->floor;) {
		int next = start->floor;

		for (size_t i = 0; i < start->fd_count; i++)
			if (start->fds[i].to >= from && start->fds[i].to < next)
				next = start->fds[i].to;
		if (!close_between(start, from, next))
			return false;
		from = next + 1;
	}
	return close_between(start, start->floor, INT_MAX);
}

/* Sources first go above all targets: a target may be the source of another entry. */
IN_CHILD static bool arrange_fds(struct start *start)
{
	int copies[FDS_MAX];

	for (size_t i = 0; i < start->fd_count; i++) {
		int from = start->fds[i].from;
		int opened = from < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : from;
		copies[i] = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, start->floor);
		if (copies[i] < 0)
			return failed(start, "descriptor for",
				      from < 0 ? "/dev/null" : start->spec->path);
	}
	for (size_t i = 0; i < start->fd_count; i++)
		if (dup2(copies[i], start->fds[i].to) < 0)
			return failed(start, "descriptor for", start->spec->path);
	return close_others(start);
}

IN_CHILD static bool write_file(struct start *start, const char *path, const char *text,
				size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return failed(start, "open", path);
	bool ok = write(fd, text, length) == (ssize_t)length || failed(start, "write to", path);
	close(fd);
	return ok;
}

IN_CHILD static bool set_oom_score(struct start *start, int score)
{
	char text[12];
	size_t at = sizeof(text);
	unsigned rest = score < 0 ? 0u - (unsigned)score : (unsigned)score;

	do
		text[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (score < 0)
		text[--at] = '-';
	return write_file(start, "/proc/self/oom_score_adj", text + at, sizeof(text) - at);
}

IN_CHILD static bool set_signals(struct start *start)
{
	/* The kernel's struct sigaction, whatever its order. */
	const unsigned long by_default[4] = { 0 };
	sigset_t none;

	/* Before the mask is opened: one of our handlers must not run on shared memory. Past
	 * the libc, which takes a lock and keeps two numbers for itself. */
	for (int number = 1; number <= 64; number++)
		syscall(SYS_rt_sigaction, number, by_default, NULL, 8);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return failed(start, "signals of", start->spec->path);
	return true;
}

IN_CHILD static bool set_process(struct start *start)
{
	const struct child_spec *spec = start->spec;

	if (spec->parent_death_signal) {
		if (prctl(PR_SET_PDEATHSIG, spec->parent_death_signal) < 0)
			return failed(start, "parent death signal of", spec->path);
		if (getppid() != start->parent) {        /* it died before we asked */
			errno = ESRCH;
			return failed(start, "parent of", spec->path);
		}
	}
	if (spec->own_session && setsid() < 0)
		return failed(start, "session of", spec->path);
	if (spec->oom_score_adj && !set_oom_score(start, spec->oom_score_adj))
		return false;
	if (start->moves_itself && !write_file(start, start->cgroup2_procs, "0", 1))
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(spec->cgroup1_tasks); i++)
		if (spec->cgroup1_tasks[i] && !write_file(start, spec->cgroup1_tasks[i], "0", 1))
			return false;
	return true;
}

IN_CHILD static int run_child(void *arg)
{
	struct start *start = arg;
	const struct child_spec *spec = start->spec;
	char *const no_environment[] = { NULL };

	if (set_process(start) && arrange_fds(start) && set_signals(start)) {
		execve(spec->path, spec->argv, spec->envp ? spec->envp : no_environment);
		failed(start, "start", spec->path);
	}
	_exit(127);
}

static void prepare_fds(struct start *start)
{
	const struct child_spec *spec = start->spec;

	check(spec->fd_count <= CHILD_FDS_MAX);
	start->floor = 3;
	for (size_t i = 0; i < spec->fd_count; i++) {
		check(spec->fds[i].from >= 0 && spec->fds[i].to >= 0);
		start->fds[start->fd_count++] = spec->fds[i];
		start->floor = MAX(start->floor, spec->fds[i].to + 1);
	}
	for (int standard = 0; standard < 3; standard++) {
		bool named = false;
		for (size_t i = 0; i < spec->fd_count; i++)
			named |= spec->fds[i].to == standard;
		if (!named)
			start->fds[start->fd_count++] = (struct child_fd){ -1, standard };
	}
}

static int reap(int pidfd, int options, int *ret_exit_code)
{
	siginfo_t info = { 0 };
	int result;

	do
		result = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | options);
	while (result < 0 && errno == EINTR);
	if (result < 0 || info.si_pid == 0)
		return -1;
	*ret_exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

/* clone3(2) with a stack has no function in any C library: what follows the call may not run on the stack of before. */
struct clone3_args { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; };
#define INTO_CGROUP 0x200000000ull

static long clone3_run(struct clone3_args *args UNUSED, int (*run)(void *arg) UNUSED, void *arg UNUSED)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %[arg], %%rdi\n\t"
			 "call *%[run]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "0"((long)SYS_clone3), "D"(args), "S"(sizeof(*args)), [run] "r"(run), [arg] "r"(arg)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long number __asm__("x8") = SYS_clone3;
	register long result __asm__("x0") = (long)args;
	register long size __asm__("x1") = sizeof(*args);

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, %[arg]\n\t"
			 "blr %[run]\n\t"
			 "brk #0\n"
			 "1:"
			 : "+r"(result)
			 : "r"(number), "r"(size), [run] "r"(run), [arg] "r"(arg)
			 : "x30", "memory");
	return result;
#else
	return -ENOSYS;
#endif
}

/* Where it cannot be born in its group (another architecture, a filter that does not know the call) it moves there. */
static pid_t clone_child(struct start *start, char *stack, int *ret_pidfd)
{
	struct clone3_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | INTO_CGROUP,
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = STACK_BYTES,
		.cgroup = (uint64_t)start->cgroup2_fd,
	};
	long pid = start->cgroup2_fd < 0 ? -1 : clone3_run(&args, run_child, start);

	if (pid > 0)
		return (pid_t)pid;
	start->moves_itself = start->cgroup2_fd >= 0;
	return clone(run_child, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, start, ret_pidfd);
}

static int open_cgroup2(struct start *start, struct err *err)
{
	const char *dir = start->spec->cgroup2_dir;

	start->cgroup2_fd = -1;
	if (!dir)
		return 0;
	if ((size_t)snprintf(start->cgroup2_procs, sizeof(start->cgroup2_procs), "%s/cgroup.procs", dir) >= sizeof(start->cgroup2_procs))
		return err_set(err, ERR_INVALID, "group '%s': its path is too long", dir);
	start->cgroup2_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return start->cgroup2_fd < 0 ? err_sys(err, "open '%s'", dir) : 0;
}

int child_start(const struct child_spec *spec, int *ret_pidfd, pid_t *ret_pid, struct err *err)
{
	struct start start = { .spec = spec, .parent = getpid() };
	sigset_t all, before;
	int pidfd = -1, ignored;

	if (open_cgroup2(&start, err) < 0)
		return -1;
	prepare_fds(&start);
	char *stack = mem_resize(NULL, STACK_BYTES, 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = clone_child(&start, stack, &pidfd);
	int clone_errno = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	free(stack);
	fd_closep(&start.cgroup2_fd);

	if (pid < 0) {
		errno = clone_errno;
		return err_sys(err, "start '%s'", spec->path);
	}
	if (start.failed_errno) {
		reap(pidfd, 0, &ignored);
		close(pidfd);
		errno = start.failed_errno;
		return err_sys(err, "%s '%s'", start.step, start.object);
	}
	*ret_pidfd = pidfd;
	*ret_pid = pid;
	return 0;
}

struct child_watch {
	struct watch *watch;
	int pidfd;
	child_exit_fn *fn;
	void *arg;
};

static void on_exit_event(void *arg, unsigned events UNUSED)
{
	struct child_watch *watch = arg;
	child_exit_fn *fn = watch->fn;
	void *fn_arg = watch->arg;
	int exit_code = -1;

	reap(watch->pidfd, WNOHANG, &exit_code);     /* stays -1 when it is somebody else's child */
	child_watch_free(watch);
	fn(fn_arg, exit_code);
}

struct child_watch *child_watch(struct loop *loop, int pidfd, child_exit_fn *fn, void *arg)
{
	struct child_watch *watch = NEW(struct child_watch);

	*watch = (struct child_watch){ .pidfd = pidfd, .fn = fn, .arg = arg };
	watch->watch = watch_new(loop, pidfd, LOOP_READ, on_exit_event, watch);
	return watch;
}

void child_watch_free(struct child_watch *watch)
{
	if (!watch)
		return;
	watch_free(watch->watch);
	close(watch->pidfd);
	free(watch);
}

int child_wait(int pidfd, msec timeout_ms, int *ret_exit_code)
{
	msec deadline = clock_boot_ms() + timeout_ms;

	for (;;) {
		struct pollfd poller = { .fd = pidfd, .events = POLLIN };
		msec left = MAX(deadline - clock_boot_ms(), (msec)0);
		int ready = poll(&poller, 1, (int)MIN(left, (msec)INT32_MAX));

		if (ready > 0)
			break;
		if (ready == 0 || errno != EINTR)
			return -1;
	}
	*ret_exit_code = -1;
	reap(pidfd, 0, ret_exit_code);
	close(pidfd);
	return 0;
}
