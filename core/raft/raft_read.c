/* raft_read.c - read index (§6.4): a leader answers with its commit index once that covers an entry
 * of its own term and a majority has confirmed, after the question came, that it still leads. A
 * follower asks the leader, and answers when it has applied as much.
 *
 * A question or its answer may get lost on a connection that seems to be up. So an answer is one to all
 * that was asked before it, too (what is confirmed now was confirmed after they were asked), and where none comes
 * the newest question is asked again, with a heartbeat: no place is kept for good, and nobody asks twice. */
#include "base/panic.h"
#include "raft/raft_impl.h"

static int add(struct raft *raft, raft_id from, uint64_t token, uint64_t round)
{
	if (raft->read_count == RAFT_READS_MAX)
		return -1;
	raft->reads[raft->read_count++] = (struct raft_read){ from, token, round };
	return 0;
}

static int full(struct err *err)
{
	return err_set(err, ERR_EXHAUSTED, "too many reads are waiting for the leader");
}

static bool leader_is_reachable(struct raft *raft)
{
	struct raft_peer *peer = raft->leader ? raft_peer_find(raft, raft->leader) : NULL;

	return raft->role == RAFT_FOLLOWER && peer && peer->link == RAFT_PEER_UP;
}

static void ask_leader(struct raft *raft, uint64_t token)
{
	raft_send(raft, raft->leader, RAFT_MSG_READ)->read.token = token;
	raft->read_asked_at = raft->now;
}

int raft_read_ask(struct raft *raft, uint64_t token, struct err *err)
{
	if (raft->role == RAFT_LEADER) {
		if (add(raft, 0, token, raft->round + 1) < 0)
			return full(err);
		raft->wants_round = true;
		return 0;
	}
	if (!leader_is_reachable(raft))
		return err_set(err, ERR_UNAVAILABLE, "no manager leads that could be asked");
	if (add(raft, 0, token, 0) < 0)
		return full(err);
	ask_leader(raft, token);
	return 0;
}

void raft_read_ask_again(struct raft *raft)
{
	if (raft->read_count > 0 && raft->now - raft->read_asked_at > raft->hard.election_ms / 4)
		ask_leader(raft, raft->reads[raft->read_count - 1].token);
}

static void reply(struct raft *raft, raft_id to, struct raft_read_result result)
{
	struct raft_msg *msg = raft_send(raft, to, RAFT_MSG_READ_REPLY);

	msg->read_reply = (struct raft_msg_read_reply){ result.token, result.is_confirmed,
							result.index };
}

static void tell(struct raft *raft, const struct raft_read *read, bool is_confirmed, raft_index index)
{
	struct raft_read_result result = { read->token, is_confirmed, index };

	if (read->from) {
		reply(raft, read->from, result);
		return;
	}
	check(raft->ready_count < RAFT_READS_MAX);
	raft->ready_reads[raft->ready_count++] = result;
}

void raft_read_asked(struct raft *raft, const struct raft_msg *msg)
{
	struct raft_read_result no = { .token = msg->read.token };

	if (raft->role != RAFT_LEADER ||
	    add(raft, msg->from, msg->read.token, raft->round + 1) < 0)
		reply(raft, msg->from, no);
	else
		raft->wants_round = true;
}

static void remove_at(struct raft *raft, size_t at, size_t count)
{
	raft->read_count -= count;
	for (; at < raft->read_count; at++)
		raft->reads[at] = raft->reads[at + count];
}

void raft_read_answered(struct raft *raft, const struct raft_msg *msg)
{
	if (raft->role != RAFT_FOLLOWER || msg->from != raft->leader)
		return;
	for (size_t i = 0; i < raft->read_count; i++) {
		if (raft->reads[i].token != msg->read_reply.token)
			continue;
		/* a no is one to this question alone: there was no room for it */
		size_t first = msg->read_reply.is_confirmed ? 0 : i;
		for (size_t k = first; k <= i; k++)
			tell(raft, &raft->reads[k], msg->read_reply.is_confirmed, msg->read_reply.index);
		remove_at(raft, first, i + 1 - first);
		return;
	}
}

void raft_read_drop(struct raft *raft)
{
	for (size_t i = 0; i < raft->read_count; i++)
		tell(raft, &raft->reads[i], false, 0);
	raft->read_count = 0;
}

/* ---- the leader answers --------------------------------------------------------------------------- */

static uint64_t acked_round(const struct raft_peer *peer)
{
	return peer->acked_round;
}

/* Before its first commit a new leader does not know which older entries were committed. */
static bool knows_what_is_committed(const struct raft *raft)
{
	return raft_entries_term(&raft->log, raft->commit) == raft->hard.term;
}

void raft_read_answer(struct raft *raft)
{
	if (raft->role != RAFT_LEADER || raft->read_count == 0)
		return;
	/* one round at a time: those who ask meanwhile share the next */
	if (raft->wants_round && raft_majority(raft, raft->round, acked_round) == raft->round)
		raft_beat_round(raft);
	if (!knows_what_is_committed(raft))
		return;
	uint64_t confirmed = raft_majority(raft, raft->round, acked_round);
	size_t kept = 0;
	for (size_t i = 0; i < raft->read_count; i++) {
		struct raft_read read = raft->reads[i];
		if (read.round <= confirmed)
			tell(raft, &read, true, raft->commit);
		else
			raft->reads[kept++] = read;
	}
	raft->read_count = kept;
}
