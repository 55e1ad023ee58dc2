/* The leader's duties: who is there (liveness.h), who is a manager (roster.h), and writing both into the state. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "dispatch/clock_skew.h"
#include "manager/manager_internal.h"
#include "os/clock.h"
#include "os/log.h"

enum { LEAD_MS = 500, SIGHT_LOST_MS = 1500 /* three beats of a manager */, LEAD_SOON_MS = 20, LEAD_AGAIN_MS = 100, VERDICTS_MAX = 200,
       CLOCKS_HEARD_MS = 3000 };

static void set_timer(struct manager *m, msec delay)
{
	if (m->lead.is_on)
		timer_set_in(&m->lead.timer, delay);
}

void lead_soon(struct manager *m)
{
	set_timer(m, LEAD_SOON_MS);
}

/* ---- what was seen, into the state ------------------------------------------------------------------------------- */

struct verdict { char id[ID_SIZE]; int state; bool has_left, has_stopped; };
struct verdicts { struct manager *manager; size_t count; struct verdict items[VERDICTS_MAX]; };

static const char *message_of(const struct verdict *verdict)
{
	if (verdict->state == NODE_UNKNOWN)
		return "more than half of the nodes vanished at once: nothing is replaced for a minute";
	if (verdict->state == NODE_DOWN)
		return verdict->has_stopped ? "stopped with its containers" : verdict->has_left ? "left the swarm" : "heartbeat failure";
	return "";
}

static void write_verdict(const struct verdict *verdict, const struct overlay *overlay, msec now_ms, struct change_list *out)
{
	const struct node *old = overlay_find(overlay, KIND_NODE, verdict->id);
	struct node *node;

	if (!old || old->status.state == verdict->state)
		return;
	node = change_update(out, KIND_NODE, verdict->id, FIELD_BIT(NODE_STATUS) | FIELD_BIT(NODE_STATUS_MS));
	node->status.state = verdict->state;
	node->status.message = arena_strdup(out->arena, message_of(verdict));
	node->status.address = arena_strdup(out->arena, old->status.address);
	node->status_ms = now_ms;
}

/* A manager's entry in the node's object follows raft's members. One that is to be let in has its address there already. */
static bool wants(const struct roster *roster, const char *id, const struct node *node, struct manager_status *ret)
{
	const struct roster_member *member = roster_find(roster, id);

	if (!member && (node->spec.role == ROLE_WORKER || !node->manager))
		return false;
	*ret = (struct manager_status){
		.leader = member && member->is_leader,
		.reachability = !member ? REACHABILITY_UNKNOWN : member->is_reachable ? REACHABILITY_REACHABLE : REACHABILITY_UNREACHABLE,
		.address = node->manager ? node->manager->address : NULL,
	};
	return true;
}

static void write_managers(const struct roster *roster, const struct overlay *overlay, struct change_list *out)
{
	const struct node *old;
	const char *id;

	for (size_t at = 0; (old = overlay_next(overlay, KIND_NODE, &at, &id));) {
		struct manager_status status;
		bool is_manager = wants(roster, id, old, &status);
		struct node *node;

		if (is_manager ? old->manager && shape_equal(&manager_status_shape, old->manager, &status) : !old->manager)
			continue;
		node = change_update(out, KIND_NODE, id, FIELD_BIT(NODE_MANAGER));
		if (!is_manager)
			continue;
		node->manager = ARENA_NEW(out->arena, struct manager_status);
		shape_copy(&manager_status_shape, &status, out->arena, node->manager);
	}
}

static int check_verdicts(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err UNUSED)
{
	struct verdicts *v = arg;
	struct roster roster;

	for (size_t i = 0; i < v->count; i++)
		write_verdict(&v->items[i], overlay, time.now_ms, out);
	if (v->count)
		return 0;               /* another request writes these: one change of an object in each */
	manager_roster(v->manager, &roster);
	write_managers(&roster, overlay, out);
	return 0;
}

static void written(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct verdicts *v = arg;
	struct manager *m = v->manager;

	m->lead.is_writing = false;
	for (size_t i = 0; err && m->lead.is_on && i < v->count; i++)
		liveness_again(&m->lead.live, v->items[i].id);
	if (v->count || err)
		set_timer(m, err ? LEAD_MS : 0);
	free(v);
}

static int node_state_of(enum live_state state)
{
	return state == LIVE_DOWN ? NODE_DOWN : state == LIVE_UNKNOWN ? NODE_UNKNOWN : NODE_READY;
}

static bool managers_differ(struct manager *m)
{
	const struct view_object *object;
	struct roster roster;

	manager_roster(m, &roster);
	for (size_t at = 0; (object = view_next(manager_view(m), KIND_NODE, &at));) {
		const struct node *node = object->value;
		struct manager_status status;

		if (wants(&roster, object->meta.id, node, &status) ? !node->manager || !shape_equal(&manager_status_shape, node->manager, &status)
								   : node->manager != NULL)
			return true;
	}
	return false;
}

static void write_what_was_seen(struct manager *m)
{
	const struct live_node *node;
	struct verdicts *v;

	if (m->lead.is_writing)
		return;
	v = NEW(struct verdicts);
	v->manager = m;
	for (size_t at = 0; v->count < VERDICTS_MAX && (node = liveness_next(&m->lead.live, &at));) {
		struct verdict *verdict = &v->items[v->count++];

		*verdict = (struct verdict){ .state = node_state_of(node->state), .has_left = node->has_left,
					      .has_stopped = node->has_stopped };
		str_copy(verdict->id, sizeof verdict->id, node->id);
		log_info("node %s: %s", node->id, verdict->state == NODE_READY ? "ready" : message_of(verdict));
	}
	if (!v->count && !managers_differ(m)) {
		free(v);
		return;
	}
	m->lead.is_writing = true;
	replica_request(m->replica, REPLICA_STATUS, check_verdicts, written, v);
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static void changed(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct manager *m = arg;

	m->lead.is_changing = false;
	if (err)
		log_debug("swarm: change of managers: %s", err->text);
	set_timer(m, err ? LEAD_AGAIN_MS : 0);
}

static void change_members(struct manager *m)
{
	const struct roster_member *member;
	struct roster roster;

	if (m->lead.is_changing)
		return;
	manager_roster(m, &roster);
	switch (roster_next(&roster, manager_view(m), &member)) {
	case ROSTER_REST:
		return;
	case ROSTER_VOTE:
		m->lead.is_changing = true;
		replica_make_voter(m->replica, member->raft_id, changed, m);
		return;
	case ROSTER_REMOVE:
		log_info("swarm: node %s is no manager any more", member->node_id);
		m->lead.is_changing = true;
		replica_remove(m->replica, member->raft_id, changed, m);
		return;
	case ROSTER_HAND_OVER:
		m->lead.is_changing = true;
		replica_transfer(m->replica, 0, changed, m);
		return;
	}
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static bool is_unreachable(const struct manager *m, const char *node_id)
{
	const struct roster_member *member;
	struct roster roster;

	manager_roster(m, &roster);
	member = roster_find(&roster, node_id);
	return !member || !member->is_reachable;
}

static void look_for_managers(struct manager *m)
{
	msec now = loop_now(m->loop);
	const char *id;
	void *value;

	for (size_t at = 0; map_next(m->lead.managers, &at, &id, &value);) {
		struct fellow *fellow = value;
		/* one that is on its way to a new leader has the time twice */
		bool has_more = !fellow->was_heard && !is_unreachable(m, id);

		if (now < beats_deadline(&fellow->beats) + (has_more ? beats_grace_ms(&fellow->beats) : 0))
			continue;
		liveness_silent(&m->lead.live, id, id, now - 2 * BEATS_GRACE_MAX_MS, now);
		liveness_manager_lost(&m->lead.live, id, now);
		map_remove(m->lead.managers, id);
		free(fellow);
	}
}

/* ---- clocks of the wall ------------------------------------------------------------------------------------------ */

/* By how much most managers' clocks are ahead of ours. */
static nsec ahead_of_us(const struct manager *m)
{
	nsec items[ROSTER_MAX + 1] = { 0 };     /* the first one is ours */
	size_t count = 1;
	void *value;

	for (size_t at = 0; count < ARRAY_COUNT(items) && map_next(m->lead.managers, &at, NULL, &value);) {
		const struct fellow *fellow = value;

		if (fellow->has_clock)
			items[count++] = fellow->clock_ahead;
	}
	return clock_skew_middle(items, count);
}

nsec lead_clock(const struct manager *m)
{
	/* first of all everyone shall have been heard */
	if (!m->lead.is_on || loop_now(m->loop) - m->lead.since < CLOCKS_HEARD_MS)
		return 0;
	return clock_wall_ns() + ahead_of_us(m);
}

static void tick(void *arg)
{
	struct manager *m = arg;
	msec now = loop_now(m->loop), next;

	if (!m->lead.is_on || !manager_is_founded(m))
		return;
	look_for_managers(m);
	describe_clock(m, lead_clock(m));
	liveness_held(&m->lead.live, m->node_id, m->node_id, now);
	liveness_tick(&m->lead.live, now);
	change_members(m);
	write_what_was_seen(m);
	next = liveness_deadline(&m->lead.live);
	set_timer(m, MAX(1, MIN(LEAD_MS, next - now)));
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

/* It is not waited for any more; what it holds has to turn up elsewhere. */
static void forget_fellow(struct manager *m, const char *manager_id)
{
	liveness_manager_lost(&m->lead.live, manager_id, loop_now(m->loop));
	free(map_remove(m->lead.managers, manager_id));
}

void lead_sight(struct manager *m, const char *node_id, int sight, msec grace_ms, const char *manager_id)
{
	msec now = loop_now(m->loop);
	const struct fellow *fellow = m->lead.is_on ? map_get(m->lead.managers, manager_id) : NULL;

	if (!m->lead.is_on)
		return;
	if (grace_ms)
		liveness_set_grace(&m->lead.live, node_id, grace_ms);
	switch ((enum sight)sight) {
	case SIGHT_HELD:
		liveness_held(&m->lead.live, node_id, manager_id, now);
		break;
	case SIGHT_SILENT:
		liveness_silent(&m->lead.live, node_id, manager_id, fellow ? fellow->since : m->lead.since, now);
		break;
	case SIGHT_AWAY:
		liveness_away(&m->lead.live, node_id, manager_id, now);
		break;
	case SIGHT_LEFT:
	case SIGHT_STOPPED:
		liveness_left(&m->lead.live, node_id, manager_id, sight == SIGHT_STOPPED, now);
		break;
	}
	if (sight >= SIGHT_AWAY && str_eq(node_id, manager_id))
		forget_fellow(m, manager_id);
	set_timer(m, 0);
}

bool lead_knows(const struct manager *m, const char *manager_id)
{
	const struct fellow *fellow = m->lead.is_on ? map_get(m->lead.managers, manager_id) : NULL;

	return fellow && fellow->has_told_all;
}

static struct fellow *fellow_of(struct manager *m, const char *manager_id)
{
	struct fellow *fellow = map_get(m->lead.managers, manager_id);

	if (fellow)
		return fellow;
	fellow = NEW(struct fellow);
	beats_init(&fellow->beats, loop_now(m->loop));
	fellow->since = loop_now(m->loop);
	map_put(m->lead.managers, manager_id, fellow);
	return fellow;
}

bool lead_takes(struct manager *m, const char *manager_id, const struct told *told)
{
	struct fellow *fellow;

	if (!m->lead.is_on || told->term != replica_status(m->replica).term)
		return false;
	fellow = fellow_of(m, manager_id);
	if (fellow->life == told->life && told->number <= fellow->number)
		return false;
	fellow->life = told->life;
	fellow->number = told->number;
	return true;
}

void lead_sees_only(struct manager *m, const char *manager_id, const struct tidings *tidings)
{
	struct map *held = map_new();

	if (m->lead.is_on) {
		for (size_t i = 0; i < tidings->sightings.count; i++)
			map_put(held, tidings->sightings.items[i].node_id, held);
		liveness_lost_but(&m->lead.live, manager_id, held, loop_now(m->loop));
		fellow_of(m, manager_id)->has_told_all = true;
		set_timer(m, 0);
	}
	map_free(held);
}

void lead_heard(struct manager *m, const char *manager_id, nsec clock)
{
	struct fellow *fellow;

	if (!m->lead.is_on)
		return;
	fellow = fellow_of(m, manager_id);
	if (loop_now(m->loop) - fellow->beats.last > SIGHT_LOST_MS)
		fellow->since = loop_now(m->loop);
	beats_add(&fellow->beats, loop_now(m->loop));
	fellow->was_heard = true;
	fellow->has_clock = describe_is_clock(clock);
	fellow->clock_ahead = fellow->has_clock ? clock - clock_wall_ns() : 0;
	if (!liveness_is_held_by(&m->lead.live, manager_id, manager_id))
		lead_sight(m, manager_id, SIGHT_HELD, 0, manager_id);
}

static void take_label(struct manager *m, const char *id, const struct node *node)
{
	msec grace = beats_parse_grace(str_map_get(&node->spec.labels, BEATS_GRACE_LABEL));

	if (grace)
		liveness_set_grace(&m->lead.live, id, grace);
}

static void add_node(struct manager *m, const char *id, const struct node *node)
{
	int state = node->status.state;

	liveness_add(&m->lead.live, id, state == NODE_DOWN ? LIVE_DOWN : state == NODE_READY ? LIVE_MOVING : LIVE_UNKNOWN, loop_now(m->loop));
	take_label(m, id, node);
}

void lead_on_applied(struct manager *m, const struct applied *applied)
{
	bool any = false;

	for (size_t i = 0; m->lead.is_on && i < applied->event_count; i++) {
		const struct state_event *event = &applied->events[i];

		if (event->kind != KIND_NODE)
			continue;
		any = true;
		if (event->op == CHANGE_CREATE)
			add_node(m, event->id, event->after);
		else if (event->op == CHANGE_REMOVE)
			liveness_remove(&m->lead.live, event->id);
		else if (event->mask & FIELD_BIT(NODE_SPEC))
			take_label(m, event->id, event->after);
	}
	if (any)
		lead_soon(m);
}

/* What we had to tell another leader: told later, to the next one, it would be old. */
static void tell_ourselves(struct manager *m)
{
	const char *id;
	void *sight;

	for (size_t at = 0; map_next(m->sights, &at, &id, &sight);) {
		lead_sight(m, id, (int)(uintptr_t)sight - 1, 0, m->node_id);
		map_remove(m->sights, id);
	}
}

static void begin(struct manager *m)
{
	const struct view_object *object;
	struct roster roster;
	const char *id;

	m->lead.is_on = true;
	m->lead.since = loop_now(m->loop);
	liveness_init(&m->lead.live);
	m->lead.managers = map_new();
	for (size_t at = 0; (object = view_next(manager_view(m), KIND_NODE, &at));)
		add_node(m, object->meta.id, object->value);
	lead_sight(m, m->node_id, SIGHT_HELD, 0, m->node_id);
	for (size_t at = 0; (id = dispatcher_next(m->dispatcher, &at));)
		lead_sight(m, id, SIGHT_HELD, dispatcher_grace_ms(m->dispatcher, id), m->node_id);
	tell_ourselves(m);
	manager_roster(m, &roster);
	for (size_t i = 0; i < roster.count; i++)
		if (!str_eq(roster.items[i].node_id, m->node_id))
			fellow_of(m, roster.items[i].node_id);
	set_timer(m, 0);
}

static void end(struct manager *m)
{
	void *fellow;

	timer_cancel(&m->lead.timer);
	if (!m->lead.is_on)
		return;
	m->lead.is_on = m->lead.is_changing = false;
	for (size_t at = 0; map_next(m->lead.managers, &at, NULL, &fellow);)
		free(fellow);
	map_free(m->lead.managers);
	m->lead.managers = NULL;
	liveness_fini(&m->lead.live);
}

void lead_set(struct manager *m, bool is_leader)
{
	end(m);
	if (is_leader)
		begin(m);
}

void lead_open(struct manager *m)
{
	timer_init(&m->lead.timer, m->loop, tick, m);
}

void lead_close(struct manager *m)
{
	end(m);
}
