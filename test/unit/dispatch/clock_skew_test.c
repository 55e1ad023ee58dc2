#include "dispatch/clock_skew.h"

#include "base/str.h"
#include "test/unit/runner.h"

TEST(clock_skew_is_told_both_ways_and_not_for_seconds)
{
	const nsec now = 1800000000000000000, minute = 60000000000, year = 365 * 24 * 60 * minute;
	const struct { nsec clock, reference; const char *words; } all[] = {
		{ now, now, "" }, { now + minute - 1, now, "" }, { now - minute + 1, now, "" }, { 0, now, "" }, { now, 0, "" }, { INT64_MIN, now, "" },
		{ now + 3 * minute, now, "is 3 minutes ahead of" }, { now - 180 * minute, now, "is 3 hours behind" },
		{ now + year, now, "is 12 months ahead of" }, { 1, now, "is 57 years behind" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;

		EXPECT(clock_skew_tell(all[i].clock, all[i].reference, &out) == (all[i].words[0] != 0));
		EXPECT_STR(buf_text(&out), all[i].words);
	}
}

TEST(clock_skew_of_a_node_is_a_sentence_or_nothing)
{
	const nsec now = 1800000000000000000, hour = 3600000000000;
	CLEANUP(str_freep) char *behind = clock_skew_sentence(now - 3 * hour, now), *right = clock_skew_sentence(now, now);

	EXPECT_STR(behind, "its clock is 3 hours behind the swarm's");
	EXPECT(!right && !clock_skew_sentence(0, now) && !clock_skew_sentence(now, 0));
}

static nsec middle(size_t count, nsec a, nsec b, nsec c, nsec d)
{
	nsec ahead[] = { a, b, c, d };

	return clock_skew_middle(ahead, count);
}

TEST(clock_skew_middle_is_what_most_clocks_say)
{
	EXPECT_INT(middle(1, 0, 0, 0, 0), 0);
	EXPECT_INT(middle(3, 0, 9, 8, 0), 8);           /* it is ours that is off */
	EXPECT_INT(middle(3, 0, 1, -900, 0), 0);
	EXPECT_INT(middle(2, 0, 900, 0, 0), 0);         /* of two nobody knows */
	EXPECT_INT(middle(2, 0, -900, 0, 0), 0);
	EXPECT_INT(middle(4, 0, 900, 7, 6), 6);
	EXPECT_INT(middle(4, 0, -900, -7, -6), -6);
}
