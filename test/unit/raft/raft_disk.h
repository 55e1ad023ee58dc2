/* raft_disk.h - a disk for tests: takes persists in order, makes them durable when told, loses the
 * rest in a crash. A persist is one transaction, as the store makes it: whole or not there. */
#pragma once
#include "raft/raft.h"

enum { DISK_QUEUE_MAX = RAFT_PERSISTS_MAX + 1, DISK_ENTRIES_MAX = 4096 };

struct disk_write {
	uint64_t number;
	struct raft_hard hard;
	bool forgets_log;
	struct raft_entry *entries;
	size_t count;
};
struct raft_disk {
	struct raft_hard hard;
	struct raft_entry log[DISK_ENTRIES_MAX]; /* log[0 .. count), first index is log[0].index */
	size_t count;
	struct disk_write queue[DISK_QUEUE_MAX];
	size_t queued;
	uint64_t durable_number; /* of the last write that is on the disk */
};

void raft_disk_fini(struct raft_disk *disk);
void raft_disk_queue(struct raft_disk *disk, const struct raft_persist *persist);
bool raft_disk_sync_one(struct raft_disk *disk); /* false: nothing queued */
void raft_disk_lose_unsynced(struct raft_disk *disk);
void raft_disk_cut(struct raft_disk *disk, raft_index index); /* forget entries <= index */
void raft_disk_forget_last(struct raft_disk *disk); /* a lie: it was durable */
/* An event that starts a member from what is durable. */
struct raft_event raft_disk_start(const struct raft_disk *disk, raft_id self,
				  const struct raft_base *base);
/* A disk with the first entry of a new cluster on it. */
void raft_disk_found(struct raft_disk *disk, raft_id self);
