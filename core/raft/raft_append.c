/* raft_append.c - the leader's end of the log (§3.5). */
#include "base/panic.h"
#include "raft/raft_impl.h"

static void append(struct raft *raft, enum raft_entry_type type, const void *bytes, size_t size)
{
	struct raft_entry entry = {
		.index = raft_entries_last(&raft->log) + 1,
		.term = raft->hard.term,
		.type = type,
		.now_ms = raft_cluster_ms(raft, raft->now),
		.bytes = bytes,
		.size = size,
	};
	raft_entries_append(&raft->log, &entry);
}

void raft_append_noop(struct raft *raft, struct raft_out *out)
{
	append(raft, RAFT_ENTRY_NOOP, NULL, 0);
	raft_persist_queue(raft, raft_entries_last(&raft->log), out);
}

static int admit(const struct raft *raft, const struct raft_proposal *items, size_t count,
		 struct err *err)
{
	size_t bytes = raft_entries_bytes_above(&raft->log, raft->commit);

	if (raft->role != RAFT_LEADER)
		return err_set(err, ERR_UNAVAILABLE, "this manager does not lead");
	if (count == 0 || count > RAFT_PROPOSE_MAX)
		return err_set(err, ERR_INVALID,
			       "%zu entries proposed at once; 1 to %d are allowed", count,
			       RAFT_PROPOSE_MAX);
	for (size_t i = 0; i < count; i++) {
		if (items[i].size > RAFT_ENTRY_BYTES_MAX)
			return err_set(err, ERR_INVALID,
				       "a change of %zu bytes is too large; the most is %u",
				       items[i].size, RAFT_ENTRY_BYTES_MAX);
		bytes += items[i].size;
	}
	if (bytes > RAFT_PENDING_BYTES_MAX || raft_persist_is_full(raft))
		return err_set(err, ERR_EXHAUSTED, "too much is waiting for the disk");
	return 0;
}

int raft_append_proposals(struct raft *raft, const struct raft_proposal *items, size_t count,
			  struct raft_out *out, struct err *err)
{
	if (admit(raft, items, count, err) < 0)
		return -1;
	out->proposed_index = raft_entries_last(&raft->log) + 1;
	for (size_t i = 0; i < count; i++)
		append(raft, RAFT_ENTRY_NORMAL, items[i].bytes, items[i].size);
	raft_persist_queue(raft, out->proposed_index, out);
	return 0;
}
