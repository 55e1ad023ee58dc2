/* unpack_opaque_io.h - marks folders of a layer as opaque, so that what lower layers have in them is not seen.
 *
 * overlayfs believes an extended attribute that takes CAP_SYS_ADMIN to set. The process that reads the archive must not have that, so a second one,
 * which reads nothing of the archive, has it and nothing else: it gets open folders through a socket and sets this one attribute on them.
 */
#pragma once
#include <sys/types.h>

#include "base/err.h"

#define UNPACK_OPAQUE_XATTR "trusted.overlay.opaque"

/* Forks the marker, which keeps this capability only, no descriptor but its socket, and ends when the socket does. For a process of one thread. */
int unpack_opaque_start(int *ret_fd, pid_t *ret_pid, struct err *err);
/* folder_fd: opened for reading. */
int unpack_opaque_mark(int fd, int folder_fd, struct err *err);
