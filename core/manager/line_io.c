/* Streams to nodes, over tickets (rpc_io.h). This manager makes a ticket and has the node told of it: on the connection of its session when
 * that is here; else by every other manager that is connected, each of which either is the node, holds its session, or says that it does
 * not. Who holds which session is written nowhere, and a session moves faster than anything could be; asking the few is right at any time.
 * The node dials this manager itself: a stream does not depend on the manager that carried the word.
 *
 * Nobody is waited for who is known to be gone: a node that is not ready is refused at once, and when it becomes so while it is asked, or
 * while its streams are open, they end in that moment. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "manager/manager_internal.h"
#include "pki/cert.h"

enum { OPEN_CALL_MS = 10000 };

struct line_call { struct manager_line *line; struct rpc_call *call; };
struct manager_line {
	struct list link;
	struct manager *manager;
	char node_id[ID_SIZE];
	struct timer now;               /* an answer that is known already */
	int own_fd;                     /* a stream to this node itself */
	struct rpc_ticket *ticket;
	struct line_call calls[ROSTER_MAX];
	unsigned call_count, waiting;
	struct err err;                 /* what tells most of all refusals */
	rpc_stream_fn *done;
	void *arg;
};

void manager_forget_line(struct manager_line *line)
{
	if (!line)
		return;
	list_remove(&line->link);
	timer_cancel(&line->now);
	rpc_ticket_forget(line->ticket);
	for (unsigned i = 0; i < line->call_count; i++)
		rpc_call_forget(line->calls[i].call);
	if (line->own_fd >= 0)
		close(line->own_fd);
	free(line);
}

static void finish(struct manager_line *line, int fd, const struct err *err)
{
	rpc_stream_fn *done = line->done;
	void *arg = line->arg;
	struct err told = { 0 };

	if (err)
		told = *err;
	manager_forget_line(line);
	done(arg, fd, err ? &told : NULL);
}

static void on_now(void *arg)
{
	struct manager_line *line = arg;
	int fd = line->own_fd;

	line->own_fd = -1;
	finish(line, fd, fd < 0 ? &line->err : NULL);
}

static void on_stream(void *arg, int fd, const struct err *err)
{
	struct manager_line *line = arg;

	line->ticket = NULL;
	finish(line, fd, err);
}

/* People ask for a node, and know nothing of the connections to it. */
static void name_node(struct manager_line *line)
{
	CLEANUP(str_freep) char *begin = str_printf("node %s", line->node_id);

	if (line->err.code == ERR_NOT_FOUND)
		err_set(&line->err, ERR_UNAVAILABLE, "%s is not available: no manager has a session with it", begin);
	else if (!str_starts(line->err.text, begin))
		err_wrap(&line->err, "%s is not available", begin);
}

static void answered(void *arg, const void *body UNUSED, size_t size UNUSED, const struct err *err)
{
	struct line_call *call = arg;
	struct manager_line *line = call->line;

	call->call = NULL;
	if (!err)
		return;         /* the node is on its way, or here already */
	if (!line->err.code || line->err.code == ERR_NOT_FOUND)
		line->err = *err;
	if (--line->waiting > 0)
		return;
	name_node(line);
	finish(line, -1, &line->err);
}

static void ask(struct manager_line *line, struct rpc_conn *conn, const struct buf *body)
{
	struct line_call *call = &line->calls[line->call_count++];

	call->line = line;
	line->waiting++;
	call->call = rpc_call(conn, RPC_OPEN, body->data, body->len, OPEN_CALL_MS, answered, call);
}

static int ask_around(struct manager_line *line, const struct buf *body, struct err *err)
{
	struct manager *m = line->manager;
	struct rpc_conn *conn = dispatcher_conn(m->dispatcher, line->node_id);

	if (conn)
		ask(line, conn, body);
	for (size_t at = 0; !line->waiting && line->call_count < ROSTER_MAX && (conn = peers_next(m->peers, &at));)
		if (str_eq(rpc_conn_peer(conn)->node_id, line->node_id))
			ask(line, conn, body);
	for (size_t at = 0, all = line->waiting; !all && line->call_count < ROSTER_MAX && (conn = peers_next(m->peers, &at));)
		ask(line, conn, body);
	return line->waiting ? 0 : err_set(err, ERR_UNAVAILABLE, "node %s is not available: its session is not here, and no other manager is "
					   "connected", line->node_id);
}

static int call_node(struct manager_line *line, struct err *err)
{
	struct manager *m = line->manager;
	const struct node *self = view_node(manager_view(m), m->node_id), *node = view_node(manager_view(m), line->node_id);
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct open_ask open = { .node_id = line->node_id, .kind = OPEN_API };
	uint8_t ticket[RPC_TICKET_BYTES];

	if (!node)
		return err_set(err, ERR_NOT_FOUND, "node %s not found", line->node_id);
	if (node->status.state != NODE_READY)
		return err_set(err, ERR_UNAVAILABLE, "node %s is not available", line->node_id);
	if (!self || !self->manager)
		return err_set(err, ERR_UNAVAILABLE, "this manager has no address yet that nodes could call back");
	line->ticket = rpc_ticket_new(m->rpc, line->node_id, ticket, on_stream, line, err);
	if (!line->ticket)
		return -1;
	open.address = self->manager->address;
	open.ticket = (struct bytes){ ticket, sizeof ticket };
	dispatch_write(&open_ask_shape, &open, &body);
	return ask_around(line, &body, err);
}

static int call_self(struct manager_line *line, struct err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, "a stream");
	line->own_fd = fds[0];
	line->manager->hooks.on_stream(line->manager->hooks.arg, OPEN_API, fds[1]);
	timer_set_in(&line->now, 0);
	return 0;
}

struct manager_line *manager_open_line(struct manager *m, const char *node_id, rpc_stream_fn *done, void *arg)
{
	struct manager_line *line = NEW(struct manager_line);
	bool is_own = str_eq(node_id, m->node_id);

	line->manager = m;
	line->own_fd = -1;
	line->done = done;
	line->arg = arg;
	list_add_last(&m->lines, &line->link);
	timer_init(&line->now, m->loop, on_now, line);
	if (!str_copy(line->node_id, sizeof line->node_id, node_id) || (is_own ? call_self : call_node)(line, &line->err) < 0)
		timer_set_in(&line->now, 0);
	return line;
}

static void node_gone(struct manager *m, const char *node_id)
{
	struct err err;

	rpc_end_streams(m->rpc, node_id);
	err_set(&err, ERR_UNAVAILABLE, "node %s is not available", node_id);
	LIST_EACH(link, &m->lines) {
		struct manager_line *line = CONTAINER_OF(link, struct manager_line, link);

		if (!str_eq(line->node_id, node_id) || !line->ticket)
			continue;
		line->err = err;
		rpc_ticket_forget(line->ticket);
		line->ticket = NULL;
		timer_set_in(&line->now, 0);    /* who is told may open others */
	}
}

void lines_on_applied(struct manager *m, const struct applied *applied)
{
	for (size_t i = 0; i < applied->event_count; i++) {
		const struct state_event *event = &applied->events[i];
		const struct node *after = event->kind == KIND_NODE ? event->after : NULL;

		if (event->kind == KIND_NODE && (!after || after->status.state != NODE_READY) && !str_eq(event->id, m->node_id))
			node_gone(m, event->id);
	}
}

void lines_end(struct manager *m)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "this node is no manager any more");
	LIST_EACH(link, &m->lines)
		finish(CONTAINER_OF(link, struct manager_line, link), -1, &err);
}
