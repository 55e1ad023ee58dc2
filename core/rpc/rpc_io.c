#include "rpc/rpc_io.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/panic.h"
#include "rpc/crowd.h"
#include "rpc/rpc_inside.h"

struct rpc *rpc_new(struct loop *loop, struct work *work, const struct rpc_config *cfg)
{
	struct rpc *rpc = NEW(struct rpc);

	check(cfg->context);
	rpc->loop = loop;
	rpc->work = work;
	rpc->cfg = *cfg;
	list_init(&rpc->conns);
	list_init(&rpc->stillborn);
	list_init(&rpc->tickets);
	list_init(&rpc->redeeming);
	return rpc;
}

/* What is told inside may close others, or dial: until none is left. */
static void close_conns(struct rpc *rpc, bool accepted_only)
{
	bool found = true;

	while (found) {
		found = false;
		LIST_EACH(item, &rpc->conns) {
			struct rpc_conn *conn = CONTAINER_OF(item, struct rpc_conn, link);
			if (!accepted_only || conn->is_accepted) {
				rpc_close(conn);
				found = true;
				break;
			}
		}
	}
}

void rpc_free(struct rpc *rpc)
{
	if (!rpc)
		return;
	rpc_tickets_end(rpc, false);
	listen_free(rpc->listener);
	close_conns(rpc, false);
	rpc_stillborn_end(rpc);
	buf_fini(&rpc->scratch);
	free(rpc);
}

void rpc_serve(struct rpc *rpc, enum rpc_method method, rpc_handler_fn *handler, void *arg)
{
	check(rpc_method_name(method));
	rpc->served[method].fn = handler;
	rpc->served[method].arg = arg;
}

/* --- accepting --- */

enum { STRANGERS_MAX = 1024 };

/* Those who are there, in the order in which they came. */
struct guests { unsigned accepted, strangers; struct ip ips[STRANGERS_MAX]; struct rpc_conn *conns[STRANGERS_MAX]; };

static void look_around(const struct rpc *rpc, struct guests *ret)
{
	ret->accepted = ret->strangers = 0;
	LIST_EACH(item, &rpc->conns) {
		struct rpc_conn *conn = CONTAINER_OF(item, struct rpc_conn, link);

		ret->accepted += conn->is_accepted;
		if (!conn->is_accepted || conn->class != RPC_ANYONE || conn->state == RPC_CONN_FAILED || ret->strangers == STRANGERS_MAX)
			continue;
		ret->ips[ret->strangers] = conn->ip;
		ret->conns[ret->strangers++] = conn;
	}
}

static void give_way(struct rpc_conn *conn)
{
	struct err err;

	if (conn->state == RPC_CONN_LEAVING) {
		rpc_conn_free(conn);
		return;
	}
	err_set(&err, ERR_EXHAUSTED, "rpc: too many connections without a certificate");
	rpc_conn_refuse(conn, &err);
}

/* False: there is no room, and nobody who would have to give way. */
static bool make_room(struct rpc *rpc, struct ip newcomer)
{
	const struct rpc_limits *limits = &rpc->cfg.limits;
	struct guests guests;

	look_around(rpc, &guests);
	if (guests.accepted < limits->connections && guests.strangers < MIN(limits->strangers, (unsigned)STRANGERS_MAX))
		return true;
	size_t gone = crowd_gives_way(guests.ips, guests.strangers, newcomer);
	if (gone < guests.strangers)
		give_way(guests.conns[gone]);
	return gone < guests.strangers;
}

static void on_connection(void *arg, int fd)
{
	struct rpc *rpc = arg;
	struct ip ip;
	uint16_t port;

	if (socket_peer_address(fd, &ip, &port) < 0 || !make_room(rpc, ip)) {
		close(fd);
		return;
	}
	struct rpc_conn *conn = rpc_conn_new(rpc);
	conn->is_accepted = true;
	conn->ip = ip;
	socket_address_format(ip, port, conn->address);
	rpc_conn_shake(conn, fd, NULL);
}

int rpc_listen(struct rpc *rpc, const char *address, struct err *err)
{
	struct listener *listener;
	char host[256];
	uint16_t port;
	struct ip ip;

	if (hostport_parse(address, RPC_PORT, host, &port, err) < 0)
		return -1;
	if (ip_parse(host, &ip) < 0)
		return err_set(err, ERR_INVALID, "address '%s': '%s' is no IP address", address, host);
	if (listen_tcp(rpc->loop, ip, port, on_connection, rpc, &listener, err) < 0)
		return -1;
	listen_free(rpc->listener);
	rpc->listener = listener;
	return 0;
}

void rpc_unlisten(struct rpc *rpc)
{
	listen_free(rpc->listener);
	rpc->listener = NULL;
	rpc_tickets_end(rpc, true);
	close_conns(rpc, true);
}

uint16_t rpc_port(const struct rpc *rpc)
{
	return rpc->listener ? listen_port(rpc->listener) : 0;
}
