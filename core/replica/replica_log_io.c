/* replica_log_io.c - raft begins from what the disk holds, and again when the disk has failed; or it ends for good. */
#include <stdlib.h>

#include "base/panic.h"
#include "os/entropy.h"
#include "os/log.h"
#include "replica/replica_internal.h"

enum { REOPEN_MS = 1000 };

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
		.self = r->me.raft_id,
		.hard = { log->hard.term, log->hard.vote, log->hard.election_ms },
		.base = { .index = view_index(r->view),
			  .term = view_term(r->view),
			  .now_ms = replica_now(r),
			  .config_index = r->config_index,
			  .config = r->config },
		.entries = entries,
		.entry_count = log->entry_count,
		.is_joining = true, /* whose log it is has been looked at */
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
	r->persisted = r->persist_last = 0;
	r->is_stalled = false;
	r->status_changed = true;
	int got = raft_step(r->raft, &event, loop_now(r->loop), &out, err);
	free(entries);
	store_log_fini(log);
	if (got < 0) {
		raft_free(r->raft);
		r->raft = NULL;
		err->code = ERR_DAMAGED;
		return err_wrap(err, "raft.db");
	}
	replica_perform(r, &out);
	if (r->raft && r->is_open)
		replica_tell_links(r);
	if (r->stopped.code) {
		*err = r->stopped;
		return -1;
	}
	return 0;
}

/* The log cannot be written: raft is given up, and another one is started from what the disk really
 * holds as soon as it can be read. Only then is it known whether the entry in flight was made: a
 * write whose fsync failed may stand there all the same. */
void replica_lose_log(struct replica *r, const struct err *err)
{
	struct raft_msg farewell;

	if (raft_farewell(r->raft, &farewell))
		replica_send(r, &farewell, 1);
	r->failure = *err;
	r->cluster_ms = replica_now(r);
	r->cluster_at = loop_now(r->loop);
	raft_free(r->raft);
	r->raft = NULL;
	r->leads = false;
	r->status_changed = true;
	timer_cancel(&r->tick);
	timer_cancel(&r->stall);
	if (r->confirm_token)
		replica_settle_held(r, false);
	replica_arm_give_up(r);
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

/* Alone, our disk says what became of it; else the others may have it all the same. */
static bool is_batch_lost(const struct replica *r, const struct store_log *log)
{
	if (!replica_is_alone(r))
		return r->flight.index == 0;
	for (size_t i = 0; i < log->entry_count; i++)
		if (log->entries[i].index == r->flight.index && log->entries[i].term == r->flight.term)
			return false;
	return true;
}

static void on_reopened(void *arg, struct store_log *log, const struct err *err)
{
	struct replica *r = arg;
	struct err failure;

	replica_enter(r);
	if (err && err->code == ERR_DAMAGED && replica_can_be_spared(r)) {
		replica_stop(r, err);
		replica_leave(r);
		return;
	}
	if (err) {
		r->failure = *err;
		timer_set_in(&r->retry, REOPEN_MS);
		replica_drop_flights(r, RAFT_NEVER, err);
		if (r->is_open)
			replica_tell_answers(r);
		replica_leave(r);
		return;
	}
	if (is_batch_lost(r, log))
		replica_drop_batch(r, &r->failure);
	if (replica_start_raft(r, log, &failure) < 0 && r->is_open && !r->stopped.code)
		replica_stop(r, &failure);
	replica_leave(r);
}

void replica_stop(struct replica *r, const struct err *err)
{
	r->stopped = *err;
	r->leads = false;
	r->status_changed = true;
	timer_cancel(&r->tick);
	replica_drop_batch(r, err);
	if (r->confirm_token)
		replica_settle_held(r, false);
	replica_fail_asks(r, err);
	timer_set_in(&r->pump, 0);
	if (r->is_open)
		r->hooks.on_stopped(r->hooks.arg, err);
}
