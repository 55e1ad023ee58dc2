/* raft_persist.c - what is on its way to the disk, in order, and what has arrived there.
 *
 * A step marks what it has changed; one persist at its end takes all of it. With too many of them
 * under way the marks stay, and the next step tries again.
 */
#include "base/panic.h"
#include "raft/raft_impl.h"

bool raft_persist_is_full(const struct raft *raft)
{
	return raft->pending_count == RAFT_PERSISTS_MAX;
}

void raft_persist_entries(struct raft *raft, raft_index first)
{
	if (raft->dirty_from == 0 || first < raft->dirty_from)
		raft->dirty_from = first;
}

void raft_persist_hard(struct raft *raft)
{
	raft->is_hard_dirty = true;
}

/* The disk will hold them for a moment, and then what replaces them: neither may be acknowledged as
 * the other. */
void raft_persist_truncated(struct raft *raft, raft_index first)
{
	raft->durable = MIN(raft->durable, first - 1);
	for (size_t i = 0; i < raft->pending_count; i++) {
		struct raft_pending *pending =
			&raft->pending[(raft->pending_first + i) % RAFT_PERSISTS_MAX];
		pending->last = MIN(pending->last, first - 1);
	}
}

void raft_persist_flush(struct raft *raft, struct raft_out *out)
{
	raft_index last = raft_entries_last(&raft->log), first = raft->dirty_from;

	if ((!first && !raft->is_hard_dirty) || raft_persist_is_full(raft))
		return;
	/* what a snapshot has covered meanwhile needs no log */
	if (first)
		first = MAX(first, raft_entries_first(&raft->log));
	struct raft_pending *pending =
		&raft->pending[(raft->pending_first + raft->pending_count++) % RAFT_PERSISTS_MAX];
	*pending = (struct raft_pending){ .number = ++raft->last_number,
					  .last = last,
					  .hard = raft->hard,
					  .queued_at = raft->now,
					  .sent_ms = first ? raft->append_sent_ms : 0 };
	out->persist = (struct raft_persist){ .number = pending->number,
					      .hard = raft->hard,
					      .forgets_log = raft->forgets_log };
	if (first && first <= last) {
		out->persist.entries = raft_entries_at(&raft->log, first);
		out->persist.entry_count = (size_t)(last - first + 1);
	}
	raft->dirty_from = 0;
	raft->is_hard_dirty = raft->forgets_log = false;
	raft->append_sent_ms = 0;
}

static void take(struct raft *raft, const struct raft_pending *done)
{
	check(done->hard.term >= raft->hard_durable.term);
	raft->durable = MAX(raft->durable, done->last);
	raft->hard_durable = done->hard;
	if (raft->role == RAFT_LEADER && !raft->disk_is_stalled)
		raft_beat_sample(&raft->own_lag, raft->now - done->queued_at);
	if (done->sent_ms)
		raft->ack_sent_ms = done->sent_ms;
}

void raft_persist_done(struct raft *raft, uint64_t number)
{
	check(number <= raft->last_number);
	while (raft->pending_count > 0 && raft->pending[raft->pending_first].number <= number) {
		take(raft, &raft->pending[raft->pending_first]);
		raft->pending_first = (raft->pending_first + 1) % RAFT_PERSISTS_MAX;
		raft->pending_count--;
	}
}
