/* raft_read.c - read index (§6.4): a leader answers with its commit index once that covers an entry
 * of its own term and a majority has confirmed, after the question came, that it still leads. The
 * majority of one voter is itself. */
#include <string.h>

#include "base/panic.h"
#include "raft/raft_impl.h"

int raft_read_ask(struct raft *raft, uint64_t token, struct err *err)
{
	if (raft->role != RAFT_LEADER)
		return err_set(err, ERR_UNAVAILABLE, "this manager does not lead");
	if (raft->read_count == RAFT_READS_MAX)
		return err_set(err, ERR_EXHAUSTED, "too many reads are waiting for the leader");
	raft->reads[raft->read_count++] = (struct raft_read_result){ .token = token };
	return 0;
}

/* Before its first commit a new leader does not know which older entries were committed. */
static bool knows_what_is_committed(const struct raft *raft)
{
	return raft->role == RAFT_LEADER &&
	       raft_entries_term(&raft->log, raft->commit) == raft->hard.term;
}

void raft_read_answer(struct raft *raft, struct raft_out *out)
{
	if (raft->read_count == 0 || !knows_what_is_committed(raft))
		return;
	for (size_t i = 0; i < raft->read_count; i++)
		raft->ready_reads[i] =
			(struct raft_read_result){ raft->reads[i].token, true, raft->commit };
	out->reads = raft->ready_reads;
	out->read_count = raft->read_count;
	raft->read_count = 0;
}
