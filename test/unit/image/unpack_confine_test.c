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
#include "os/file.h"
#include "test/unit/runner.h"

struct prisoner { char dir[64], answer[512]; int socket, pidfd; pid_t pid; };

static void take_prisoner(struct prisoner *p)
{
	int ends[2];
	char self[512], junk[512] = "this is no archive";
	struct err err;

	strcpy(p->dir, "/tmp/unpack-confine-XXXXXX");
	check(mkdtemp(p->dir));
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	check(length > 0);
	self[length] = '\0';
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	CLEANUP(fd_closep) int blob = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char *argv[] = { (char *)(uintptr_t)"swarmbox", (char *)(uintptr_t)"unpack", (char *)(uintptr_t)"root", p->dir,
			 (char *)(uintptr_t)"1000000", (char *)(uintptr_t)"-", NULL };
	struct child_fd fds[] = { { ends[1], 0 }, { ends[1], 1 }, { 2, 2 }, { blob, UNPACK_BLOB_FD } };
	struct child_spec spec = { .path = self, .argv = argv, .fds = fds, .fd_count = ARRAY_COUNT(fds), .parent_death_signal = SIGKILL };
	check(child_start(&spec, &p->pidfd, &p->pid, &err) == 0);
	close(ends[1]);
	p->socket = ends[0];
	check(fd_write_all(p->socket, junk, sizeof(junk)) == 0);
	length = read(p->socket, p->answer, sizeof(p->answer) - 1);
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
	EXPECT_INT(poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 10000), 1);
	check(dir_remove_tree(p.dir, &err) == 0);
	close(ends[0]);
	close(ends[1]);
}
