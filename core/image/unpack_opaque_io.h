/* unpack_opaque_io.h - marks folders of a layer as opaque (os/layer_mark.h).
 *
 * That takes CAP_SYS_ADMIN. The process that reads the archive must not have it, so a second one, which reads nothing of the archive, has it and nothing
 * else: it gets open folders through a socket and sets this one mark on them.
 */
#pragma once
#include <sys/types.h>

#include "base/err.h"

/* Forks the marker, which keeps this capability only, no descriptor but its socket, and ends when the socket does. For a process of one thread. */
int unpack_opaque_start(int *ret_fd, pid_t *ret_pid, struct err *err);
/* folder_fd: opened for reading. */
int unpack_opaque_mark(int fd, int folder_fd, struct err *err);
