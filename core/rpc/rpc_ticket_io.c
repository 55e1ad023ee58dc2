/* A redeemed ticket's connection: what comes from the wire goes to our end of a socket pair, and back. Neither side is read faster than the other takes.
 * Each direction ends by itself; when both have ended and everything is where it belongs, the connection goes. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/entropy.h"
#include "os/file.h"
#include "rpc/rpc_inside.h"

enum { PAIR_QUEUE_BYTES = 256 << 10 };

struct rpc_ticket {
	struct list link;
	struct rpc *rpc;
	uint8_t bytes[RPC_TICKET_BYTES];
	char node_id[ID_SIZE];          /* made here: who may redeem it */
	struct timer timer;
	struct rpc_conn *conn;          /* redeeming it */
	rpc_stream_fn *done;
	void *arg;
};

/* --- tickets --- */

static struct rpc_ticket *ticket_add(struct rpc *rpc, struct list *list, rpc_stream_fn *done, void *arg)
{
	struct rpc_ticket *ticket = NEW(struct rpc_ticket);

	ticket->rpc = rpc;
	ticket->done = done;
	ticket->arg = arg;
	list_add_last(list, &ticket->link);
	return ticket;
}

void rpc_ticket_forget(struct rpc_ticket *ticket)
{
	if (!ticket)
		return;
	list_remove(&ticket->link);
	timer_cancel(&ticket->timer);
	if (ticket->conn) {
		ticket->conn->ticket = NULL;
		rpc_close(ticket->conn);
	}
	free(ticket);
}

/* Its connection, if it has one, is not its own any more. */
static void finish(struct rpc_ticket *ticket, int fd, const struct err *err)
{
	rpc_stream_fn *done = ticket->done;
	void *arg = ticket->arg;

	if (ticket->conn)
		ticket->conn->ticket = NULL;
	ticket->conn = NULL;
	rpc_ticket_forget(ticket);
	done(arg, fd, err);
}

static void on_expired(void *arg)
{
	struct rpc_ticket *ticket = arg;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "node %s: did not call back within %lld ms", ticket->node_id, (long long)ticket->rpc->cfg.limits.ticket_ms);
	finish(ticket, -1, &err);
}

static unsigned tickets_of(const struct rpc *rpc, const char *node_id)
{
	unsigned count = 0;

	LIST_EACH(item, &rpc->tickets) {
		const struct rpc_ticket *ticket = CONTAINER_OF(item, struct rpc_ticket, link);
		count += str_eq(ticket->node_id, node_id);
	}
	LIST_EACH(item, &rpc->conns) {
		const struct rpc_conn *conn = CONTAINER_OF(item, struct rpc_conn, link);
		count += conn->state == RPC_CONN_RAW && conn->is_accepted && str_eq(conn->peer.node_id, node_id);
	}
	return count;
}

struct rpc_ticket *rpc_ticket_new(struct rpc *rpc, const char *node_id, uint8_t ret_ticket[RPC_TICKET_BYTES], rpc_stream_fn *done, void *arg,
				  struct err *err)
{
	check(id_is_valid(node_id));
	if (tickets_of(rpc, node_id) >= rpc->cfg.limits.tickets_per_node) {
		err_set(err, ERR_EXHAUSTED, "node %s: %u streams are open already", node_id, rpc->cfg.limits.tickets_per_node);
		return NULL;
	}
	struct rpc_ticket *ticket = ticket_add(rpc, &rpc->tickets, done, arg);
	str_copy(ticket->node_id, sizeof(ticket->node_id), node_id);
	entropy_fill(ticket->bytes, sizeof(ticket->bytes));
	memcpy(ret_ticket, ticket->bytes, sizeof(ticket->bytes));
	timer_init(&ticket->timer, rpc->loop, on_expired, ticket);
	timer_set_in(&ticket->timer, rpc->cfg.limits.ticket_ms);
	return ticket;
}

static void on_redeem_down(void *arg, struct rpc_conn *conn UNUSED, enum rpc_down reason UNUSED, const struct err *err)
{
	finish(arg, -1, err);
}

struct rpc_ticket *rpc_ticket_redeem(struct rpc *rpc, const char *addresses, const struct tls_trust *trust, const uint8_t bytes[RPC_TICKET_BYTES],
				     rpc_stream_fn *done, void *arg)
{
	static const struct rpc_hooks hooks = { .on_down = on_redeem_down };
	struct rpc_ticket *ticket = ticket_add(rpc, &rpc->redeeming, done, arg);

	memcpy(ticket->bytes, bytes, sizeof(ticket->bytes));
	timer_init(&ticket->timer, rpc->loop, on_expired, ticket);
	ticket->conn = rpc_dial(rpc, addresses, trust, &hooks, ticket);
	ticket->conn->ticket = ticket;
	return ticket;
}

static void end_all(struct list *tickets)
{
	struct list *item;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "closed here");
	while ((item = list_take_first(tickets))) {
		struct rpc_ticket *ticket = CONTAINER_OF(item, struct rpc_ticket, link);
		struct rpc_conn *conn = ticket->conn;

		finish(ticket, -1, &err);
		rpc_close(conn);
	}
}

void rpc_tickets_end(struct rpc *rpc, bool made_only)
{
	end_all(&rpc->tickets);
	if (!made_only)
		end_all(&rpc->redeeming);
}

/* --- the stream --- */

static void end_if_done(struct rpc_conn *conn)
{
	if (conn->in_done && conn->out_done && conn->state == RPC_CONN_RAW)
		rpc_conn_free(conn);
}

static size_t on_pair_data(void *arg, const uint8_t *bytes, size_t count)
{
	struct rpc_conn *conn = arg;

	if (tls_write(conn->tls, bytes, count))
		return count;
	stream_pause(conn->pair, true);
	return 0;
}

void rpc_raw_room(struct rpc_conn *conn)
{
	stream_pause(conn->pair, false);
}

/* Who has closed his end, and not just shut his writing, is not there to read either: the other node has to know, though nobody may write for
 * long. So the connection is cut behind his last byte. */
static void on_pair_end(void *arg)
{
	struct rpc_conn *conn = arg;
	struct pollfd user = { .fd = stream_fd(conn->pair) };

	conn->pair_ended = true;
	if (poll(&user, 1, 0) == 1 && user.revents & POLLHUP) {
		conn->in_done = true;
		tls_pause(conn->tls, false);
		tls_cut(conn->tls);
	} else {
		tls_end(conn->tls);
	}
}

void rpc_raw_sent(struct rpc_conn *conn)
{
	conn->out_done = true;
	end_if_done(conn);
}

static void on_pair_writable(void *arg)
{
	struct rpc_conn *conn = arg;

	tls_pause(conn->tls, false);
}

static void on_pair_sent(void *arg)
{
	struct rpc_conn *conn = arg;

	conn->in_done = true;
	end_if_done(conn);
}

/* What he has written, and its end, has long arrived: closing is to reset the connection, or the other node would learn it by its next byte only. */
static void prepare_reset(struct rpc_conn *conn)
{
	const struct linger none = { .l_onoff = 1 };
	int unsent = 0;

	if (conn->out_done && !conn->wire_ended && ioctl(tls_fd(conn->tls), SIOCOUTQ, &unsent) == 0 && unsent == 0)
		setsockopt(tls_fd(conn->tls), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

/* The user has closed his end: what he has written still goes out, what comes in is for nobody. */
static void on_pair_close(void *arg, const char *reason UNUSED)
{
	struct rpc_conn *conn = arg;

	conn->in_done = true;
	tls_pause(conn->tls, false);
	prepare_reset(conn);
	if (!conn->pair_ended)
		on_pair_end(conn);
	end_if_done(conn);
}

size_t rpc_raw_bytes(struct rpc_conn *conn, const uint8_t *bytes, size_t size)
{
	if (!conn->in_done && !stream_write(conn->pair, bytes, size))
		tls_pause(conn->tls, true);
	return size;
}

/* Dead: nothing can be sent any more either, but what has come is still the user's. */
void rpc_raw_ended(struct rpc_conn *conn, bool is_dead)
{
	if (!conn->wire_ended && !conn->in_done)
		stream_end(conn->pair);
	conn->wire_ended = true;
	conn->out_done |= is_dead;
	end_if_done(conn);
}

static void start(struct rpc_conn *conn, struct rpc_ticket *ticket, int pair_fd, int user_fd)
{
	static const struct stream_events events = {
		.on_data = on_pair_data, .on_end = on_pair_end, .on_writable = on_pair_writable, .on_close = on_pair_close,
		.on_sent = on_pair_sent,
	};
	const int none = 0;

	/* Whoever reads the stream may rest for as long as he likes. */
	setsockopt(tls_fd(conn->tls), IPPROTO_TCP, TCP_USER_TIMEOUT, &none, sizeof(none));
	conn->state = RPC_CONN_RAW;
	conn->hooks = (struct rpc_hooks){ 0 };
	timer_cancel(&conn->deadline);
	rpc_dial_free(conn->dial);
	conn->dial = NULL;
	conn->pair = stream_new(conn->rpc->loop, pair_fd, PAIR_QUEUE_BYTES, &events, conn);
	finish(ticket, user_fd, NULL);
}

void rpc_ticket_greet(struct rpc_conn *conn)
{
	rpc_conn_send(conn, &(struct frame){ FRAME_TICKET, 0, 0, conn->ticket->bytes, RPC_TICKET_BYTES }, true);
}

/* The one that this connection may start with. */
static struct rpc_ticket *find_ticket(struct rpc_conn *conn, const struct frame *frame)
{
	if (!conn->is_accepted)
		return frame->size == 0 ? conn->ticket : NULL;
	LIST_EACH(item, &conn->rpc->tickets) {
		struct rpc_ticket *ticket = CONTAINER_OF(item, struct rpc_ticket, link);
		if (frame->size == RPC_TICKET_BYTES && memcmp(ticket->bytes, frame->body, RPC_TICKET_BYTES) == 0 &&
		    str_eq(ticket->node_id, conn->peer.node_id))
			return ticket;
	}
	return NULL;
}

void rpc_take_ticket(struct rpc_conn *conn, const struct frame *frame)
{
	struct rpc_ticket *ticket = find_ticket(conn, frame);
	struct err err;
	int fds[2];

	if (!ticket) {
		err_set(&err, ERR_NOT_FOUND, "rpc: no such ticket, or not any more");
		rpc_conn_refuse(conn, &err);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		err_sys(&err, "a stream");
		rpc_conn_refuse(conn, &err);
		if (conn->is_accepted)
			finish(ticket, -1, &err);
		return;
	}
	if (conn->is_accepted)
		rpc_conn_send(conn, &(struct frame){ .kind = FRAME_TICKET }, true);
	if (conn->out.len > conn->out_sent) {
		/* frames that TLS did not take would be overtaken by the stream's bytes: who begins with one has nothing that waits */
		close(fds[0]);
		close(fds[1]);
		err_set(&err, ERR_EXHAUSTED, "rpc: a stream cannot begin behind frames that wait");
		rpc_conn_fail(conn, RPC_DOWN_PROTOCOL, &err);
		if (conn->is_accepted)
			finish(ticket, -1, &err);
		return;
	}
	start(conn, ticket, fds[0], fds[1]);
}
