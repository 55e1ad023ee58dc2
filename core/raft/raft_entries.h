/* raft_entries.h - the part of the log that is kept in memory: a run without gaps above a known
 * (index, term). Owns the entries' bytes. */
#pragma once
#include "raft/raft.h"

struct raft_entries {
	struct raft_entry *items;
	size_t front, count, size;      /* items[front .. front+count) are alive */
	raft_index base_index;          /* the entry before the first one */
	raft_term base_term;
	size_t bytes;
};

void raft_entries_init(struct raft_entries *log, raft_index base_index, raft_term base_term);
void raft_entries_fini(struct raft_entries *log);
raft_index raft_entries_first(const struct raft_entries *log);
raft_index raft_entries_last(const struct raft_entries *log);            /* base_index when empty */
raft_term raft_entries_last_term(const struct raft_entries *log);
/* Of the base or of an entry that is here. */
raft_term raft_entries_term(const struct raft_entries *log, raft_index index);
bool raft_entries_has(const struct raft_entries *log, raft_index index);
/* Copies the bytes. The index must be the next one, the term not lower than the last. */
void raft_entries_append(struct raft_entries *log, const struct raft_entry *entry);
/* The entries from index to the last one lie behind each other there. */
const struct raft_entry *raft_entries_at(const struct raft_entries *log, raft_index index);
/* Bytes of the entries above index. */
size_t raft_entries_bytes_above(const struct raft_entries *log, raft_index index);
/* Forgets what is at or below index, which becomes the base; below the base is harmless. */
void raft_entries_cut(struct raft_entries *log, raft_index index);
/* Forgets what is at or above index, which must lie above the base. */
void raft_entries_truncate(struct raft_entries *log, raft_index index);
