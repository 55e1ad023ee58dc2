/* replica_ask_io.c - what raft is asked for: reads, changes of members, handing over. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "replica/replica_internal.h"

static struct ask *ask_of(struct list *link)
{
	return CONTAINER_OF(link, struct ask, request.link);
}

static void take_out(struct replica *r, struct ask *ask)
{
	list_remove(&ask->request.link);
	r->ask_count--;
}

static void finish(struct replica *r, struct ask *ask, const struct err *err)
{
	take_out(r, ask);
	if (err)
		replica_fail(r, &ask->request, err);
	else
		replica_finish(r, &ask->request);
}

void replica_fail_asks(struct replica *r, const struct err *err)
{
	LIST_EACH(link, &r->asks)
		finish(r, ask_of(link), err);
	r->change = NULL;
}

/* --- being asked ------------------------------------------------------------------------------- */

static struct ask *ask_new(struct replica *r, enum ask_type type, replica_done_fn *done, void *arg)
{
	struct ask *ask = NEW(struct ask);

	ask->request.done = done;
	ask->request.arg = arg;
	ask->type = type;
	ask->deadline = loop_now(r->loop) + REPLICA_ASK_MS;
	list_add_last(&r->asks, &ask->request.link);
	timer_set_in(&r->pump, 0);
	if (++r->ask_count > REPLICA_QUEUE_MAX) {
		struct err err;
		err_set(&err, ERR_EXHAUSTED, "%d questions wait already: try again later",
			REPLICA_QUEUE_MAX);
		finish(r, ask, &err);
	}
	return ask;
}

void replica_read(struct replica *r, replica_done_fn *done, void *arg)
{
	ask_new(r, ASK_READ, done, arg);
}

static void ask_change(struct replica *r, enum raft_member_change change, raft_id id,
		       const char *node_id, replica_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(r, ASK_CHANGE, done, arg);

	ask->change = change;
	ask->member = (struct raft_member){ .id = id, .suffrage = RAFT_LEARNER };
	check(str_copy(ask->member.node_id, ID_SIZE, node_id));
}

void replica_add_learner(struct replica *r, raft_id id, const char *node_id, replica_done_fn *done,
			 void *arg)
{
	ask_change(r, RAFT_ADD_LEARNER, id, node_id, done, arg);
}

void replica_make_voter(struct replica *r, raft_id id, replica_done_fn *done, void *arg)
{
	ask_change(r, RAFT_MAKE_VOTER, id, "", done, arg);
}

void replica_remove(struct replica *r, raft_id id, replica_done_fn *done, void *arg)
{
	ask_change(r, RAFT_REMOVE, id, "", done, arg);
}

void replica_transfer(struct replica *r, raft_id to, replica_done_fn *done, void *arg)
{
	ask_new(r, ASK_TRANSFER, done, arg)->member.id = to;
}

/* --- asking raft ------------------------------------------------------------------------------- */

static bool ask_read(struct replica *r, struct ask *ask, struct err *err)
{
	ask->token = ++r->last_token;
	return replica_feed(r, &(struct raft_event){ .type = RAFT_EVENT_READ,
						     .read = { ask->token } }, err);
}

/* Where its entry will stand is known before, for raft appends one and nothing else. */
static bool ask_member(struct replica *r, struct ask *ask, struct err *err)
{
	struct raft_status status = raft_status(r->raft);
	struct raft_event event = { .type = RAFT_EVENT_CHANGE_MEMBER,
				    .change_member = { ask->change, ask->member } };

	if (r->change)
		return err_set(err, ERR_UNAVAILABLE,
			       "another change of the managers is under way: try again") == 0;
	r->change = ask;
	r->change_flight = (struct flight){ true, status.last + 1, status.hard.term };
	if (replica_feed(r, &event, err))
		return true;
	r->change = NULL;
	return false;
}

static bool ask_transfer(struct replica *r, struct ask *ask, struct err *err)
{
	return replica_feed(r, &(struct raft_event){ .type = RAFT_EVENT_TRANSFER,
						     .transfer = { ask->member.id } }, err);
}

static bool ask_raft(struct replica *r, struct ask *ask, struct err *err)
{
	if (r->stopped.code || !r->raft) {
		*err = r->stopped.code ? r->stopped : r->failure;
		return false;
	}
	switch (ask->type) {
	case ASK_READ:
		return ask_read(r, ask, err);
	case ASK_CHANGE:
		return ask_member(r, ask, err);
	case ASK_TRANSFER:
		return ask_transfer(r, ask, err);
	}
	panic("question %d does not exist", (int)ask->type);
}

/* Each is asked once. A step may end any of those asked before, so each time the first new one is looked for. */
static struct ask *first_new(struct replica *r)
{
	LIST_EACH(link, &r->asks)
		if (!ask_of(link)->is_asked)
			return ask_of(link);
	return NULL;
}

void replica_ask_all(struct replica *r)
{
	struct ask *ask;
	struct err err;

	while (r->is_open && (ask = first_new(r))) {
		ask->is_asked = true;
		if (!ask_raft(r, ask, &err))
			finish(r, ask, &err);
	}
	if (r->is_open)
		replica_arm_give_up(r);
}

/* --- answers ----------------------------------------------------------------------------------- */

void replica_take_reads(struct replica *r, const struct raft_read_result *reads, size_t count)
{
	struct err err;

	for (size_t i = 0; i < count; i++) {
		if (r->confirm_token && reads[i].token == r->confirm_token)
			replica_settle_held(r, reads[i].is_confirmed);
		LIST_EACH(link, &r->asks) {
			struct ask *ask = ask_of(link);
			if (ask->type != ASK_READ || ask->token != reads[i].token)
				continue;
			ask->index = reads[i].index;
			if (reads[i].is_confirmed)
				break;
			err_set(&err, ERR_UNAVAILABLE, "the leader has changed meanwhile: try again");
			finish(r, ask, &err);
			break;
		}
	}
}

void replica_settle_change(struct replica *r, const struct raft_entry *entry)
{
	if (!r->change || entry->index != r->change_flight.index)
		return;
	if (entry->term != r->change_flight.term) {
		replica_lose_change(r);
		return;
	}
	finish(r, r->change, NULL);
	r->change = NULL;
}

void replica_lose_change(struct replica *r)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE,
		"another manager began to lead meanwhile: the managers were not changed, try again");
	replica_drop_change(r, &err);
}

void replica_drop_change(struct replica *r, const struct err *err)
{
	if (r->change)
		finish(r, r->change, err);
	r->change = NULL;
}

/* While it is under way nothing is known; then somebody else leads, or we still do. */
static void settle_transfer(struct replica *r, struct ask *ask)
{
	struct raft_status status = raft_status(r->raft);
	struct err err;

	if (status.role != RAFT_LEADER && status.leader) {
		finish(r, ask, NULL);
	} else if (status.role == RAFT_LEADER && !status.transfer_to) {
		err_set(&err, ERR_UNAVAILABLE, "the other manager did not take over: this one still leads");
		finish(r, ask, &err);
	}
}

static void settle(struct replica *r, struct ask *ask)
{
	struct err err;

	if (ask->type == ASK_READ && ask->index && view_index(r->view) >= ask->index) {
		finish(r, ask, NULL);
	} else if (ask->type != ASK_CHANGE && loop_now(r->loop) >= ask->deadline) {
		err_set(&err, ERR_UNAVAILABLE, "no manager has answered in time: try again");
		finish(r, ask, &err);
	} else if (ask->type == ASK_TRANSFER && r->raft) {
		settle_transfer(r, ask);
	}
}

void replica_settle_asks(struct replica *r)
{
	LIST_EACH(link, &r->asks)
		settle(r, ask_of(link));
}

/* --- too long ---------------------------------------------------------------------------------- */

/* For the next that has a deadline: a read or a transfer; what was in flight when leadership was lost. */
void replica_arm_give_up(struct replica *r)
{
	bool is_waiting = !r->leads && (r->flight.is_up || r->change);

	if (!is_waiting)
		r->unknown_at = 0;
	else if (!r->unknown_at)
		r->unknown_at = loop_now(r->loop) + REPLICA_UNKNOWN_MS;
	msec at = is_waiting ? r->unknown_at : RAFT_NEVER;
	LIST_EACH(link, &r->asks)
		if (ask_of(link)->type != ASK_CHANGE) {
			at = MIN(at, ask_of(link)->deadline); /* they came in this order */
			break;
		}
	if (at == RAFT_NEVER)
		timer_cancel(&r->give_up);
	else
		timer_set(&r->give_up, at);
}

void replica_give_up(void *replica)
{
	struct replica *r = replica;

	replica_enter(r);
	if (r->unknown_at && loop_now(r->loop) >= r->unknown_at)
		replica_give_up_flights(r, RAFT_NEVER);
	if (r->is_open)
		replica_pump(r);
	replica_leave(r);
}
