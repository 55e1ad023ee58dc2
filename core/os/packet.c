#include "os/packet.h"

#include <string.h>
#include <sys/socket.h>

#include "base/panic.h"

int packet_send(int fd, const void *bytes, size_t length, const int *fds, size_t fd_count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(PACKET_FDS * sizeof(int))] = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	check(fd_count <= PACKET_FDS);
	if (fd_count) {
		message.msg_control = control;
		message.msg_controllen = (socklen_t)CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = (socklen_t)CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

ssize_t packet_receive(int fd, char *bytes, size_t room, int ret_fds[PACKET_FDS])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(PACKET_FDS * sizeof(int))];
	struct iovec part = { .iov_base = bytes, .iov_len = room };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };

	for (size_t i = 0; i < PACKET_FDS; i++)
		ret_fds[i] = -1;
	ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (length <= 0)
		return length;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
			size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			memcpy(ret_fds, CMSG_DATA(header), MIN(count, (size_t)PACKET_FDS) * sizeof(int));     /* the kernel cut what did not fit */
		}
	return length;
}
