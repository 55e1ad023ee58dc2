#include "api/api_internal.h"
#include "test/unit/runner.h"

TEST(api_parse_moment_takes_seconds_fractions_and_stamps)
{
	static const struct { const char *text; nsec want; } cases[] = {
		{ NULL, 0 }, { "", 0 }, { "0", 0 }, { "1700000000", 1700000000000000000 }, { "1700000000.5", 1700000000500000000 },
		{ "1.000000001", 1000000001 }, { "1.", 1000000000 }, { "2023-11-14T22:13:20Z", 1700000000000000000 },
		{ "2023-11-14T23:13:20.25+01:00", 1700000000250000000 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		nsec got = -1;
		EXPECT(api_parse_moment(cases[i].text, &got) == 0);
		EXPECT_INT(got, cases[i].want);
	}
}

TEST(api_parse_moment_puts_what_is_beyond_all_clocks_at_their_end)
{
	static const char *const texts[] = { "9223372036", "9999999999.9", "99999999999" };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		nsec got;
		EXPECT(api_parse_moment(texts[i], &got) == 0);
		EXPECT_INT(got, INT64_MAX);
	}
}

TEST(api_parse_moment_refuses_what_is_no_moment)
{
	static const char *const texts[] = { "x", "-1", "1.x", ".5", "1.5.5", "1.0000000001", "100000000000000", "10m", "2023-11-14", " 1" };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		nsec got;
		EXPECT(api_parse_moment(texts[i], &got) == -1);
	}
}
