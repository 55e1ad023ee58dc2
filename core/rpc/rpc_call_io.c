#include <stdlib.h>

#include "base/panic.h"
#include "rpc/rpc_inside.h"

enum { CALLS_MAX = 4096 };

struct rpc_call {
	struct list link;               /* among those of its connection, or the stillborn */
	struct rpc_conn *conn;          /* NULL: stillborn */
	struct err *stillborn;
	uint32_t number;
	enum rpc_method method;
	msec timeout_ms;
	struct timer timer;
	rpc_done_fn *done;
	void *arg;
};

struct rpc_ask {
	struct list link;
	struct rpc_conn *conn;          /* NULL: gone */
	uint32_t call;
	uint8_t method;
};

/* --- calling --- */

static void unlink_call(struct rpc_call *call)
{
	list_remove(&call->link);
	timer_cancel(&call->timer);
	if (call->conn)
		call->conn->call_count--;
}

static void finish(struct rpc_call *call, const void *body, size_t size, const struct err *err)
{
	rpc_done_fn *done = call->done;
	struct err *stillborn = call->stillborn;
	void *arg = call->arg;

	unlink_call(call);
	free(call);
	done(arg, body, size, err);
	free(stillborn);
}

static void on_call_timer(void *arg)
{
	struct rpc_call *call = arg;
	struct err err;

	if (call->stillborn) {
		finish(call, NULL, 0, call->stillborn);
		return;
	}
	err_set(&err, ERR_UNAVAILABLE, "rpc: %s: no answer from %s within %lld ms", rpc_method_name(call->method), call->conn->address,
		(long long)call->timeout_ms);
	finish(call, NULL, 0, &err);
}

static int send_call(struct rpc_conn *conn, struct rpc_call *call, const void *body, size_t size, struct err *err)
{
	const char *name = rpc_method_name(call->method);
	struct frame frame = { FRAME_CALL, (uint8_t)call->method, call->number, body, size };

	if (conn->state != RPC_CONN_UP)
		return err_set(err, ERR_UNAVAILABLE, "rpc: %s: not connected with %s", name, conn->address);
	if (!rpc_conn_takes(conn, FRAME_CALL, size))
		return err_set(err, ERR_INVALID, "rpc: %s: %zu bytes are more than %s takes at once", name, size, conn->address);
	if (conn->call_count >= CALLS_MAX || !rpc_conn_send(conn, &frame, false))
		return err_set(err, ERR_EXHAUSTED, "rpc: %s: too much waits for %s already", name, conn->address);
	return 0;
}

struct rpc_call *rpc_call(struct rpc_conn *conn, enum rpc_method method, const void *body, size_t size, msec timeout_ms, rpc_done_fn *done, void *arg)
{
	struct rpc_call *call = NEW(struct rpc_call);
	struct err err;

	check(rpc_method_name(method));
	if (++conn->last_call == 0)
		conn->last_call = 1;
	*call = (struct rpc_call){ .number = conn->last_call, .method = method, .timeout_ms = timeout_ms, .done = done, .arg = arg };
	timer_init(&call->timer, conn->rpc->loop, on_call_timer, call);
	if (send_call(conn, call, body, size, &err) < 0) {
		call->stillborn = NEW(struct err);
		*call->stillborn = err;
		list_add_last(&conn->rpc->stillborn, &call->link);
		timer_set_in(&call->timer, 0);
	} else {
		call->conn = conn;
		conn->call_count++;
		list_add_last(&conn->calls, &call->link);
		timer_set_in(&call->timer, timeout_ms);
	}
	return call;
}

void rpc_call_forget(struct rpc_call *call)
{
	if (!call)
		return;
	unlink_call(call);
	free(call->stillborn);
	free(call);
}

/* Answers come mostly in the order of the calls, so the search is short. */
static struct rpc_call *find_call(struct rpc_conn *conn, uint32_t number)
{
	LIST_EACH(item, &conn->calls) {
		struct rpc_call *call = CONTAINER_OF(item, struct rpc_call, link);
		if (call->number == number)
			return call;
	}
	return NULL;
}

/* One that nobody waits for any more is dropped. */
void rpc_take_answer(struct rpc_conn *conn, const struct frame *frame)
{
	struct rpc_call *call = find_call(conn, frame->call);
	struct err err;

	if (call && frame->kind == FRAME_REPLY) {
		finish(call, frame->body, frame->size, NULL);
	} else if (call) {
		frame_err_decode(frame->body, frame->size, &err);
		finish(call, NULL, 0, &err);
	}
}

void rpc_calls_end(struct rpc_conn *conn, const struct err *err)
{
	struct err why = *err;
	struct list *item;

	while ((item = list_take_first(&conn->calls)))
		finish(CONTAINER_OF(item, struct rpc_call, link), NULL, 0, &why);
}

void rpc_stillborn_end(struct rpc *rpc)
{
	struct list *item;

	while ((item = list_take_first(&rpc->stillborn))) {
		struct rpc_call *call = CONTAINER_OF(item, struct rpc_call, link);
		finish(call, NULL, 0, call->stillborn);
	}
}

/* --- answering --- */

static void send_answer(struct rpc_conn *conn, uint32_t call, enum frame_kind kind, const void *body, size_t size)
{
	struct err err;

	if (conn->state != RPC_CONN_UP || rpc_conn_send(conn, &(struct frame){ kind, 0, call, body, size }, true))
		return;
	err_set(&err, ERR_EXHAUSTED, "%s: asks and does not take the answers", conn->address);
	rpc_conn_fail(conn, RPC_DOWN_TIMEOUT, &err);
}

static void send_error(struct rpc_conn *conn, uint32_t call, const struct err *err)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;

	frame_err_encode(err, &body);
	send_answer(conn, call, FRAME_ERROR, body.data, body.len);
}

/* Returns the connection, if it is still there. */
static struct rpc_conn *end_ask(struct rpc_ask *ask)
{
	struct rpc_conn *conn = ask->conn;

	list_remove(&ask->link);
	if (conn)
		conn->ask_count--;
	free(ask);
	return conn;
}

void rpc_reply(struct rpc_ask *ask, const void *body, size_t size)
{
	uint32_t call = ask->call;
	const char *name = rpc_method_name(ask->method);
	struct rpc_conn *conn = end_ask(ask);
	struct err err;

	if (!conn)
		return;
	if (rpc_conn_takes(conn, FRAME_REPLY, size)) {
		send_answer(conn, call, FRAME_REPLY, body, size);
		return;
	}
	err_set(&err, ERR_EXHAUSTED, "rpc: %s: the answer of %zu bytes is longer than you take", name, size);
	send_error(conn, call, &err);
}

void rpc_reply_error(struct rpc_ask *ask, const struct err *err)
{
	uint32_t call = ask->call;
	struct rpc_conn *conn = end_ask(ask);

	if (conn)
		send_error(conn, call, err);
}

struct rpc_conn *rpc_ask_conn(const struct rpc_ask *ask)
{
	return ask->conn;
}

void rpc_asks_orphan(struct rpc_conn *conn)
{
	struct list *item;

	while ((item = list_take_first(&conn->asks)))
		CONTAINER_OF(item, struct rpc_ask, link)->conn = NULL;
	conn->ask_count = 0;
}

/* --- being asked --- */

static int may_call(const struct rpc_conn *conn, unsigned method, struct err *err)
{
	static const unsigned asks_max[] = { [RPC_ANYONE] = 4, [RPC_NODE] = 256, [RPC_MANAGER] = CALLS_MAX };

	if (rpc_method_check(method, RPC_CALLED, conn->class, err) < 0)
		return -1;
	if (!conn->rpc->served[method].fn)
		return err_set(err, ERR_UNAVAILABLE, "rpc: %s: not served by this node", rpc_method_name(method));
	if (conn->ask_count >= asks_max[conn->class])
		return err_set(err, ERR_EXHAUSTED, "rpc: %s: too many calls wait for their answers", rpc_method_name(method));
	return 0;
}

void rpc_take_call(struct rpc_conn *conn, const struct frame *frame)
{
	struct err err;

	if (may_call(conn, frame->method, &err) < 0) {
		send_error(conn, frame->call, &err);
		return;
	}
	struct rpc_ask *ask = NEW(struct rpc_ask);
	*ask = (struct rpc_ask){ .conn = conn, .call = frame->call, .method = frame->method };
	list_add_last(&conn->asks, &ask->link);
	conn->ask_count++;
	conn->rpc->served[frame->method].fn(conn->rpc->served[frame->method].arg, conn, ask, frame->body, frame->size);
}

/* One that a later version has is nothing to us; one that he may not make is a reason to part. */
void rpc_take_note(struct rpc_conn *conn, const struct frame *frame)
{
	struct err err;

	if (!rpc_method_name(frame->method))
		return;
	if (rpc_method_check(frame->method, RPC_NOTED, conn->class, &err) < 0)
		rpc_conn_refuse(conn, &err);
	else if (conn->rpc->served[frame->method].fn)
		conn->rpc->served[frame->method].fn(conn->rpc->served[frame->method].arg, conn, NULL, frame->body, frame->size);
}
