/* Two arrays: entries in order of insertion, and a table of positions in it, probed linearly. A
 * removed entry stays as a gap (key NULL) until the entries are full; then the next put packs
 * them. So removing never moves anything and an iterator is an index. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/panic.h"
#include "base/str.h"

struct entry {
	char *key;              /* NULL: removed */
	void *value;
	uint64_t hash;
};

struct map {
	struct entry *entries;
	/* 0: free, else position in entries + 1; slot_count is a power of two. */
	uint32_t *slots;
	/* Entries with gaps; room is half of slot_count, so that probes end soon. */
	size_t used, room;
	size_t slot_count, count;
	/* No live entry before this one: taking from the front stays cheap. */
	size_t first;
	uint64_t seed[2];
};

/* SipHash-1-3 (Aumasson and Bernstein; the round counts Rust and Ruby use for tables). */
static inline uint64_t rotate(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
	v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

static uint64_t hash_key(const struct map *map, const char *key)
{
	uint64_t v[4] = { map->seed[0] ^ 0x736f6d6570736575, map->seed[1] ^ 0x646f72616e646f6d,
			  map->seed[0] ^ 0x6c7967656e657261, map->seed[1] ^ 0x7465646279746573 };
	size_t length = strlen(key), at = 0;
	uint64_t word;

	for (; length - at >= 8; at += 8) {
		memcpy(&word, key + at, 8);
		sip_word(v, word);
	}
	word = 0;
	memcpy(&word, key + at, length - at);
	sip_word(v, word | (uint64_t)length << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The kernel gives every process 16 random bytes; the map's address makes tables of one process
 * differ. The order of iteration does not depend on it. */
static void seed_map(struct map *map)
{
	const void *random = (const void *)getauxval(AT_RANDOM);

	if (random)
		memcpy(map->seed, random, sizeof(map->seed));
	map->seed[0] ^= (uint64_t)(uintptr_t)map;
}

struct map *map_new(void)
{
	struct map *map = NEW(struct map);

	seed_map(map);
	return map;
}

void map_free(struct map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->used; i++)
		free(map->entries[i].key);
	free(map->entries);
	free(map->slots);
	free(map);
}

void map_freep(struct map **map)
{
	map_free(*map);
	*map = NULL;
}

static struct entry *find(const struct map *map, const char *key, uint64_t hash)
{
	if (!map->slot_count)
		return NULL;
	size_t mask = map->slot_count - 1;
	for (size_t slot = hash & mask; map->slots[slot]; slot = (slot + 1) & mask) {
		struct entry *entry = &map->entries[map->slots[slot] - 1];
		if (entry->key && entry->hash == hash && strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

static void index_entry(struct map *map, size_t position)
{
	size_t mask = map->slot_count - 1, slot = map->entries[position].hash & mask;

	while (map->slots[slot])
		slot = (slot + 1) & mask;
	map->slots[slot] = (uint32_t)(position + 1);
}

static void pack_entries(struct map *map)
{
	size_t to = 0;

	for (size_t from = map->first; from < map->used; from++)
		if (map->entries[from].key)
			map->entries[to++] = map->entries[from];
	map->used = to;
	map->first = 0;
}

/* Entries are full: drop the gaps, and make room for twice of what is alive. */
static void rebuild(struct map *map)
{
	size_t room = 8;

	pack_entries(map);
	while (room < map->count * 2)
		room *= 2;
	check(room < UINT32_MAX);
	map->entries = mem_resize(map->entries, room, sizeof(struct entry));
	map->room = room;
	map->slot_count = room * 2;
	free(map->slots);
	map->slots = NEW_ARRAY(uint32_t, map->slot_count);
	for (size_t i = 0; i < map->used; i++)
		index_entry(map, i);
}

void *map_get(const struct map *map, const char *key)
{
	if (!map->count)
		return NULL;
	struct entry *entry = find(map, key, hash_key(map, key));
	return entry ? entry->value : NULL;
}

void *map_put(struct map *map, const char *key, void *value)
{
	check(value);
	uint64_t hash = hash_key(map, key);
	struct entry *entry = find(map, key, hash);

	if (entry) {
		void *old = entry->value;
		entry->value = value;
		return old;
	}
	if (map->used == map->room)
		rebuild(map);
	map->entries[map->used] = (struct entry){ str_dup(key), value, hash };
	index_entry(map, map->used++);
	map->count++;
	return NULL;
}

void *map_remove(struct map *map, const char *key)
{
	if (!map->count)
		return NULL;
	struct entry *entry = find(map, key, hash_key(map, key));
	if (!entry)
		return NULL;
	void *value = entry->value;
	/* Key itself may be the one map_next gave: not touched after this. */
	free(entry->key);
	*entry = (struct entry){ 0 };
	map->count--;
	while (map->first < map->used && !map->entries[map->first].key)
		map->first++;
	return value;
}

size_t map_count(const struct map *map)
{
	return map->count;
}

bool map_next(const struct map *map, size_t *at, const char **ret_key, void **ret_value)
{
	for (size_t i = MAX(*at, map->first); i < map->used; i++) {
		const struct entry *entry = &map->entries[i];
		if (!entry->key)
			continue;
		*at = i + 1;
		if (ret_key)
			*ret_key = entry->key;
		if (ret_value)
			*ret_value = entry->value;
		return true;
	}
	*at = map->used;
	return false;
}
