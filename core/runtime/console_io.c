/* console_io.c - pseudo terminals (pts(4)), by descriptor throughout: what a container does to its /dev leads nowhere else. */
#include "runtime/console_io.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "os/file.h"
#include "runtime/inroot_io.h"
#include "runtime/kcall_io.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int console_open(int root_fd, unsigned rows, unsigned columns, struct console *ret, struct err *err)
{
	CLEANUP(fd_closep) int master = inroot_open(root_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
	struct statfs fs;
	int locked = 0;

	if (master < 0 || fstatfs(master, &fs) < 0)
		return err_sys(err, "open a terminal in /dev/pts");
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(err, ERR_INVALID, "open a terminal in /dev/pts: it is not a devpts file system");
	CLEANUP(fd_closep) int slave = ioctl(master, TIOCSPTLCK, &locked) < 0 ? -1 : ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (slave < 0)
		return err_sys(err, "open a terminal in /dev/pts");
	if ((rows || columns) && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_sys(err, "size of the terminal");
	*ret = (struct console){ fd_take(&master), fd_take(&slave) };
	return 0;
}

int console_mount(int root_fd, const struct console *console, struct err *err)
{
	CLEANUP(fd_closep) int target = -1;
	CLEANUP(fd_closep) int tree = kcall_open_tree(console->slave_fd, "", KCALL_TREE_CLONE | KCALL_TREE_CLOEXEC | KCALL_EMPTY_PATH);

	if (inroot_make_file(root_fd, "/dev/console", &target, err) < 0)
		return -1;
	return tree < 0 || kcall_move_mount(tree, target) < 0 ? err_sys(err, "mount /dev/console") : 0;
}

int console_take_stdio(const struct console *console, unsigned uid, struct err *err)
{
	if (uid && fchown(console->slave_fd, uid, (gid_t)-1) < 0)
		return err_sys(err, "owner of the terminal");
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(console->slave_fd, fd) < 0)
			return err_sys(err, "standard input and output");
	return 0;
}

int console_take(const struct console *console, struct err *err)
{
	return ioctl(console->slave_fd, TIOCSCTTY, 0) < 0 ? err_sys(err, "take the terminal") : 0;
}
