/* raft_persist.c - what is on its way to the disk, in order, and what has arrived there. */
#include "base/panic.h"
#include "raft/raft_impl.h"

bool raft_persist_is_full(const struct raft *raft)
{
	return raft->pending_count == RAFT_PERSISTS_MAX;
}

void raft_persist_queue(struct raft *raft, raft_index first, struct raft_out *out)
{
	check(out->persist.number == 0);
	check(!raft_persist_is_full(raft));

	struct raft_pending *pending =
		&raft->pending[(raft->pending_first + raft->pending_count++) % RAFT_PERSISTS_MAX];
	*pending = (struct raft_pending){ ++raft->last_number, raft_entries_last(&raft->log),
					  raft->hard };
	out->persist.number = pending->number;
	out->persist.hard = raft->hard;
	if (first == 0)
		return;
	out->persist.entries = raft_entries_at(&raft->log, first);
	out->persist.entry_count = (size_t)(pending->last - first + 1);
}

void raft_persist_done(struct raft *raft, uint64_t number)
{
	check(number <= raft->last_number);
	while (raft->pending_count > 0 && raft->pending[raft->pending_first].number <= number) {
		const struct raft_pending *done = &raft->pending[raft->pending_first];
		check(done->last >= raft->durable);
		check(done->hard.term >= raft->hard_durable.term);
		raft->durable = done->last;
		raft->hard_durable = done->hard;
		raft->pending_first = (raft->pending_first + 1) % RAFT_PERSISTS_MAX;
		raft->pending_count--;
	}
}
