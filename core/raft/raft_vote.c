/* raft_vote.c - elections (§3.4). With one voter: stand, make the own vote durable, win. */
#include "base/panic.h"
#include "raft/raft_impl.h"

void raft_vote_stand(struct raft *raft, struct raft_out *out)
{
	check(raft->role != RAFT_LEADER);
	raft->role = RAFT_CANDIDATE;
	raft->leader = 0;
	raft->hard.term++;
	raft->hard.vote = raft->self;
	raft_persist_queue(raft, 0, out);
	out->status_changed = true;
}

/* A vote counts when it is durable: a member that forgot one could give a second in the same term,
 * and then two leaders share it. */
static bool own_vote_is_durable(const struct raft *raft)
{
	return raft->hard_durable.term == raft->hard.term && raft->hard_durable.vote == raft->self;
}

void raft_vote_count(struct raft *raft, struct raft_out *out)
{
	if (raft->role != RAFT_CANDIDATE || !own_vote_is_durable(raft))
		return;
	raft->role = RAFT_LEADER;
	raft->leader = raft->self;
	raft_append_noop(raft, out);
	out->status_changed = true;
}
