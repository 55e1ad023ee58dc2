/* raft_follow.c - a follower's log: what fits is taken, what contradicts the leader goes (§3.5, Figure 3.1). */
#include "base/panic.h"
#include "raft/raft_impl.h"

/* From the wire: what is wrong is an error, not a check. */
static int check_entries(const struct raft_msg *msg, struct err *err)
{
	const struct raft_msg_append *append = &msg->append;
	raft_term term = append->prev_term;

	for (size_t i = 0; i < append->entry_count; i++) {
		const struct raft_entry *entry = &append->entries[i];
		bool is_type = entry->type >= RAFT_ENTRY_NORMAL && entry->type <= RAFT_ENTRY_NOOP;

		if (entry->index != append->prev_index + 1 + i || entry->term < term ||
		    entry->term > msg->term || entry->size > RAFT_ENTRY_BYTES_MAX || !is_type)
			return err_set(err, ERR_INVALID,
				       "manager %llx sends a log that cannot be one, at entry %llu",
				       (unsigned long long)msg->from,
				       (unsigned long long)entry->index);
		term = entry->term;
	}
	return 0;
}

static bool fits(const struct raft *raft, raft_index index, raft_term term)
{
	if (index < raft_entries_first(&raft->log) - 1)
		return true; /* committed long ago: equal in every log (§3.6.2) */
	if (index > raft_entries_last(&raft->log))
		return false;
	return raft_entries_term(&raft->log, index) == term;
}

/* The last of our entries that the leader may have: not behind prev, of no newer term than prev. */
static void reject(struct raft *raft, const struct raft_msg *msg)
{
	struct raft_msg *reply = raft_send(raft, msg->from, RAFT_MSG_APPEND_REPLY);
	raft_index hint = MIN(msg->append.prev_index, raft_entries_last(&raft->log));
	raft_index base = raft_entries_first(&raft->log) - 1;

	while (hint > MAX(base, raft->commit) &&
	       raft_entries_term(&raft->log, hint) > msg->append.prev_term)
		hint--;
	if (hint > MAX(base, raft->commit) && hint == msg->append.prev_index)
		hint--; /* there it contradicts */
	reply->append_reply = (struct raft_msg_append_reply){
		.last_index = hint,
		.last_term = hint >= base ? raft_entries_term(&raft->log, hint) : 0,
		.sent_ms = msg->append.sent_ms,
		.disk_stalled = raft->disk_is_stalled,
	};
}

static int take_config(struct raft *raft, const struct raft_entry *entry, struct err *err)
{
	struct raft_membership config;

	if (entry->type != RAFT_ENTRY_CONFIG)
		return 0;
	if (raft_membership_decode(entry->bytes, entry->size, &config, err) < 0)
		return err_wrap(err, "log entry %llu", (unsigned long long)entry->index);
	raft_change_take(raft, entry->index, &config);
	return 0;
}

static void truncate_from(struct raft *raft, raft_index index)
{
	raft_entries_truncate(&raft->log, index);
	raft_persist_truncated(raft, index);
	raft->matched = MIN(raft->matched, index - 1);
	if (raft->config_index >= index)
		raft_change_revert(raft);
}

static int contradicts(raft_index index, struct err *err)
{
	return err_set(err, ERR_IO, "the leader has another entry %llu than the one committed here",
		       (unsigned long long)index);
}

/* Before anything is changed: may all of it be taken? */
static int check_take(const struct raft *raft, const struct raft_msg_append *append, struct err *err)
{
	for (size_t i = 0; i < append->entry_count; i++) {
		const struct raft_entry *entry = &append->entries[i];
		struct raft_membership config;

		if (entry->index <= raft->commit && !fits(raft, entry->index, entry->term))
			return contradicts(entry->index, err);
		if (entry->type == RAFT_ENTRY_CONFIG &&
		    raft_membership_decode(entry->bytes, entry->size, &config, err) < 0)
			return err_wrap(err, "log entry %llu", (unsigned long long)entry->index);
	}
	return 0;
}

/* Our clock may be behind the leader's; what is in the log is over. */
static void note_time(struct raft *raft, msec now_ms)
{
	if (raft->cluster_ms >= now_ms)
		return;
	raft->cluster_ms = MAX(raft_cluster_ms(raft, raft->now), now_ms);
	raft->cluster_at = raft->now;
}

static int take_entries(struct raft *raft, const struct raft_msg_append *append, struct err *err)
{
	if (check_take(raft, append, err) < 0)
		return -1;
	for (size_t i = 0; i < append->entry_count; i++) {
		const struct raft_entry *entry = &append->entries[i];

		if (fits(raft, entry->index, entry->term))
			continue;
		if (entry->index <= raft_entries_last(&raft->log))
			truncate_from(raft, entry->index);
		raft_entries_append(&raft->log, entry);
		raft_persist_entries(raft, entry->index);
		raft->append_sent_ms = append->sent_ms;
		note_time(raft, entry->now_ms);
		check(take_config(raft, entry, err) == 0);
	}
	return 0;
}

int raft_follow_append(struct raft *raft, const struct raft_msg *msg, struct err *err)
{
	const struct raft_msg_append *append = &msg->append;

	if (check_entries(msg, err) < 0)
		return -1;
	if (!fits(raft, append->prev_index, append->prev_term)) {
		if (append->prev_index <= raft->commit)
			return contradicts(append->prev_index, err);
		reject(raft, msg);
		return 0;
	}
	if (raft_persist_is_full(raft) && append->entry_count > 0)
		return 0; /* the disk is far behind: the leader sends it again */
	if (take_entries(raft, append, err) < 0)
		return -1;
	raft_index upto = append->prev_index + append->entry_count;
	raft->matched = MAX(raft->matched, MIN(upto, raft_entries_last(&raft->log)));
	raft_commit_learn(raft, MIN(append->commit, upto));
	if (append->entry_count == 0 && !append->sent_ms && (raft->owes_ack || upto <= raft->acked))
		return 0;
	raft->owes_ack = true;
	if (!raft->append_sent_ms)
		raft->ack_sent_ms = append->sent_ms;
	return 0;
}

/* What is durable *and* the leader's. One answer stands for all that became durable since the last. */
void raft_follow_owed(struct raft *raft)
{
	raft_index upto = MIN(raft->durable, raft->matched);

	if (raft->role != RAFT_FOLLOWER || !raft->leader || !raft->owes_ack)
		return;
	if (raft->hard_durable.term != raft->hard.term)
		return;
	if (upto < raft->matched && upto <= raft->acked)
		return;
	raft_index base = raft_entries_first(&raft->log) - 1;
	struct raft_msg *reply = raft_send(raft, raft->leader, RAFT_MSG_APPEND_REPLY);
	reply->append_reply = (struct raft_msg_append_reply){
		.matched = true,
		.last_index = upto,
		.last_term = upto >= base ? raft_entries_term(&raft->log, upto) : 0,
		.sent_ms = raft->ack_sent_ms,
		.disk_stalled = raft->disk_is_stalled,
	};
	raft->ack_sent_ms = 0;
	raft->acked = upto;
	raft->owes_ack = upto < raft->matched;
}
