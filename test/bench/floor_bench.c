/* floor_bench.c - what a container costs at the least: the system calls alone, without groups, limits, filters, logs or anybody who remembers it.
 *
 *	bench-floor ROOT DIR COUNT PROGRAM [WORDS...]
 *
 * COUNT times, one after the other: directories for an overlay in DIR over ROOT, a process in namespaces of its own (network included) that mounts overlay
 * and /proc, enters them and executes PROGRAM; its end; the directories removed. Prints the median and the least, in milliseconds. Needs root.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 65536, NAMESPACES = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWNET };

static const char *root;
static char **program;

_Noreturn static void fail(const char *what)
{
	fprintf(stderr, "bench-floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static int inside(void *arg)
{
	char options[1024];
	char *const environment[] = { NULL };

	(void)arg;
	snprintf(options, sizeof options, "lowerdir=%s,upperdir=upper,workdir=work", root);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("overlay", "root", "overlay", 0, options) < 0)
		fail("mount overlay");
	if (chdir("root") < 0 || mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		fail("mount proc");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 || sethostname("floor", 5) < 0)
		fail("enter the root");
	execve(program[0], program, environment);
	fail(program[0]);
}

static void run_one(void)
{
	static const char *const dirs[] = { "upper", "work", "root" };
	static char stack[STACK_BYTES] __attribute__((aligned(16)));
	int status;

	for (int i = 0; i < 3; i++)
		if (mkdir(dirs[i], 0755) < 0)
			fail(dirs[i]);
	pid_t pid = clone(inside, stack + sizeof stack, NAMESPACES | CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fail("the container");
	rmdir("work/work");
	for (int i = 0; i < 3; i++)
		if (rmdir(dirs[i]) < 0)
			fail(dirs[i]);
}

static int by_value(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	enum { MOST = 10000 };
	static double all[MOST];
	size_t count = argc > 4 ? strtoul(argv[3], NULL, 10) : 0;

	if (!count || count > MOST || chdir(argv[2]) < 0) {
		fprintf(stderr, "usage: bench-floor ROOT DIR COUNT PROGRAM [WORDS...]\n");
		return 2;
	}
	root = argv[1];
	program = argv + 4;
	for (size_t i = 0; i < count; i++) {
		double start = now_ms();

		run_one();
		all[i] = now_ms() - start;
	}
	qsort(all, count, sizeof *all, by_value);
	printf("%.3f %.3f\n", all[count / 2], all[0]);
	return 0;
}
