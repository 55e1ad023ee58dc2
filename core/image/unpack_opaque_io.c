#include "image/unpack_opaque_io.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"
#include "os/layer_mark.h"

union control { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; };

/* The marker answers each folder with an errno, 0 for done. */
static int mark(int folder_fd)
{
	struct stat st;

	if (fstat(folder_fd, &st) < 0)
		return errno;
	if (!S_ISDIR(st.st_mode))
		return ENOTDIR;
	return opaque_set(folder_fd) < 0 ? errno : 0;
}

/* One folder; -1 at the end, or for what is none. */
static int receive(int fd)
{
	union control control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	int folder_fd = -1;
	ssize_t got;

	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	struct cmsghdr *header = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&folder_fd, CMSG_DATA(header), sizeof(int));
	return folder_fd;
}

static bool keep_one_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const uint32_t admin = UINT32_C(1) << CAP_SYS_ADMIN;
	struct __user_cap_data_struct data[2] = { { admin, admin, 0 }, { 0, 0, 0 } };

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return false;
	return syscall(SYS_capset, &header, data) == 0;
}

NORETURN static void be_the_marker(int fd)
{
	int folder_fd;

	/* The first number above is the socket's, whatever it is: it goes to 0, and all else is closed. */
	if (dup2(fd, 0) < 0 || syscall(SYS_close_range, 1, ~0U, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || !keep_one_capability())
		_exit(1);
	while ((folder_fd = receive(0)) >= 0) {
		int answer = mark(folder_fd);

		close(folder_fd);
		if (send(0, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
			break;
	}
	_exit(0);
}

int unpack_opaque_start(int *ret_fd, pid_t *ret_pid, struct err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "a socket for opaque folders");
	pid_t pid = fork();
	if (pid == 0)
		be_the_marker(ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_sys(err, "a process for opaque folders");
	}
	*ret_fd = ends[0];
	*ret_pid = pid;
	return 0;
}

int unpack_opaque_mark(int fd, int folder_fd, struct err *err)
{
	union control control = { { 0 } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int answer;

	*header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(header), &folder_fd, sizeof(int));
	if (sendmsg(fd, &message, MSG_NOSIGNAL) != 1 || recv(fd, &answer, sizeof(answer), 0) != sizeof(answer))
		return err_sys(err, "the process that marks opaque folders is gone");
	errno = answer;
	if (answer == ENOTSUP)
		return err_set(err, ERR_UNSUPPORTED, "the file system of the data root has no extended attributes, which mark an opaque folder");
	return answer ? err_sys(err, "mark as opaque") : 0;
}
