#include "client/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>

int terminal_make_raw(struct terminal *terminal, int fd, struct err *err)
{
	struct termios raw;

	if (tcgetattr(fd, &terminal->before) < 0)
		return err_sys(err, "terminal");
	raw = terminal->before;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;           /* what we say ourselves still begins at the left */
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return err_sys(err, "terminal");
	terminal->fd = fd;
	terminal->is_raw = true;
	return 0;
}

void terminal_restore(struct terminal *terminal)
{
	if (terminal->is_raw)
		tcsetattr(terminal->fd, TCSANOW, &terminal->before);
	terminal->is_raw = false;
}

bool terminal_size(int fd, unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return false;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
	return true;
}
