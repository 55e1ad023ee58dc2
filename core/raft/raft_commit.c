/* raft_commit.c - what is agreed, and what of it the state machine gets. */
#include "base/panic.h"
#include "raft/raft_impl.h"

/* §3.6.2: a leader commits by counting only entries of its own term; older ones are committed along
 * with them. The majority of one voter is its own disk. */
void raft_commit_advance(struct raft *raft)
{
	if (raft->role != RAFT_LEADER || raft->durable <= raft->commit)
		return;
	if (raft_entries_term(&raft->log, raft->durable) != raft->hard.term)
		return;
	raft->commit = raft->durable;
}

void raft_commit_hand_out(struct raft *raft, struct raft_out *out)
{
	raft_index until = MIN(raft->commit, raft->durable);

	check(raft->handed_out <= until);
	if (raft->handed_out == until)
		return;
	out->apply = raft_entries_at(&raft->log, raft->handed_out + 1);
	out->apply_count = (size_t)(until - raft->handed_out);
	raft->handed_out = until;
}
