#include "base/rng.h"
#include "test/unit/runner.h"

/* Of an independent implementation in Python. */
TEST(rng_gives_the_numbers_of_xoshiro256starstar)
{
	struct rng rng = { { 1, 2, 3, 4 } };
	static const uint64_t want[] = { 11520, 0, 1509978240, 1215971899390074240 };

	for (size_t i = 0; i < ARRAY_COUNT(want); i++)
		EXPECT(rng_next(&rng) == want[i]);
}

TEST(rng_seed_spreads_by_splitmix64)
{
	struct rng rng;

	rng_seed(&rng, 1234567);
	EXPECT(rng.s[0] == 6457827717110365317u);
	EXPECT(rng.s[1] == 3203168211198807973u);
	EXPECT(rng.s[2] == 9817491932198370423u);
	EXPECT(rng.s[3] == 4593380528125082431u);
}

TEST(rng_repeats_itself_from_the_same_seed)
{
	struct rng a, b, c;
	bool differs = false;

	rng_seed(&a, 42);
	rng_seed(&b, 42);
	rng_seed(&c, 43);
	for (int i = 0; i < 100; i++) {
		uint64_t value = rng_next(&a);
		EXPECT(value == rng_next(&b));
		differs |= value != rng_next(&c);
	}
	EXPECT(differs);
}

TEST(rng_below_stays_below_and_is_fair)
{
	int counts[6] = { 0 };
	struct rng rng;

	rng_seed(&rng, 0);
	for (int i = 0; i < 60000; i++)
		counts[rng_below(&rng, 6)]++;
	for (int i = 0; i < 6; i++)
		EXPECT(counts[i] > 9500 && counts[i] < 10500);
	for (int i = 0; i < 100; i++) {
		EXPECT(rng_below(&rng, 1) == 0);
		EXPECT(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
		EXPECT(rng_below(&rng, (UINT64_MAX / 4) * 3) < (UINT64_MAX / 4) * 3);
	}
}
