/* replica_io.c - the duties in their order: compose, persist, apply, answer, write behind.
 *
 * Everything runs in a callback of the loop: of the store (an append is durable), of a timer (the pump:
 * something was asked). A callback into another room may close the replica; after each such call
 * is_open is looked at, and the memory goes when the last of ours has left the stack.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/panic.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "replica/replica_internal.h"

enum { REOPEN_MS = 1000 };

static void enter(struct replica *r)
{
	r->depth++;
}

static void leave(struct replica *r)
{
	if (--r->depth == 0 && !r->is_open)
		replica_destroy(r);
}

/* --- answers ----------------------------------------------------------------------------------- */

static void answer(struct request *request, uint64_t index)
{
	request->done(request->arg, index, request->has_failed ? &request->failure : NULL);
	free(request);
}

static struct request *take_first(struct list *list)
{
	struct list *link = list_take_first(list);

	return link ? CONTAINER_OF(link, struct request, link) : NULL;
}

static void answer_list(struct replica *r, struct list *list)
{
	struct request *request;

	while ((request = take_first(list)))
		answer(request, view_index(r->view));
}

static void fail_list(struct replica *r, struct list *list, const struct err *err)
{
	struct request *request;

	while ((request = take_first(list))) {
		request->has_failed = true;
		request->failure = *err;
		list_add_last(&r->answers, &request->link);
	}
}

static void fail_queue(struct replica *r, const struct err *err)
{
	for (size_t i = 0; i < ARRAY_COUNT(r->queue.lanes); i++)
		fail_list(r, &r->queue.lanes[i], err);
	r->queue.count = 0;
}

/* Its requests have what they asked for. */
static void finish_batch(struct replica *r)
{
	struct request *request;

	while ((request = take_first(&r->batch.accepted)))
		list_add_last(&r->answers, &request->link);
	batch_fini(&r->batch);
}

/* The entry in flight is no longer ours to wait for. */
static void drop_batch(struct replica *r, const struct err *err)
{
	if (!r->in_flight)
		return;
	bool had_own = r->batch.has_own;
	fail_list(r, &r->batch.accepted, err);
	batch_fini(&r->batch);
	r->in_flight = false;
	if (had_own && r->is_open)
		r->hooks.on_lost(r->hooks.arg);
}

void replica_answer_all(struct replica *r, const struct err *err)
{
	drop_batch(r, err);
	fail_queue(r, err);
	answer_list(r, &r->answers);
}

/* --- when it cannot go on ---------------------------------------------------------------------- */

/* The log cannot be written: raft is given up, and another one is started from what the disk really
 * holds as soon as it can be read. Only then is it known whether the entry in flight was made: a
 * write whose fsync failed may stand there all the same. */
static void lose_log(struct replica *r, const struct err *err)
{
	r->failure = *err;
	r->cluster_ms = replica_now(r);
	r->cluster_at = loop_now(r->loop);
	raft_free(r->raft);
	r->raft = NULL;
	r->leads = false;
	timer_set_in(&r->retry, r->is_down ? REOPEN_MS : 0);
	timer_set_in(&r->pump, 0);
	if (!r->is_down)
		log_warn("cluster state: %s; changes are refused until it can be written again",
			 err->text);
	r->is_down = true;
}

static void on_reopened(void *arg, struct store_log *log, const struct err *err);

void replica_retry(void *replica)
{
	struct replica *r = replica;

	store_log_reopen(r->store, on_reopened, r);
}

static void stop(struct replica *r, const struct err *err)
{
	r->stopped = *err;
	r->leads = false;
	drop_batch(r, err);
	timer_set_in(&r->pump, 0);
	if (r->is_open)
		r->hooks.on_stopped(r->hooks.arg, err);
}

/* --- apply ------------------------------------------------------------------------------------- */

static void write_behind(struct replica *r, const struct raft_entry *entry,
			 const struct applied *applied)
{
	CLEANUP(buf_finip) struct buf members = BUF_INIT;
	struct store_row *rows = NEW_ARRAY(struct store_row, applied->row_count + 1);

	for (size_t i = 0; i < applied->row_count; i++)
		rows[i] = (struct store_row){ applied->rows[i].kind, applied->rows[i].id,
					      applied->rows[i].bytes, applied->rows[i].size };
	raft_membership_encode(&r->config, &members);

	struct store_mark mark = {
		.index = entry->index,
		.term = entry->term,
		.now_ms = MAX(entry->now_ms, view_now(r->view)),
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

/* Ours is the entry at that index: with one entry in flight and one leader nothing else can be there. */
static void answer_batch(struct replica *r, raft_index index)
{
	if (!r->in_flight || r->batch_index != index)
		return;
	finish_batch(r);
	r->in_flight = false;
	answer_list(r, &r->answers);
}

static int apply_to_view(struct replica *r, const struct raft_entry *entry, struct applied *ret,
			 struct err *err)
{
	bool is_ours = entry->type == RAFT_ENTRY_NORMAL;

	if (entry->type == RAFT_ENTRY_CONFIG) {
		if (raft_membership_decode(entry->bytes, entry->size, &r->config, err) < 0)
			return -1;
		r->config_index = entry->index;
	}
	return state_apply(r->view, entry->index, entry->term, is_ours ? entry->bytes : NULL,
			   is_ours ? entry->size : 0, ret, err);
}

static int apply(struct replica *r, const struct raft_entry *entry)
{
	struct applied applied;
	struct err err;

	if (apply_to_view(r, entry, &applied, &err) < 0) {
		stop(r, &err);
		return -1;
	}
	write_behind(r, entry, &applied);
	if (r->is_open)
		r->hooks.on_applied(r->hooks.arg, &applied);
	applied_fini(&applied);
	if (r->is_open)
		answer_batch(r, entry->index);
	return 0;
}

/* --- raft -------------------------------------------------------------------------------------- */

static void on_persisted(void *arg, const struct err *err);

static int persist(struct replica *r, const struct raft_persist *persist, struct err *err)
{
	struct store_hard hard = { persist->hard.term, persist->hard.vote,
				   persist->hard.election_ms };
	struct store_entry *entries = NEW_ARRAY(struct store_entry, persist->entry_count + 1);

	for (size_t i = 0; i < persist->entry_count; i++) {
		const struct raft_entry *entry = &persist->entries[i];
		entries[i] = (struct store_entry){ entry->index,  entry->term,  entry->type,
						   entry->now_ms, entry->bytes, entry->size };
	}
	int got = store_log_append(r->store, &hard, entries, persist->entry_count, on_persisted, r,
				   err);
	free(entries);
	return got;
}

static void feed(struct replica *r, const struct raft_event *event);

static void note_leadership(struct replica *r)
{
	struct raft_status status = raft_status(r->raft);

	r->leads = status.role == RAFT_LEADER && view_term(r->view) == status.hard.term;
	if (!r->leads || !r->is_down)
		return;
	r->is_down = false;
	log_info("cluster state: it can be written again");
}

/* Persist, send (to nobody yet), apply: the order of raft.h. */
static void perform(struct replica *r, const struct raft_out *out)
{
	struct err err;

	check(out->message_count == 0);
	if (out->persist.number > 0 && persist(r, &out->persist, &err) < 0) {
		lose_log(r, &err);
		return;
	}
	bool was_open = r->is_open;
	for (size_t i = 0; i < out->apply_count; i++)
		if (apply(r, &out->apply[i]) < 0 || r->is_open != was_open)
			return;
	if (out->apply_count > 0)
		feed(r, &(struct raft_event){
				.type = RAFT_EVENT_APPLIED,
				.applied = { view_index(r->view), true, view_sum(r->view) } });
	if (r->raft)
		note_leadership(r);
}

/* Events that a cluster of one never refuses. */
static void feed(struct replica *r, const struct raft_event *event)
{
	struct raft_out out;
	struct err err;

	check(raft_step(r->raft, event, loop_now(r->loop), &out, &err) == 0);
	perform(r, &out);
}

static void on_persisted(void *arg, const struct err *err)
{
	struct replica *r = arg;

	if (!r->raft || r->stopped.code) /* of a raft that was given up */
		return;
	enter(r);
	if (err)
		lose_log(r, err);
	else
		feed(r, &(struct raft_event){ .type = RAFT_EVENT_PERSISTED,
					      .persisted = { ++r->persisted } });
	if (r->is_open)
		replica_pump(r);
	leave(r);
}

static struct raft_event start_event(struct replica *r, const struct store_log *log,
				     struct raft_entry *entries)
{
	struct raft_event event = { .type = RAFT_EVENT_START };

	for (size_t i = 0; i < log->entry_count; i++) {
		const struct store_entry *entry = &log->entries[i];
		entries[i] = (struct raft_entry){
			entry->index,  entry->term,  (enum raft_entry_type)entry->type,
			entry->now_ms, entry->bytes, entry->size
		};
	}
	event.start = (struct raft_start){
		.self = r->self,
		.hard = { log->hard.term, log->hard.vote, log->hard.election_ms },
		.base = { .index = view_index(r->view),
			  .term = view_term(r->view),
			  .now_ms = replica_now(r),
			  .config_index = r->config_index,
			  .config = r->config },
		.entries = entries,
		.entry_count = log->entry_count,
	};
	entropy_fill(&event.start.seed, sizeof(event.start.seed));
	return event;
}

int replica_start_raft(struct replica *r, struct store_log *log, struct err *err)
{
	struct raft_entry *entries = NEW_ARRAY(struct raft_entry, log->entry_count + 1);
	struct raft_event event = start_event(r, log, entries);
	struct raft_out out;

	r->raft = raft_new();
	r->persisted = 0;
	int got = raft_step(r->raft, &event, loop_now(r->loop), &out, err);
	free(entries);
	store_log_fini(log);
	if (got < 0) {
		raft_free(r->raft);
		r->raft = NULL;
		return err_wrap(err, "raft.db");
	}
	perform(r, &out);
	if (r->stopped.code) {
		*err = r->stopped;
		return -1;
	}
	return 0;
}

static bool log_has_batch(const struct replica *r, const struct store_log *log)
{
	for (size_t i = 0; i < log->entry_count; i++)
		if (log->entries[i].index == r->batch_index && log->entries[i].term == r->batch_term)
			return true;
	return false;
}

/* Nobody waits for a disk that stays away. */
static void give_up_batch(struct replica *r, const struct err *err)
{
	struct err unknown = *err;

	err_wrap(&unknown, "it is not known whether the change was made; look before it is repeated");
	drop_batch(r, &unknown);
}

static void on_reopened(void *arg, struct store_log *log, const struct err *err)
{
	struct replica *r = arg;
	struct err failure;

	enter(r);
	if (err) {
		r->failure = *err;
		timer_set_in(&r->retry, REOPEN_MS);
		give_up_batch(r, err);
		if (r->is_open)
			answer_list(r, &r->answers);
		leave(r);
		return;
	}
	if (!log_has_batch(r, log))
		drop_batch(r, &r->failure);
	if (replica_start_raft(r, log, &failure) < 0 && r->is_open && !r->stopped.code)
		stop(r, &failure);
	leave(r);
}

/* --- compose ----------------------------------------------------------------------------------- */

static int propose(struct replica *r, struct replica_time time, struct raft_out *out,
		   struct err *err)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct entry_head head = { FORMAT_LEVEL, time.now_ms, time.wall };

	change_list_encode(&r->batch.changes, &head, &bytes);
	struct raft_proposal item = { bytes.data, bytes.len };
	struct raft_event event = { .type = RAFT_EVENT_PROPOSE, .propose = { &item, 1 } };
	return raft_step(r->raft, &event, loop_now(r->loop), out, err);
}

static void send_batch(struct replica *r, struct replica_time time)
{
	struct raft_out out;
	struct err err;

	r->in_flight = true;
	r->batch_index = 0;
	r->batch_term = raft_status(r->raft).hard.term;
	if (propose(r, time, &out, &err) < 0) {
		drop_batch(r, &err);
		return;
	}
	r->batch_index = out.proposed_index;
	perform(r, &out);
}

static void compose(struct replica *r)
{
	struct replica_time time = { replica_now(r), clock_wall_ns() };

	r->is_kicked = false;
	batch_init(&r->batch);
	propose_compose(&r->batch, &r->queue, r->view, time, &r->hooks, &r->answers);
	bool was_cut = r->batch.own_was_cut;
	if (r->batch.changes.count > 0)
		send_batch(r, time);
	else
		finish_batch(r); /* whoever asked for nothing new has it already */
	if (was_cut && r->is_open)
		r->hooks.on_lost(r->hooks.arg);
}

static void tell_leadership(struct replica *r)
{
	if (r->leads == r->told_leads)
		return;
	r->told_leads = r->leads;
	r->hooks.on_leader(r->hooks.arg, r->leads);
}

static bool may_compose(const struct replica *r)
{
	return r->leads && r->told_leads && !r->in_flight && !r->is_state_full &&
	       (r->is_kicked || r->queue.count > 0);
}

/* Whatever can be done now. */
void replica_pump(void *replica)
{
	struct replica *r = replica;

	enter(r);
	timer_cancel(&r->pump);
	tell_leadership(r);
	if (r->is_open && r->stopped.code)
		fail_queue(r, &r->stopped);
	else if (r->is_open && !r->raft)
		fail_queue(r, &r->failure);
	if (r->is_open && may_compose(r))
		compose(r);
	if (r->is_open)
		answer_list(r, &r->answers);
	leave(r);
}

/* --- state.db ---------------------------------------------------------------------------------- */

static void on_durable(void *arg, uint64_t index)
{
	struct replica *r = arg;

	enter(r);
	store_log_cut(r->store, index);
	if (r->raft && !r->stopped.code)
		feed(r, &(struct raft_event){ .type = RAFT_EVENT_CUT, .cut = { index } });
	leave(r);
}

static void on_trouble(void *arg UNUSED, const struct err *err)
{
	if (err)
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
