/* shim_send_io.h - messages of shim_wire.h, with descriptors, over a SOCK_SEQPACKET socket. No heap. */
#pragma once
#include "runtime/shim_wire.h"

enum { SHIM_SEND_FDS = 3 };

/* Does not wait: -1 with errno when the other side takes nothing now. */
int shim_send(int fd, const struct shim_wire *message, const int *fds, size_t fd_count);
/* Length of the text; 0 at the end of the connection; -1 with errno (EAGAIN: nothing there). What came with it fills ret_fds from the front, the rest is -1;
 * close-on-exec. */
ssize_t shim_receive(int fd, char *text, size_t room, int ret_fds[SHIM_SEND_FDS]);
