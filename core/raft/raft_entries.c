#include "raft/raft_entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

void raft_entries_init(struct raft_entries *log, raft_index base_index, raft_term base_term)
{
	*log = (struct raft_entries){ .base_index = base_index, .base_term = base_term };
}

static void drop_first(struct raft_entries *log)
{
	struct raft_entry *entry = &log->items[log->front];

	log->base_index = entry->index;
	log->base_term = entry->term;
	log->bytes -= entry->size;
	free((void *)entry->bytes);
	*entry = (struct raft_entry){ 0 };
	log->front++;
	log->count--;
}

void raft_entries_fini(struct raft_entries *log)
{
	while (log->count > 0)
		drop_first(log);
	free(log->items);
	*log = (struct raft_entries){ 0 };
}

raft_index raft_entries_first(const struct raft_entries *log)
{
	return log->base_index + 1;
}

raft_index raft_entries_last(const struct raft_entries *log)
{
	return log->base_index + log->count;
}

raft_term raft_entries_last_term(const struct raft_entries *log)
{
	return raft_entries_term(log, raft_entries_last(log));
}

bool raft_entries_has(const struct raft_entries *log, raft_index index)
{
	return index > log->base_index && index <= raft_entries_last(log);
}

const struct raft_entry *raft_entries_at(const struct raft_entries *log, raft_index index)
{
	check(raft_entries_has(log, index));
	return &log->items[log->front + (size_t)(index - log->base_index - 1)];
}

raft_term raft_entries_term(const struct raft_entries *log, raft_index index)
{
	return index == log->base_index ? log->base_term : raft_entries_at(log, index)->term;
}

size_t raft_entries_bytes_above(const struct raft_entries *log, raft_index index)
{
	size_t bytes = 0;

	for (raft_index i = MAX(index, log->base_index) + 1; i <= raft_entries_last(log); i++)
		bytes += raft_entries_at(log, i)->size;
	return bytes;
}

/* Entries stay in one piece so that duties can point at a run of them: room is made by moving them
 * to the front when half is empty. */
static void make_room(struct raft_entries *log)
{
	if (log->front + log->count < log->size)
		return;
	if (log->front > log->size / 2) {
		memmove(log->items, log->items + log->front, log->count * sizeof(*log->items));
		log->front = 0;
		return;
	}
	log->size = log->size ? log->size * 2 : 64;
	log->items = mem_resize(log->items, log->size, sizeof(*log->items));
}

void raft_entries_append(struct raft_entries *log, const struct raft_entry *entry)
{
	check(entry->index == raft_entries_last(log) + 1);
	check(entry->term >= raft_entries_last_term(log));
	check(entry->size <= RAFT_ENTRY_BYTES_MAX);

	make_room(log);
	struct raft_entry *place = &log->items[log->front + log->count++];
	*place = *entry;
	place->bytes = NULL;
	if (entry->size > 0)
		place->bytes = memcpy(NEW_ARRAY(char, entry->size), entry->bytes, entry->size);
	log->bytes += entry->size;
}

void raft_entries_cut(struct raft_entries *log, raft_index index)
{
	check(index <= raft_entries_last(log));
	while (log->base_index < index)
		drop_first(log);
}

void raft_entries_truncate(struct raft_entries *log, raft_index index)
{
	check(index > log->base_index);
	while (log->count > 0 && raft_entries_last(log) >= index) {
		struct raft_entry *entry = &log->items[log->front + --log->count];

		log->bytes -= entry->size;
		free((void *)entry->bytes);
		*entry = (struct raft_entry){ 0 };
	}
}
