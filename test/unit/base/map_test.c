#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/str.h"
#include "test/unit/runner.h"

static int values[1000];

static void expect_keys(const struct map *map, const char *want)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	const char *key;

	for (size_t at = 0; map_next(map, &at, &key, NULL); )
		buf_printf(&got, "%s ", key);
	EXPECT_STR(buf_text(&got), want);
}

TEST(map_gives_back_what_was_put)
{
	CLEANUP(map_freep) struct map *map = map_new();

	EXPECT(map_get(map, "a") == NULL);
	EXPECT(map_remove(map, "a") == NULL);
	EXPECT(map_put(map, "a", &values[1]) == NULL);
	EXPECT(map_put(map, "", &values[2]) == NULL);
	EXPECT(map_get(map, "a") == &values[1]);
	EXPECT(map_get(map, "") == &values[2]);
	EXPECT(map_put(map, "a", &values[3]) == &values[1]);
	EXPECT(map_get(map, "a") == &values[3]);
	EXPECT_INT(map_count(map), 2);
	EXPECT(map_remove(map, "a") == &values[3]);
	EXPECT(map_get(map, "a") == NULL);
	EXPECT_INT(map_count(map), 1);
}

TEST(map_copies_its_keys)
{
	CLEANUP(map_freep) struct map *map = map_new();
	char key[] = "abc";

	map_put(map, key, &values[1]);
	key[0] = 'x';
	EXPECT(map_get(map, "abc") == &values[1]);
}

TEST(map_iterates_in_order_of_insertion_without_what_was_removed)
{
	CLEANUP(map_freep) struct map *map = map_new();

	map_put(map, "z", &values[0]);
	map_put(map, "a", &values[0]);
	map_put(map, "m", &values[0]);
	map_put(map, "b", &values[0]);
	expect_keys(map, "z a m b ");
	map_put(map, "a", &values[1]);
	expect_keys(map, "z a m b ");
	map_remove(map, "a");
	expect_keys(map, "z m b ");
	map_remove(map, "z");
	map_put(map, "a", &values[1]);
	expect_keys(map, "m b a ");
}

TEST(map_order_survives_growing_over_gaps)
{
	CLEANUP(map_freep) struct map *map = map_new();
	CLEANUP(buf_finip) struct buf want = BUF_INIT;
	char key[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		map_put(map, key, &values[i]);
		if (i % 3 == 1) {
			snprintf(key, sizeof(key), "k%d", i - 1);
			map_remove(map, key);
		}
	}
	for (int i = 0; i < 1000; i++)
		if (i % 3 != 0 || i == 999)
			buf_printf(&want, "k%d ", i);
	expect_keys(map, buf_text(&want));
}

TEST(map_entry_just_given_may_be_removed)
{
	CLEANUP(map_freep) struct map *map = map_new();
	const char *key;
	char name[16];
	int seen = 0;

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "%d", i);
		map_put(map, name, &values[i]);
	}
	void *value;
	for (size_t at = 0; map_next(map, &at, &key, &value); seen++) {
		EXPECT(value == &values[seen]);
		if (seen % 2 == 0)
			EXPECT(map_remove(map, key) == value);
	}
	EXPECT_INT(seen, 50);
	EXPECT_INT(map_count(map), 25);
	for (size_t at = 0; map_next(map, &at, &key, NULL); )
		map_remove(map, key);
	EXPECT_INT(map_count(map), 0);
	size_t at = 0;
	EXPECT(!map_next(map, &at, &key, NULL));
}

TEST(map_used_as_a_queue_stays_small_and_quick)
{
	CLEANUP(map_freep) struct map *map = map_new();
	const char *key;
	char name[16];

	/* 200 alive at a time; without the hint of the first live entry this would take
	 * quadratic time. */
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		map_put(map, name, &values[i % 1000]);
		if (i >= 200) {
			size_t at = 0;
			EXPECT(map_next(map, &at, &key, NULL));
			snprintf(name, sizeof(name), "%d", i - 200);
			EXPECT_STR(key, name);
			map_remove(map, key);
		}
	}
	EXPECT_INT(map_count(map), 200);
}

TEST(map_agrees_with_a_plain_array_over_random_acts)
{
	CLEANUP(map_freep) struct map *map = map_new();
	void *model[200] = { 0 };
	size_t count = 0;
	struct rng rng;
	char key[48];

	rng_seed(&rng, 7);
	for (int i = 0; i < 50000; i++) {
		size_t k = rng_below(&rng, ARRAY_COUNT(model));
		void *value = &values[rng_below(&rng, ARRAY_COUNT(values))];

		snprintf(key, sizeof(key), k % 2 ? "%zu" : "longer-than-a-word-%zu", k);
		switch (rng_below(&rng, 3)) {
		case 0:
			count += !model[k];
			EXPECT(map_put(map, key, value) == model[k]);
			model[k] = value;
			break;
		case 1:
			count -= !!model[k];
			EXPECT(map_remove(map, key) == model[k]);
			model[k] = NULL;
			break;
		default:
			EXPECT(map_get(map, key) == model[k]);
		}
		EXPECT(map_count(map) == count);
	}
}

TEST(map_of_nothing_can_be_freed)
{
	struct map *map = NULL;

	map_freep(&map);
	map_free(NULL);
	map_free(map_new());
}
