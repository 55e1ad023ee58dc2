#include "manager/manager.h"

#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "dispatch/assign.h"
#include "manager/manager_internal.h"
#include "os/entropy.h"

enum { ASSIGN_ARENA_MAX = 256 << 20 };

static void again(void *arg)
{
	struct manager *m = arg;
	replica_kick(m->replica);
}

/* The time the orchestrator named is cluster time; the timer counts on the loop's clock. */
static void ask_again_at(struct manager *m, msec next_ms)
{
	if (next_ms == INT64_MAX)
		timer_cancel(&m->again);
	else
		timer_set_in(&m->again, MAX(0, next_ms - replica_now(m->replica)));
}

static void compose_first(void *arg, const struct view *view, struct replica_time time, size_t max, struct change_list *out)
{
	struct manager *m = arg;
	struct orchestrate_in in = { .view = view, .dirty = m->dirty, .now_ms = time.now_ms, .wall = time.wall, .rng = &m->rng,
				     .arena = out->arena, .limits = { .changes = max } };
	struct orchestrate_out result;

	if (!view_cluster(view))
		return;
	orchestrate(&in, &result);
	change_list_append(out, &result.changes);
	ask_again_at(m, result.more ? time.now_ms : result.next_ms);
}

static void assign_everything(struct manager *m)
{
	struct arena arena;
	struct assign_set set;

	arena_init(&arena, "assign", ASSIGN_ARENA_MAX);
	assign_all(replica_view(m->replica), m->node_id, &arena, &set);
	m->has_assigned = true;
	m->hooks.on_assign(m->hooks.arg, set.items.items, set.items.count, NULL, 0, true);
	arena_fini(&arena);
}

static void assign_changes(struct manager *m, const struct applied *applied)
{
	struct arena arena;
	struct assign_set set;

	arena_init(&arena, "assign", ASSIGN_ARENA_MAX);
	assign_difference(replica_view(m->replica), m->node_id, applied, &arena, &set);
	if (set.items.count || set.removed.count)
		m->hooks.on_assign(m->hooks.arg, set.items.items, set.items.count, (const char *const *)set.removed.items, set.removed.count,
				   false);
	arena_fini(&arena);
}

static void on_applied(void *arg, const struct applied *applied)
{
	struct manager *m = arg;

	dirty_add_events(m->dirty, replica_view(m->replica), applied);
	if (m->has_assigned)
		assign_changes(m, applied);
	m->hooks.on_applied(m->hooks.arg, applied);
	if (applied->event_count && replica_is_leader(m->replica))
		replica_kick(m->replica);
}

static void on_leader(void *arg, bool is_leader)
{
	struct manager *m = arg;

	if (!is_leader) {
		timer_cancel(&m->again);
		return;
	}
	dirty_add_all(m->dirty, replica_view(m->replica));
	assign_everything(m);
	replica_kick(m->replica);
}

/* What was decided did not come into the log: it is decided again. */
static void on_lost(void *arg)
{
	struct manager *m = arg;
	dirty_add_all(m->dirty, replica_view(m->replica));
}

/* Another view: what is known of it is known of no object any more. */
static void on_replaced(void *arg)
{
	struct manager *m = arg;

	dirty_free(m->dirty);
	m->dirty = dirty_new();
	dirty_add_all(m->dirty, replica_view(m->replica));
	if (m->has_assigned)
		assign_everything(m);
}

static void on_stopped(void *arg, const struct err *err)
{
	struct manager *m = arg;
	m->hooks.on_stopped(m->hooks.arg, err);
}

int manager_open(struct loop *loop, struct store *store, const char *node_id, const struct manager_hooks *hooks, struct manager **ret,
		 struct err *err)
{
	struct manager *m = NEW(struct manager);
	struct replica_hooks replica_hooks = { .compose_first = compose_first, .on_lost = on_lost, .on_applied = on_applied,
					       .on_replaced = on_replaced, .on_leader = on_leader, .on_stopped = on_stopped, .arg = m };
	uint64_t seed;

	m->loop = loop;
	m->hooks = *hooks;
	check(str_copy(m->node_id, sizeof m->node_id, node_id));
	entropy_fill(&seed, sizeof seed);
	rng_seed(&m->rng, seed);
	m->dirty = dirty_new();
	m->reports = map_new();
	list_init(&m->asks);
	timer_init(&m->again, loop, again, m);
	timer_init(&m->propose, loop, reports_propose, m);
	if (replica_open(loop, store, node_id, &replica_hooks, &m->replica, err) < 0) {
		manager_close(m);
		return -1;
	}
	*ret = m;
	return 0;
}

void manager_close(struct manager *m)
{
	struct replica *replica;

	if (!m)
		return;
	timer_cancel(&m->again);
	timer_cancel(&m->propose);
	/* Whoever waits is answered during the close, and must find nothing to retry with. */
	replica = m->replica;
	m->replica = NULL;
	replica_close(replica);
	asks_end(m);
	reports_free(m->reports);
	dirty_free(m->dirty);
	free(m);
}

const struct view *manager_view(const struct manager *m) { return replica_view(m->replica); }
const char *manager_node_id(const struct manager *m) { return m->node_id; }
struct replica *manager_replica(struct manager *m) { return m->replica; }
