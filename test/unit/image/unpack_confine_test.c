/* Looks at the unpacking child from outside while it stands still: it has answered that the archive is none, and waits for the end of the
 * bytes that it throws away.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/unpack_job_io.h"
#include "os/child.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/runner.h"

struct prisoner { char dir[64], answer[512]; int socket, pidfd; pid_t pid; };

static void start_prisoner(struct prisoner *p, const char *mode)
{
	int ends[2];
	char self[512];
	struct err err;

	strcpy(p->dir, "/tmp/unpack-confine-XXXXXX");
	check(runner_folder(p->dir));
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	check(length > 0);
	self[length] = '\0';
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	CLEANUP(fd_closep) int blob = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char *argv[] = { (char *)(uintptr_t)"swarmbox", (char *)(uintptr_t)"unpack", (char *)(uintptr_t)mode, p->dir,
			 (char *)(uintptr_t)"1000000", (char *)(uintptr_t)"-", NULL };
	struct child_fd fds[] = { { ends[1], 0 }, { ends[1], 1 }, { 2, 2 }, { blob, UNPACK_BESIDE_FD } };
	struct child_spec spec = { .path = self, .argv = argv, .fds = fds, .fd_count = ARRAY_COUNT(fds), .parent_death_signal = SIGKILL };
	check(child_start(&spec, &p->pidfd, &p->pid, &err) == 0);
	close(ends[1]);
	p->socket = ends[0];
}

static void take_prisoner(struct prisoner *p)
{
	char junk[512] = "this is no archive";

	start_prisoner(p, "root");
	check(fd_write_all(p->socket, junk, sizeof(junk)) == 0);
	ssize_t length = read(p->socket, p->answer, sizeof(p->answer) - 1);
	check(length > 0);
	p->answer[length] = '\0';
}

static void release(struct prisoner *p)
{
	struct err err;
	int exit_code;

	close(p->socket);
	EXPECT(child_wait(p->pidfd, 10000, &exit_code) == 0);
	EXPECT_INT(exit_code, 1);
	check(dir_remove_tree(p->dir, &err) == 0);
}

static const char *link_of(pid_t pid, const char *name)
{
	static char target[256];
	CLEANUP(str_freep) char *path = pid ? str_printf("/proc/%d/%s", pid, name) : str_printf("/proc/self/%s", name);
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	check(length >= 0);
	target[length] = '\0';
	return target;
}

static bool has_own(const struct prisoner *p, const char *ns)
{
	CLEANUP(str_freep) char *ours = str_dup(link_of(0, ns));

	return !str_eq(ours, link_of(p->pid, ns));
}

TEST(unpack_child_has_a_root_of_its_own_and_few_rights)
{
	CLEANUP(buf_finip) struct buf status = BUF_INIT, mounts = BUF_INIT;
	struct prisoner p;
	struct err err;

	take_prisoner(&p);
	EXPECT_STR(p.answer, "{\"code\":1,\"error\":\"not a tar archive: wrong checksum in a header\"}\n");
	CLEANUP(str_freep) char *status_path = str_printf("/proc/%d/status", p.pid), *mounts_path = str_printf("/proc/%d/mountinfo", p.pid);
	CLEANUP(str_freep) char *outside = str_printf("/proc/%d/root/etc", p.pid);
	EXPECT(file_read(status_path, 65536, &status, &err) == 0 && file_read(mounts_path, 65536, &mounts, &err) == 0);
	/* chown, dac_override, fowner, fsetid, mknod, setfcap */
	EXPECT(strstr(buf_text(&status), "CapEff:\t000000008800001b\n"));
	EXPECT(strstr(buf_text(&status), "CapPrm:\t000000008800001b\n"));
	EXPECT(strstr(buf_text(&status), "CapInh:\t0000000000000000\n"));
	EXPECT(strstr(buf_text(&status), "CapBnd:\t0000000000000000\n"));
	EXPECT(strstr(buf_text(&status), "NoNewPrivs:\t1\n"));
	EXPECT(!file_exists(outside));
	const char *line_end = strchr(buf_text(&mounts), '\n');
	EXPECT(line_end && line_end[1] == '\0');     /* one mount, and that one without devices, setuid and programs */
	EXPECT(strstr(buf_text(&mounts), " / rw,nosuid,nodev,noexec"));
	EXPECT(has_own(&p, "ns/mnt") && has_own(&p, "ns/net") && has_own(&p, "ns/ipc"));
	release(&p);
}

/* The one child that the child has, once it is there. */
static pid_t marker_of(pid_t pid)
{
	CLEANUP(str_freep) char *path = str_printf("/proc/%d/task/%d/children", pid, pid);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err;

	for (msec until = clock_boot_ms() + 60000; clock_boot_ms() < until; poll(NULL, 0, 5)) {
		buf_clear(&text);
		check(file_read(path, 1000, &text, &err) == 0);
		if (text.len)
			return (pid_t)strtol(buf_text(&text), NULL, 10);
	}
	return -1;
}

static bool has_line(pid_t pid, const char *line)
{
	CLEANUP(str_freep) char *path = str_printf("/proc/%d/status", pid);
	CLEANUP(buf_finip) struct buf status = BUF_INIT;
	struct err err;

	return file_read(path, 65536, &status, &err) == 0 && strstr(buf_text(&status), line);
}

static bool comes_to(pid_t pid, const char *line)
{
	for (msec until = clock_boot_ms() + 60000; clock_boot_ms() < until; poll(NULL, 0, 5))
		if (has_line(pid, line))
			return true;
	return false;
}

TEST(unpack_child_of_a_layer_leaves_the_one_right_it_needs_to_a_process_that_reads_nothing)
{
	struct prisoner p;
	struct err err;
	int exit_code;

	start_prisoner(&p, "layer");
	pid_t marker = marker_of(p.pid);
	EXPECT(marker > 0);
	CLEANUP(str_freep) char *fds = str_printf("/proc/%d/fd", marker), *outside = str_printf("/proc/%d/root/etc", marker);
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	EXPECT(comes_to(marker, "CapPrm:\t0000000000200000\n"));     /* CAP_SYS_ADMIN */
	EXPECT(has_line(marker, "CapEff:\t0000000000200000\n") && has_line(marker, "CapBnd:\t0000000000000000\n") &&
	       has_line(marker, "NoNewPrivs:\t1\n"));
	EXPECT(dir_list(fds, &names, &err) == 0);
	EXPECT_INT(names.count, 1);                  /* its socket */
	EXPECT(!file_exists(outside));
	EXPECT(comes_to(p.pid, "CapPrm:\t000000008800001b\n"));      /* the one who reads has as few as ever */

	CLEANUP(fd_closep) int pidfd = (int)syscall(SYS_pidfd_open, marker, 0);
	EXPECT(shutdown(p.socket, SHUT_WR) == 0);    /* the layer is over, and no tar */
	EXPECT(child_wait(p.pidfd, 60000, &exit_code) == 0);
	EXPECT_INT(exit_code, 1);
	EXPECT_INT(poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 60000), 1);
	close(p.socket);
	check(dir_remove_tree(p.dir, &err) == 0);
}

/* The agent of this test is a process that starts the child, tells who it is, and is killed. */
TEST(unpack_child_dies_with_the_agent)
{
	struct prisoner p;
	struct err err;
	int ends[2];

	check(pipe2(ends, O_CLOEXEC) == 0);
	pid_t agent = fork();
	if (agent == 0) {
		take_prisoner(&p);
		check(write(ends[1], &p, sizeof(p)) == sizeof(p));
		pause();
		_exit(1);
	}
	check(read(ends[0], &p, sizeof(p)) == sizeof(p));
	CLEANUP(fd_closep) int pidfd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	EXPECT(pidfd >= 0);
	check(kill(agent, SIGKILL) == 0);
	EXPECT_INT(poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 60000), 1);
	check(dir_remove_tree(p.dir, &err) == 0);
	close(ends[0]);
	close(ends[1]);
}
