#include "test/unit/raft/raft_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/panic.h"

#define trace(world, ...)                                                                          \
	do {                                                                                       \
		if (getenv("RAFT_TRACE")) {                                                        \
			printf("%8lld ", (long long)(world)->now);                                 \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)

struct letter { struct heap_node due; struct buf bytes; size_t from, to; bool is_forged; };

static void demand(struct world *world, bool ok, const char *what, const struct node *node)
{
	if (ok || world->failed)
		return;
	world->failed = true;
	snprintf(world->why, sizeof(world->why), "%s (node %llu at %lld ms)", what,
		 (unsigned long long)node->id, (long long)world->now);
	trace(world, "BROKEN: %s", world->why);
}

static bool chance(struct world *world, unsigned per_thousand)
{
	return rng_below(&world->rng, 1000) < per_thousand;
}

static msec some(struct world *world, msec most)
{
	return (msec)rng_below(&world->rng, (uint64_t)most + 1);
}

size_t world_place(const struct world *world, const struct node *node)
{
	return (size_t)(node - world->nodes);
}

static msec clock_of(const struct world *world, const struct node *node)
{
	return node->clock_offset + world->now * node->clock_rate / 1000;
}

/* When this node's clock will show that. */
static msec world_time(const struct node *node, msec own)
{
	return (own - node->clock_offset) * 1000 / node->clock_rate + 1;
}

struct node *world_find(struct world *world, raft_id id)
{
	for (size_t i = 0; i < WORLD_NODES_MAX; i++)
		if (id && world->nodes[i].id == id)
			return &world->nodes[i];
	return NULL;
}

/* ---- promises ------------------------------------------------------------------------------------------- */

static uint64_t value_of(const struct raft_entry *entry)
{
	uint64_t value = 14695981039346656037u ^ (uint64_t)entry->type;

	for (size_t i = 0; i < entry->size; i++)
		value = (value ^ ((const uint8_t *)entry->bytes)[i]) * 1099511628211u;
	return value | 1;
}

static void apply(struct world *world, struct node *node, const struct raft_entry *entry)
{
	struct state *state = &node->memory;
	raft_index at = entry->index;
	struct err err;

	demand(world, at == state->base.index + 1, "an entry was skipped or applied twice", node);
	demand(world, entry->now_ms >= state->base.now_ms, "cluster time fell along the log", node);
	demand(world, !world->told[at].value || (world->told[at].value == value_of(entry) &&
						 world->told[at].term == entry->term),
	       "two state machines got different entries at one index", node);
	world->acknowledged += !world->told[at].value;
	world->told[at].value = value_of(entry);
	world->told[at].term = entry->term;
	world->highest = MAX(world->highest, at);
	state->hash = (state->hash ^ value_of(entry)) * 1099511628211u;
	state->base.index = at;
	state->base.term = entry->term;
	state->base.now_ms = entry->now_ms;
	if (entry->type != RAFT_ENTRY_CONFIG)
		return;
	state->base.config_index = at;
	demand(world, raft_membership_decode(entry->bytes, entry->size, &state->base.config, &err) == 0,
	       "a configuration that cannot be read", node);
	if (raft_membership_find(&state->base.config, node->id))
		node->is_joining = false;
}

/* §3.6.3: a leader's log holds all that was ever applied. */
static void check_leader(struct world *world, struct node *node)
{
	struct raft_status status = raft_status(node->raft);
	raft_term term = status.hard.term;

	if (status.role != RAFT_LEADER || term >= WORLD_TERMS_MAX)
		return;
	demand(world, raft_cluster_ms(node->raft, clock_of(world, node)) >= node->memory.base.now_ms,
	       "a leader's time is before what it has applied", node);
	if (world->leaders[term] == node->id)
		return;
	demand(world, world->leaders[term] == 0, "two leaders in one term", node);
	world->leaders[term] = node->id;
	world->elections++;
	trace(world, "node %llu leads in term %llu, log to %llu", (unsigned long long)node->id, (unsigned long long)term,
	      (unsigned long long)status.last);
	demand(world, status.last >= world->highest, "a leader lacks an entry that was applied", node);
}

/* Durable: one vote a term, and terms never fall. */
static void check_vote(struct world *world, struct node *node)
{
	const struct raft_hard *hard = &node->disk.hard;

	demand(world, hard->term >= node->seen_term, "a durable term fell", node);
	if (hard->term == node->seen_term && node->seen_vote)
		demand(world, hard->vote == node->seen_vote, "a second vote in one term", node);
	node->seen_term = hard->term;
	node->seen_vote = hard->vote;
}

static void check_reads(struct world *world, struct node *node, const struct raft_out *out)
{
	for (size_t i = 0; i < out->read_count; i++)
		for (size_t k = 0; k < WORLD_READS_MAX; k++) {
			struct world_read *read = &node->reads[k];
			if (!read->is_open || read->token != out->reads[i].token)
				continue;
			read->is_open = false;
			if (!out->reads[i].is_confirmed)
				continue;
			world->confirmed_reads++;
			demand(world, out->reads[i].index >= read->floor, "a read misses what was applied before it", node);
		}
}

/* ---- the network -------------------------------------------------------------------------------------------- */

/* What a saboteur changes on the way. */
static void tamper(struct world *world, struct raft_msg *msg, struct raft_entry *entries)
{
	switch (world->sabotage) {
	case SABOTAGE_VOTES_TWICE:
		if (msg->type == RAFT_MSG_VOTE_REPLY || msg->type == RAFT_MSG_PRE_VOTE_REPLY)
			msg->vote_reply.granted = true;
		return;
	case SABOTAGE_ACKS_EARLY:
		if (msg->type == RAFT_MSG_APPEND_REPLY && msg->append_reply.matched)
			msg->append_reply.last_index += 1 + rng_below(&world->rng, 3);
		return;
	case SABOTAGE_COMMITS_EARLY:
		if (msg->type == RAFT_MSG_APPEND)
			msg->append.commit = msg->append.prev_index + msg->append.entry_count;
		return;
	case SABOTAGE_CHANGES_ENTRIES:
		for (size_t i = 0; msg->type == RAFT_MSG_APPEND && i < msg->append.entry_count; i++)
			if (entries[i].type == RAFT_ENTRY_NORMAL && chance(world, 20))
				entries[i].bytes = "tampered";
		return;
	case SABOTAGE_NONE:
	case SABOTAGE_READS_ALONE:
	case SABOTAGE_FORGETS_VOTES:
	case SABOTAGE_FORGETS_ENTRIES:
	case SABOTAGE_COUNT:
		return;
	}
}

static void post_copy(struct world *world, const struct buf *bytes, size_t from, size_t to, bool is_forged)
{
	struct letter *letter = NEW(struct letter);

	letter->is_forged = is_forged;
	letter->from = from;
	letter->to = to;
	buf_add(&letter->bytes, bytes->data, bytes->len);
	world->letters++;
	heap_put(&world->events, &letter->due, world->now + 1 + some(world, world->delay));
}

/* Everybody agrees that it leads, even who never heard of it. */
static void forge_agreement(struct world *world, struct node *leader, const struct raft_msg *beat)
{
	struct raft_msg msg = { .type = RAFT_MSG_HEARTBEAT_REPLY, .from = beat->to, .to = leader->id, .term = beat->term };
	struct node *other = world_find(world, beat->to);
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	msg.heartbeat_reply.round = beat->heartbeat.round;
	raft_msg_encode(&msg, &bytes);
	post_copy(world, &bytes, world_place(world, other), world_place(world, leader), true);
}

static void post(struct world *world, struct node *from, const struct raft_msg *msg)
{
	struct node *to = world_find(world, msg->to);
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct raft_msg changed = *msg;
	struct raft_entry *entries = NULL;

	if (to && world->sabotage == SABOTAGE_READS_ALONE && msg->type == RAFT_MSG_HEARTBEAT)
		forge_agreement(world, from, msg);
	if (!to || !to->is_running || chance(world, world->loss))
		return;
	world->votes += msg->type == RAFT_MSG_VOTE_REPLY && msg->vote_reply.granted;
	if (msg->type == RAFT_MSG_APPEND && msg->append.entry_count) {
		size_t count = msg->append.entry_count;
		entries = memcpy(NEW_ARRAY(struct raft_entry, count), msg->append.entries, count * sizeof(*entries));
		changed.append.entries = entries;
	}
	tamper(world, &changed, entries);
	raft_msg_encode(&changed, &bytes);
	free(entries);
	post_copy(world, &bytes, world_place(world, from), world_place(world, to), false);
	if (chance(world, world->doubles))
		post_copy(world, &bytes, world_place(world, from), world_place(world, to), false);
}

static void feed(struct world *world, struct node *node, struct raft_event event);

static void letter_free(struct world *world, struct letter *letter)
{
	world->letters--;
	buf_fini(&letter->bytes);
	free(letter);
}

static void deliver(struct world *world, struct letter *letter)
{
	struct node *to = &world->nodes[letter->to];
	struct arena arena;
	struct raft_msg msg;
	struct err err;

	if (!to->is_running || (world->cut[letter->from][letter->to] && !letter->is_forged))
		return;
	arena_init(&arena, "letter", 64 << 20);
	if (raft_msg_decode(letter->bytes.data, letter->bytes.len, &arena, &msg, &err) < 0)
		demand(world, false, "a message that cannot be read", to);
	else
		feed(world, to, (struct raft_event){ .type = RAFT_EVENT_RECEIVE, .receive = { &msg } });
	arena_fini(&arena);
}

/* A connection between two that run is up until somebody dies; a cut is not seen by anybody. */
static void tell_link(struct world *world, struct node *node, const struct node *other, enum raft_peer_state state)
{
	if (node->is_running && other->id)
		feed(world, node, (struct raft_event){ .type = RAFT_EVENT_PEER, .peer = { other->id, state } });
}

static void tell_links(struct world *world, struct node *node, enum raft_peer_state state)
{
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		struct node *other = &world->nodes[i];
		size_t place = world_place(world, node);

		if (other == node || !other->is_running || world->cut[place][i] || world->cut[i][place])
			continue;
		tell_link(world, other, node, state);
		if (state == RAFT_PEER_UP)
			tell_link(world, node, other, state);
	}
}

/* ---- the shell: persist, send, apply ---------------------------------------------------------------------------- */

static void arm_disk(struct world *world, struct node *node)
{
	if (node->disk.queued == 0 || node->disk_done.index)
		return;
	msec at = MAX(world->now + some(world, 6), node->disk_busy_until);
	heap_put(&world->events, &node->disk_done, at);
}

struct raft_id_list { const raft_id *ids; size_t count; };

static void offer_snapshots(struct world *world, struct node *node, struct raft_id_list list)
{
	for (size_t i = 0; i < list.count; i++) {
		struct state *copy = &world->snapshots[++world->snapshot_count % WORLD_SNAPSHOTS_MAX];
		struct raft_msg msg = { .type = RAFT_MSG_SNAPSHOT, .from = node->id, .to = list.ids[i] };

		*copy = node->memory;
		msg.term = raft_status(node->raft).hard.term;
		msg.snapshot.base = copy->base;
		msg.snapshot.ticket = world->snapshot_count;
		post(world, node, &msg);
		feed(world, node, (struct raft_event){ .type = RAFT_EVENT_SNAPSHOT_SENT,
						       .snapshot_sent = { list.ids[i], !chance(world, 200), copy->base.index } });
		if (!node->is_running)
			return;
	}
}

static void perform(struct world *world, struct node *node, const struct raft_out *out)
{
	struct raft_id_list ids = { memcpy(NEW_ARRAY(raft_id, out->send_snapshot_count + 1),
					   out->send_snapshot_count ? out->send_snapshot : &node->id,
					   out->send_snapshot_count * sizeof(raft_id)), out->send_snapshot_count };
	raft_index before = node->memory.base.index;

	raft_disk_queue(&node->disk, &out->persist);
	arm_disk(world, node);
	for (size_t i = 0; i < out->message_count; i++)
		post(world, node, &out->messages[i]);
	for (size_t i = 0; i < out->apply_count && !world->failed; i++)
		apply(world, node, &out->apply[i]);
	check_reads(world, node, out);
	if (out->check_sum && out->sum_index == node->memory.base.index)
		demand(world, out->sum == node->memory.hash, "replicas differ", node);
	if (out->install && out->install->index > node->memory.base.index) {
		node->fetching = out->install->index;
		node->fetch_ticket = out->install_ticket;
		heap_put(&world->events, &node->fetched, world->now + some(world, 300));
	}
	node->deadline = out->deadline;
	heap_remove(&world->events, &node->timer);
	if (node->deadline != RAFT_NEVER)
		heap_put(&world->events, &node->timer, MAX(world_time(node, node->deadline), world->now));
	check_leader(world, node);
	if (!world->failed && node->memory.base.index != before)
		feed(world, node, (struct raft_event){ .type = RAFT_EVENT_APPLIED,
						       .applied = { node->memory.base.index, true, node->memory.hash } });
	if (!world->failed && node->is_running)
		offer_snapshots(world, node, ids);
	free((void *)ids.ids);
}

static bool is_refusable(enum raft_event_type type)
{
	return type == RAFT_EVENT_PROPOSE || type == RAFT_EVENT_READ || type == RAFT_EVENT_CHANGE_MEMBER ||
	       type == RAFT_EVENT_TRANSFER;
}

static void feed(struct world *world, struct node *node, struct raft_event event)
{
	struct raft_out out;
	struct err err;

	if (!node->is_running || world->failed)
		return;
	if (raft_step(node->raft, &event, clock_of(world, node), &out, &err) < 0) {
		if (!is_refusable(event.type)) {
			demand(world, false, err.text, node);
			return;
		}
		if (event.type != RAFT_EVENT_READ)
			return;
		/* a read that was refused is not open */
		node->reads[(node->read_at + WORLD_READS_MAX - 1) % WORLD_READS_MAX].is_open = false;
		return;
	}
	perform(world, node, &out);
}

/* ---- what happens ------------------------------------------------------------------------------------------------- */

static void disk_is_done(struct world *world, struct node *node)
{
	raft_disk_sync_one(&node->disk);
	check_vote(world, node);
	arm_disk(world, node);
	node->reported = node->disk.durable_number;
	if (node->disk_was_told && world->now >= node->disk_busy_until) {
		node->disk_was_told = false;
		feed(world, node, (struct raft_event){ .type = RAFT_EVENT_DISK, .disk = { false } });
	}
	feed(world, node, (struct raft_event){ .type = RAFT_EVENT_PERSISTED, .persisted = { node->reported } });
}

static void snapshot_is_here(struct world *world, struct node *node)
{
	const struct state *copy = &world->snapshots[node->fetch_ticket % WORLD_SNAPSHOTS_MAX];

	if (!node->is_running || copy->base.index != node->fetching || copy->base.index <= node->memory.base.index)
		return; /* the stream broke; or it got there by the log */
	node->memory = node->durable = *copy;
	world->installs++;
	trace(world, "node %llu installs a snapshot at %llu", (unsigned long long)node->id, (unsigned long long)copy->base.index);
	if (raft_membership_find(&copy->base.config, node->id))
		node->is_joining = false;
	if (chance(world, 100)) {
		world_crash(world, node); /* between "installed" and "log forgotten" */
		return;
	}
	feed(world, node, (struct raft_event){ .type = RAFT_EVENT_SNAPSHOT_INSTALLED, .snapshot_installed = { copy->base } });
}

static bool take_next(struct world *world, msec until)
{
	struct heap_node *first = heap_first(&world->events);

	if (!first || first->key > until)
		return false;
	world->now = MAX(world->now, first->key);
	heap_remove(&world->events, first);
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		struct node *node = &world->nodes[i];

		if (first == &node->timer)
			feed(world, node, (struct raft_event){ .type = RAFT_EVENT_TIMER });
		else if (first == &node->disk_done)
			disk_is_done(world, node);
		else if (first == &node->fetched)
			snapshot_is_here(world, node);
		else if (first == &node->back)
			world_start(world, node);
		else
			continue;
		return true;
	}
	struct letter *letter = CONTAINER_OF(first, struct letter, due);
	deliver(world, letter);
	letter_free(world, letter);
	return true;
}

void world_run(struct world *world, msec span)
{
	msec until = world->now + span;

	while (!world->failed && take_next(world, until))
		;
	world->now = MAX(world->now, until);
}

/* ---- life and death --------------------------------------------------------------------------------------------------- */

void world_start(struct world *world, struct node *node)
{
	if (node->is_running || !node->id || world->failed)
		return;
	heap_remove(&world->events, &node->back);
	node->clock_rate = 950 + (int)rng_below(&world->rng, 101);
	node->clock_offset = some(world, 100000);
	node->memory = node->durable;
	node->raft = raft_new();
	node->is_running = true;
	node->reported = 0;
	node->is_disk_slow = node->disk_was_told = false;
	struct raft_event event = raft_disk_start(&node->disk, node->id, &node->durable.base);
	event.start.seed = rng_next(&world->rng);
	event.start.is_joining = node->is_joining;
	trace(world, "node %llu starts, state %llu, log of %zu", (unsigned long long)node->id,
	      (unsigned long long)node->durable.base.index, node->disk.count);
	feed(world, node, event);
	tell_links(world, node, RAFT_PEER_UP);
}

static void stop(struct world *world, struct node *node)
{
	node->is_running = false;
	raft_free(node->raft);
	node->raft = NULL;
	heap_remove(&world->events, &node->timer);
	heap_remove(&world->events, &node->disk_done);
	heap_remove(&world->events, &node->fetched);
	memset(node->reads, 0, sizeof(node->reads));
}

void world_crash(struct world *world, struct node *node)
{
	if (!node->is_running)
		return;
	trace(world, "node %llu dies", (unsigned long long)node->id);
	world->crashes++;
	stop(world, node);
	for (uint64_t n = rng_below(&world->rng, node->disk.queued + 1); n > 0; n--) {
		raft_disk_sync_one(&node->disk); /* it may have reached the platter all the same */
		check_vote(world, node);
	}
	raft_disk_lose_unsynced(&node->disk);
	if (world->sabotage == SABOTAGE_FORGETS_ENTRIES && node->disk.count > 1)
		raft_disk_forget_last(&node->disk);
	if (world->sabotage == SABOTAGE_FORGETS_VOTES)
		node->disk.hard.vote = 0;
	heap_put(&world->events, &node->back, world->now + some(world, 3000));
	tell_links(world, node, RAFT_PEER_LOST);
}

void world_cut(struct world *world, size_t from, size_t to)
{
	world->cut[from][to] = true;
}

void world_heal(struct world *world)
{
	memset(world->cut, 0, sizeof(world->cut));
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		world->nodes[i].disk_busy_until = 0;
		if (world->nodes[i].id && !world->nodes[i].is_running)
			world_start(world, &world->nodes[i]);
	}
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		struct node *node = &world->nodes[i];
		if (node->is_running)
			tell_links(world, node, RAFT_PEER_UP);
		if (node->disk_was_told)
			feed(world, node, (struct raft_event){ .type = RAFT_EVENT_DISK, .disk = { false } });
		node->disk_was_told = false;
	}
}

static struct node *place_for(struct world *world, raft_id id)
{
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		struct node *node = &world->nodes[i];
		if (node->id)
			continue;
		memset(node, 0, sizeof(*node));
		node->id = id;
		return node;
	}
	return NULL;
}

void world_init(struct world *world, uint64_t seed, enum sabotage sabotage)
{
	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->sabotage = sabotage;
	world->delay = 10;
	rng_seed(&world->rng, seed);
	struct node *first = place_for(world, ++world->next_id);
	raft_disk_found(&first->disk, first->id);
	world_start(world, first);
}

void world_fini(struct world *world)
{
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		struct node *node = &world->nodes[i];
		stop(world, node);
		heap_remove(&world->events, &node->back);
		raft_disk_fini(&node->disk);
	}
	for (struct heap_node *first; (first = heap_first(&world->events));) {
		heap_remove(&world->events, first);
		letter_free(world, CONTAINER_OF(first, struct letter, due));
	}
	heap_fini(&world->events);
}

/* ---- what people and time do ---------------------------------------------------------------------------------------------- */

struct node *world_leader(struct world *world)
{
	struct node *best = NULL;

	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		struct node *node = &world->nodes[i];
		if (!node->is_running || raft_status(node->raft).role != RAFT_LEADER)
			continue;
		if (!best || raft_status(node->raft).hard.term > raft_status(best->raft).hard.term)
			best = node;
	}
	return best;
}

struct node *world_any(struct world *world)
{
	size_t start = (size_t)rng_below(&world->rng, WORLD_NODES_MAX);

	for (size_t i = 0; i < WORLD_NODES_MAX; i++)
		if (world->nodes[(start + i) % WORLD_NODES_MAX].is_running)
			return &world->nodes[(start + i) % WORLD_NODES_MAX];
	return NULL;
}

void world_propose(struct world *world, struct node *node)
{
	uint64_t values[3] = { world->next_value + 1, world->next_value + 2, world->next_value + 3 };
	struct raft_proposal items[3] = { { &values[0], 8 }, { &values[1], 8 }, { &values[2], 8 } };

	if (world->highest > DISK_ENTRIES_MAX - 500 || node->disk.queued > DISK_QUEUE_MAX - 10)
		return;
	world->next_value += 3;
	feed(world, node, (struct raft_event){ .type = RAFT_EVENT_PROPOSE,
					       .propose = { items, 1 + (size_t)rng_below(&world->rng, 3) } });
}

void world_read(struct world *world, struct node *node)
{
	struct world_read *read = &node->reads[node->read_at++ % WORLD_READS_MAX];

	*read = (struct world_read){ ++world->next_token, world->highest, true };
	feed(world, node, (struct raft_event){ .type = RAFT_EVENT_READ, .read = { read->token } });
}

void world_checkpoint(struct world *world, struct node *node)
{
	raft_index until;

	node->durable = node->memory;
	until = node->durable.base.index;
	if (until < 3)
		return;
	until -= rng_below(&world->rng, MIN(until, (raft_index)40));
	raft_disk_cut(&node->disk, until);
	feed(world, node, (struct raft_event){ .type = RAFT_EVENT_CUT, .cut = { until } });
}

void world_slow_disk(struct world *world, struct node *node, msec span)
{
	node->disk_busy_until = world->now + span;
	node->disk_was_told = true;
	if (node->disk_done.index)
		heap_put(&world->events, &node->disk_done, node->disk_busy_until);
	feed(world, node, (struct raft_event){ .type = RAFT_EVENT_DISK, .disk = { true } });
}

void world_transfer(struct world *world, struct node *leader)
{
	world->transfers++;
	feed(world, leader, (struct raft_event){ .type = RAFT_EVENT_TRANSFER });
}

static bool change(struct world *world, enum raft_member_change what, raft_id id)
{
	struct node *leader = world_leader(world);
	struct raft_event event = { .type = RAFT_EVENT_CHANGE_MEMBER };

	if (!leader)
		return false;
	event.change_member.change = what;
	event.change_member.member.id = id;
	snprintf(event.change_member.member.node_id, ID_SIZE, "node%llu", (unsigned long long)id);
	raft_index before = raft_status(leader->raft).config_index;
	feed(world, leader, event);
	bool done = leader->is_running && raft_status(leader->raft).config_index != before;
	world->changes += done;
	if (done)
		trace(world, "change %d of %llu proposed", (int)what, (unsigned long long)id);
	return done;
}

void world_add(struct world *world)
{
	struct node *node = place_for(world, world->next_id + 1);

	if (!node)
		return;
	node->id = 0;
	if (!change(world, RAFT_ADD_LEARNER, world->next_id + 1))
		return;
	node->id = ++world->next_id;
	node->is_joining = true;
	world_start(world, node);
}

void world_promote(struct world *world)
{
	struct node *leader = world_leader(world);
	raft_id id = 0;

	if (!leader)
		return;
	const struct raft_membership *config = raft_status(leader->raft).config;
	for (size_t i = 0; i < config->count; i++)
		if (config->members[i].suffrage == RAFT_LEARNER)
			id = config->members[i].id;
	if (id)
		change(world, RAFT_MAKE_VOTER, id);
}

void world_remove(struct world *world)
{
	struct node *leader = world_leader(world), *node = world_any(world);

	if (leader && node && node != leader)
		change(world, RAFT_REMOVE, node->id);
}

static void wipe(struct world *world, struct node *node)
{
	trace(world, "node %llu is wiped", (unsigned long long)node->id);
	if (node->is_running) {
		stop(world, node);
		tell_links(world, node, RAFT_PEER_LOST);
	}
	heap_remove(&world->events, &node->back);
	raft_disk_fini(&node->disk);
	node->id = 0;
}

void world_wipe_removed(struct world *world)
{
	struct node *leader = world_leader(world);

	if (!leader)
		return;
	struct raft_status status = raft_status(leader->raft);
	if (status.config_index > status.commit || world->told[status.commit].term != status.hard.term)
		return; /* nobody knows yet who stays */
	for (size_t i = 0; i < WORLD_NODES_MAX; i++)
		if (world->nodes[i].id && !raft_membership_find(status.config, world->nodes[i].id))
			wipe(world, &world->nodes[i]);
}

size_t world_voters(struct world *world, struct node *node)
{
	const struct raft_membership *config = raft_status(node->raft).config;
	size_t voters = 0;

	(void)world;
	for (size_t i = 0; i < config->count; i++)
		voters += config->members[i].suffrage == RAFT_VOTER;
	return voters;
}
