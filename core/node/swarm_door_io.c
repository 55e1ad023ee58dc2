/* Streams that managers open to this node: its API, as far as others may use it. */
#include "base/str.h"
#include "node/node_internal.h"

static const char *node_id(void *arg)
{
	return ((struct host *)arg)->node_id;
}

/* A worker listens to nobody, and dials only the managers it was told of. */
static int may_open(void *arg, const struct rpc_conn *conn, struct err *err)
{
	struct host *host = arg;
	const struct manager *manager = swarm_manager(host);

	if (host->swarm.client && dispatch_client_conn(host->swarm.client) == conn)
		return 0;
	if (manager)
		return manager_admits(manager, conn, err);
	return err_set(err, ERR_DENIED, "only a node's manager may open streams to it");
}

static struct rpc_conn *session(void *arg, const char *id)
{
	const struct manager *manager = swarm_manager(arg);

	return manager ? manager_session(manager, id) : NULL;
}

void swarm_on_stream(void *arg, enum open_kind kind, int fd)
{
	struct host *host = arg;

	switch (kind) {
	case OPEN_API:
		http_server_accept(host->inner, fd);
		break;
	}
}

void swarm_open_door(struct host *host)
{
	const struct door_hooks hooks = { node_id, may_open, session, swarm_on_stream, host };

	host->swarm.door = door_open(host->swarm.rpc, &hooks);
}
