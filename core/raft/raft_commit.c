/* raft_commit.c - what is agreed, and what of it the state machine gets. */
#include "base/panic.h"
#include "raft/raft_impl.h"

static uint64_t match_of(const struct raft_peer *peer)
{
	return peer->match;
}

/* §3.6.2: a leader commits by counting only entries of its own term; older ones are committed along
 * with them. Its own disk counts like any other (§10.2.1). */
void raft_commit_advance(struct raft *raft)
{
	if (raft->role != RAFT_LEADER)
		return;
	raft_index agreed = raft_majority(raft, raft->durable, match_of);
	if (agreed <= raft->commit || raft_entries_term(&raft->log, agreed) != raft->hard.term)
		return;
	raft->commit = agreed;
}

void raft_commit_learn(struct raft *raft, raft_index commit)
{
	raft->commit = MAX(raft->commit, MIN(commit, raft->matched));
}

static void settle_configs(struct raft *raft, raft_index first, raft_index last)
{
	for (raft_index i = first; i <= last; i++) {
		const struct raft_entry *entry = raft_entries_at(&raft->log, i);
		struct err ignored;

		if (entry->type != RAFT_ENTRY_CONFIG)
			continue;
		check(raft_membership_decode(entry->bytes, entry->size, &raft->settled, &ignored) ==
		      0);
		raft->settled_index = i;
	}
}

void raft_commit_hand_out(struct raft *raft, struct raft_out *out)
{
	raft_index until = MIN(raft->commit, raft->durable);

	if (raft->handed_out >= until)
		return;
	out->apply = raft_entries_at(&raft->log, raft->handed_out + 1);
	out->apply_count = (size_t)(until - raft->handed_out);
	settle_configs(raft, raft->handed_out + 1, until);
	raft->handed_out = until;
}
