/* The way to the leader: one connection, dialled anew when the leader is another one or the connection is gone. */
#include "base/str.h"
#include "manager/manager_internal.h"
#include "os/log.h"
#include "pki/cert.h"
#include "pki/tls_io.h"

enum { DIAL_AGAIN_MS = 100 };

/* "" when there is none, or it is this node. */
static const char *leader_of(const struct manager *m)
{
	struct replica_status status = replica_status(m->replica);
	const struct raft_member *member = status.leader ? raft_membership_find(status.config, status.leader) : NULL;

	return member && !str_eq(member->node_id, m->node_id) ? member->node_id : "";
}

static void hang_up(struct manager *m)
{
	struct rpc_conn *conn = m->link.conn;

	m->link.conn = NULL;
	m->link.told_in = 0;
	rpc_close(conn);
}

static void on_up(void *arg, struct rpc_conn *conn)
{
	struct manager *m = arg;
	const struct cert_name *peer = rpc_conn_peer(conn);

	if (!peer || !str_eq(peer->node_id, m->link.node_id)) {
		log_warn("swarm: at %s is not manager %s", rpc_conn_address(conn), m->link.node_id);
		hang_up(m);
		timer_set_in(&m->link.again, 10 * DIAL_AGAIN_MS);
		return;
	}
	reports_beat(m);
	if (m->going.done)
		timer_set_in(&m->going.timer, 0);
	asks_pump(m);
}

static void on_down(void *arg, struct rpc_conn *conn, enum rpc_down reason UNUSED, const struct err *err)
{
	struct manager *m = arg;

	if (m->link.conn != conn)
		return;
	log_debug("swarm: the leader, %s: %s", m->link.node_id, err->text);
	m->link.conn = NULL;
	m->link.told_in = 0;
	timer_set_in(&m->link.again, DIAL_AGAIN_MS);
}

void to_leader_follow(struct manager *m)
{
	static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down };
	static const struct tls_trust trust = { NULL };
	const char *leader = leader_of(m);
	const struct node *node = leader[0] ? view_node(manager_view(m), leader) : NULL;

	const char *address = node && node->manager && node->manager->address ? node->manager->address : "";

	if (m->link.conn && str_eq(leader, m->link.node_id) && str_eq(address, m->link.address))
		return;
	hang_up(m);
	str_copy(m->link.node_id, sizeof m->link.node_id, leader);
	if (!leader[0])
		return;
	str_copy(m->link.address, sizeof m->link.address, address);
	if (address[0])
		m->link.conn = rpc_dial(m->rpc, address, &trust, &hooks, m);
	else
		timer_set_in(&m->link.again, DIAL_AGAIN_MS);
}

static void again(void *arg)
{
	struct manager *m = arg;
	to_leader_follow(m);
}

void to_leader_open(struct manager *m)
{
	timer_init(&m->link.again, m->loop, again, m);
}

void to_leader_stamp(struct manager *m, struct told *ret)
{
	*ret = (struct told){ replica_status(m->replica).term, m->life, ++m->told };
}

struct rpc_conn *to_leader_conn(const struct manager *m)
{
	return m->link.conn && rpc_conn_is_up(m->link.conn) && str_eq(leader_of(m), m->link.node_id) ? m->link.conn : NULL;
}

void to_leader_close(struct manager *m)
{
	timer_cancel(&m->link.again);
	hang_up(m);
}
