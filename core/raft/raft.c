#include "raft/raft.h"

#include <stdlib.h>

#include "base/panic.h"
#include "raft/raft_impl.h"

struct raft *raft_new(void)
{
	struct raft *raft = NEW(struct raft);

	raft->role = RAFT_FOLLOWER;
	raft->now = raft->heard_at = INT64_MIN;
	raft->election_at = raft->heartbeat_at = raft->transfer_until = RAFT_NEVER;
	return raft;
}

void raft_free(struct raft *raft)
{
	if (!raft)
		return;
	raft_entries_fini(&raft->log);
	free(raft->messages);
	free(raft);
}

void raft_freep(struct raft **raft)
{
	raft_free(*raft);
	*raft = NULL;
}

/* ---- the log, from outside ------------------------------------------------------------------------------- */

static void note_applied(struct raft *raft, raft_index index)
{
	check(index >= raft->applied);
	check(index <= raft->handed_out);
	raft->applied = index;
}

static void cut(struct raft *raft, raft_index index)
{
	check(index <= raft->applied);
	raft_entries_cut(&raft->log, index);
}

/* ---- messages ------------------------------------------------------------------------------------------ */

static bool is_leaders(enum raft_msg_type type)
{
	return type == RAFT_MSG_APPEND || type == RAFT_MSG_HEARTBEAT || type == RAFT_MSG_SNAPSHOT ||
	       type == RAFT_MSG_TIMEOUT_NOW || type == RAFT_MSG_DIFFERS;
}

/* Whoever thinks that it leads learns from any answer that it does not. */
static void tell_the_deposed(struct raft *raft, const struct raft_msg *msg)
{
	if (is_leaders(msg->type))
		raft_send(raft, msg->from, RAFT_MSG_HEARTBEAT_REPLY);
}

/* A granted pre-vote carries a term that nobody has reached yet. */
static bool raises_term(const struct raft *raft, const struct raft_msg *msg)
{
	return msg->term > raft->hard.term &&
	       !(msg->type == RAFT_MSG_PRE_VOTE_REPLY && msg->vote_reply.granted);
}

static int receive_of_leader(struct raft *raft, const struct raft_msg *msg, struct raft_out *out,
			     struct err *err)
{
	if (raft->role == RAFT_LEADER)
		return err_set(err, ERR_IO, "manager %llx leads in the same term as this one",
			       (unsigned long long)msg->from);
	raft_vote_follow(raft, msg->term, msg->from);
	switch (msg->type) {
	case RAFT_MSG_APPEND:
		return raft_follow_append(raft, msg, err);
	case RAFT_MSG_HEARTBEAT:
		raft_beat_heard(raft, msg, out);
		raft_read_ask_again(raft);
		return 0;
	case RAFT_MSG_SNAPSHOT:
		raft_snapshot_offered(raft, msg);
		return 0;
	case RAFT_MSG_DIFFERS:
		raft_sum_judged(raft, msg, out);
		return 0;
	default: /* RAFT_MSG_TIMEOUT_NOW */
		if (raft->is_voter && !raft->disk_is_stalled)
			raft_vote_stand(raft, true);
		return 0;
	}
}

static int receive(struct raft *raft, const struct raft_msg *msg, struct raft_out *out, struct err *err)
{
	if (msg->to != raft->self || msg->from == raft->self || msg->from == 0)
		return 0; /* to somebody who was here before us */
	if (msg->type == RAFT_MSG_PRE_VOTE || msg->type == RAFT_MSG_VOTE) {
		raft_vote_asked(raft, msg);
		return 0;
	}
	if (raises_term(raft, msg))
		raft_vote_follow(raft, msg->term, is_leaders(msg->type) ? msg->from : 0);
	if (msg->term < raft->hard.term) {
		tell_the_deposed(raft, msg);
		return 0;
	}
	switch (msg->type) {
	case RAFT_MSG_PRE_VOTE:
	case RAFT_MSG_VOTE:
		panic("a question for votes is answered above");
	case RAFT_MSG_APPEND:
	case RAFT_MSG_HEARTBEAT:
	case RAFT_MSG_SNAPSHOT:
	case RAFT_MSG_TIMEOUT_NOW:
	case RAFT_MSG_DIFFERS:
		return receive_of_leader(raft, msg, out, err);
	case RAFT_MSG_PRE_VOTE_REPLY:
	case RAFT_MSG_VOTE_REPLY:
		raft_vote_answered(raft, msg);
		return 0;
	case RAFT_MSG_APPEND_REPLY:
		raft_append_answered(raft, msg);
		return 0;
	case RAFT_MSG_HEARTBEAT_REPLY:
		raft_beat_answered(raft, msg);
		return 0;
	case RAFT_MSG_SNAPSHOT_REPLY:
		raft_snapshot_answered(raft, msg);
		return 0;
	case RAFT_MSG_READ:
		raft_read_asked(raft, msg);
		return 0;
	case RAFT_MSG_READ_REPLY:
		raft_read_answered(raft, msg);
		return 0;
	case RAFT_MSG_SUM:
		raft_sum_answered(raft, msg, out);
		return 0;
	}
	panic("raft message %d does not exist", (int)msg->type);
}

/* ---- a step ---------------------------------------------------------------------------------------------- */

static void persisted(struct raft *raft, uint64_t number)
{
	raft_persist_done(raft, number);
	raft_vote_count(raft);
	raft_vote_owed(raft);
	raft_commit_advance(raft);
}

static void time_passed(struct raft *raft)
{
	if (raft->role != RAFT_LEADER && raft->now >= raft->election_at)
		raft_vote_time_out(raft);
}

static int turn(struct raft *raft, const struct raft_event *event, struct raft_out *out,
		struct err *err)
{
	switch (event->type) {
	case RAFT_EVENT_START:
		check(!raft->is_started);
		return raft_start_from(raft, &event->start, err);
	case RAFT_EVENT_TIMER:
		time_passed(raft);
		return 0;
	case RAFT_EVENT_PROPOSE:
		return raft_append_proposals(raft, event->propose.items, event->propose.count, out,
					     err);
	case RAFT_EVENT_PERSISTED:
		persisted(raft, event->persisted.number);
		return 0;
	case RAFT_EVENT_APPLIED:
		note_applied(raft, event->applied.index);
		raft->has_sum = event->applied.has_sum;
		raft->sum_index = event->applied.index;
		raft->sum = event->applied.sum;
		return 0;
	case RAFT_EVENT_CUT:
		cut(raft, event->cut.index);
		return 0;
	case RAFT_EVENT_READ:
		return raft_read_ask(raft, event->read.token, err);
	case RAFT_EVENT_RECEIVE:
		return receive(raft, event->receive.msg, out, err);
	case RAFT_EVENT_PEER:
		raft_peer_note(raft, event->peer.id, event->peer.state);
		return 0;
	case RAFT_EVENT_DISK:
		raft_change_disk(raft, event->disk.is_stalled);
		return 0;
	case RAFT_EVENT_CHANGE_MEMBER:
		return raft_change_member(raft, event->change_member.change,
					  &event->change_member.member, err);
	case RAFT_EVENT_TRANSFER:
		return raft_change_transfer(raft, event->transfer.to, err);
	case RAFT_EVENT_SNAPSHOT_SENT:
		raft_snapshot_sent(raft, event->snapshot_sent.to, event->snapshot_sent.is_complete,
				   event->snapshot_sent.index);
		return 0;
	case RAFT_EVENT_SNAPSHOT_INSTALLED:
		raft_snapshot_installed(raft, &event->snapshot_installed.base);
		return 0;
	case RAFT_EVENT_SUM:
		raft_sum_own(raft, event->sum.index, event->sum.sum);
		return 0;
	}
	panic("raft event %d does not exist", (int)event->type);
}

/* A process that was stopped for a while finds the answers in its sockets behind its timer. */
static void forgive_own_pause(struct raft *raft, msec now)
{
	msec e = raft->hard.election_ms;

	if (raft->role == RAFT_LEADER && now - raft->now > e / 2)
		raft->quorum_floor = now - e + e / 4;
}

static void collect(struct raft *raft, struct raft_out *out)
{
	raft_beat_time(raft);
	raft_read_answer(raft);
	raft_append_send(raft);
	raft_follow_owed(raft);
	raft_commit_hand_out(raft, out);
	raft_snapshot_tell(raft, out);
	raft_persist_flush(raft, out);
	out->messages = raft->messages;
	out->message_count = raft->message_count;
	out->reads = raft->ready_reads;
	out->read_count = raft->ready_count;
	out->send_snapshot = raft->snapshot_peers;
	out->send_snapshot_count = raft->snapshot_peer_count;
	out->status_changed = raft->status_changed;
	raft->status_changed = false;
}

static msec deadline(const struct raft *raft)
{
	if (raft->role == RAFT_LEADER)
		return MIN(raft->heartbeat_at, raft->transfer_until);
	return raft->election_at;
}

int raft_step(struct raft *raft, const struct raft_event *event, msec now, struct raft_out *out,
	      struct err *err)
{
	check(now >= raft->now);
	check(raft->is_started || event->type == RAFT_EVENT_START);
	if (raft->is_started)
		forgive_own_pause(raft, now);
	raft->now = now;
	raft->message_count = raft->ready_count = raft->snapshot_peer_count = 0;

	*out = (struct raft_out){ .deadline = RAFT_NEVER };
	int got = turn(raft, event, out, err);
	if (got == 0 || event->type == RAFT_EVENT_RECEIVE)
		collect(raft, out);
	out->deadline = raft->is_started ? deadline(raft) : RAFT_NEVER;
	return got;
}

struct raft_status raft_status(const struct raft *raft)
{
	return (struct raft_status){
		.role = raft->role,
		.self = raft->self,
		.leader = raft->leader,
		.transfer_to = raft->transfer_to,
		.hard = raft->hard,
		.first = raft_entries_first(&raft->log),
		.last = raft_entries_last(&raft->log),
		.durable = raft->durable,
		.commit = raft->commit,
		.handed_out = raft->handed_out,
		.applied = raft->applied,
		.log_bytes = raft->log.bytes,
		.config_index = raft->config_index,
		.config = &raft->config,
	};
}

msec raft_cluster_ms(const struct raft *raft, msec now)
{
	return raft->cluster_ms + MAX(now - raft->cluster_at, 0);
}
