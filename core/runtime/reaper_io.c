/* reaper_io.c - a first process that does as little as one must. */
#include "runtime/reaper_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"
#include "runtime/kcall_io.h"
#include "runtime/process_io.h"
#include "runtime/program_io.h"
#include "runtime/relro_io.h"

enum { ARGV_BYTES = 8 << 20, FIRST_WORD = 2 };

int reaper_exec(int self_fd, int gate_fd, char *const *argv, char *const *env, struct err *err)
{
	struct arena arena;
	size_t count = 0;

	while (argv[count])
		count++;
	arena_init(&arena, "reaper", ARGV_BYTES);
	char **words = ARENA_ARRAY(&arena, char *, count + FIRST_WORD + 1);

	words[0] = arena_strdup(&arena, REAPER_NAME);
	words[1] = arena_strdup(&arena, "--");
	memcpy(words + FIRST_WORD, argv, count * sizeof *argv);
	/* out of the way first; and the copy is one that stays open */
	self_fd = fcntl(self_fd, F_DUPFD_CLOEXEC, REAPER_GATE_FD + 1);
	if (self_fd >= 0 && (gate_fd == REAPER_GATE_FD ? fcntl(gate_fd, F_SETFD, 0) : dup2(gate_fd, REAPER_GATE_FD)) >= 0)
		kcall_execveat(self_fd, words, env);
	err_sys(err, "exec of the container's init");
	/* whoever tells of it does so over the descriptor that he has */
	fcntl(gate_fd, F_SETFD, FD_CLOEXEC);
	arena_fini(&arena);
	return PROGRAM_FAILED;
}

/* In a group of its own, in the foreground if there is a terminal: what is typed reaches it, and not us. */
static _Noreturn void be_the_program(char *const *argv, char *const *env, const sigset_t *mask)
{
	struct arena arena;
	struct err err;

	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(0, getpgrp());         /* without a terminal it fails, and that is well */
	signal(SIGTTOU, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	arena_init(&arena, "program", ARGV_BYTES);
	int code = program_exec(argv, env, &arena, &err);

	process_fail(REAPER_GATE_FD, code, &err);
}

/* True when the program itself was among those that have ended. */
static bool reap(pid_t program, int *ret_code)
{
	bool has_ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program) {
			*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			has_ended = true;
		}
	return has_ended;
}

/* Signals are never handled, only waited for: blocked, they reach even a first process, which the kernel otherwise protects. */
int reaper_run(char *const *argv, char *const *env)
{
	sigset_t all, before;
	int code = PROGRAM_FAILED;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	fcntl(REAPER_GATE_FD, F_SETFD, FD_CLOEXEC);
	if (!argv[1] || strcmp(argv[1], "--") != 0 || !argv[FIRST_WORD] || getpid() != 1)
		return code;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t program = fork();

	if (program == 0)
		be_the_program(argv + FIRST_WORD, env, &before);
	close(REAPER_GATE_FD);
	if (program < 0)
		return code;
	relro_give_back();
	for (;;) {
		int number = sigwaitinfo(&all, NULL);

		if (number == SIGCHLD && reap(program, &code))
			_exit(code);
		if (number > 0 && number != SIGCHLD)
			kill(program, number);
	}
}
