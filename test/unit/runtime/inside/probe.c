/* probe.c - the program inside the test containers: each word of its command line says what to do and what to print.
 *
 * Static, so that a root file system needs nothing else. `probe print hello , exit 3`: acts are separated by a comma. An act that fails
 * prints "NAME: error text" on stdout and goes on: what must not be possible is tested that way.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "escape.h"

static char **args;      /* of the act at hand */

static const char *arg(int i)
{
	return args[i] ? args[i] : "";
}

static long number(int i)
{
	return strtol(arg(i), NULL, 10);
}

static void outcome(const char *name, long result)
{
	if (result < 0)
		printf("%s: %s\n", name, strerror(errno));
	else
		printf("%s: ok\n", name);
}

static void cat(const char *path)
{
	char bytes[4096];
	int fd = open(path, O_RDONLY);
	ssize_t count;

	if (fd < 0)
		outcome("cat", -1);
	while (fd >= 0 && (count = read(fd, bytes, sizeof bytes)) > 0)
		fwrite(bytes, 1, (size_t)count, stdout);
	if (fd >= 0)
		close(fd);
}

static void list(const char *path)
{
	struct dirent **names;
	int count = scandir(path, &names, NULL, alphasort);

	for (int i = 0; i < count; i++)
		if (names[i]->d_name[0] != '.')
			printf("%s ", names[i]->d_name);
	puts("");
}

static void status(const char *key)
{
	char line[512];
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, key, strlen(key)) == 0)
			fputs(line, stdout);
	if (file)
		fclose(file);
}

/* The options of the last mount at this path: its own, then its file system's. */
static void options_of(const char *path)
{
	char line[1024], point[256], own[256], fs[256], found[600] = "none";
	FILE *file = fopen("/proc/self/mountinfo", "r");

	while (file && fgets(line, sizeof line, file)) {
		char *dash = strstr(line, " - ");

		if (dash && sscanf(line, "%*s %*s %*s %*s %255s %255s", point, own) == 2 && sscanf(dash, " - %*s %*s %255s", fs) == 1 &&
		    strcmp(point, path) == 0)
			snprintf(found, sizeof found, "%s / %s", own, fs);
	}
	if (file)
		fclose(file);
	printf("%s %s\n", path, found);
}

static void eat(const char *bytes)
{
	size_t size = strtoull(bytes, NULL, 10);
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		outcome("eat", -1);
	else
		memset(memory, 1, size);
}

static void fork_many(int count)
{
	int made = 0;

	for (; made < count; made++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
	}
	printf("forked %s\n", made == count ? "all" : strerror(errno));
}

static void spin(long ms)
{
	struct timespec start, now;
	volatile unsigned long n = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (int i = 0; i < 100000; i++)
			n++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

static volatile sig_atomic_t caught;
static void on_signal(int number)
{
	caught = number;
}

/* Says that it is ready, so that nobody sends too early; ends with the signal's number as exit code. */
static void trap(int number)
{
	sigset_t mask, old;

	sigemptyset(&mask);
	sigaddset(&mask, number);
	sigprocmask(SIG_BLOCK, &mask, &old);
	signal(number, on_signal);
	puts("trapped");
	fflush(stdout);
	while (!caught)
		sigsuspend(&old);
	exit(caught);
}

/* What comes in, up to its end. */
static void copy_stdin(void)
{
	char bytes[4096];
	ssize_t count;

	while ((count = read(0, bytes, sizeof bytes)) > 0) {
		fwrite(bytes, 1, (size_t)count, stdout);
		fflush(stdout);
	}
	puts(count == 0 ? "[end]" : strerror(errno));
}

static void terminal(void)
{
	struct winsize size = { 0 };
	int fd = open("/dev/tty", O_RDWR);

	ioctl(0, TIOCGWINSZ, &size);
	printf("%s %d %d %d size %d %d tty %s foreground %s\n", isatty(0) ? ttyname(0) : "none", isatty(0), isatty(1), isatty(2), size.ws_row,
	       size.ws_col, fd < 0 ? strerror(errno) : "ok", tcgetpgrp(0) == getpgrp() ? "yes" : "no");
	if (fd >= 0)
		close(fd);
}

/* Until the size changes: the signal may come before we wait for it. */
static void wait_winch(void)
{
	sigset_t mask;
	int number;

	sigemptyset(&mask);
	sigaddset(&mask, SIGWINCH);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	puts("ready");
	fflush(stdout);
	sigwait(&mask, &number);
	terminal();
}

static void list_fds(void)
{
	char path[64], target[256];

	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, target, sizeof target - 1);

		if (length >= 0)
			printf("%d ", fd);
	}
	puts("");
}

/* What another process can be looked at through: nothing, while it is one of the host's on its way in. For so long, and until there was one. */
static void kids(long ms)
{
	struct timespec start, now;
	long seen = 0, open_ones = 0;
	char path[64], target[256];

	clock_gettime(CLOCK_MONOTONIC, &start);
	puts("watching");
	fflush(stdout);
	do {
		for (int pid = 2; pid < 60; pid++) {
			static const char *const names[] = { "exe", "root", "cwd", "fd/3", "fd/4", "fd/5", "fd/6", "fd/7", "fd/8", "fd/9", "fd/10", "mem" };

			snprintf(path, sizeof path, "/proc/%d/stat", pid);
			if (access(path, F_OK) < 0)
				continue;
			seen++;
			for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
				snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
				ssize_t length = readlink(path, target, sizeof target - 1);

				if (length < 0)
					continue;
				target[length] = 0;
				if ((strcmp(names[i], "exe") == 0 && strcmp(target, "/bin/probe") != 0) || strncmp(names[i], "fd/", 3) == 0) {
					printf("%s -> %s\n", path, target);
					open_ones++;
				}
			}
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < (seen ? ms : 60000));
	printf("saw %s, open %ld\n", seen ? "some" : "none", open_ones);
}

/* Orphans that end are somebody's to reap: they are pid 1's children then. Waits until no dead process is left. */
static void orphans(void)
{
	for (int i = 0; i < 5; i++)
		if (fork() == 0) {
			if (fork() == 0)
				usleep(20000);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	usleep(40000);
	for (int tries = 0; tries < 200; tries++) {
		int dead = 0;

		for (int pid = 2; pid < 40; pid++) {
			char path[64], line[256] = "";

			snprintf(path, sizeof path, "/proc/%d/stat", pid);
			int fd = open(path, O_RDONLY);

			if (fd >= 0 && read(fd, line, sizeof line - 1) > 0 && strstr(line, ") Z "))
				dead++;
			if (fd >= 0)
				close(fd);
		}
		if (!dead) {
			puts("all reaped");
			return;
		}
		usleep(10000);
	}
	puts("dead processes are left");
}

static void rlimit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	printf("nofile %llu %llu\n", (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
}

static void open_for_write(const char *path)
{
	int fd = open(path, O_WRONLY);

	outcome(path, fd);
	if (fd >= 0)
		close(fd);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		outcome(path, -1);
	if (fd >= 0)
		close(fd);
}

static void flood(long lines, const char *word)
{
	for (long i = 0; i < lines; i++)
		printf("%s %ld\n", word, i);
}

static void stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		outcome(path, -1);
		return;
	}
	printf("%s %o %u:%u %u,%u\n", path, (unsigned)st.st_mode, st.st_uid, st.st_gid, major(st.st_rdev), minor(st.st_rdev));
}

/* A call by the number that it has for 32-bit programs: any program can do that on x86_64. */
static void int80(long call, long first)
{
#if defined(__x86_64__)
	long result = call;

	__asm__ volatile("int $0x80" : "+a"(result) : "b"(first), "c"(0L), "d"(0L), "S"(0L), "D"(0L) : "memory", "r8", "r9", "r10", "r11");
	errno = result < 0 ? (int)-result : 0;
	outcome("int80", result < 0 ? -1 : 0);
#else
	printf("int80 %ld %ld: not here\n", call, first);
#endif
}

static void long_line(long bytes)
{
	for (long i = 0; i < bytes; i++)
		putchar('a' + (int)(i % 26));
	puts("");
}

static void act(const char *name)
{
#define IS(word) (strcmp(name, word) == 0)
	if (IS("print")) puts(arg(0));
	else if (IS("error")) fprintf(stderr, "%s\n", arg(0));
	else if (IS("raw")) fputs(arg(0), stdout);
	else if (IS("exit")) exit((int)number(0));
	else if (IS("cat")) cat(arg(0));
	else if (IS("ls")) list(arg(0));
	else if (IS("gone")) { struct stat st; const char *path = arg(0);        /* waits for it, half a minute */
			       for (int i = 0; i < 3000 && lstat(path, &st) == 0; i++) usleep(10000); }
	else if (IS("stat")) stat_of(arg(0));
	else if (IS("env")) for (char **e = environ; *e; e++) puts(*e);
	else if (IS("id")) { gid_t g[64]; int n = getgroups(64, g); printf("uid %u gid %u groups", getuid(), getgid());
			     for (int i = 0; i < n; i++) printf(" %u", g[i]); puts(""); }
	else if (IS("pid")) printf("pid %d\n", getpid());
	else if (IS("cwd")) { char path[4096]; puts(getcwd(path, sizeof path) ? path : "?"); }
	else if (IS("hostname")) { char text[80]; gethostname(text, sizeof text); puts(text); }
	else if (IS("status")) status(arg(0));
	else if (IS("rlimit")) rlimit();
	else if (IS("eat")) eat(arg(0));
	else if (IS("fork")) fork_many((int)number(0));
	else if (IS("spin")) spin(number(0));
	else if (IS("pause")) for (;;) pause();
	else if (IS("trap")) trap((int)number(0));
	else if (IS("write")) write_file(arg(0), arg(1));
	else if (IS("wopen")) open_for_write(arg(0));
	else if (IS("unlink")) outcome("unlink", unlink(arg(0)));
	else if (IS("mkdir")) outcome("mkdir", mkdir(arg(0), 0755));
	else if (IS("mount")) outcome("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	else if (IS("options")) options_of(arg(0));
	else if (IS("domain")) { char text[80]; getdomainname(text, sizeof text); puts(text); }
	else if (IS("unshare")) outcome("unshare", unshare(CLONE_NEWUSER));
	else if (IS("clone3")) outcome("clone3", syscall(SYS_clone3, NULL, 0));
	else if (IS("clonens")) outcome("clonens", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	else if (IS("personality")) outcome("personality", personality((unsigned long)strtoul(arg(0), NULL, 0)));
	else if (IS("vsock")) outcome("vsock", socket(40, SOCK_STREAM, 0));
	else if (IS("future")) outcome("future", syscall(599));
	else if (IS("mknod")) outcome("mknod", mknod(arg(0), S_IFBLK | 0600, makedev(254, 0)));
	else if (IS("mem")) { int fd = open(arg(0), O_RDONLY); outcome("open", fd); }
	else if (IS("orphan")) { if (fork() == 0) { setsid(); for (;;) pause(); } puts("orphaned"); }
	else if (IS("flood")) flood(number(0), arg(1));
	else if (IS("long")) long_line(number(0));
	else if (IS("int80")) int80(number(0), number(1));
	else if (IS("stdin")) copy_stdin();
	else if (IS("terminal")) terminal();
	else if (IS("winch")) wait_winch();
	else if (IS("fds")) list_fds();
	else if (IS("close")) close((int)number(0));
	else if (IS("kids")) kids(number(0));
	else if (IS("orphans")) orphans();
	else if (IS("cmdline")) { char text[512] = ""; int fd = open(arg(0), O_RDONLY); ssize_t n = read(fd, text, sizeof text);
				  for (ssize_t i = 0; i < n; i++) putchar(text[i] ? text[i] : ' '); puts(""); close(fd); }
	else if (IS("sleep")) usleep((useconds_t)(int)number(0) * 1000);
	else if (IS("abort")) abort();
	else if (!escape_act(name, args)) printf("probe: no act '%s'\n", name);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		static char *words[16];
		int count = 0;
		const char *name = argv[i];

		for (i++; i < argc && strcmp(argv[i], ",") != 0 && count < 15; i++)
			words[count++] = argv[i];
		words[count] = NULL;
		args = words;
		act(name);
	}
	return 0;
}
