/* sim_manager.c - a manager's process. Around the real replica it does what core/manager and core/dispatch do, in small: it gives the
 * leader's work to orchestrate, keeps sessions with workers, brings what they say to the leader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/defaults.h"
#include "os/entropy.h"
#include "store/log_db.h"
#include "test/sim/sim.h"

enum { TEND_MS = 200, REPORTS_MAX = 200 };

static const char *const node_tables[] = { "setting" };

void sim_manager_enter(struct sim_manager *m)
{
	sim_enter(&m->host, m->loop);
}

void sim_manager_leave(struct sim_manager *m)
{
	sim_leave();
	if (m->is_running)
		sim_check_manager(m);
}

bool sim_is_up(const struct sim_manager *m)
{
	return m->is_running && m->host.frozen_until <= sim_time.now;
}

struct sim_manager *sim_manager_by_id(raft_id id)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (id && world.manager[i].id == id)
			return &world.manager[i];
	return NULL;
}

struct sim_manager *sim_leader(void)
{
	struct sim_manager *best = NULL;
	raft_term term = 0;

	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		if (!m->is_running)
			continue;
		struct replica_status status = replica_status(m->replica);
		if (status.role != RAFT_LEADER || status.term <= term)
			continue;
		best = m;
		term = status.term;
	}
	return best;
}

struct sim_manager *sim_any_manager(void)
{
	size_t start = (size_t)sim_dice(SIM_MANAGERS);

	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (world.manager[(start + i) % SIM_MANAGERS].is_running)
			return &world.manager[(start + i) % SIM_MANAGERS];
	return NULL;
}

/* ---- the leader's work ---------------------------------------------------------------------------- */

static void again(void *arg)
{
	replica_kick(((struct sim_manager *)arg)->replica);
}

/* A saboteur's second task for a slot that has one. */
static void add_twin(const struct view *view, struct change_list *out)
{
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));) {
		const struct task *task = object->value;
		if (!task_is_wanted(task) || task->slot == 0 || !sim_chance(5))
			continue;
		char *id = arena_printf(out->arena, "twin%llu", (unsigned long long)++world.values);
		struct task *twin = change_create(out, KIND_TASK, id, UINT64_MAX << 1 & (FIELD_BIT(TASK_UPDATE_VERSION + 1) - 1));
		shape_copy(&task_shape, task, out->arena, twin);
		return;
	}
}

static void compose_first(void *arg, const struct view *view, struct replica_time time, size_t max, struct change_list *out)
{
	struct sim_manager *m = arg;
	struct orchestrate_in in = { .view = view, .dirty = m->dirty, .now_ms = time.now_ms, .wall = time.wall, .rng = &m->rng,
				     .arena = out->arena, .limits = { .changes = max } };
	struct orchestrate_out result;

	if (!view_cluster(view))
		return;
	orchestrate(&in, &result);
	change_list_append(out, &result.changes);
	if (world.sabotage == SABOTAGE_TWO_IN_A_SLOT && out->count < max)
		add_twin(view, out);
	if (result.more)
		timer_set_in(&m->again, 0);
	else if (result.next_ms < INT64_MAX)
		timer_set_in(&m->again, MAX(0, result.next_ms - replica_now(m->replica)));
	else
		timer_cancel(&m->again);
}

static void on_lost(void *arg)
{
	struct sim_manager *m = arg;

	dirty_add_all(m->dirty, replica_view(m->replica));
}

/* ---- workers' sessions ------------------------------------------------------------------------------ */

static size_t worker_of(const char *node_id)
{
	return (size_t)(strtoul(node_id + 1, NULL, 10));
}

static void send_orders(struct sim_manager *m, size_t worker)
{
	struct sim_letter *letter = sim_letter_new(LETTER_ORDERS, m->place, worker);
	const struct view *view = replica_view(m->replica);

	for (const struct view_object *o = view_tasks_of_node(view, world.worker[worker].node_id); o; o = o->next_of_node) {
		struct { struct sim_status status; int desired; } order = { 0 };
		const struct task *task = o->value;
		str_copy(order.status.task_id, ID_SIZE, o->meta.id);
		order.status.state = task->state;
		order.desired = task->desired;
		buf_add(&letter->bytes, &order, sizeof(order));
	}
	letter->number = view_index(view);
	sim_post(letter);
}

static void order_changes(struct sim_manager *m, const struct applied *applied)
{
	bool touched[SIM_WORKERS] = { false };

	for (size_t i = 0; i < applied->event_count; i++) {
		const struct task *after = applied->events[i].after, *before = applied->events[i].before;
		if (applied->events[i].kind != KIND_TASK)
			continue;
		if (after && after->node_id && after->node_id[0] == 'w')
			touched[worker_of(after->node_id)] = true;
		if (before && before->node_id && before->node_id[0] == 'w')
			touched[worker_of(before->node_id)] = true;
	}
	for (size_t i = 0; i < SIM_WORKERS; i++)
		if (touched[i] && m->sessions[i].is_mine)
			send_orders(m, i);
}

static void on_applied(void *arg, const struct applied *applied)
{
	struct sim_manager *m = arg;

	sim_check_applied(m);
	dirty_add_events(m->dirty, replica_view(m->replica), applied);
	if (!m->is_dying)
		order_changes(m, applied);
	for (size_t i = 0; m->leads && i < applied->event_count; i++)
		if (applied->events[i].kind == KIND_NODE && applied->events[i].op == CHANGE_CREATE && applied->events[i].id[0] == 'w')
			liveness_add(&m->live, applied->events[i].id, false, loop_now(m->loop));
	if (applied->event_count && replica_is_leader(m->replica))
		replica_kick(m->replica);
}

static void on_replaced(void *arg)
{
	struct sim_manager *m = arg;

	world.installs++;
	TRACE("%s: becomes a snapshot at %llu", m->node_id, (unsigned long long)view_index(replica_view(m->replica)));
	sim_check_applied(m);
	dirty_free(m->dirty);
	m->dirty = dirty_new();
	dirty_add_all(m->dirty, replica_view(m->replica));
}

static void begin_to_lead(struct sim_manager *m)
{
	const struct view_object *object;

	liveness_init(&m->live);
	for (size_t at = 0; (object = view_next(replica_view(m->replica), KIND_NODE, &at));)
		if (object->meta.id[0] == 'w')
			liveness_add(&m->live, object->meta.id, VIEW_VALUE(node, object)->status.state == NODE_DOWN, loop_now(m->loop));
	for (size_t i = 0; i < SIM_WORKERS; i++)
		if (m->sessions[i].is_mine)
			liveness_held(&m->live, world.worker[i].node_id, m->node_id, loop_now(m->loop));
	dirty_add_all(m->dirty, replica_view(m->replica));
	replica_kick(m->replica);
}

static void on_leader(void *arg, bool is_leader)
{
	struct sim_manager *m = arg;

	TRACE("%s: %s", m->node_id, is_leader ? "leads" : "leads no more");
	if (m->leads)
		liveness_fini(&m->live);
	m->leads = is_leader;
	if (is_leader)
		begin_to_lead(m);
	else
		timer_cancel(&m->again);
}

static void on_stopped(void *arg, const struct err *err)
{
	const struct sim_manager *m = arg;

	sim_demand(false, "%s cannot go on: %s", m->node_id, err->text);
}

/* What a leader writes of what workers and their managers said. */
struct said { struct sim_status *states; size_t count; char node_id[ID_SIZE]; int node_state; };

static int check_said(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err UNUSED)
{
	const struct said *said = arg;
	const struct node *node = said->node_state ? overlay_find(overlay, KIND_NODE, said->node_id) : NULL;

	for (size_t i = 0; i < said->count; i++) {
		const struct task *old = overlay_find(overlay, KIND_TASK, said->states[i].task_id);
		if (!old || said->states[i].state <= old->state)
			continue;
		struct task *task = change_update(out, KIND_TASK, said->states[i].task_id, FIELD_BIT(TASK_STATE) | FIELD_BIT(TASK_STATE_MS));
		task->state = said->states[i].state;
		task->state_ms = time.now_ms;
	}
	if (node && node->status.state != said->node_state) {
		struct node *value = change_update(out, KIND_NODE, said->node_id, FIELD_BIT(NODE_STATUS) | FIELD_BIT(NODE_STATUS_MS));
		value->status.state = said->node_state;
		value->status_ms = time.now_ms;
	}
	return 0;
}

static void said_done(void *arg, uint64_t index UNUSED, const struct err *err UNUSED)
{
	struct said *said = arg; /* lost: the worker says it again, liveness too */

	free(said->states);
	free(said);
}

static void write_said(struct sim_manager *m, const struct sim_status *states, size_t count, const char *node_id, int node_state)
{
	struct said *said = NEW(struct said);

	said->states = memcpy(NEW_ARRAY(struct sim_status, count + 1), count ? states : (const struct sim_status *)"", count * sizeof(*states));
	said->count = count;
	said->node_state = node_state;
	str_copy(said->node_id, ID_SIZE, node_id);
	replica_request(m->replica, REPLICA_STATUS, check_said, said_done, said);
}

enum { SAID_HELD = 1, SAID_SILENT };

void sim_manager_take_report(struct sim_manager *m, const struct sim_letter *letter)
{
	const char *node_id = world.worker[letter->number].node_id;
	const char *holder = world.manager[letter->from].node_id;

	if (!m->leads)
		return;
	if (letter->verdict == SAID_HELD)
		liveness_held(&m->live, node_id, holder, loop_now(m->loop));
	else if (letter->verdict == SAID_SILENT)
		liveness_silent(&m->live, node_id, holder, loop_now(m->loop));
	if (letter->bytes.len > 0)
		write_said(m, (const struct sim_status *)(const void *)letter->bytes.data, letter->bytes.len / sizeof(struct sim_status),
			   "", 0);
}

/* To the leader, which may be this one. */
static void report(struct sim_manager *m, size_t worker, const struct sim_status *states, size_t count, int verdict)
{
	struct sim_manager *leader = sim_manager_by_id(replica_status(m->replica).leader);
	struct sim_letter *letter;

	if (!leader)
		return;
	letter = sim_letter_new(LETTER_REPORT, m->place, leader->place);
	letter->number = worker;
	letter->verdict = verdict;
	buf_add(&letter->bytes, states, count * sizeof(*states));
	sim_post(letter);
}

void sim_manager_take_beat(struct sim_manager *m, size_t worker, const struct sim_status *states, size_t count)
{
	const struct view *view = replica_view(m->replica);
	struct sim_status news[SIM_TASKS];
	size_t news_count = 0;

	/* one that knows no leader can bring nothing anywhere: the worker looks for another */
	if (!view_node(view, world.worker[worker].node_id) || !replica_status(m->replica).leader)
		return;
	if (!m->sessions[worker].is_mine)
		beats_init(&m->sessions[worker].beats, loop_now(m->loop));
	m->sessions[worker].is_mine = true;
	m->sessions[worker].is_silent = false;
	beats_add(&m->sessions[worker].beats, loop_now(m->loop));
	for (size_t i = 0; i < count && news_count < SIM_TASKS; i++) {
		const struct task *task = view_task(view, states[i].task_id);
		if (task && task->state < states[i].state)
			news[news_count++] = states[i];
	}
	report(m, worker, news, news_count, SAID_HELD);
	send_orders(m, worker);
}

/* Whose beats have stopped; and what the leader makes of what it was told. */
static void tend(void *arg)
{
	struct sim_manager *m = arg;
	const struct live_node *node;
	msec now = loop_now(m->loop);

	timer_set_in(&m->tend, TEND_MS);
	for (size_t i = 0; i < SIM_WORKERS; i++)
		if (m->sessions[i].is_mine && now >= beats_deadline(&m->sessions[i].beats)) {
			if (!m->sessions[i].is_silent || sim_chance(100))
				report(m, i, NULL, 0, SAID_SILENT);
			m->sessions[i].is_silent = true;
		}
	if (!m->leads)
		return;
	liveness_tick(&m->live, now);
	for (size_t at = 0; (node = liveness_next(&m->live, &at));) {
		int state = node->state == LIVE_DOWN ? NODE_DOWN : node->state == LIVE_UNKNOWN ? NODE_UNKNOWN : NODE_READY;
		write_said(m, NULL, 0, node->id, state);
	}
	/* Written or not, it is looked at again. */
	for (size_t i = 0; i < SIM_WORKERS; i++) {
		const struct node *known = view_node(replica_view(m->replica), world.worker[i].node_id);
		const struct live_node *live = known ? map_get(m->live.nodes, world.worker[i].node_id) : NULL;
		if (live && live->is_told && (live->state == LIVE_HELD) != (known->status.state == NODE_READY) &&
		    (live->state == LIVE_HELD || live->state == LIVE_DOWN) && sim_chance(200))
			liveness_again(&m->live, live->id);
	}
}

/* ---- life and death -------------------------------------------------------------------------------- */

static void open_all(struct sim_manager *m, bool is_founder)
{
	struct store_options options = { "/disk", m->node_id, node_tables, 1 };
	struct replica_hooks hooks = { compose_first, on_lost, on_applied, on_replaced, on_leader, NULL, on_stopped, m };
	struct replica_transport transport = sim_transport;
	struct err err;
	int got = store_open(&options, m->loop, &m->store, &err);

	if (got == 0 && !replica_exists(m->store))
		got = is_founder ? replica_bootstrap(m->store, "cluster", m->node_id, &err)
				 : replica_join(m->store, "cluster", m->node_id, m->id, &err);
	if (got == 0)
		got = replica_open(m->loop, m->store, m->node_id, &hooks, &m->replica, &err);
	if (got < 0) {
		sim_demand(false, "%s cannot start: %s", m->node_id, err.text);
		store_close(m->store);
		m->store = NULL;
		return;
	}
	transport.arg = m;
	replica_connect(m->replica, &transport);
	m->id = replica_status(m->replica).self;
	m->is_running = true;
}

static bool was_started_before(const struct sim_manager *m)
{
	return m->boots > 1;
}

/* A host that restarts has another clock; a process alone goes on with the old one. */
static void set_clock(struct sim_manager *m, bool is_new)
{
	if (is_new) {
		m->host.clock_rate = 950 + (int)sim_dice(101);
		m->host.clock_offset = sim_some(100000);
	}
	m->host.disk_min = 0;
	m->host.disk_max = 1 + sim_some(5);
	m->host.disk_stalled_until = m->host.frozen_until = 0;
	m->host.disk_lies = world.sabotage == SABOTAGE_DISK_LIES;
	vfs_fault_lie(m->disk, m->host.disk_lies);
}

void sim_manager_start(struct sim_manager *m)
{
	bool is_founder = !m->id;
	uint64_t seed;

	if (m->is_running || !m->node_id[0] || world.failed)
		return;
	sim_cancel(&m->back);
	set_clock(m, !m->host.clock_rate || sim_chance(300));
	TRACE("%s starts", m->node_id);
	m->boots++;
	m->dirty = dirty_new();
	memset(m->told, 0, sizeof(m->told));
	memset(m->sessions, 0, sizeof(m->sessions));
	m->applied = 0;
	m->seen_term = 0; /* what was not durable yet is forgotten */
	sim_enter(&m->host, NULL);
	m->loop = loop_new();
	sim_leave();
	sim_manager_enter(m);
	entropy_fill(&seed, sizeof(seed));
	rng_seed(&m->rng, seed);
	timer_init(&m->again, m->loop, again, m);
	timer_init(&m->tend, m->loop, tend, m);
	open_all(m, is_founder);
	if (m->is_running) {
		timer_set_in(&m->tend, TEND_MS);
		sim_check_applied(m);
	}
	sim_manager_leave(m);
	if (!m->is_running) {
		loop_free(m->loop);
		dirty_free(m->dirty);
		return;
	}
	/* connections of its last life are found out to be dead before new ones are made */
	for (size_t i = 0; i < SIM_MANAGERS && was_started_before(m); i++)
		if (world.manager[i].is_running && world.manager[i].told[m->place] == RAFT_PEER_UP && i != m->place) {
			world.manager[i].told[m->place] = RAFT_PEER_LOST;
			sim_manager_enter(&world.manager[i]);
			replica_peer(world.manager[i].replica, m->id, RAFT_PEER_LOST);
			sim_manager_leave(&world.manager[i]);
		}
	sim_look_all(m->place, 300);
}

static void come_back(struct sim_event *event)
{
	sim_manager_start(CONTAINER_OF(event, struct sim_manager, back));
}

/* What was voted is taken back, as if it had never been synced. */
static void forget_votes(struct sim_manager *m)
{
	struct log_db db;
	struct err err;

	if (log_db_open(&db, "/disk", m->node_id, &err) < 0)
		return;
	sql_db_exec(&db.sql, "UPDATE hard SET vote = 0", &err);
	log_db_close(&db);
}

/* Between any two acts of its disk, or in the middle of what it does right now. */
static void die(struct sim_manager *m, enum sim_death how)
{
	if (how == DEATH_CLOSED)
		return;
	m->is_dying = true;
	vfs_fault_unplug_in(m->disk, how == DEATH_POWER ? 1 + sim_dice(12) : 1);
}

static void close_all(struct sim_manager *m)
{
	sim_enter(&m->host, m->loop);
	replica_close(m->replica);
	store_close(m->store);
	timer_cancel(&m->again);
	timer_cancel(&m->tend);
	m->replica = NULL;
	m->store = NULL;
	sim_leave();
	loop_free(m->loop);
	m->loop = NULL;
	dirty_free(m->dirty);
	m->dirty = NULL;
	if (m->leads)
		liveness_fini(&m->live);
	m->leads = false;
}

void sim_manager_stop(struct sim_manager *m, enum sim_death how)
{
	if (!m->is_running)
		return;
	TRACE("%s %s", m->node_id, how == DEATH_KILLED ? "is killed" : how == DEATH_POWER ? "loses its power" : "is stopped");
	world.crashes++;
	sim_break_streams(m->place);
	m->host.frozen_until = 0;
	m->is_running = false;
	die(m, how);
	close_all(m);
	m->is_dying = false;
	if (how != DEATH_CLOSED)
		vfs_fault_power_loss(m->disk);
	if (world.sabotage == SABOTAGE_FORGETS_VOTES)
		forget_votes(m);
	sim_look_all(m->place, how == DEATH_POWER ? 4000 : 5);
	if (m->id)
		sim_at(&m->back, sim_time.now + sim_some(sim_chance(200) ? 12000 : 3000), come_back);
}

static struct sim_manager *new_place(void)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		if (m->node_id[0])
			continue;
		memset(m, 0, sizeof(*m));
		m->place = i;
		snprintf(m->node_id, sizeof(m->node_id), "m%u", ++world.next_node);
		m->disk = vfs_fault_new(m->node_id, sim_dice(UINT64_MAX));
		return m;
	}
	return NULL;
}

void sim_managers_init(void)
{
	sim_manager_start(new_place());
}

static void wipe(struct sim_manager *m)
{
	TRACE("%s is wiped", m->node_id);
	sim_manager_stop(m, DEATH_CLOSED);
	sim_cancel(&m->back);
	sim_cancel(&m->stumble);
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		sim_cancel(&m->look[i]);
		sim_cancel(&world.manager[i].look[m->place]);
		world.manager[i].told[m->place] = 0;
		world.cut[i][m->place] = world.cut[m->place][i] = false;
	}
	vfs_fault_free(m->disk);
	m->node_id[0] = 0;
	m->id = 0;
}

void sim_managers_free(void)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (world.manager[i].node_id[0])
			wipe(&world.manager[i]);
}

/* ---- members ------------------------------------------------------------------------------------------ */

struct asked { enum raft_member_change change; char node_id[ID_SIZE]; raft_id id; };

/* A host is set up when it is known that it was let in. */
static void member_done(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct asked *asked = arg;

	world.changes += !err;
	TRACE("change %d of %s: %s", (int)asked->change, asked->node_id, err ? err->text : "agreed");
	free(asked);
}

void sim_ask_member(enum raft_member_change change, struct sim_manager *who)
{
	struct sim_manager *leader = sim_leader();
	struct asked *asked;

	if (!leader || !sim_is_up(leader) || (who && who == leader && change == RAFT_REMOVE))
		return;
	if (!who && !(who = new_place()))
		return;
	if (!who->id) { /* it waits from the beginning; nobody talks to it before it is one of them */
		sim_manager_enter(leader);
		who->id = replica_new_id();
		sim_manager_leave(leader);
		sim_manager_start(who);
	}
	asked = NEW(struct asked);
	*asked = (struct asked){ .change = change, .id = who->id };
	str_copy(asked->node_id, ID_SIZE, who->node_id);
	sim_manager_enter(leader);
	if (change == RAFT_ADD_LEARNER)
		replica_add_learner(leader->replica, who->id, who->node_id, member_done, asked);
	else if (change == RAFT_MAKE_VOTER)
		replica_make_voter(leader->replica, who->id, member_done, asked);
	else
		replica_remove(leader->replica, who->id, member_done, asked);
	sim_manager_leave(leader);
}

static void transfer_done(void *arg UNUSED, uint64_t index UNUSED, const struct err *err)
{
	world.transfers += !err;
}

void sim_ask_transfer(void)
{
	struct sim_manager *leader = sim_leader();

	if (!leader || !sim_is_up(leader))
		return;
	sim_manager_enter(leader);
	replica_transfer(leader->replica, 0, transfer_done, NULL);
	sim_manager_leave(leader);
}

void sim_wipe_removed(void)
{
	struct sim_manager *leader = sim_leader();

	if (!leader || !leader->leads || !sim_is_up(leader))
		return;
	/* applied on a leader that has applied an entry of its own term: agreed */
	const struct raft_membership *config = &leader->replica->config;
	if (replica_status(leader->replica).config->count != config->count)
		return;
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		if (m->id && !raft_membership_find(config, m->id) && m->is_joined)
			wipe(m);
	}
}
