/* A manager's clean stop. Leadership is handed over first, so that the next write waits for no timeout; then whoever leads is told that this
 * node goes: away for a moment (its containers run on, nothing is replaced until it had time to come back), or stopped with them. */
#include "manager/manager_internal.h"

enum { TRY_AGAIN_MS = 10 };

static void end(struct manager *m)
{
	void (*done)(void *arg) = m->going.done;

	m->going.done = NULL;
	timer_cancel(&m->going.timer);
	if (done)
		done(m->going.arg);
}

/* A leader that has just been elected refuses until its first entry is agreed. */
static void told(void *arg, const void *body UNUSED, size_t size UNUSED, const struct err *err)
{
	struct manager *m = arg;

	m->going.is_telling = false;
	if (!m->replica || !m->going.done)
		return;
	if (err)
		timer_set_in(&m->going.timer, TRY_AGAIN_MS);
	else
		end(m);
}

static void tell(struct manager *m)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct sighting self = { .node_id = m->node_id, .sight = m->going.sight };
	struct tidings tidings = { .sightings.items = &self, .sightings.count = 1 };

	m->going.is_telling = true;
	to_leader_stamp(m, &tidings.told);
	dispatch_write(&tidings_shape, &tidings, &body);
	to_leader_call(m, RPC_REPORT, &body, MAX(1, m->going.until - loop_now(m->loop)), told, m);
}

static void handed_over(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct manager *m = arg;

	if (m->replica && m->going.done)
		timer_set_in(&m->going.timer, 0);
	if (err)
		m->going.until = 0;     /* nobody can: they will find out */
}

void go_on(void *arg)
{
	struct manager *m = arg;

	if (!m->going.done || m->going.is_telling)
		return;
	timer_set_in(&m->going.timer, TRY_AGAIN_MS);
	if (loop_now(m->loop) >= m->going.until || replica_status(m->replica).config->count <= 1 ||
	    (!m->going.hands_over && !manager_has_leader(m))) {
		end(m);
	} else if (to_leader_is_there(m)) {
		tell(m);
	} else if (replica_is_leader(m->replica) && !m->going.hands_over) {
		m->going.hands_over = true;
		replica_transfer(m->replica, 0, handed_over, m);
	}
}

void manager_go(struct manager *m, bool containers_end, void (*done)(void *arg), void *arg)
{
	m->going.done = done;
	m->going.arg = arg;
	m->going.sight = containers_end ? SIGHT_STOPPED : SIGHT_AWAY;
	m->going.until = loop_now(m->loop) + MANAGER_GO_MS;
	timer_set_in(&m->going.timer, 0);
}
