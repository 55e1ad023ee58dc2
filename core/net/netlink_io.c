#include "net/netlink_io.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/file.h"

#define REPLY_BYTES  (64 * 1024)
#define BATCH_BYTES                                                                                \
	(64 * 1024 *                                                                               \
	 1024) /* the largest batch of nf_tables, see NET_PAIRS_MAX; a limit, not memory */

static int set_options(int fd)
{
	struct timeval patience = { .tv_sec = 10 };
	int on = 1, bytes = BATCH_BYTES, reply = 4 * 1024 * 1024;

	/* Kernels from 4.12 give reasons; one that cannot is asked for none. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	/* FORCE needs CAP_NET_ADMIN, which everything else here needs too; without it the next call
	 * says so. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &reply, sizeof(reply));
	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static int open_socket(struct netlink_io *io, int protocol, uint32_t groups, struct err *err)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK, .nl_groups = groups };
	CLEANUP(fd_closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT))
		return err_set(err, ERR_UNSUPPORTED, "the kernel has no %s",
			       protocol == NETLINK_NETFILTER ? "netfilter netlink" : "rtnetlink");
	if (fd < 0)
		return err_sys(err, "netlink socket");
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || set_options(fd) < 0)
		return err_sys(err, "netlink socket");

	*io = (struct netlink_io){ .fd = fd_take(&fd), .seq = 1 };
	buf_reserve(&io->reply, REPLY_BYTES);
	return 0;
}

int netlink_io_open(struct netlink_io *io, int protocol, struct err *err)
{
	return open_socket(io, protocol, 0, err);
}

int netlink_io_open_events(struct netlink_io *io, int protocol, uint32_t groups, struct err *err)
{
	return open_socket(io, protocol, groups, err);
}

int netlink_io_hear(struct netlink_io *io, struct netlink_walk *ret)
{
	ssize_t got;

	do
		got = recv(io->fd, io->reply.data, REPLY_BYTES, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : -1;
	*ret = netlink_walk_of(io->reply.data, (size_t)got);
	return 1;
}

void netlink_io_wait(struct netlink_io *io, msec wait_max)
{
	struct pollfd fd = { .fd = io->fd, .events = POLLIN };
	struct netlink_walk ignored;

	poll(&fd, 1, (int)wait_max);
	while (netlink_io_hear(io, &ignored) > 0)
		;
}

uint32_t netlink_io_port(const struct netlink_io *io)
{
	struct sockaddr_nl name = { 0 };
	socklen_t bytes = sizeof(name);

	check(getsockname(io->fd, (struct sockaddr *)&name, &bytes) == 0);
	return name.nl_pid;
}

void netlink_io_close(struct netlink_io *io)
{
	fd_closep(&io->fd);
	io->fd = -1;
	buf_fini(&io->reply);
}

uint32_t netlink_io_take_seq(struct netlink_io *io, uint32_t count)
{
	if (UINT32_MAX - io->seq < count)
		io->seq = 1;
	uint32_t first = io->seq;
	io->seq += count;
	return first;
}

static int send_all(struct netlink_io *io, const struct buf *batch, struct err *err)
{
	ssize_t sent;

	check(!batch->overflowed);
	do
		sent = send(io->fd, batch->data, batch->len, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? err_sys(err, "netlink send of %zu bytes", batch->len) : 0;
}

/* One datagram. A reply larger than the buffer would be cut (MSG_TRUNC): the kernel keeps dumps to
 * 32 KiB a piece. */
static int receive(struct netlink_io *io, struct netlink_walk *ret, struct err *err)
{
	ssize_t got;

	do
		got = recv(io->fd, io->reply.data, REPLY_BYTES, MSG_TRUNC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(err, "netlink reply");
	if (got > REPLY_BYTES)
		return err_set(err, ERR_IO, "netlink reply: %zd bytes are too many", got);
	*ret = netlink_walk_of(io->reply.data, (size_t)got);
	return 0;
}

/* The kernel's own words behind an error (NLMSGERR_ATTR_MSG): with NETLINK_CAP_ACK they follow at
 * once. */
static const char *reason_of(const struct netlink_msg *msg)
{
	struct netlink_attr table[NLMSGERR_ATTR_MSG + 1];

	if (!(msg->flags & NLM_F_ACK_TLVS) || !(msg->flags & NLM_F_CAPPED))
		return NULL;
	netlink_index(netlink_attrs_of(msg, sizeof(struct nlmsgerr)), table, ARRAY_COUNT(table));
	return netlink_str(&table[NLMSGERR_ATTR_MSG]);
}

/* The errno that an NLMSG_ERROR or NLMSG_DONE carries, 0 for success. */
static int verdict_of(const struct netlink_msg *msg)
{
	int code = 0;

	if (msg->bytes >= sizeof(code))
		memcpy(&code, msg->body, sizeof(code));
	return code < 0 ? -code : 0;
}

static void fail(const struct netlink_msg *msg, int code, struct err *err)
{
	const char *reason = msg->type == NLMSG_ERROR ? reason_of(msg) : NULL;

	if (reason)
		err_set(err, ERR_IO, "%s (%s)", strerror(code), reason);
	else
		err_set(err, ERR_IO, "%s", strerror(code));
}

struct exchange {
	uint32_t first_seq, last_seq;
	netlink_io_fn *fn;               /* NULL: only the verdict counts */
	void *arg;
	int failed;                      /* errno of the first message that failed */
	bool is_interrupted;
};

/* True when that was the last one. */
static bool take(struct exchange *exchange, const struct netlink_msg *msg, struct err *err)
{
	/* What an exchange before this one left unread is of no interest any more. */
	if (msg->seq < exchange->first_seq || msg->seq > exchange->last_seq)
		return false;
	exchange->is_interrupted |= (msg->flags & NLM_F_DUMP_INTR) != 0;
	if (msg->type != NLMSG_ERROR && msg->type != NLMSG_DONE) {
		if (exchange->fn)
			exchange->fn(exchange->arg, msg);
		return false;
	}
	int code = verdict_of(msg);
	if (code && !exchange->failed) {
		exchange->failed = code;
		fail(msg, code, err);
	}
	/* nf_tables answers a whole batch that it could not even queue at its first message, alone.
	 */
	return msg->seq == exchange->last_seq ||
	       (exchange->failed == ENOMEM && msg->seq == exchange->first_seq);
}

static int run(struct netlink_io *io, const struct buf *out, struct exchange *exchange,
	       struct err *err)
{
	struct netlink_walk walk;
	struct netlink_msg msg;

	if (send_all(io, out, err) < 0)
		return -1;
	for (bool is_last = false; !is_last;) {
		if (receive(io, &walk, err) < 0)
			return -1;
		while (!is_last && netlink_next_msg(&walk, &msg))
			is_last = take(exchange, &msg, err);
	}
	return exchange->failed ? -1 : 0;
}

int netlink_io_send(struct netlink_io *io, const struct buf *batch, uint32_t first_seq,
		    uint32_t last_seq, int *ret_errno, struct err *err)
{
	struct exchange exchange = { .first_seq = first_seq, .last_seq = last_seq };
	int result = run(io, batch, &exchange, err);

	if (ret_errno)
		*ret_errno = exchange.failed;
	return result;
}

int netlink_io_ask(struct netlink_io *io, const struct buf *request, uint32_t seq,
		   netlink_io_fn *fn, void *arg, struct err *err)
{
	struct exchange exchange = { .first_seq = seq, .last_seq = seq, .fn = fn, .arg = arg };

	if (run(io, request, &exchange, err) < 0)
		return -1;
	return exchange.is_interrupted ? err_set(err, ERR_CONFLICT, "changed while it was read")
				       : 0;
}
