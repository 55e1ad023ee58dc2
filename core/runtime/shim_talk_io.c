/* shim_talk_io.c - a shim's connections to agents: what they ask, and what they are told. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "runtime/kcall_io.h"
#include "runtime/packet_io.h"
#include "runtime/process_io.h"
#include "runtime/shim.h"
#include "runtime/shim_inside.h"

static void hang_up(struct shim_connection *connection)
{
	fd_closep(&connection->fd);
	*connection = (struct shim_connection){ .fd = -1 };
}

/* Replies are few and small: an agent that does not take them is stuck, and comes again on a new connection. */
static void send_reply(struct shim_connection *connection, const struct shim_wire *reply, const int *fds, size_t fd_count)
{
	if (packet_send_wire(connection->fd, reply, fds, fd_count) < 0)
		hang_up(connection);
}

static struct shim_wire describe(const struct shim *shim)
{
	struct shim_wire reply = shim->end;

	reply.verb = SHIM_WIRE_REPLY;
	reply.state = shim->phase == SHIM_RUNNING ? SHIM_WIRE_RUNNING : shim->phase == SHIM_FAILED ? SHIM_WIRE_NONE : SHIM_WIRE_CREATED;
	reply.pid = shim->pid;
	return reply;
}

/* State and, as far as there is a container, what an agent needs to hold on to it: our pidfd, its pidfd, its network namespace. */
static void say_hello(struct shim *shim, struct shim_connection *connection)
{
	struct shim_wire reply = describe(shim);
	CLEANUP(fd_closep) int own = kcall_pidfd_open(getpid());
	CLEANUP(fd_closep) int netns = -1;
	char path[48];

	connection->wants_hello = false;
	reply.level = SHIM_WIRE_LEVEL;
	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)shim->pid);
	if (shim->phase != SHIM_FAILED && !shim->shares_network)
		netns = open(path, O_RDONLY | O_CLOEXEC);
	int fds[PACKET_FDS] = { own, shim->pidfd, netns };

	send_reply(connection, &reply, fds, shim->phase == SHIM_FAILED || own < 0 ? 0 : netns < 0 ? 2 : 3);
}

void shim_talk_answer(struct shim *shim)
{
	for (size_t i = 0; i < SHIM_CONNECTIONS; i++) {
		struct shim_connection *connection = &shim->connections[i];

		if (connection->fd >= 0 && connection->wants_hello)
			say_hello(shim, connection);
		if (connection->fd >= 0 && connection->wants_start && shim->phase != SHIM_STARTING) {
			struct shim_wire reply = describe(shim);

			connection->wants_start = false;
			send_reply(connection, &reply, NULL, 0);
		}
	}
}

static void refuse(struct shim_connection *connection, const char *why)
{
	struct shim_wire reply = { .verb = SHIM_WIRE_REPLY };

	str_copy(reply.error, sizeof reply.error, why);
	send_reply(connection, &reply, NULL, 0);
}

/* A request of which several may be under way says which one is answered. */
static void answer(struct shim *shim, struct shim_connection *connection, const struct shim_wire *request, const char *error, int fd)
{
	struct shim_wire reply = describe(shim);

	reply.seq = request->seq;
	if (error) {
		reply.state = SHIM_WIRE_NONE;
		str_copy(reply.error, sizeof reply.error, error);
	}
	send_reply(connection, &reply, &fd, fd >= 0);
}

static void attach(struct shim *shim, struct shim_connection *connection, const struct shim_wire *request)
{
	struct streams_wants wants = { request->wants_in && shim->has_stdin, request->wants_out, request->wants_err };
	char why[128];
	CLEANUP(fd_closep) int fd = -1;

	if (shim->phase == SHIM_MAKING || shim->phase == SHIM_FAILED) {
		answer(shim, connection, request, "shim: the container is not made", -1);
		return;
	}
	fd = streams_add_client(&shim->streams, wants, request->wants_past);
	if (fd >= 0) {
		answer(shim, connection, request, NULL, fd);
		return;
	}
	if (errno == EBUSY)
		snprintf(why, sizeof why, "more than %d clients are attached to it", STREAMS_CLIENTS);
	else
		snprintf(why, sizeof why, "shim: make a socket pair: %s", strerror(errno));
	answer(shim, connection, request, why, -1);
}

static void resize(struct shim *shim, struct shim_connection *connection, const struct shim_wire *request)
{
	bool is_done = streams_resize(&shim->streams, request->rows, request->columns) == 0;

	answer(shim, connection, request, is_done ? NULL : errno == ENOTTY ? "it has no terminal" : strerror(errno), -1);
}

static void open_gate(struct shim *shim, struct shim_connection *connection)
{
	char word = PROCESS_GO;

	if (shim->phase == SHIM_MAKING) {
		refuse(connection, "shim: the container is not made yet");
		return;
	}
	connection->wants_start = true;
	if (shim->phase == SHIM_AT_GATE) {
		shim->phase = SHIM_STARTING;
		send(shim->gate_fd, &word, 1, MSG_NOSIGNAL);    /* when it is gone, its pidfd says so */
	} else {
		shim_talk_answer(shim);
	}
}

void shim_talk_hear(struct shim *shim, struct shim_connection *connection)
{
	char text[SHIM_WIRE_REQUEST_BYTES];
	ssize_t length = recv(connection->fd, text, sizeof text, MSG_DONTWAIT | MSG_TRUNC);
	struct shim_wire request;
	struct err err;

	if (length <= 0) {
		if (length == 0 || (errno != EAGAIN && errno != EINTR))
			hang_up(connection);
		return;
	}
	if (shim_wire_parse_request(text, (size_t)length, &request, &err) < 0) {
		refuse(connection, err.text);
	} else if (request.verb == SHIM_WIRE_START) {
		open_gate(shim, connection);
	} else if (request.verb == SHIM_WIRE_HELLO) {
		connection->wants_hello = true;
		if (shim->phase != SHIM_MAKING)
			shim_talk_answer(shim);
	} else if (request.verb == SHIM_WIRE_ATTACH) {
		attach(shim, connection, &request);
	} else if (request.verb == SHIM_WIRE_RESIZE) {
		resize(shim, connection, &request);
	} else {
		refuse(connection, "shim: this is not a request");
	}
}

void shim_talk_accept(struct shim *shim)
{
	int fd = accept4(SHIM_LISTEN_FD, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < SHIM_CONNECTIONS; i++)
		if (shim->connections[i].fd < 0)
			shim->connections[i] = (struct shim_connection){ .fd = fd_take(&fd) };
	fd_closep(&fd);          /* all places taken */
}

void shim_talk_end(struct shim *shim)
{
	for (size_t i = 0; i < SHIM_CONNECTIONS; i++)
		if (shim->connections[i].fd >= 0)
			hang_up(&shim->connections[i]);
}
