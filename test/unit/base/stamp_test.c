#include <stdio.h>

#include "base/str.h"
#include "base/units.h"
#include "test/unit/runner.h"

#define SECOND 1000000000LL

static void expect_stamp(nsec wall, const char *want, const char *want_fixed)
{
	char text[STAMP_TEXT_SIZE];
	nsec back = 1;

	EXPECT_STR(stamp_format(wall, text), want);
	EXPECT(stamp_parse(text, &back) == 0 && back == wall);
	EXPECT_STR(stamp_format_fixed(wall, text), want_fixed);
	EXPECT(stamp_parse(text, &back) == 0 && back == wall);
}

TEST(stamps_are_rfc_3339_with_and_without_trailing_zeros)
{
	expect_stamp(0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000000Z");
	expect_stamp(1234567890 * SECOND + 120000000, "2009-02-13T23:31:30.12Z",
		     "2009-02-13T23:31:30.120000000Z");
	expect_stamp(1, "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000001Z");
	expect_stamp(-1, "1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z");
	expect_stamp(951782400 * SECOND, "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000000Z");
	expect_stamp(4107542399 * SECOND, "2100-02-28T23:59:59Z", "2100-02-28T23:59:59.000000000Z");
	expect_stamp(4107542400 * SECOND, "2100-03-01T00:00:00Z", "2100-03-01T00:00:00.000000000Z");
	expect_stamp(INT64_MAX, "2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16.854775807Z");
	expect_stamp(INT64_MIN + 1, "1677-09-21T00:12:43.145224193Z",
		     "1677-09-21T00:12:43.145224193Z");
	expect_stamp(-9223372036 * SECOND, "1677-09-21T00:12:44Z",
		     "1677-09-21T00:12:44.000000000Z");
}

TEST(stamp_zero_is_that_of_go)
{
	expect_stamp(STAMP_ZERO, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000000Z");
}

TEST(stamps_of_other_offsets_are_turned_to_utc)
{
	nsec wall = 0;

	EXPECT(stamp_parse("2009-02-14T01:31:30+02:00", &wall) == 0 && wall == 1234567890 * SECOND);
	EXPECT(stamp_parse("2009-02-13T18:01:30-05:30", &wall) == 0 && wall == 1234567890 * SECOND);
	EXPECT(stamp_parse("2009-02-13T23:31:30.5+00:00", &wall) == 0 &&
	       wall == 1234567890 * SECOND + SECOND / 2);
	EXPECT(stamp_parse("0001-01-01T01:00:00+01:00", &wall) == 0 && wall == STAMP_ZERO);
}

TEST(stamps_that_are_none_are_refused)
{
	static const char *const bad[] = {
		"", "2009", "2009-02-13", "2009-02-13T23:31:30", "2009-02-13 23:31:30Z",
		"2009-02-13t23:31:30z", "2009-13-13T23:31:30Z", "2009-00-13T23:31:30Z",
		"2009-02-00T23:31:30Z", "2009-02-29T23:31:30Z", "1900-02-29T23:31:30Z",
		"2009-04-31T23:31:30Z", "2009-02-13T24:00:00Z", "2009-02-13T23:60:30Z",
		"2009-02-13T23:31:60Z", "2009-02-13T23:31:30.Z", "2009-02-13T23:31:30.1234567890Z",
		"2009-02-13T23:31:30,5Z", "2009-02-13T23:31:30Zx", "2009-02-13T23:31:30+2:00",
		"2009-02-13T23:31:30+24:00", "2009-02-13T23:31:30+02:60",
		"2009-02-13T23:31:30+0200", "+009-02-13T23:31:30Z", "2009-2-13T23:31:30Z",
		"9999-12-31T23:59:59Z", "1600-01-01T00:00:00Z", "2262-04-11T23:47:16.854775808Z",
		"1677-09-21T00:12:43.145224192Z", "2009-02-13T23:31:30", "2009-02-13T23:31:30+",
		NULL,
	};
	nsec wall = 77;

	for (size_t i = 0; bad[i]; i++)
		if (stamp_parse(bad[i], &wall) != -1)
			EXPECT_STR(bad[i], "refused");
	EXPECT_INT(stamp_parse(NULL, &wall), -1);
	EXPECT_INT(wall, 77);
}

TEST(stamps_know_every_day_of_their_range)
{
	/* Day by day from 1677 to 2262, counted independently. */
	static const int month_days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = 1678, month = 1, day = 1;
	char text[STAMP_TEXT_SIZE], want[STAMP_TEXT_SIZE + 40];

	for (nsec wall = -9214560000 * SECOND; year < 2262; wall += 86400 * SECOND) {
		nsec back;
		snprintf(want, sizeof(want), "%04d-%02d-%02dT00:00:00Z", year, month, day);
		if (!str_eq(stamp_format(wall, text), want) || stamp_parse(want, &back) < 0 ||
		    back != wall) {
			EXPECT_STR(text, want);
			return;
		}
		bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
		if (++day > month_days[month - 1] + (month == 2 && leap)) {
			day = 1;
			if (++month > 12) {
				month = 1;
				year++;
			}
		}
	}
}
