#include "manager/manager.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "dispatch/assign.h"
#include "manager/manager_internal.h"
#include "manager/sealed.h"
#include "manager/trust.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"

enum { ASSIGN_ARENA_MAX = 256 << 20, CATCH_UP_MS = 100 };

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
	if (out->count < max)
		trust_finish(view, out);
	if (m->must_mend && out->count < max)
		m->must_mend = sealed_mend(view, manager_key(m), max, out);
	ask_again_at(m, result.more ? time.now_ms : result.next_ms);
}

/* ---- this node's own tasks --------------------------------------------------------------------------------------- */

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

/* A view that lags behind would take tasks away that were assigned since: nobody is told anything out of it. */
static void caught_up(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct manager *m = arg;

	m->is_catching_up = false;
	if (!m->replica || m->has_assigned)
		return;
	if (err || !manager_is_founded(m))
		timer_set_in(&m->catch_up, CATCH_UP_MS);
	else
		assign_everything(m);
}

static void catch_up(void *arg)
{
	struct manager *m = arg;

	if (m->has_assigned || m->is_catching_up)
		return;
	m->is_catching_up = true;
	replica_read(m->replica, caught_up, m);
}

static void look_for_addresses(struct manager *m, const struct applied *applied)
{
	bool any = false;

	for (size_t i = 0; i < applied->event_count; i++)
		any = any || (applied->events[i].kind == KIND_NODE && (applied->events[i].mask & FIELD_BIT(NODE_MANAGER)));
	if (!any || !m->peers)
		return;
	peers_look(m->peers);
}

/* ---- the replica's hooks ----------------------------------------------------------------------------------------- */

static void on_applied(void *arg, const struct applied *applied)
{
	struct manager *m = arg;

	dirty_add_events(m->dirty, replica_view(m->replica), applied);
	gone_note(&m->gone, applied, view_index(replica_view(m->replica)));
	if (m->has_assigned)
		assign_changes(m, applied);
	dispatcher_on_applied(m->dispatcher, applied);
	look_for_addresses(m, applied);
	lead_on_applied(m, applied);
	lines_on_applied(m, applied);
	m->hooks.on_applied(m->hooks.arg, applied);
	if (!m->replica)
		return;
	if (!list_is_empty(&m->asks))
		timer_set_in(&m->asks_timer, 0);
	if (applied->event_count && replica_is_leader(m->replica))
		replica_kick(m->replica);
}

/* Another view: what is known of it is known of no object any more. */
static void on_replaced(void *arg)
{
	struct manager *m = arg;

	dirty_free(m->dirty);
	m->dirty = dirty_new();
	dirty_add_all(m->dirty, replica_view(m->replica));
	gone_begin(&m->gone, view_index(replica_view(m->replica)));
	if (m->has_assigned)
		assign_everything(m);
	dispatcher_on_replaced(m->dispatcher);
	if (m->peers)
		peers_look(m->peers);
	timer_set_in(&m->asks_timer, 0);
}

static void on_leader(void *arg, bool is_leader)
{
	struct manager *m = arg;

	lead_set(m, is_leader);
	timer_set_in(&m->asks_timer, 0);
	timer_set_in(&m->propose, 0);
	if (!is_leader) {
		timer_cancel(&m->again);
		return;
	}
	dirty_add_all(m->dirty, replica_view(m->replica));
	m->must_mend = true;
	if (!m->has_assigned)
		assign_everything(m);
	replica_kick(m->replica);
}

static void on_status(void *arg)
{
	struct manager *m = arg;

	if (!m->replica)
		return;
	to_leader_look(m);
	timer_set_in(&m->announce, 0);
	lead_soon(m);
	if (m->going.done)
		timer_set_in(&m->going.timer, 0);
	if (!m->has_assigned)
		timer_set_in(&m->catch_up, 0);
}

/* What was decided did not come into the log: it is decided again. */
static void on_lost(void *arg)
{
	struct manager *m = arg;
	dirty_add_all(m->dirty, replica_view(m->replica));
}

static void on_stopped(void *arg, const struct err *err)
{
	struct manager *m = arg;
	m->hooks.on_stopped(m->hooks.arg, err);
}

/* Who hears of no leader may have missed that others have become managers, and one of them leads. */
static bool is_manager(void *arg, const char *node_id)
{
	return manager_staleness(arg) || manager_is_manager(arg, node_id);
}

static void on_outlived(void *arg)
{
	struct manager *m = arg;
	m->hooks.on_outlived(m->hooks.arg);
}

/* ---- the dispatcher's hooks -------------------------------------------------------------------------------------- */

static const struct view *view_of(void *arg)
{
	return manager_view(arg);
}

static void trust_of(void *arg, struct arena *arena, struct tls_info *ret)
{
	*ret = manager_trust(arg, arena);
}

static void times(void *arg, struct session_news *ret)
{
	ret->calendar = manager_calendar(arg);
	ret->clock = describe_swarm_clock(arg);
}

static int on_open(void *arg, const char *node_id, const struct session_ask *said, const char *peer_address, struct err *err)
{
	struct manager *m = arg;

	if (!m->has_assigned)
		return err_set(err, ERR_UNAVAILABLE, "this manager is not up to date yet: try again in a moment, or ask another one");
	describe_note(m, node_id, &said->description, str_is_empty(said->address) ? peer_address : said->address, said->clock);
	return 0;
}

static void told_current(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct manager *m = arg;

	if (m->replica)
		dispatcher_on_current(m->dispatcher, !err);
}

static void ask_current(void *arg)
{
	struct manager *m = arg;

	replica_read(m->replica, told_current, m);
}

static void on_beat(void *arg, const char *node_id)
{
	describe_look(arg, node_id);
}

static void on_over(void *arg, const char *node_id)
{
	describe_forget(arg, node_id);
}

static bool is_led(void *arg)
{
	const struct manager *m = arg;

	return m->replica && manager_has_leader(m);
}

static void on_sight(void *arg, const char *node_id, enum sight sight)
{
	struct manager *m = arg;

	if (m->lead.is_on) {
		lead_sight(m, node_id, sight, dispatcher_grace_ms(m->dispatcher, node_id), m->node_id);
		return;
	}
	map_put(m->sights, node_id, (void *)(uintptr_t)(sight + 1));
	timer_set_in(&m->propose, 0);
}

static void on_node_status(void *arg, const struct task_status *status)
{
	manager_report(arg, status);
}

struct tls_info manager_trust(const struct manager *m, struct arena *arena)
{
	return trust_info(view_cluster(manager_view(m)), arena);
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

static void init_timers(struct manager *m)
{
	timer_init(&m->again, m->loop, again, m);
	timer_init(&m->propose, m->loop, reports_propose, m);
	timer_init(&m->beat, m->loop, reports_beat, m);
	timer_init(&m->catch_up, m->loop, catch_up, m);
	timer_init(&m->asks_timer, m->loop, asks_pump, m);
	timer_init(&m->announce, m->loop, announce_look, m);
	timer_init(&m->going.timer, m->loop, go_on, m);
}

static void cancel_timers(struct manager *m)
{
	struct timer *const timers[] = { &m->again, &m->propose, &m->beat, &m->catch_up, &m->asks_timer, &m->announce, &m->going.timer };

	for (size_t i = 0; i < ARRAY_COUNT(timers); i++)
		timer_cancel(timers[i]);
}

int manager_open(struct loop *loop, struct store *store, struct rpc *rpc, const char *node_id, const char *address,
		 const struct seal_key *key, const struct manager_hooks *hooks, struct manager **ret, struct err *err)
{
	struct manager *m = NEW(struct manager);
	struct replica_hooks replica_hooks = { .compose_first = compose_first, .on_lost = on_lost, .on_applied = on_applied,
		.on_replaced = on_replaced, .on_leader = on_leader, .on_status = on_status, .on_stopped = on_stopped, .arg = m };
	struct dispatcher_hooks dispatcher_hooks = { view_of, trust_of, times, on_open, ask_current, is_led, on_sight, on_beat, on_over, on_node_status, m };
	uint64_t seed;

	m->loop = loop;
	m->rpc = rpc;
	m->hooks = *hooks;
	m->has_seal = key != NULL;
	if (key)
		m->seal = *key;
	check(str_copy(m->node_id, sizeof m->node_id, node_id));
	str_copy(m->address, sizeof m->address, address);
	entropy_fill(&seed, sizeof seed);
	rng_seed(&m->rng, seed);
	m->life = rng_next(&m->rng);
	m->dirty = dirty_new();
	m->reports = map_new();
	m->sights = map_new();
	m->sayings = map_new();
	list_init(&m->asks);
	list_init(&m->lines);
	init_timers(m);
	to_leader_open(m);
	reads_open(m);
	lead_open(m);
	m->dispatcher = dispatcher_new(loop, rpc, &dispatcher_hooks);
	serve_open(m);
	stock_open(m);
	if (replica_open(loop, store, node_id, &replica_hooks, &m->replica, err) < 0) {
		manager_close(m);
		return -1;
	}
	gone_begin(&m->gone, view_index(replica_view(m->replica)));
	m->peers = peers_open(&(struct peers_config){ loop, rpc, m->replica, address, on_outlived, to_leader_linked, is_manager, m });
	timer_set_in(&m->beat, 0);
	timer_set_in(&m->catch_up, 0);
	*ret = m;
	return 0;
}

void manager_close(struct manager *m)
{
	struct replica *replica;

	if (!m)
		return;
	cancel_timers(m);
	stock_close(m);
	serve_close(m);
	lead_close(m);
	lines_end(m);
	/* Whoever waits is answered during the close, and must find nothing to retry with. */
	replica = m->replica;
	m->replica = NULL;
	peers_close(m->peers);
	m->peers = NULL;
	to_leader_close(m);
	dispatcher_free(m->dispatcher);
	replica_close(replica);
	reads_close(m);
	asks_end(m);
	describe_close(m);
	cancel_timers(m);
	reports_free(m->reports);
	map_free(m->sights);
	dirty_free(m->dirty);
	seal_key_forget(&m->seal);
	free(m);
}

const struct seal_key *manager_key(const struct manager *m) { return m->has_seal ? &m->seal : NULL; }
nsec manager_calendar(const struct manager *m)
{
	const struct view_object *cluster = view_cluster_object(manager_view(m));

	return cluster ? cluster->meta.created_wall + (nsec)replica_now(m->replica) * 1000000 : 0;
}

const struct view *manager_view(const struct manager *m) { return replica_view(m->replica); }
const char *manager_cluster_id(const struct manager *m) { return replica_cluster_id(m->replica); }
struct replica *manager_replica(struct manager *m) { return m->replica; }
void manager_hint(struct manager *m, const char *node_id, const char *address) { peers_hint(m->peers, node_id, address); }
struct rpc_conn *manager_session(const struct manager *m, const char *node_id) { return dispatcher_conn(m->dispatcher, node_id); }
bool manager_is_current(const struct manager *m) { return m->has_assigned; }
bool manager_has_leader(const struct manager *m) { return replica_status(m->replica).leader != 0; }

const char *manager_staleness(const struct manager *m)
{
	struct replica_status status = replica_status(m->replica);
	bool is_alone = status.config->count <= 1;      /* nobody could know more, but its own log */

	if (!is_alone && !status.role)
		return "This manager cannot write its log, and takes no part in the swarm: this is what it knew last.";
	if (!is_alone && !status.leader)
		return "The swarm does not have a leader: this is what this manager knew last.";
	return m->has_assigned ? NULL : "This manager has just started, and does not know yet what was agreed on: this is what it knew last.";
}

void manager_roster(const struct manager *m, struct roster *ret)
{
	struct replica_status status = replica_status(m->replica);

	ret->count = 0;
	for (size_t i = 0; i < status.config->count && ret->count < ROSTER_MAX; i++) {
		const struct raft_member *member = &status.config->members[i];
		struct roster_member *item = &ret->items[ret->count++];

		*item = (struct roster_member){
			.raft_id = member->id, .votes = member->suffrage == RAFT_VOTER, .is_leader = member->id == status.leader,
			.is_reachable = member->id == status.self || replica_link(m->replica, member->id) == RAFT_PEER_UP,
		};
		str_copy(item->node_id, sizeof item->node_id, member->node_id);
	}
}
