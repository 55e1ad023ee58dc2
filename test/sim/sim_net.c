#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/panic.h"
#include "replica/snapshot.h"
#include "test/sim/sim.h"

enum { LINK_MS = 5, CHUNK = 700 };

/* ---- letters ---------------------------------------------------------------------------------- */

static void letter_free(struct sim_letter *letter)
{
	sim_cancel(&letter->due);
	list_remove(&letter->link);
	buf_fini(&letter->bytes);
	free(letter);
}

struct sim_letter *sim_letter_new(enum sim_letter_type type, size_t from, size_t to)
{
	struct sim_letter *letter = NEW(struct sim_letter);

	letter->type = type;
	letter->from = from;
	letter->to = to;
	list_add_last(&world.letters, &letter->link);
	return letter;
}

static void fetch_here(const struct sim_letter *letter);

static void hand_over(struct sim_manager *m, const struct sim_letter *letter)
{
	struct err err;

	sim_manager_enter(m);
	switch (letter->type) {
	case LETTER_RAFT:
		if (replica_receive(m->replica, world.manager[letter->from].node_id, letter->bytes.data, letter->bytes.len, &err) < 0)
			sim_demand(false, "%s cannot read a message: %s", m->node_id, err.text);
		break;
	case LETTER_FETCH:
		fetch_here(letter);
		break;
	case LETTER_BEAT:
		sim_manager_take_beat(m, letter->from, (const struct sim_status *)(const void *)letter->bytes.data,
				      letter->bytes.len / sizeof(struct sim_status));
		break;
	case LETTER_REPORT:
		sim_manager_take_report(m, letter);
		break;
	case LETTER_ASK:
		sim_manager_take_ask(m, letter);
		break;
	case LETTER_ORDERS:
	case LETTER_ANSWER:
		panic("no manager gets this");
	}
	sim_manager_leave(m);
}

static bool is_cut_off(const struct sim_letter *letter)
{
	switch (letter->type) {
	case LETTER_RAFT:
	case LETTER_FETCH:
	case LETTER_REPORT:
		return world.cut[letter->from][letter->to] && !letter->is_forged;
	case LETTER_BEAT:
		return world.worker[letter->from].is_cut;
	case LETTER_ORDERS:
		return world.worker[letter->to].is_cut;
	case LETTER_ASK:
	case LETTER_ANSWER:
		return false;
	}
	panic("no such letter");
}

static void deliver(struct sim_event *event)
{
	struct sim_letter *letter = CONTAINER_OF(event, struct sim_letter, due);
	struct sim_manager *m;

	if (is_cut_off(letter)) {
		letter_free(letter);
		return;
	}
	if (letter->type == LETTER_ORDERS) {
		sim_worker_take_orders(&world.worker[letter->to], letter);
	} else if (letter->type == LETTER_ANSWER) {
		sim_client_take_answer(letter);
	} else if ((m = &world.manager[letter->to])->is_running) {
		if (m->host.frozen_until > sim_time.now) {
			sim_at(event, m->host.frozen_until, deliver);
			return;
		}
		hand_over(m, letter);
	}
	letter_free(letter);
}

static bool may_come_twice(enum sim_letter_type type)
{
	return type == LETTER_RAFT || type == LETTER_BEAT || type == LETTER_REPORT;
}

static void send_off(struct sim_letter *letter)
{
	/* a few come very late: behind much that was sent after them */
	msec most = sim_chance(5) ? world.delay * 20 : world.delay;

	sim_at(&letter->due, sim_time.now + 1 + sim_some(most), deliver);
}

/* So that two stand in one term. */
static bool must_get_lost(const struct sim_letter *letter)
{
	return world.sabotage == SABOTAGE_FORGETS_VOTES && letter->type == LETTER_RAFT &&
	       ((const uint8_t *)letter->bytes.data)[1] == RAFT_MSG_VOTE && sim_chance(300);
}

void sim_post(struct sim_letter *letter)
{
	if ((sim_chance(world.loss) || must_get_lost(letter)) && !letter->is_forged) {
		letter_free(letter);
		return;
	}
	if (may_come_twice(letter->type) && sim_chance(world.doubles)) {
		struct sim_letter *copy = sim_letter_new(letter->type, letter->from, letter->to);
		buf_add(&copy->bytes, letter->bytes.data, letter->bytes.len);
		copy->number = letter->number;
		copy->verdict = letter->verdict;
		send_off(copy);
	}
	send_off(letter);
}

/* ---- raft's messages, and those who tamper with them ------------------------------------------------ */

/* Everybody agrees that it leads, even who never heard of it. */
static void forge_agreement(const struct sim_manager *leader, const struct raft_msg *beat)
{
	struct raft_msg msg = { .type = RAFT_MSG_HEARTBEAT_REPLY, .from = beat->to, .to = leader->id, .term = beat->term };
	struct sim_manager *other = sim_manager_by_id(beat->to);

	if (!other)
		return;
	struct sim_letter *letter = sim_letter_new(LETTER_RAFT, other->place, leader->place);
	msg.heartbeat_reply.round = beat->heartbeat.round;
	letter->is_forged = true;
	raft_msg_encode(&msg, &letter->bytes);
	sim_post(letter);
}

/* It has everything, says the wire, whatever its disk thinks. */
static void forge_acknowledgement(const struct sim_manager *leader, const struct raft_msg *append)
{
	struct raft_msg msg = { .type = RAFT_MSG_APPEND_REPLY, .from = append->to, .to = leader->id, .term = append->term };
	struct sim_manager *other = sim_manager_by_id(append->to);

	if (!other || !other->is_running)
		return;
	struct sim_letter *letter = sim_letter_new(LETTER_RAFT, other->place, leader->place);
	msg.append_reply.matched = true;
	msg.append_reply.last_index = append->append.prev_index + append->append.entry_count;
	msg.append_reply.last_term = append->append.entries[append->append.entry_count - 1].term;
	letter->is_forged = true;
	raft_msg_encode(&msg, &letter->bytes);
	sim_post(letter);
}

/* Right after it has voted it dies, and is back at once. */
static void stumble(struct sim_event *event)
{
	struct sim_manager *m = CONTAINER_OF(event, struct sim_manager, stumble);

	sim_manager_stop(m, DEATH_KILLED);
	sim_manager_start(m);
}

static void tamper(const struct sim_manager *from, struct raft_msg *msg)
{
	switch (world.sabotage) {
	case SABOTAGE_VOTES_TWICE:
		if (msg->type == RAFT_MSG_VOTE_REPLY || msg->type == RAFT_MSG_PRE_VOTE_REPLY)
			msg->vote_reply.granted = true;
		return;
	case SABOTAGE_ACKS_EARLY:
		if (msg->type == RAFT_MSG_APPEND && msg->append.entry_count)
			forge_acknowledgement(from, msg);
		return;
	case SABOTAGE_FORGETS_VOTES:
		if (msg->type == RAFT_MSG_VOTE_REPLY && msg->vote_reply.granted && sim_chance(500))
			sim_at(&((struct sim_manager *)from)->stumble, sim_time.now, stumble);
		return;
	case SABOTAGE_COMMITS_EARLY:
		if (msg->type == RAFT_MSG_APPEND)
			msg->append.commit = msg->append.prev_index + msg->append.entry_count;
		return;
	case SABOTAGE_CHANGES_ENTRIES:
		for (size_t i = 0; msg->type == RAFT_MSG_APPEND && i < msg->append.entry_count; i++)
			if (msg->append.entries[i].type == RAFT_ENTRY_NORMAL && sim_chance(50))
				((struct raft_entry *)msg->append.entries)[i].size = 0; /* decodes as no change at all */
		return;
	case SABOTAGE_READS_ALONE:
		if (msg->type == RAFT_MSG_HEARTBEAT)
			forge_agreement(from, msg);
		return;
	default:
		return;
	}
}

static bool must_be_read(const void *bytes, size_t size)
{
	return world.sabotage || world.trace || (size > 1 && ((const uint8_t *)bytes)[1] == RAFT_MSG_VOTE_REPLY);
}

/* True: it is another message now. */
static void look_into(struct sim_manager *from, const void *bytes, size_t size, struct buf *out)
{
	struct arena arena;
	struct raft_msg msg;
	struct err err;

	arena_init(&arena, "letter", 64 << 20);
	if (raft_msg_decode(bytes, size, &arena, &msg, &err) < 0) {
		sim_demand(false, "%s sends what cannot be read: %s", from->node_id, err.text);
	} else {
		sim_check_message(from, &msg);
		tamper(from, &msg);
		raft_msg_encode(&msg, out);
	}
	arena_fini(&arena);
}

static void send(void *arg, raft_id to, const char *node_id UNUSED, const void *bytes, size_t size)
{
	struct sim_manager *from = arg, *reader = sim_manager_by_id(to);
	CLEANUP(buf_finip) struct buf changed = BUF_INIT;

	if (must_be_read(bytes, size)) {
		look_into(from, bytes, size, &changed);
		bytes = changed.data;
		size = changed.len;
	}
	if (!reader || !reader->is_running)
		return;
	struct sim_letter *letter = sim_letter_new(LETTER_RAFT, from->place, reader->place);
	buf_add(&letter->bytes, bytes, size);
	sim_post(letter);
}

/* ---- snapshots: a stream beside the letters ---------------------------------------------------------- */

struct sim_stream {
	struct list link;
	struct sim_event due;
	struct sim_manager *from, *to;
	unsigned to_boots;
	uint64_t ticket;
	struct replica_snapshot *snapshot;
};

static void fetch(void *arg, raft_id from, const char *node_id UNUSED, uint64_t ticket)
{
	const struct sim_manager *m = arg, *leader = sim_manager_by_id(from);

	if (!leader)
		return;
	struct sim_letter *letter = sim_letter_new(LETTER_FETCH, m->place, leader->place);
	letter->number = ticket;
	sim_post(letter);
}

/* The same without its last row, and nobody can tell by the sum. */
static void leave_out_a_row(struct buf *all)
{
	struct snapshot snapshot;
	struct view *view = view_new();
	CLEANUP(buf_finip) struct buf less = BUF_INIT;
	struct err err;

	check(snapshot_decode(all->data, all->len, &snapshot, &err) == 0);
	for (size_t i = 0; i + 1 < snapshot.row_count; i++)
		check(state_load_row(view, (enum kind)snapshot.rows[i].table, snapshot.rows[i].id, snapshot.rows[i].bytes,
				     snapshot.rows[i].size, &err) == 0);
	check(state_load_done(view, snapshot.base.index, snapshot.base.term, snapshot.base.now_ms, view_sum(view), &err) == 0);
	snapshot_encode(view, &snapshot.base, &less);
	buf_clear(all);
	buf_add(all, less.data, less.len);
	view_free(view);
	snapshot_fini(&snapshot);
}

static size_t read_all(struct sim_stream *stream, struct buf *all)
{
	char chunk[CHUNK];
	size_t count;
	bool breaks = !world.is_calm && sim_chance(150);

	while ((count = replica_snapshot_read(stream->snapshot, chunk, sizeof(chunk))) > 0) {
		buf_add(all, chunk, count);
		if (breaks && sim_chance(300))
			return count;
	}
	return 0;
}

static void bring(struct sim_stream *stream, const struct buf *all, bool is_complete)
{
	struct sim_manager *to = stream->to;
	struct err err;

	if (!to->is_running || to->boots != stream->to_boots)
		return;
	sim_manager_enter(to);
	for (size_t at = 0; at < all->len; at += CHUNK)
		if (replica_snapshot_bytes(to->replica, stream->ticket, all->data + at, MIN(all->len - at, (size_t)CHUNK), &err) < 0)
			break;
	replica_snapshot_end(to->replica, stream->ticket, is_complete);
	sim_manager_leave(to);
}

static void stream_end(struct sim_stream *stream)
{
	sim_cancel(&stream->due);
	sim_manager_enter(stream->from);
	replica_snapshot_close(stream->snapshot);
	sim_manager_leave(stream->from);
	list_remove(&stream->link);
	free(stream);
}

static void arrive(struct sim_event *event)
{
	struct sim_stream *stream = CONTAINER_OF(event, struct sim_stream, due);
	CLEANUP(buf_finip) struct buf all = BUF_INIT;
	bool is_linked = sim_is_linked(stream->from->place, stream->to->place);
	bool is_complete = is_linked && read_all(stream, &all) == 0;

	if (is_complete && world.sabotage == SABOTAGE_FORGETS_ROWS)
		leave_out_a_row(&all);
	if (is_linked)
		bring(stream, &all, is_complete);
	TRACE("snapshot %llu of %s to %s: %zu bytes, %s", (unsigned long long)stream->ticket, stream->from->node_id, stream->to->node_id,
	      all.len, is_complete ? "whole" : "cut off");
	stream_end(stream);
}

static void fetch_here(const struct sim_letter *letter)
{
	struct sim_manager *from = &world.manager[letter->to], *to = &world.manager[letter->from];
	struct replica_snapshot *snapshot;
	struct err err;

	if (replica_snapshot_open(from->replica, letter->number, &snapshot, &err) < 0)
		return;
	struct sim_stream *stream = NEW(struct sim_stream);
	*stream = (struct sim_stream){ .from = from, .to = to, .to_boots = to->boots, .ticket = letter->number, .snapshot = snapshot };
	list_add_last(&world.streams, &stream->link);
	sim_at(&stream->due, sim_time.now + 5 + sim_some(300), arrive);
}

void sim_break_streams(size_t place)
{
	LIST_EACH(link, &world.streams) {
		struct sim_stream *stream = CONTAINER_OF(link, struct sim_stream, link);
		if (stream->from->place == place)
			stream_end(stream);
	}
}

static void on_members(void *arg UNUSED)
{
}

const struct replica_transport sim_transport = { send, fetch, on_members, NULL };

/* ---- connections --------------------------------------------------------------------------------- */

bool sim_is_linked(size_t a, size_t b)
{
	return !world.cut[a][b] && !world.cut[b][a];
}

static void tell(struct sim_manager *m, size_t other, enum raft_peer_state state)
{
	TRACE("%s: its connection to %s is %s", m->node_id, world.manager[other].node_id,
	      state == RAFT_PEER_UP ? "up" : state == RAFT_PEER_LOST ? "broken" : "silent");
	m->told[other] = state;
	sim_manager_enter(m);
	replica_peer(m->replica, world.manager[other].id, state);
	sim_manager_leave(m);
}

static void look(struct sim_event *event)
{
	struct sim_manager *m = NULL;
	size_t other = 0;

	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (event >= world.manager[i].look && event < world.manager[i].look + SIM_MANAGERS) {
			m = &world.manager[i];
			other = (size_t)(event - m->look);
		}
	check(m);
	if (!m->is_running || !world.manager[other].id)
		return;
	bool is_up = world.manager[other].is_running && sim_is_linked(m->place, other);
	if (is_up && m->told[other] != RAFT_PEER_UP)
		tell(m, other, RAFT_PEER_UP);
	else if (!is_up && (m->told[other] == RAFT_PEER_UP || m->told[other] == RAFT_PEER_SILENT) && sim_is_linked(m->place, other))
		tell(m, other, RAFT_PEER_LOST); /* refused */
	else if (!is_up && m->told[other] == RAFT_PEER_UP)
		tell(m, other, RAFT_PEER_SILENT);
}

static void look_at(struct sim_manager *m, size_t other, msec within)
{
	if (m->place != other && m->node_id[0])
		sim_at(&m->look[other], sim_time.now + sim_some(within), look);
}

void sim_look_all(size_t place, msec within)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		look_at(&world.manager[i], place, within);
		look_at(&world.manager[place], i, within);
	}
}

void sim_cut_link(size_t from, size_t to, bool is_cut)
{
	world.cut[from][to] = is_cut;
	look_at(&world.manager[from], to, is_cut ? 5000 : 500);
	look_at(&world.manager[to], from, is_cut ? 5000 : 500);
}

void sim_net_free(void)
{
	LIST_EACH(link, &world.letters)
		letter_free(CONTAINER_OF(link, struct sim_letter, link));
	check(list_is_empty(&world.streams));
}
