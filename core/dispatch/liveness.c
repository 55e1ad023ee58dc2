#include "dispatch/liveness.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"

enum { MINUTE_MS = 60000 };

/* ---- the holder's half ------------------------------------------------------------------------------------------- */

void beats_init(struct beats *b, msec now)
{
	*b = (struct beats){ .last = now, .minute = now / MINUTE_MS };
}

void beats_add(struct beats *b, msec now)
{
	msec minute = now / MINUTE_MS;

	for (unsigned i = 0; b->minute < minute && i < LIVENESS_MINUTES; i++)
		b->longest[++b->minute % LIVENESS_MINUTES] = 0;
	b->minute = minute;
	b->longest[minute % LIVENESS_MINUTES] = MAX(b->longest[minute % LIVENESS_MINUTES], now - b->last);
	b->last = now;
}

msec beats_grace_ms(const struct beats *b)
{
	msec grace = LIVENESS_GRACE_MIN_MS;

	if (b->fixed_ms)
		return b->fixed_ms;
	for (unsigned i = 0; i < LIVENESS_MINUTES; i++)
		grace = MAX(grace, LIVENESS_GAPS * b->longest[i]);
	return MIN(grace, LIVENESS_GRACE_MAX_MS);
}

msec beats_deadline(const struct beats *b)
{
	return b->last + beats_grace_ms(b);
}

msec beats_parse_grace(const char *label)
{
	struct err err;
	nsec grace;

	if (str_is_empty(label) || units_parse_duration(label, &grace, &err) < 0 || grace < 1000000)
		return 0;
	return MIN(grace / 1000000, (nsec)BEATS_GRACE_MAX_MS);
}

/* ---- the leader's half ------------------------------------------------------------------------------------------- */

void liveness_init(struct liveness *live)
{
	*live = (struct liveness){ .nodes = map_new() };
}

static void node_free(struct live_node *node)
{
	if (!node)
		return;
	map_free(node->holders);
	free(node);
}

void liveness_fini(struct liveness *live)
{
	void *node;

	for (size_t at = 0; live->nodes && map_next(live->nodes, &at, NULL, &node);)
		node_free(node);
	map_free(live->nodes);
	*live = (struct liveness){ 0 };
}

/* How long a node may take to turn up again. */
static msec move_ms(const struct live_node *node)
{
	return MAX(2 * node->grace_ms, (msec)LIVENESS_MOVE_MS);
}

static void move(struct live_node *node, enum live_state state, msec at)
{
	/* what people see of these two is the same: ready */
	bool looks_alike = (node->state == LIVE_HELD || node->state == LIVE_MOVING || node->state == LIVE_SILENT) &&
			   (state == LIVE_HELD || state == LIVE_MOVING || state == LIVE_SILENT);

	if (!looks_alike && node->state != state)
		node->is_told = false;
	node->state = state;
	node->at = at;
}

void liveness_add(struct liveness *live, const char *id, enum live_state state, msec now)
{
	struct live_node *node;

	if (map_get(live->nodes, id))
		return;
	node = NEW(struct live_node);
	check(str_copy(node->id, sizeof node->id, id));
	node->holders = map_new();
	node->state = state;
	node->grace_ms = LIVENESS_GRACE_MIN_MS;
	node->at = now + (state == LIVE_DOWN ? 0 : LIVENESS_MOVE_MS);
	node->is_told = true;
	map_put(live->nodes, id, node);
}

void liveness_remove(struct liveness *live, const char *id)
{
	node_free(map_remove(live->nodes, id));
}

bool liveness_is_held_by(const struct liveness *live, const char *id, const char *manager)
{
	const struct live_node *node = map_get(live->nodes, id);

	return node && map_get(node->holders, manager);
}

void liveness_held(struct liveness *live, const char *id, const char *manager, msec now)
{
	struct live_node *node = map_get(live->nodes, id);

	if (!node)
		return;
	if (!map_remove(node->holders, manager))
		node->turn_up_until = 0;        /* this is where it was on its way to */
	map_put(node->holders, manager, node);
	node->has_left = node->has_stopped = false;
	node->was_held = true;
	move(node, LIVE_HELD, now);
}

/* This manager holds it no more. Does anybody? */
static void hand_back(struct live_node *node, const char *manager, bool may_turn_up, msec now)
{
	if (!map_remove(node->holders, manager))
		return;
	check(node->state == LIVE_HELD);
	if (may_turn_up)
		node->turn_up_until = now + move_ms(node);
	if (map_count(node->holders))
		return;
	if (node->turn_up_until > now)
		move(node, LIVE_MOVING, node->turn_up_until);
	else
		move(node, LIVE_SILENT, now + LIVENESS_SETTLE_MS);
}

void liveness_silent(struct liveness *live, const char *id, const char *manager, msec since, msec now)
{
	struct live_node *node = map_get(live->nodes, id);

	if (node)
		hand_back(node, manager, now - since < node->grace_ms, now);
}

void liveness_set_grace(struct liveness *live, const char *id, msec grace_ms)
{
	struct live_node *node = map_get(live->nodes, id);

	if (node)
		node->grace_ms = MAX(grace_ms, (msec)LIVENESS_GRACE_MIN_MS);
}

static const char *newest_holder(const struct live_node *node)
{
	const char *holder = "";
	void *unused;

	for (size_t at = 0; map_next(node->holders, &at, &holder, &unused);)
		;
	return holder;
}

/* It goes, and says so to this manager: nobody has it. NULL: it may be at another one by now, and this word comes late. */
static struct live_node *goes_from(struct liveness *live, const char *id, const char *manager, bool may_turn_up, msec now)
{
	struct live_node *node = map_get(live->nodes, id);
	const char *holder;
	void *unused;

	if (!node || node->state > LIVE_MOVING)
		return NULL;
	if (node->state == LIVE_HELD && !str_eq(newest_holder(node), manager)) {
		hand_back(node, manager, may_turn_up, now);
		return NULL;
	}
	for (size_t at = 0; map_next(node->holders, &at, &holder, &unused);)
		map_remove(node->holders, holder);
	return node;
}

void liveness_left(struct liveness *live, const char *id, const char *manager, bool has_stopped, msec now)
{
	struct live_node *node = goes_from(live, id, manager, has_stopped, now);

	if (!node)
		return;
	node->has_left = true;
	node->has_stopped = has_stopped;
	move(node, LIVE_DOWN, now);
}

void liveness_away(struct liveness *live, const char *id, const char *manager, msec now)
{
	struct live_node *node = goes_from(live, id, manager, true, now);

	if (node)
		move(node, LIVE_MOVING, now + move_ms(node));
}

void liveness_lost_but(struct liveness *live, const char *manager, const struct map *held, msec now)
{
	const char *id;
	void *node;

	for (size_t at = 0; map_next(live->nodes, &at, &id, &node);)
		if (!str_eq(id, manager) && !map_get(held, id))
			hand_back(node, manager, true, now);
}

void liveness_manager_lost(struct liveness *live, const char *manager, msec now)
{
	void *node;

	for (size_t at = 0; map_next(live->nodes, &at, NULL, &node);)
		hand_back(node, manager, true, now);
}

/* Gone: those that are silent now, and those that went within the last G; of all that were there before. */
static bool is_mass_loss(const struct liveness *live, msec now)
{
	size_t gone = 0, there = 0;
	void *value;

	for (size_t at = 0; map_next(live->nodes, &at, NULL, &value);) {
		const struct live_node *node = value;
		bool went = node->state == LIVE_SILENT ||
			    (node->was_held && ((node->state == LIVE_UNKNOWN && node->at > now) ||
						(node->state == LIVE_DOWN && !node->has_left && now - node->at < LIVENESS_GRACE_MIN_MS)));

		gone += went;
		there += went || node->state <= LIVE_MOVING;
	}
	return gone >= LIVENESS_MASS_MIN && gone * 2 > there;
}

/* A node that is silent after its time, one that did not turn up elsewhere, one that is missing since a mass loss. */
static bool is_due(const struct live_node *node, msec now)
{
	return (node->state == LIVE_MOVING || node->state == LIVE_SILENT || node->state == LIVE_UNKNOWN) && node->at <= now;
}

void liveness_tick(struct liveness *live, msec now)
{
	bool any = false;
	void *value;

	for (size_t at = 0; !any && map_next(live->nodes, &at, NULL, &value);)
		any = is_due(value, now);
	if (!any)
		return;
	/* those that did not turn up count with those that fell silent */
	for (size_t at = 0; map_next(live->nodes, &at, NULL, &value);) {
		struct live_node *node = value;

		if (node->state == LIVE_MOVING && node->at <= now)
			move(node, LIVE_SILENT, now);
	}
	if (now >= live->hold_until && is_mass_loss(live, now))
		live->hold_until = now + LIVENESS_MASS_HOLD_MS;
	for (size_t at = 0; map_next(live->nodes, &at, NULL, &value);) {
		struct live_node *node = value;

		if (!is_due(node, now))
			continue;
		if (node->state == LIVE_SILENT && now < live->hold_until)
			move(node, LIVE_UNKNOWN, live->hold_until);
		else
			move(node, LIVE_DOWN, now);
	}
}

const struct live_node *liveness_next(struct liveness *live, size_t *at)
{
	void *value;

	while (map_next(live->nodes, at, NULL, &value)) {
		struct live_node *node = value;

		if (node->is_told)
			continue;
		node->is_told = true;
		return node;
	}
	return NULL;
}

void liveness_again(struct liveness *live, const char *id)
{
	struct live_node *node = map_get(live->nodes, id);

	if (node)
		node->is_told = false;
}

msec liveness_deadline(const struct liveness *live)
{
	msec next = INT64_MAX;
	void *value;

	for (size_t at = 0; map_next(live->nodes, &at, NULL, &value);) {
		const struct live_node *node = value;

		if (node->state == LIVE_MOVING || node->state == LIVE_SILENT || node->state == LIVE_UNKNOWN)
			next = MIN(next, node->at);
	}
	return next;
}
