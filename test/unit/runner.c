/* runner.c - runs the tests that registered themselves, one child each.
 *
 *	program [-l] [PART OF A NAME...]        -l lists; a test runs if its name holds any part
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/unit/runner.h"

static struct test *first, **last = &first;
static bool has_failed; /* of the one test that runs in this process */

static bool is_wanted(const struct test *test, char **parts);
static bool passes(const struct test *test);
_Noreturn static void run_in_child(const struct test *test, const sigset_t *old_mask);
static int wait_for(pid_t pid, int timeout_s, bool *ret_timed_out);

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;
	bool list = argc > 1 && strcmp(argv[1], "-l") == 0;

	for (const struct test *test = first; test; test = test->next) {
		if (!is_wanted(test, argv + 1 + list))
			continue;
		if (list) {
			puts(test->name);
		} else if (passes(test)) {
			passed++;
		} else {
			failed++;
			printf("FAIL: %s\n", test->name);
		}
	}
	if (!list)
		printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}

void runner_add(struct test *test)
{
	*last = test;
	last = &test->next;
}

void runner_expect(const char *file, int line, const char *text, bool ok)
{
	if (ok)
		return;
	has_failed = true;
	printf("%s:%d: expected %s\n", file, line, text);
}

void runner_expect_str(const char *file, int line, const char *text, const char *got,
		       const char *want)
{
	const char *quote_got = got ? "\"" : "", *quote_want = want ? "\"" : "";

	if (got == want || (got && want && strcmp(got, want) == 0))
		return;
	has_failed = true;
	printf("%s:%d: %s\n\tgot  %s%s%s\n\twant %s%s%s\n", file, line, text, quote_got,
	       got ? got : "NULL", quote_got, quote_want, want ? want : "NULL", quote_want);
}

void runner_expect_int(const char *file, int line, const char *text, long long got, long long want)
{
	if (got == want)
		return;
	has_failed = true;
	printf("%s:%d: %s\n\tgot  %lld\n\twant %lld\n", file, line, text, got, want);
}

static bool is_wanted(const struct test *test, char **parts)
{
	if (!*parts)
		return true;
	for (; *parts; parts++)
		if (strstr(test->name, *parts))
			return true;
	return false;
}

/* SIGCHLD is blocked before the fork, so that an end which comes early is not missed. */
static bool passes(const struct test *test)
{
	sigset_t mask, old_mask;
	bool timed_out;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &old_mask);
	fflush(NULL);

	pid_t pid = fork();
	if (pid < 0) {
		printf("%s: fork: %s\n", test->name, strerror(errno));
		return false;
	}
	if (pid == 0)
		run_in_child(test, &old_mask);
	/* Both sides set it: whoever is first, kill(-pid) below finds the group. */
	setpgid(pid, pid);
	int status = wait_for(pid, test->timeout_s, &timed_out);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);

	if (timed_out)
		printf("%s: not done after %d s\n", test->name, test->timeout_s);
	else if (WIFSIGNALED(status))
		printf("%s: killed by signal %d (%s)\n", test->name, WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > 1)
		printf("%s: ended with code %d\n", test->name, WEXITSTATUS(status));
	return !timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* exit() and not _exit(): the leak check of the sanitizers runs at exit. */
_Noreturn static void run_in_child(const struct test *test, const sigset_t *old_mask)
{
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, old_mask, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0); /* what was said before a crash is seen */
	test->run();
	exit(has_failed ? 1 : 0);
}

/* Waits for the child and then ends whatever it left in its group. */
static int wait_for(pid_t pid, int timeout_s, bool *ret_timed_out)
{
	struct timespec now, end;
	sigset_t mask;
	int status = 0;

	*ret_timed_out = false;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_s;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end.tv_sec) {
			*ret_timed_out = true;
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		sigtimedwait(&mask, NULL, &(struct timespec){.tv_nsec = 200 * 1000 * 1000});
	}
	kill(-pid, SIGKILL);
	return status;
}
