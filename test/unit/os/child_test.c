#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "os/child.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/runner.h"

enum { LONG_MS = 20000 };

/* Runs a line of shell with its stdout into text; the exit code, or -1. */
static int run_shell(struct child_spec spec, const char *line, char *text, size_t size)
{
	char *const *argv = CHILD_WORDS("sh", "-c", line);
	struct child_fd fds[CHILD_FDS_MAX];
	struct err err = { 0 };
	int ends[2], pidfd, exit_code = -1;
	size_t length = 0;
	ssize_t got;
	pid_t pid;

	EXPECT(pipe2(ends, O_CLOEXEC) == 0);
	if (spec.fd_count)
		memcpy(fds, spec.fds, spec.fd_count * sizeof(*fds));
	fds[spec.fd_count++] = (struct child_fd){ ends[1], 1 };
	spec.path = "/bin/sh";
	spec.argv = argv;
	spec.fds = fds;
	EXPECT_INT(child_start(&spec, &pidfd, &pid, &err), 0);
	EXPECT_STR(err.text, "");
	close(ends[1]);
	while (length + 1 < size && (got = read(ends[0], text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(ends[0]);
	EXPECT_INT(child_wait(pidfd, LONG_MS, &exit_code), 0);
	return exit_code;
}

static void expect_output(struct child_spec spec, const char *line, const char *want)
{
	char text[4096];

	EXPECT_INT(run_shell(spec, line, text, sizeof(text)), 0);
	EXPECT_STR(text, want);
}

static int exit_code_of(const char *line)
{
	char text[64];

	return run_shell((struct child_spec){ 0 }, line, text, sizeof(text));
}

TEST(child_ends_with_its_code_or_128_and_its_signal)
{
	EXPECT_INT(exit_code_of("exit 0"), 0);
	EXPECT_INT(exit_code_of("exit 7"), 7);
	EXPECT_INT(exit_code_of("exit 255"), 255);
	EXPECT_INT(exit_code_of("kill -TERM $$"), 143);
	EXPECT_INT(exit_code_of("kill -KILL $$"), 137);
}

TEST(child_gets_the_environment_it_is_given_and_no_other)
{
	char *const *environment = CHILD_WORDS("GREETING=hello");
	char text[4096];

	setenv("SECRET", "x", 1);
	expect_output((struct child_spec){ .envp = environment }, "echo $GREETING$SECRET",
		      "hello\n");
	EXPECT_INT(
		run_shell((struct child_spec){ 0 }, "echo \"<$SECRET$HOME>\"", text, sizeof(text)),
		0);
	EXPECT_STR(text, "<>\n");
}

TEST(child_has_the_descriptors_it_is_given_and_no_others)
{
	int leak = open("/dev/null", O_RDONLY);      /* without close-on-exec */
	int high = fcntl(leak, F_DUPFD, 300);
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct child_fd fds[] = { { file, 7 } };

	EXPECT(high >= 300);
	/* ls has one more for the folder it reads. */
	expect_output((struct child_spec){ .fds = fds, .fd_count = 1 },
		      "cd /proc/self/fd && for f in *; do [ -e $f ] && echo $f; done; [ "
		      "\"$(readlink 0)\" = /dev/null ] && echo null",
		      "0\n1\n2\n7\nnull\n");
	close(leak);
	close(high);
	close(file);
}

/* As Linux 5.9 and 5.10: close_range knows no flags yet. For this process, which is this test's own, and its children. */
static void forget_flags_of_close_range(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_COUNT(insns), .filter = insns };

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
	EXPECT(syscall(SYS_close_range, 1000, 1001, 4) < 0 && errno == EINVAL);
}

TEST(child_starts_on_a_kernel_whose_close_range_has_no_flags)
{
	int leak = open("/dev/null", O_RDONLY);      /* without close-on-exec */
	int high = fcntl(leak, F_DUPFD, 300);
	struct child_fd fds[] = { { leak, 9 }, { leak, 4 } };

	forget_flags_of_close_range();
	expect_output((struct child_spec){ .fds = fds, .fd_count = 2 },
		      "cd /proc/self/fd && for f in *; do [ -e $f ] && echo $f; done",
		      "0\n1\n2\n4\n9\n");
	close(leak);
	close(high);
}

TEST(child_descriptors_may_trade_places)
{
	struct child_fd fds[4];
	int pipes[3][2];

	/* from and to are the same numbers, turned round by one. */
	for (int i = 0; i < 3; i++) {
		EXPECT(pipe2(pipes[i], O_CLOEXEC) == 0);
		char letter = (char)('a' + i);
		EXPECT(write(pipes[i][1], &letter, 1) == 1);
		close(pipes[i][1]);
	}
	for (int i = 0; i < 3; i++)
		fds[i] = (struct child_fd){ pipes[i][0], pipes[(i + 1) % 3][0] };
	fds[3] = (struct child_fd){ pipes[0][0], 0 };
	char line[128];
	EXPECT(pipes[2][0] < 10);    /* what a shell can name */
	snprintf(line, sizeof(line), "cat <&%d; cat <&%d", pipes[0][0], pipes[1][0]);
	char *const *environment = CHILD_WORDS("PATH=/bin:/usr/bin");
	expect_output((struct child_spec){ .fds = fds, .fd_count = 4, .envp = environment }, line,
		      "ca");
	for (int i = 0; i < 3; i++)
		close(pipes[i][0]);
}

TEST(child_gets_one_descriptor_under_several_numbers)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	char *const *argv = CHILD_WORDS("sh", "-c", "echo one; echo two >&2; echo three >&5");
	struct err err = { 0 };
	int ends[2], pidfd, exit_code = -1;
	char text[64] = "";
	pid_t pid;

	EXPECT(pipe2(ends, O_CLOEXEC) == 0);
	struct child_fd fds[] = { { ends[1], 1 }, { ends[1], 2 }, { ends[1], 5 } };
	struct child_spec spec = { .path = "/bin/sh", .argv = argv, .fds = fds, .fd_count = 3 };
	EXPECT_INT(child_start(&spec, &pidfd, &pid, &err), 0);
	EXPECT(pid > 0);
	EXPECT_INT(child_wait(pidfd, LONG_MS, &exit_code), 0);
	EXPECT(read(ends[0], text, sizeof(text) - 1) > 0);
	EXPECT_STR(text, "one\ntwo\nthree\n");
	close(ends[0]);
	close(ends[1]);
}

TEST(child_that_cannot_be_executed_says_why)
{
	struct err err = { 0 };
	char *const *argv = CHILD_WORDS("x");
	struct child_spec spec = { .path = "/no/such/program", .argv = argv };
	int pidfd = -7;
	pid_t pid = -7;

	EXPECT_INT(child_start(&spec, &pidfd, &pid, &err), -1);
	EXPECT_INT(errno, ENOENT);
	EXPECT_STR(err.text, "start '/no/such/program': No such file or directory");
	spec.path = "/etc/passwd";
	EXPECT_INT(child_start(&spec, &pidfd, &pid, &err), -1);
	EXPECT_STR(err.text, "start '/etc/passwd': Permission denied");
	EXPECT_INT(pidfd, -7);
	EXPECT_INT(pid, -7);
	/* The failed ones are reaped. */
	EXPECT(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

TEST(child_with_a_closed_descriptor_says_why)
{
	struct child_fd fds[] = { { 999, 3 } };
	struct err err = { 0 };
	char *const *argv = CHILD_WORDS("true");
	struct child_spec spec = { .path = "/bin/true", .argv = argv, .fds = fds, .fd_count = 1 };
	int pidfd;
	pid_t pid;

	EXPECT_INT(child_start(&spec, &pidfd, &pid, &err), -1);
	EXPECT_STR(err.text, "descriptor for '/bin/true': Bad file descriptor");
}

TEST(child_joins_cgroups_before_it_is_executed)
{
	char path[] = "/tmp/child-XXXXXX", text[8];
	struct err err = { 0 };
	int file = mkstemp(path);

	/* Any file shows what is written. */
	struct child_spec spec = { .cgroup1_tasks = { NULL, path } };
	EXPECT_INT(run_shell(spec, "exit 0", text, sizeof(text)), 0);
	EXPECT_INT(pread(file, text, sizeof(text), 0), 1);
	EXPECT_INT(text[0], '0');
	close(file);
	unlink(path);

	char *const *argv = CHILD_WORDS("true");
	struct child_spec failing = { .path = "/bin/true",
				      .argv = argv,
				      .cgroup1_tasks = { "/no/tasks" } };
	int pidfd;
	pid_t pid;
	EXPECT_INT(child_start(&failing, &pidfd, &pid, &err), -1);
	EXPECT_STR(err.text, "open '/no/tasks': No such file or directory");
	failing.cgroup1_tasks[0] = "/proc/self/oom_score";            /* opens, takes nothing */
	EXPECT_INT(child_start(&failing, &pidfd, &pid, &err), -1);
}

/* Needs root and a cgroup v2 tree, alone or beside v1. */
TEST(child_is_born_in_its_group)
{
	char group[64], want[96], text[4096];
	const char *mount = access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
	struct err err = { 0 };
	int pidfd;
	pid_t pid;

	snprintf(group, sizeof(group), "%s/child-test-%d", mount, (int)getpid());
	EXPECT(mkdir(group, 0755) == 0);
	struct child_spec spec = { .cgroup2_dir = group };
	EXPECT_INT(run_shell(spec, "cat /proc/self/cgroup; exit 4", text, sizeof(text)), 4);
	snprintf(want, sizeof(want), "0::/child-test-%d\n", (int)getpid());
	EXPECT(strstr(text, want));
	rmdir(group);

	char *const *argv = CHILD_WORDS("true");
	struct child_spec failing = { .path = "/bin/true", .argv = argv, .cgroup2_dir = "/no/group" };
	EXPECT_INT(child_start(&failing, &pidfd, &pid, &err), -1);
	EXPECT_STR(err.text, "open '/no/group': No such file or directory");
	failing.cgroup2_dir = "/tmp";                                /* no group: neither way leads into it */
	EXPECT_INT(child_start(&failing, &pidfd, &pid, &err), -1);
	EXPECT_STR(err.text, "open '/tmp/cgroup.procs': No such file or directory");
}

TEST(child_has_fresh_signals)
{
	sigset_t all;

	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	expect_output((struct child_spec){ 0 },
		      "while read k v; do case $k in SigBlk:|SigIgn:) echo $k $v;; esac; done "
		      "</proc/self/status",
		      "SigBlk: 0000000000000000\nSigIgn: 0000000000000000\n");
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	EXPECT(sigismember(&now, SIGUSR1));          /* ours is as before */
}

TEST(child_may_have_a_session_and_an_oom_score)
{
	expect_output((struct child_spec){ .own_session = true },
		      "read pid name state parent group session rest </proc/self/stat; [ $pid = "
		      "$session ] && echo own",
		      "own\n");
	expect_output((struct child_spec){ 0 },
		      "read pid name state parent group session rest </proc/self/stat; [ $pid = "
		      "$session ] || echo shared",
		      "shared\n");
	expect_output((struct child_spec){ .oom_score_adj = 907 },
		      "read n </proc/self/oom_score_adj; echo $n", "907\n");
}

TEST(child_dies_with_its_parent_when_it_is_told_to)
{
	struct pollfd poller = { .events = POLLIN };
	int ends[2];
	char byte;

	EXPECT(pipe(ends) == 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct child_fd fds[] = { { ends[1], 1 } };
		char *const *argv = CHILD_WORDS("sh", "-c", "echo x; exec sleep 100");
		char *const *environment = CHILD_WORDS("PATH=/bin:/usr/bin");
		struct child_spec spec = { .path = "/bin/sh",
					   .argv = argv,
					   .envp = environment,
					   .fds = fds,
					   .fd_count = 1,
					   .parent_death_signal = SIGKILL };
		struct err err;
		int pidfd;
		pid_t pid;
		if (child_start(&spec, &pidfd, &pid, &err) < 0)
			_exit(1);
		close(ends[1]);
		close(ends[0]);
		pause();
	}
	close(ends[1]);
	EXPECT(read(ends[0], &byte, 1) == 1);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	poller.fd = ends[0];
	EXPECT_INT(poll(&poller, 1, LONG_MS), 1);
	while (read(ends[0], &byte, 1) == 1)
		/* The rest of the line, then the end: the last writer is gone. */
		continue;
	close(ends[0]);
}

TEST(child_wait_gives_up_and_leaves_the_child_alone)
{
	struct err err = { 0 };
	char *const *argv = CHILD_WORDS("sleep", "100");
	struct child_spec spec = { .path = "/bin/sleep", .argv = argv };
	int pidfd, exit_code = -7;
	pid_t pid;

	EXPECT_INT(child_start(&spec, &pidfd, &pid, &err), 0);
	EXPECT(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	msec start = clock_boot_ms();
	EXPECT_INT(child_wait(pidfd, 20, &exit_code), -1);
	EXPECT(clock_boot_ms() - start >= 20);
	EXPECT_INT(exit_code, -7);
	EXPECT_INT(kill(pid, 0), 0);
	EXPECT(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0);
	EXPECT_INT(child_wait(pidfd, LONG_MS, &exit_code), 0);
	EXPECT_INT(exit_code, 137);
	EXPECT(fcntl(pidfd, F_GETFD) < 0);
}

static void on_exit_code(void *arg, int exit_code)
{
	*(int *)arg = exit_code;
}

TEST(child_watch_tells_the_end_once_and_reaps)
{
	struct loop *loop = loop_new();
	struct err err = { 0 };
	char *const *argv = CHILD_WORDS("sh", "-c", "exit 9");
	struct child_spec spec = { .path = "/bin/sh", .argv = argv };
	int pidfd, exit_code = -7;
	pid_t pid;

	EXPECT_INT(child_start(&spec, &pidfd, &pid, &err), 0);
	EXPECT(child_watch(loop, pidfd, on_exit_code, &exit_code) != NULL);
	while (exit_code == -7)
		loop_run_once(loop, LONG_MS);
	EXPECT_INT(exit_code, 9);
	EXPECT(waitpid(pid, NULL, WNOHANG) < 0 && errno == ECHILD);
	EXPECT(fcntl(pidfd, F_GETFD) < 0);
	loop_free(loop);
}

TEST(child_watch_that_is_freed_says_nothing)
{
	struct loop *loop = loop_new();
	struct err err = { 0 };
	char *const *argv = CHILD_WORDS("true");
	struct child_spec spec = { .path = "/bin/true", .argv = argv };
	int pidfd, exit_code = -7;
	pid_t pid;

	EXPECT_INT(child_start(&spec, &pidfd, &pid, &err), 0);
	struct child_watch *watch = child_watch(loop, pidfd, on_exit_code, &exit_code);
	EXPECT(waitpid(pid, NULL, 0) == pid);
	child_watch_free(watch);
	child_watch_free(NULL);
	loop_run_once(loop, 0);
	EXPECT_INT(exit_code, -7);
	loop_free(loop);
}

TEST(child_of_somebody_else_ends_with_an_unknown_code)
{
	struct loop *loop = loop_new();
	int exit_code = -7, ends[2];
	pid_t grandchild = 0;

	/* The grandchild is not ours to reap. */
	EXPECT(pipe(ends) == 0);
	pid_t middle = fork();
	if (middle == 0) {
		pid_t pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (write(ends[1], &pid, sizeof(pid)) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	EXPECT(read(ends[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
	int pidfd = (int)syscall(SYS_pidfd_open, grandchild, 0);
	EXPECT(pidfd >= 0);
	child_watch(loop, pidfd, on_exit_code, &exit_code);
	kill(grandchild, SIGKILL);
	while (exit_code == -7)
		loop_run_once(loop, LONG_MS);
	EXPECT_INT(exit_code, -1);
	kill(middle, SIGKILL);
	waitpid(middle, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	loop_free(loop);
}
