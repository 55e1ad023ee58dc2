#include "image/fetch_door_io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/file.h"
#include "os/packet.h"

/* ---- the child's side ------------------------------------------------------------------------------------------------------- */

int fetch_door_ask(int door_fd, uint8_t number, struct err *err)
{
	struct pollfd wait = { .fd = door_fd, .events = POLLIN };
	char text[sizeof err->text];
	int fds[PACKET_FDS];
	ssize_t length;

	if (packet_send(door_fd, &number, sizeof number, NULL, 0) < 0)
		return err_sys(err, "ask for a connection");
	while (poll(&wait, 1, -1) < 0 && errno == EINTR)
		;
	length = packet_receive(door_fd, text, sizeof text - 1, fds);
	if (length > 0 && fds[0] >= 0)
		return fds[0];
	return err_set(err, ERR_IO, "%.*s", length > 0 ? (int)length : 11, length > 0 ? text : "unavailable");
}

/* ---- the agent's side ------------------------------------------------------------------------------------------------------- */

struct fetch_door {
	int fd;
	struct watch *watch;
	fetch_door_fn *fn;
	void *arg;
	bool is_asked;
};

static void on_event(void *arg, unsigned events UNUSED)
{
	struct fetch_door *door = arg;
	int fds[PACKET_FDS];
	uint8_t number;

	ssize_t length = packet_receive(door->fd, (char *)&number, sizeof number, fds);
	for (size_t i = 0; i < PACKET_FDS; i++)
		fd_closep(&fds[i]);
	if (length < 0 && errno == EAGAIN)
		return;
	watch_set(door->watch, 0);      /* until it is answered; for ever when nobody is there any more */
	if (length != sizeof number)
		return;
	door->is_asked = true;
	door->fn(door->arg, number);
}

int fetch_door_new(struct loop *loop, fetch_door_fn *fn, void *arg, struct fetch_door **ret, int *ret_child_fd, struct err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "a socket for connections");
	struct fetch_door *door = NEW(struct fetch_door);
	*door = (struct fetch_door){ .fd = ends[0], .fn = fn, .arg = arg };
	door->watch = watch_new(loop, door->fd, LOOP_READ, on_event, door);
	*ret = door;
	*ret_child_fd = ends[1];
	return 0;
}

void fetch_door_answer(struct fetch_door *door, int fd, const struct err *err)
{
	const char *text = err ? err->text : "+";

	check(door->is_asked && (fd >= 0) == !err);
	door->is_asked = false;
	watch_set(door->watch, LOOP_READ);
	/* its queue is empty, for it has waited for this; else it is gone */
	packet_send(door->fd, text, MAX(strlen(text), (size_t)1), &fd, err ? 0 : 1);
	fd_closep(&fd);
}

void fetch_door_free(struct fetch_door *door)
{
	if (!door)
		return;
	watch_free(door->watch);
	fd_closep(&door->fd);
	free(door);
}
