#include "test/unit/raft/raft_disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

static struct raft_entry copy_of(const struct raft_entry *entry)
{
	struct raft_entry copy = *entry;

	copy.bytes = memcpy(NEW_ARRAY(char, entry->size + 1), entry->size ? entry->bytes : "",
			    entry->size);
	return copy;
}

static void drop(struct raft_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((void *)entries[i].bytes);
}

static void drop_write(struct disk_write *write)
{
	drop(write->entries, write->count);
	free(write->entries);
}

void raft_disk_fini(struct raft_disk *disk)
{
	raft_disk_lose_unsynced(disk);
	drop(disk->log, disk->count);
	disk->count = 0;
}

void raft_disk_queue(struct raft_disk *disk, const struct raft_persist *persist)
{
	if (persist->number == 0)
		return;
	check(disk->queued < DISK_QUEUE_MAX);

	struct disk_write *write = &disk->queue[disk->queued++];
	*write = (struct disk_write){ persist->number, persist->hard, persist->forgets_log, NULL,
				       persist->entry_count };
	write->entries = NEW_ARRAY(struct raft_entry, persist->entry_count + 1);
	for (size_t i = 0; i < persist->entry_count; i++)
		write->entries[i] = copy_of(&persist->entries[i]);
}

static void drop_from(struct raft_disk *disk, raft_index index)
{
	while (disk->count > 0 && disk->log[disk->count - 1].index >= index)
		drop(&disk->log[--disk->count], 1);
}

void raft_disk_forget_last(struct raft_disk *disk)
{
	drop_from(disk, disk->log[disk->count - 1].index);
}

bool raft_disk_sync_one(struct raft_disk *disk)
{
	if (disk->queued == 0)
		return false;

	struct disk_write write = disk->queue[0];
	memmove(disk->queue, disk->queue + 1, --disk->queued * sizeof(write));
	disk->hard = write.hard;
	disk->durable_number = write.number;
	if (write.forgets_log)
		drop_from(disk, 0);
	if (write.count > 0)
		drop_from(disk, write.entries[0].index);
	for (size_t i = 0; i < write.count; i++) {
		check(disk->count < DISK_ENTRIES_MAX);
		disk->log[disk->count++] = write.entries[i];
	}
	free(write.entries);
	return true;
}

void raft_disk_lose_unsynced(struct raft_disk *disk)
{
	while (disk->queued > 0)
		drop_write(&disk->queue[--disk->queued]);
	disk->durable_number = 0;
}

void raft_disk_cut(struct raft_disk *disk, raft_index index)
{
	size_t gone = 0;

	while (gone < disk->count && disk->log[gone].index <= index)
		gone++;
	drop(disk->log, gone);
	disk->count -= gone;
	memmove(disk->log, disk->log + gone, disk->count * sizeof(disk->log[0]));
}

struct raft_event raft_disk_start(const struct raft_disk *disk, raft_id self,
				  const struct raft_base *base)
{
	return (struct raft_event){ .type = RAFT_EVENT_START,
				    .start = { .self = self,
					       .seed = 1,
					       .hard = disk->hard,
					       .base = *base,
					       .entries = disk->log,
					       .entry_count = disk->count } };
}

void raft_disk_found(struct raft_disk *disk, raft_id self)
{
	struct raft_membership config = { .cluster_id = "cluster",
					  .members = { { self, RAFT_VOTER, "node1" } },
					  .count = 1 };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct raft_entry entry;

	raft_first(&config, &disk->hard, &entry, &bytes);
	disk->log[disk->count++] = copy_of(&entry);
}
