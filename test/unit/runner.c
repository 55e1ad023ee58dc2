/* runner.c - runs the tests that registered themselves, one child each.
 *
 *	program [-l] [PART OF A NAME...]        -l lists; a test runs if its name holds any part
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/unit/runner.h"

enum { MAX_FOLDERS = 256, PATH_BYTES = 64, END_S = 60 };

static struct test *first, **last = &first;
static bool has_failed; /* of the one test that runs in this process */
static volatile sig_atomic_t stopped_by;
/* What runner_folder has made in a test; both processes see it, and every entry is empty again when the next test starts. */
static char (*folders)[PATH_BYTES];

static bool is_wanted(const struct test *test, char **parts);
static bool passes(const struct test *test);
_Noreturn static void run_in_child(const struct test *test, const sigset_t *old_mask);
static int wait_for(pid_t pid, int timeout_s, bool *ret_timed_out);
static bool end_processes(void);
static void remove_folders(void);
static void stop(int number);

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;
	bool list = argc > 1 && strcmp(argv[1], "-l") == 0;

	folders = mmap(NULL, sizeof *folders * MAX_FOLDERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* Orphans of a test become ours. */
	if (folders == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		perror("runner");
		return 2;
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
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
		if (stopped_by)
			return 128 + stopped_by;
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

char *runner_folder(char *template)
{
	int at = 0;

	while (at < MAX_FOLDERS && folders[at][0])
		at++;
	if (at == MAX_FOLDERS || strlen(template) >= PATH_BYTES || !mkdtemp(template)) {
		printf("%s: no folder can be made\n", template);
		exit(2);
	}
	return strcpy(folders[at], template);
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

static void stop(int number)
{
	stopped_by = number;
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
	bool has_ended = end_processes();

	remove_folders();
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	if (!has_ended)
		printf("%s: a process that it has left cannot be killed\n", test->name);
	if (timed_out)
		printf("%s: not done after %d s\n", test->name, test->timeout_s);
	else if (WIFSIGNALED(status))
		printf("%s: killed by signal %d (%s)\n", test->name, WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > 1)
		printf("%s: ended with code %d\n", test->name, WEXITSTATUS(status));
	return has_ended && !timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* exit() and not _exit(): the leak check of the sanitizers runs at exit. */
_Noreturn static void run_in_child(const struct test *test, const sigset_t *old_mask)
{
	setpgid(0, 0);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
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
	for (;;) {
		int code;
		pid_t ended = waitpid(-1, &code, WNOHANG);

		if (ended == pid) {
			status = code;
			break;
		}
		if (ended > 0) /* an orphan; whoever waits for its end, waits for us */
			continue;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end.tv_sec || stopped_by) {
			*ret_timed_out = !stopped_by;
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		sigtimedwait(&mask, NULL, &(struct timespec){.tv_nsec = 200 * 1000 * 1000});
	}
	kill(-pid, SIGKILL);
	return status;
}

/* "PID (NAME) STATE PARENT …"; a name may hold anything. */
static pid_t parent_of(const char *pid)
{
	char path[300], line[512] = "";

	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	FILE *stat = fopen(path, "r");

	if (!stat)
		return 0;
	const char *name_end = fgets(line, sizeof line, stat) ? strrchr(line, ')') : NULL;

	fclose(stat);
	return name_end ? (pid_t)strtol(name_end + 4, NULL, 10) : 0;
}

/* What left the group: daemons, shims, and what these had started. Each round kills our children; theirs are ours in the next. */
static void kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && parent_of(entry->d_name) == getpid())
			kill(pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

static bool end_processes(void)
{
	struct timespec now, end;
	sigset_t mask;
	pid_t pid;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += END_S;
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (pid > 0)
			continue;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end.tv_sec)
			return false;
		kill_children();
		sigtimedwait(&mask, NULL, &(struct timespec){.tv_nsec = 20 * 1000 * 1000});
	}
	return true;
}

/* A test that passes has removed its own, so this is rare and may be slow: mounts, cgroups that have the folder's name, the folder. */
static void remove_folders(void)
{
	static const char script[] =
		"cut -d' ' -f5 /proc/self/mountinfo | grep '^%1$s/' | sort -r | while read -r at; do umount -l \"$at\"; done; "
		"find /sys/fs/cgroup -maxdepth 3 -name '%2$s' 2>/dev/null | while read -r at; do "
		"find \"$at\" -depth -type d -exec rmdir {} \\; ; done; "
		"grep -q ' %1$s/' /proc/self/mountinfo || rm -rf '%1$s'";

	for (int i = 0; i < MAX_FOLDERS && folders[i][0]; i++) {
		char command[1024];

		snprintf(command, sizeof command, script, folders[i], strrchr(folders[i], '/') + 1);
		if (access(folders[i], F_OK) == 0 && system(command) != 0)
			printf("%s cannot be removed\n", folders[i]);
		folders[i][0] = '\0';
	}
}
