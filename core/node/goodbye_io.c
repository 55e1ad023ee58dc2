/* A clean stop, as the others hear of it: nobody has to wait for a timeout. What runs here is not replaced for a while, for it runs on and the
 * agent will be back; unless it ends with the agent. */
#include <stdlib.h>

#include "base/panic.h"
#include "node/node_internal.h"

enum { GOODBYE_CALL_MS = 2000 };

struct goodbye { struct host *host; void (*done)(void *arg); };

static void said(void *arg, const void *body UNUSED, size_t size UNUSED, const struct err *err UNUSED)
{
	struct goodbye *goodbye = arg;
	struct goodbye copy = *goodbye;

	free(goodbye);
	copy.done(copy.host);
}

static void tell_manager(struct host *host, struct rpc_conn *conn, void (*done)(void *arg))
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct leaving_ask leaving = { host->settings->stop_containers ? SIGHT_STOPPED : SIGHT_AWAY };
	struct goodbye *goodbye = NEW(struct goodbye);

	*goodbye = (struct goodbye){ host, done };
	dispatch_write(&leaving_ask_shape, &leaving, &body);
	rpc_call(conn, RPC_LEAVING, body.data, body.len, GOODBYE_CALL_MS, said, goodbye);
}

void goodbye_say(struct host *host, void (*done)(void *arg))
{
	struct rpc_conn *conn = host->swarm.client ? dispatch_client_goodbye_conn(host->swarm.client) : NULL;

	if (swarm_manager(host) && manager_is_current(host->swarm.manager))
		manager_go(host->swarm.manager, host->settings->stop_containers, done, host);
	else if (conn)
		tell_manager(host, conn, done);
	else
		loop_defer(host->loop, done, host);
}
