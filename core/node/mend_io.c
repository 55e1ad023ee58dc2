/* A manager whose state is damaged on its disk, or differs from the majority's, becomes a new member in its own place: it serves no more, goes on
 * as a worker (its containers run), and as soon as another manager with a leader holds its session it sets its files aside and joins under another
 * raft id, so that it never votes twice. Raft then brings the state. Nothing is touched while the others may be no better off. */
#include "dispatch/node_session.h"
#include "node/node_internal.h"
#include "os/log.h"

enum { MEND_SURE_MS = 2 * SESSION_BEAT_MS + 200, MEND_AGAIN_MS = 200 };

bool mend_can(const struct host *host, const struct err *why)
{
	return why->code == ERR_DAMAGED && host->swarm.managers.count > 0 && host->swarm.identity.chain_pem.len > 0;
}

static void begin(void *arg)
{
	struct host *host = arg;
	struct swarm *swarm = &host->swarm;

	if (!swarm->rpc || swarm->changing || !host->node_id[0])
		return;
	swarm->is_damaged = swarm->is_mending = true;
	swarm->mend_at = 0;
	if (swarm->manager)
		swarm_close_manager(host);
	if (!swarm->client)
		swarm_open_client(host);
}

/* Whoever found out is on the stack still. */
void mend_begin(struct host *host, const struct err *why)
{
	log_error("cluster state: %s; this manager serves no more until it has fetched the state anew; what it held is kept as state.db.damaged",
		  why->text);
	loop_defer(host->loop, begin, host);
}

/* A session alone says little: its manager may lack a leader, and not have noticed. Two beats say more. */
bool mend_may_rise(struct host *host)
{
	struct swarm *swarm = &host->swarm;
	msec now = loop_now(host->loop);

	if (!swarm->client || !dispatch_client_is_led(swarm->client))
		swarm->mend_at = 0;
	else if (!swarm->mend_at)
		swarm->mend_at = now + MEND_SURE_MS;
	if (swarm->mend_at && now >= swarm->mend_at)
		return true;
	timer_set_in(&swarm->post_again, MEND_AGAIN_MS);
	return false;
}

int mend_set_aside(struct host *host, struct err *err)
{
	if (store_cluster_set_aside(host->store, err) < 0)
		return -1;
	host->swarm.is_damaged = false;
	return 0;
}
