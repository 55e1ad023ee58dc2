/* raft_sum.c - the same state everywhere, as far as sums can tell.
 *
 * With every 100th heartbeat the leader asks what the state machines of the others look like behind one entry, which all of them have applied
 * or will. A sum that a majority of the voters has is right. Whoever has another one is told, the leader itself included; while no majority
 * has the same, nobody knows who is right, and nobody is.
 */
#include "raft/raft_impl.h"

void raft_sum_ask(struct raft *raft)
{
	raft->asked = (struct raft_msg_sum){ raft->sum_index, raft->sum };
	for (size_t i = 0; i < raft->peer_count; i++) {
		raft->peers[i].sum.index = 0;
		raft->peers[i].was_told_differs = false;
	}
}

void raft_sum_own(struct raft *raft, raft_index index, uint64_t sum)
{
	raft->answered = (struct raft_msg_sum){ index, sum };
	if (raft->role == RAFT_FOLLOWER && raft->leader)
		raft_send(raft, raft->leader, RAFT_MSG_SUM)->sum = raft->answered;
}

static bool has_answered(const struct raft *raft, const struct raft_peer *peer)
{
	return peer->sum.index == raft->asked.index;
}

static bool is_of_majority(struct raft *raft, uint64_t sum)
{
	size_t count = raft->is_voter && raft->asked.sum == sum;
	struct raft_peer *peer;

	for (size_t at = 0; (peer = raft_peers_next(raft, &at));)
		count += peer->is_voter && has_answered(raft, peer) && peer->sum.sum == sum;
	return count > raft->voter_count / 2;
}

static void tell(struct raft *raft, uint64_t sum, struct raft_out *out)
{
	struct raft_peer *peer;

	if (raft->asked.sum != sum) {
		out->differs = true;
		out->differs_index = raft->asked.index;
	}
	for (size_t at = 0; (peer = raft_peers_next(raft, &at));) {
		if (!has_answered(raft, peer) || peer->sum.sum == sum || peer->was_told_differs)
			continue;
		peer->was_told_differs = true;
		raft_send(raft, peer->id, RAFT_MSG_DIFFERS)->sum = (struct raft_msg_sum){ raft->asked.index, sum };
	}
}

void raft_sum_answered(struct raft *raft, const struct raft_msg *msg, struct raft_out *out)
{
	struct raft_peer *peer = raft_peer_find(raft, msg->from);

	if (raft->role != RAFT_LEADER || !peer || !raft->asked.index || msg->sum.index != raft->asked.index)
		return;
	peer->sum = msg->sum;
	/* the majority's is this one, or was known before */
	if (is_of_majority(raft, msg->sum.sum))
		tell(raft, msg->sum.sum, out);
	else if (is_of_majority(raft, raft->asked.sum))
		tell(raft, raft->asked.sum, out);
}

/* Its own word against it: what it answered, and what others have. */
void raft_sum_judged(struct raft *raft, const struct raft_msg *msg, struct raft_out *out)
{
	if (raft->answered.index != msg->sum.index || raft->answered.sum == msg->sum.sum)
		return;
	out->differs = true;
	out->differs_index = msg->sum.index;
}
