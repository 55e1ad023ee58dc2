/* The way to the leader: the connection that its messages take, and the calls on it. When another one leads, or is reached in another way, what was
 * asked on the way before may never be answered, and whoever asked is told so at once. */
#include <stdlib.h>

#include "base/panic.h"
#include "manager/manager_internal.h"

struct asked {
	struct list link;
	struct rpc_call *call;
	rpc_done_fn *done;
	void *arg;
};

static struct rpc_conn *conn_now(const struct manager *m)
{
	struct replica_status status = replica_status(m->replica);

	return m->peers && status.leader && status.leader != status.self ? peers_conn(m->peers, status.leader) : NULL;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void end(struct asked *asked, const void *body, size_t size, const struct err *err)
{
	asked->done(asked->arg, body, size, err);
	free(asked);
}

static void answered(void *arg, const void *body, size_t size, const struct err *err)
{
	struct asked *asked = arg;

	list_remove(&asked->link);
	end(asked, body, size, err);
}

void to_leader_call(struct manager *m, enum rpc_method method, const struct buf *body, msec timeout_ms, rpc_done_fn *done, void *arg)
{
	struct asked *asked = NEW(struct asked);

	check(m->link.conn);
	asked->done = done;
	asked->arg = arg;
	list_add_last(&m->link.asked, &asked->link);
	asked->call = rpc_call(m->link.conn, method, body->data, body->len, timeout_ms, answered, asked);
}

static void end_all(struct manager *m)
{
	struct list *item;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "the leader is another one, or is reached in another way");
	while ((item = list_take_first(&m->link.asked))) {
		struct asked *asked = CONTAINER_OF(item, struct asked, link);

		rpc_call_forget(asked->call);
		end(asked, NULL, 0, &err);
	}
}

/* ---- who it is ---------------------------------------------------------------------------------------------------- */

static void follow(struct manager *m, struct rpc_conn *conn)
{
	m->link.conn = conn;
	m->link.told_in = 0;
	end_all(m);
	if (!conn)
		return;
	timer_set_in(&m->beat, 0);
	timer_set_in(&m->asks_timer, 0);
	if (m->going.done)
		timer_set_in(&m->going.timer, 0);
}

void to_leader_look(void *arg)
{
	struct manager *m = arg;
	struct rpc_conn *conn = m->replica ? conn_now(m) : NULL;

	if (conn != m->link.conn)
		follow(m, conn);
}

/* Not inside the call: whoever is told that his call has ended may ask for anything. */
void to_leader_linked(void *arg, raft_id id)
{
	struct manager *m = arg;

	if (!m->replica || id != replica_status(m->replica).leader)
		return;
	m->link.conn = NULL;            /* it may lie where the one before lay */
	timer_set_in(&m->link.look, 0);
}

void to_leader_open(struct manager *m)
{
	list_init(&m->link.asked);
	timer_init(&m->link.look, m->loop, to_leader_look, m);
}

void to_leader_close(struct manager *m)
{
	timer_cancel(&m->link.look);
	m->link.conn = NULL;
	end_all(m);
}

bool to_leader_is_there(const struct manager *m)
{
	return m->link.conn && m->link.conn == conn_now(m);
}

void to_leader_stamp(struct manager *m, struct told *ret)
{
	*ret = (struct told){ replica_status(m->replica).term, m->life, ++m->told };
}
