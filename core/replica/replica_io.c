/* replica_io.c - what is asked for: composed into entries, answered when it is known what became of them.
 *
 * Everything runs in a callback of the loop: of the store (an append is durable), of a timer (the pump:
 * something was asked, or has come from another manager). A callback into another room may close the
 * replica; after each such call is_open is looked at, and the memory goes when the last of ours has left
 * the stack.
 */
#include <stdlib.h>

#include "base/panic.h"
#include "os/clock.h"
#include "replica/replica_internal.h"

void replica_enter(struct replica *r)
{
	r->depth++;
}

void replica_leave(struct replica *r)
{
	if (--r->depth == 0 && !r->is_open)
		replica_destroy(r);
}

/* --- answers ----------------------------------------------------------------------------------- */

static void answer(struct request *request, uint64_t index)
{
	request->done(request->arg, index, request->failure);
	request_free(request);
}

static struct request *take_first(struct list *list)
{
	struct list *link = list_take_first(list);

	return link ? CONTAINER_OF(link, struct request, link) : NULL;
}

void replica_tell_answers(struct replica *r)
{
	struct request *request;

	while ((request = take_first(&r->answers)))
		answer(request, view_index(r->view));
}

void replica_finish(struct replica *r, struct request *request)
{
	list_add_last(&r->answers, &request->link);
	if (r->is_open)
		timer_set_in(&r->pump, 0);
}

void replica_fail(struct replica *r, struct request *request, const struct err *err)
{
	request_fail(request, err);
	replica_finish(r, request);
}

static void fail_list(struct replica *r, struct list *list, const struct err *err)
{
	struct request *request;

	while ((request = take_first(list)))
		replica_fail(r, request, err);
}

static void fail_queue(struct replica *r, const struct err *err)
{
	for (size_t i = 0; i < ARRAY_COUNT(r->queue.lanes); i++)
		fail_list(r, &r->queue.lanes[i], err);
	r->queue.count = 0;
}

static void move_all(struct list *from, struct list *to)
{
	struct list *link;

	while ((link = list_take_first(from)))
		list_add_last(to, link);
}

/* Its requests have what they asked for, or their refusal. */
static void finish_batch(struct replica *r)
{
	move_all(&r->batch.accepted, &r->answers);
	move_all(&r->batch.refused, &r->answers);
	batch_fini(&r->batch);
}

static struct err not_made(void)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE,
		"another manager began to lead meanwhile: the change was not made, try again");
	return err;
}

/* The entry in flight is no longer ours to wait for. */
void replica_drop_batch(struct replica *r, const struct err *err)
{
	if (!r->flight.is_up)
		return;
	bool had_own = r->batch.has_own;
	struct err refused = not_made();
	fail_list(r, &r->batch.accepted, err);
	fail_list(r, &r->batch.refused, &refused);
	batch_fini(&r->batch);
	r->flight.is_up = false;
	if (had_own && r->is_open)
		r->hooks.on_lost(r->hooks.arg);
}

void replica_answer_all(struct replica *r, const struct err *err)
{
	replica_drop_batch(r, err);
	fail_list(r, &r->held, err);
	fail_queue(r, err);
	replica_fail_asks(r, err);
	replica_tell_answers(r);
}

static void lose_batch(struct replica *r)
{
	struct err err = not_made();

	replica_drop_batch(r, &err);
}

void replica_settle_held(struct replica *r, bool is_confirmed)
{
	struct err err = not_made();

	if (is_confirmed)
		move_all(&r->held, &r->answers);
	else
		fail_list(r, &r->held, &err);
	r->confirm_token = 0;
	if (r->is_open)
		timer_set_in(&r->pump, 0);
}

/* Nothing is to be written, but whether that is so a leader of yesterday does not know. */
static void hold_batch(struct replica *r)
{
	struct err err;

	move_all(&r->batch.accepted, &r->held);
	move_all(&r->batch.refused, &r->held);
	batch_fini(&r->batch);
	r->confirm_token = ++r->last_token;
	if (!replica_feed(r, &(struct raft_event){ .type = RAFT_EVENT_READ,
						   .read = { r->confirm_token } }, &err))
		replica_settle_held(r, false);
}

/* Ours is the entry at that index if its term is that of our reign. */
void replica_settle_batch(struct replica *r, const struct raft_entry *entry)
{
	if (!r->flight.is_up || r->flight.index != entry->index)
		return;
	if (r->flight.term != entry->term) {
		lose_batch(r);
		return;
	}
	finish_batch(r);
	r->flight.is_up = false;
}

/* Whoever leads holds all that was ever agreed: what it does not have from its last reign was not. */
void replica_settle_old_flights(struct replica *r, raft_term term)
{
	if (r->flight.is_up && r->flight.term != term)
		lose_batch(r);
	if (r->change && r->change_flight.term != term)
		replica_lose_change(r);
}

/* Nobody waits for a disk, or for a leader, that stays away. */
void replica_drop_flights(struct replica *r, raft_index upto, const struct err *err)
{
	struct err unknown = *err;

	err_wrap(&unknown, "it is not known whether the change was made; look before it is repeated");
	if (r->flight.index <= upto)
		replica_drop_batch(r, &unknown);
	if (r->change_flight.index <= upto)
		replica_drop_change(r, &unknown);
}

void replica_give_up_flights(struct replica *r, raft_index upto)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "this manager leads no more");
	replica_drop_flights(r, upto, &err);
}

/* --- compose ----------------------------------------------------------------------------------- */

static int propose(struct replica *r, struct replica_time time, struct raft_out *out,
		   struct err *err)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct entry_head head = { change_list_level(&r->batch.changes), time.now_ms, time.wall };

	entry_head_encode(&head, r->batch.changes.count, &bytes);
	buf_add(&bytes, r->batch.bytes.data, r->batch.bytes.len);
	struct raft_proposal item = { bytes.data, bytes.len };
	struct raft_event event = { .type = RAFT_EVENT_PROPOSE, .propose = { &item, 1 } };
	return raft_step(r->raft, &event, loop_now(r->loop), out, err);
}

static void send_batch(struct replica *r, struct replica_time time)
{
	struct raft_out out;
	struct err err;

	r->flight = (struct flight){ true, 0, raft_status(r->raft).hard.term };
	if (propose(r, time, &out, &err) < 0) {
		replica_drop_batch(r, &err);
		return;
	}
	r->flight.index = out.proposed_index;
	replica_perform(r, &out);
}

static void compose(struct replica *r)
{
	struct replica_time time = { replica_now(r), clock_wall_ns() };

	r->is_kicked = false;
	batch_init(&r->batch);
	propose_compose(&r->batch, &r->queue, r->view, time, &r->hooks);
	bool was_cut = r->batch.own_was_cut;
	if (replica_is_alone(r))
		move_all(&r->batch.refused, &r->answers);
	if (r->batch.changes.count > 0)
		send_batch(r, time);
	else if (replica_is_alone(r) || (list_is_empty(&r->batch.accepted) && list_is_empty(&r->batch.refused)))
		finish_batch(r);
	else
		hold_batch(r);
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

static void tell_status(struct replica *r)
{
	if (!r->status_changed)
		return;
	r->status_changed = false;
	if (r->is_connected)
		r->transport.on_members(r->transport.arg);
	if (r->hooks.on_status)
		r->hooks.on_status(r->hooks.arg);
}

static bool may_compose(const struct replica *r)
{
	return r->leads && r->told_leads && !r->flight.is_up && !r->confirm_token && !r->is_state_full &&
	       (r->is_kicked || r->queue.count > 0);
}

/* Why nothing can be written here now; false: it can, or will be in a moment. */
static bool is_refusing(const struct replica *r, struct err *err)
{
	if (r->stopped.code || !r->raft) {
		*err = r->stopped.code ? r->stopped : r->failure;
		return true;
	}
	struct raft_status status = raft_status(r->raft);
	const struct raft_member *leader = raft_membership_find(status.config, status.leader);
	if (status.role == RAFT_LEADER || replica_is_alone(r))
		return false;
	if (leader)
		err_set(err, ERR_UNAVAILABLE, "this manager does not lead: node %s does",
			leader->node_id);
	else
		err_set(err, ERR_UNAVAILABLE,
			"The swarm does not have a leader. It's possible that too few managers are "
			"online. Make sure more than half of the managers are online.");
	return true;
}

/* Whatever can be done now. */
void replica_pump(void *replica)
{
	struct replica *r = replica;
	struct err err;

	replica_enter(r);
	timer_cancel(&r->pump);
	replica_take_inbox(r);
	if (r->is_open)
		tell_leadership(r);
	if (r->is_open)
		tell_status(r);
	if (r->is_open && is_refusing(r, &err))
		fail_queue(r, &err);
	if (r->is_open)
		replica_ask_all(r);
	if (r->is_open && may_compose(r))
		compose(r);
	if (r->is_open)
		replica_settle_asks(r);
	if (r->is_open)
		replica_tell_answers(r);
	replica_leave(r);
}
