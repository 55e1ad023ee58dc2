/* raft_start.c - from what the disk holds to a running member (§3.8). Everything here came from a
 * file: what is wrong is an error, not a check. */
#include "raft/raft_impl.h"

static int broken(struct err *err, raft_index index, const char *what)
{
	return err_set(err, ERR_IO, "the log contradicts itself at entry %llu: %s",
		       (unsigned long long)index, what);
}

static int check_entry(const struct raft_start *start, size_t at, struct err *err)
{
	const struct raft_entry *entry = &start->entries[at];

	if (at == 0 && entry->index == 0)
		return broken(err, 0, "entries count from 1");
	if (at > 0 && entry->index != entry[-1].index + 1)
		return broken(err, entry->index, "the one before it is missing");
	if (entry->term == 0 || (at > 0 && entry->term < entry[-1].term))
		return broken(err, entry->index, "its term is lower than the one before");
	if (entry->term > start->hard.term)
		return broken(err, entry->index, "its term has never been reached");
	if (entry->type < RAFT_ENTRY_NORMAL || entry->type > RAFT_ENTRY_NOOP)
		return broken(err, entry->index, "unknown type");
	if (entry->size > RAFT_ENTRY_BYTES_MAX)
		return broken(err, entry->index, "too large");
	return 0;
}

/* The state has another entry there than the log: of the two the state is right, if it came by a
 * snapshot and the power went before the log was forgotten. Then the log's is older, for a snapshot
 * comes from a leader whose term ours had not reached. */
static const struct raft_entry *contradiction(const struct raft_start *start)
{
	for (size_t i = 0; i < start->entry_count; i++) {
		const struct raft_entry *entry = &start->entries[i];
		if (entry->index == start->base.index && entry->term != start->base.term)
			return entry;
	}
	return NULL;
}

static int check_disk(const struct raft_start *start, struct err *err)
{
	const struct raft_entry *other = contradiction(start);

	for (size_t i = 0; i < start->entry_count; i++)
		if (check_entry(start, i, err) < 0)
			return -1;
	if (start->hard.term < start->base.term)
		return err_set(err, ERR_IO,
			       "the log's term is %llu, but the state has applied entries of term "
			       "%llu: the log is older than the state",
			       (unsigned long long)start->hard.term,
			       (unsigned long long)start->base.term);
	if (start->entry_count > 0 && start->entries[0].index > start->base.index + 1)
		return broken(err, start->base.index + 1, "it is missing");
	if (start->entry_count > 0 && start->entries[0].index > start->base.index && start->entries[0].term < start->base.term)
		return broken(err, start->entries[0].index, "its term is lower than the one before");
	if (other && start->base.config.count < 2)
		return broken(err, other->index,
			      "the state has applied another entry at this index");
	return 0;
}

/* A log that ends before the state does, or contradicts it, was left by a crash between "snapshot installed"
 * and "log forgotten": the snapshot has all of it (§5.1). One that begins at or below base.index
 * keeps its first entry as the base, so that peers slightly behind need no snapshot. */
static void load_log(struct raft *raft, const struct raft_start *start)
{
	const struct raft_entry *entries = start->entries;
	size_t count = start->entry_count;
	bool is_useful = count > 0 && entries[count - 1].index >= start->base.index &&
			 !contradiction(start);

	raft_entries_init(&raft->log, start->base.index, start->base.term);
	if (!is_useful) {
		raft->forgets_log = count > 0;
		raft->is_hard_dirty = raft->forgets_log;
		return;
	}
	if (entries[0].index == 1)
		raft_entries_init(&raft->log, 0, 0);
	else if (entries[0].index <= start->base.index)
		raft_entries_init(&raft->log, entries[0].index, entries[0].term);
	for (size_t i = 0; i < count; i++)
		if (entries[i].index > raft_entries_last(&raft->log))
			raft_entries_append(&raft->log, &entries[i]);
}

/* The newest configuration in the log is in force, committed or not (§4.1). */
static int load_config(struct raft *raft, const struct raft_start *start, struct err *err)
{
	raft->config = raft->settled = start->base.config;
	raft->config_index = raft->settled_index = start->base.config_index;
	for (raft_index i = raft_entries_first(&raft->log); i <= raft_entries_last(&raft->log);
	     i++) {
		const struct raft_entry *entry = raft_entries_at(&raft->log, i);
		if (entry->type != RAFT_ENTRY_CONFIG || i <= raft->config_index)
			continue;
		if (raft_membership_decode(entry->bytes, entry->size, &raft->config, err) < 0)
			return err_wrap(err, "log entry %llu", (unsigned long long)i);
		raft->config_index = i;
	}
	return 0;
}

static int check_config(const struct raft *raft, const struct raft_start *start, struct err *err)
{
	if (start->is_joining)
		return 0;
	if (raft->config.count == 0)
		return err_set(err, ERR_IO, "neither the log nor the state names the managers");
	if (!raft_membership_find(&raft->config, raft->self))
		return err_set(err, ERR_IO, "the log belongs to another manager");
	return 0;
}

/* Cluster time stands still while nobody leads: it goes on from the last entry. */
static void load_time(struct raft *raft, const struct raft_start *start)
{
	raft->cluster_at = raft->now;
	raft->cluster_ms = start->base.now_ms;
	for (size_t i = 0; i < start->entry_count; i++)
		raft->cluster_ms = MAX(raft->cluster_ms, start->entries[i].now_ms);
}

/* What is durable on the only voter is committed: it was when it became durable, for the newest
 * configuration in the log needs nobody else (§4.1). So the state is whole before anything was
 * written, and nobody has to be waited for. */
static void go_on_alone(struct raft *raft)
{
	raft->commit = raft->matched = raft->durable;
	raft_vote_stand(raft, false);
}

int raft_start_from(struct raft *raft, const struct raft_start *start, struct err *err)
{
	if (check_disk(start, err) < 0)
		return -1;
	load_log(raft, start);
	raft->self = start->self;
	if (load_config(raft, start, err) < 0 || check_config(raft, start, err) < 0) {
		raft_entries_fini(&raft->log);
		return -1;
	}
	load_time(raft, start);
	rng_seed(&raft->rng, start->seed);
	raft->is_started = true;
	raft->role = RAFT_FOLLOWER;
	raft->hard = raft->hard_durable = start->hard;
	if (raft->hard.election_ms == 0)
		raft->hard.election_ms = RAFT_ELECTION_MIN_MS;
	raft->durable = raft_entries_last(&raft->log);
	raft->handed_out = raft->applied = raft->commit = raft->matched = start->base.index;
	raft_peers_settle(raft);
	if (raft->is_voter && raft->voter_count == 1)
		go_on_alone(raft);
	else
		raft_vote_arm(raft);
	return 0;
}
