/* packet.h - packets with descriptors over a SOCK_SEQPACKET socket. No heap, never waits. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

enum { PACKET_FDS = 3 };

/* -1 with errno; EAGAIN when the other side takes nothing now. */
int packet_send(int fd, const void *bytes, size_t length, const int *fds, size_t fd_count);
/* Its length; 0 at the end of the connection; -1 with errno (EAGAIN: nothing there). What came with it fills ret_fds from the front, close-on-exec; the rest
 * is -1. */
ssize_t packet_receive(int fd, char *bytes, size_t room, int ret_fds[PACKET_FDS]);
