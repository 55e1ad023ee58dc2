/* replica_step_io.c - the duties of each step of raft in their order: persist, send, apply, write behind. */
#include <stdlib.h>

#include "base/panic.h"
#include "os/log.h"
#include "replica/replica_internal.h"

enum {
	KEEP_ENTRIES = 5000,
	KEEP_BYTES = 1 << 20,
};

/* --- apply ------------------------------------------------------------------------------------- */

static void write_behind(struct replica *r, const struct raft_entry *entry,
			 const struct applied *applied)
{
	CLEANUP(buf_finip) struct buf members = BUF_INIT;

	r->applied_ms = MAX(r->applied_ms, MAX(entry->now_ms, view_now(r->view)));
	if (replica_is_covered(r, entry->index))
		return;
	struct store_row *rows = NEW_ARRAY(struct store_row, applied->row_count + 1);

	for (size_t i = 0; i < applied->row_count; i++)
		rows[i] = (struct store_row){ applied->rows[i].kind, applied->rows[i].id, applied->rows[i].bytes,
					      applied->rows[i].size, applied->rows[i].created_index };
	raft_membership_encode(&r->config, &members);

	struct store_mark mark = {
		.index = entry->index,
		.term = entry->term,
		.now_ms = r->applied_ms,
		.sum = view_sum(r->view),
		.format_level = FORMAT_LEVEL,
		.members_index = r->config_index,
		.members = members.data,
		.members_size = members.len,
	};
	if (!store_state_write(r->store, rows, applied->row_count, &mark))
		r->is_state_full = true;
	free(rows);
}

static int apply_to_view(struct replica *r, const struct raft_entry *entry, struct applied *ret,
			 struct err *err)
{
	bool is_ours = entry->type == RAFT_ENTRY_NORMAL;

	if (entry->type == RAFT_ENTRY_CONFIG) {
		if (raft_membership_decode(entry->bytes, entry->size, &r->config, err) < 0)
			return -1;
		r->config_index = entry->index;
		r->status_changed = true;
	}
	return state_apply(r->view, entry->index, entry->term, is_ours ? entry->bytes : NULL,
			   is_ours ? entry->size : 0, ret, err);
}

static int apply(struct replica *r, const struct raft_entry *entry)
{
	struct applied applied;
	struct err err;

	if (apply_to_view(r, entry, &applied, &err) < 0) {
		replica_stop(r, &err);
		return -1;
	}
	write_behind(r, entry, &applied);
	if (r->is_open)
		r->hooks.on_applied(r->hooks.arg, &applied);
	applied_fini(&applied);
	if (!r->is_open)
		return 0;
	replica_settle_batch(r, entry);
	replica_settle_change(r, entry);
	replica_note_sum(r);
	replica_tell_answers(r);
	return 0;
}

/* --- a step ------------------------------------------------------------------------------------ */

static void on_persisted(void *arg, const struct err *err);

static int persist(struct replica *r, const struct raft_persist *persist, struct err *err)
{
	struct store_entry *entries = NEW_ARRAY(struct store_entry, persist->entry_count + 1);
	struct store_append append = {
		.hard = { persist->hard.term, persist->hard.vote, persist->hard.election_ms },
		.forgets_log = persist->forgets_log,
		.entries = entries,
		.entry_count = persist->entry_count,
	};

	for (size_t i = 0; i < persist->entry_count; i++) {
		const struct raft_entry *entry = &persist->entries[i];
		entries[i] = (struct store_entry){ entry->index,  entry->term,  entry->type,
						   entry->now_ms, entry->bytes, entry->size };
	}
	r->persist_last = persist->number;
	r->persist_at[persist->number % REPLICA_PERSISTS_MAX] = loop_now(r->loop);
	int got = store_log_append(r->store, &append, on_persisted, r, err);
	free(entries);
	return got;
}

bool replica_is_alone(const struct replica *r)
{
	const struct raft_membership *config = r->raft ? raft_status(r->raft).config : &r->config;

	return config->count == 1 && config->members[0].id == r->me.raft_id;
}

bool replica_can_be_spared(const struct replica *r)
{
	const struct raft_membership *config = r->raft ? raft_status(r->raft).config : &r->config;
	size_t voters = 0, others = 0;

	for (size_t i = 0; i < config->count; i++) {
		const struct raft_member *member = &config->members[i];

		if (member->suffrage != RAFT_VOTER)
			continue;
		voters++;
		others += member->id != r->me.raft_id && replica_link(r, member->id) == RAFT_PEER_UP;
	}
	return others > voters / 2;
}

/* The oldest persist that is under way has until then; after that the others are told. A disk of which nothing is awaited may be tried again
 * after a while: if those whose disks stood still waited for a quick persist, and none of them stood, there would never be one. */
static void arm_stall(struct replica *r)
{
	msec e = raft_status(r->raft).hard.election_ms;

	if (replica_is_alone(r) || (r->persisted == r->persist_last && !r->is_stalled))
		timer_cancel(&r->stall);
	else if (r->persisted == r->persist_last)
		timer_set(&r->stall, r->persisted_at + e);
	else
		timer_set(&r->stall, r->persist_at[(r->persisted + 1) % REPLICA_PERSISTS_MAX] + e / 2);
}

static void note_leadership(struct replica *r, bool has_applied)
{
	struct raft_status status = raft_status(r->raft);
	bool leads = status.role == RAFT_LEADER && view_term(r->view) == status.hard.term;

	if (r->leads && !leads)
		replica_arm_give_up(r);
	if (!r->leads && leads)
		replica_settle_old_flights(r, status.hard.term);
	r->leads = leads;
	r->status_changed |= status.leader != r->told_leader;
	r->told_leader = status.leader;
	if (!r->is_down || !(leads || has_applied))
		return;
	r->is_down = false;
	log_info("cluster state: it can be written again");
}

static void arm_tick(struct replica *r, msec deadline)
{
	if (deadline == RAFT_NEVER)
		timer_cancel(&r->tick);
	else
		timer_set(&r->tick, deadline);
}

static int apply_all(struct replica *r, const struct raft_out *out)
{
	bool was_open = r->is_open;

	for (size_t i = 0; i < out->apply_count; i++)
		if (apply(r, &out->apply[i]) < 0 || r->is_open != was_open)
			return -1;
	return 0;
}

static void tell_applied(struct replica *r)
{
	struct raft_event event = { .type = RAFT_EVENT_APPLIED,
				    .applied = { view_index(r->view), true, view_sum(r->view) } };
	struct err err;

	replica_feed(r, &event, &err);
}

/* Persist, send, apply: the order of raft.h. */
void replica_perform(struct replica *r, const struct raft_out *out)
{
	raft_id behind[RAFT_MEMBERS_MAX];
	size_t behind_count = MIN(out->send_snapshot_count, (size_t)RAFT_MEMBERS_MAX);
	struct err err;

	for (size_t i = 0; i < behind_count; i++)
		behind[i] = out->send_snapshot[i];
	if (out->persist.number > 0 && persist(r, &out->persist, &err) < 0) {
		replica_lose_log(r, &err);
		return;
	}
	r->status_changed |= out->status_changed;
	replica_send(r, out->messages, out->message_count);
	replica_take_reads(r, out->reads, out->read_count);
	if (out->check_sum)
		replica_compare_sum(r, out->sum_index, out->sum);
	if (out->install)
		replica_fetch(r, out->install, out->install_ticket);
	arm_tick(r, out->deadline);
	arm_stall(r);
	bool has_applied = out->apply_count > 0, differs = out->differs;
	raft_index differs_index = out->differs_index;
	if (apply_all(r, out) < 0)
		return;
	if (has_applied)
		tell_applied(r);
	if (r->raft)
		note_leadership(r, has_applied);
	for (size_t i = 0; i < behind_count && r->raft && !r->stopped.code; i++)
		replica_offer(r, behind[i]);
	replica_tell_sum(r);
	if (differs)
		replica_differ(r, differs_index);
}

bool replica_feed(struct replica *r, const struct raft_event *event, struct err *err)
{
	struct raft_out out;
	int got = raft_step(r->raft, event, loop_now(r->loop), &out, err);

	if (got == 0 || event->type == RAFT_EVENT_RECEIVE)
		replica_perform(r, &out);
	return got == 0;
}

/* Events that are never refused. */
static void feed(struct replica *r, const struct raft_event *event)
{
	struct err err;

	check(replica_feed(r, event, &err));
}

void replica_tick(void *replica)
{
	struct replica *r = replica;

	replica_enter(r);
	if (r->raft)
		feed(r, &(struct raft_event){ .type = RAFT_EVENT_TIMER });
	if (r->is_open)
		replica_pump(r);
	replica_leave(r);
}

static void note_stall(struct replica *r, bool is_stalled)
{
	if (r->is_stalled == is_stalled)
		return;
	r->is_stalled = is_stalled;
	feed(r, &(struct raft_event){ .type = RAFT_EVENT_DISK, .disk = { is_stalled } });
}

void replica_stall(void *replica)
{
	struct replica *r = replica;

	replica_enter(r);
	if (r->raft)
		note_stall(r, r->persisted != r->persist_last);
	if (r->is_open)
		replica_pump(r);
	replica_leave(r);
}

/* What is on the disk; a persist that went in behind one that stood still has waited no less. */
static void note_persisted(struct replica *r)
{
	msec waited = loop_now(r->loop) - r->persist_at[++r->persisted % REPLICA_PERSISTS_MAX];

	r->persisted_at = loop_now(r->loop);
	feed(r, &(struct raft_event){ .type = RAFT_EVENT_PERSISTED, .persisted = { r->persisted } });
	if (r->raft && r->is_open && waited < raft_status(r->raft).hard.election_ms / 2)
		note_stall(r, false);
}

static void on_persisted(void *arg, const struct err *err)
{
	struct replica *r = arg;

	if (!r->raft || r->stopped.code) /* of a raft that was given up */
		return;
	replica_enter(r);
	if (err)
		replica_lose_log(r, err);
	else
		note_persisted(r);
	if (r->is_open)
		replica_pump(r);
	replica_leave(r);
}

/* --- state.db ---------------------------------------------------------------------------------- */

/* Those who are a little behind are served from the log, as long as it is no burden. */
static raft_index cut_at(const struct replica *r, raft_index durable)
{
	struct raft_status status = raft_status(r->raft);

	if (replica_is_alone(r) || r->keeps_no_log || status.log_bytes > KEEP_BYTES)
		return durable;
	return MIN(durable, status.last > KEEP_ENTRIES ? status.last - KEEP_ENTRIES : 0);
}

static void on_durable(void *arg, uint64_t index)
{
	struct replica *r = arg;

	replica_enter(r);
	if (!r->stopped.code)
		replica_note_installed(r, index);
	if (r->is_open && r->raft && !r->stopped.code) {
		index = cut_at(r, MIN(index, view_index(r->view)));
		store_log_cut(r->store, index);
		feed(r, &(struct raft_event){ .type = RAFT_EVENT_CUT, .cut = { index } });
	}
	replica_leave(r);
}

/* Others can give us what the file has lost, if they can go on meanwhile; else it stays in memory, and in the log. */
static void on_trouble(void *arg, const struct err *err)
{
	struct replica *r = arg;

	if (err && err->code == ERR_DAMAGED && replica_can_be_spared(r) && !r->stopped.code)
		replica_stop(r, err);
	else if (err)
		log_warn("cluster state: %s; it is kept in memory and in the log meanwhile",
			 err->text);
	else
		log_info("cluster state: state.db can be written again");
}

static void on_state_room(void *arg)
{
	struct replica *r = arg;

	r->is_state_full = false;
	timer_set_in(&r->pump, 0);
}

const struct store_events replica_store_events = { on_durable, on_trouble, on_state_room };
