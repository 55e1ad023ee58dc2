/* console_io.h - the terminal of a process inside a container: a pair out of the container's own devpts. */
#pragma once
#include "base/err.h"

struct console { int master_fd, slave_fd; };     /* close-on-exec */

/* From /dev/pts below root_fd, which has to be a devpts. rows and columns 0: as the kernel makes it. */
int console_open(int root_fd, unsigned rows, unsigned columns, struct console *ret, struct err *err);
/* Mounts it at /dev/console. */
int console_mount(int root_fd, const struct console *console, struct err *err);
/* It becomes stdin, stdout and stderr, and the user's. */
int console_take_stdio(const struct console *console, unsigned uid, struct err *err);
/* It becomes the controlling terminal of the calling session. */
int console_take(const struct console *console, struct err *err);
