#include <string.h>

#include "base/units.h"
#include "test/unit/runner.h"

#define US 1000LL
#define MS (1000 * US)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define MONTH (30 * DAY)
#define YEAR (365 * DAY)

static int64_t bytes_of(const char *text)
{
	struct err err = { 0 };
	int64_t value = -2;

	return units_parse_bytes(text, &value, &err) < 0 ? -1 : value;
}

TEST(sizes_are_read_as_docker_reads_them)
{
	EXPECT_INT(bytes_of("0"), 0);
	EXPECT_INT(bytes_of("32"), 32);
	EXPECT_INT(bytes_of("32b"), 32);
	EXPECT_INT(bytes_of("32B"), 32);
	EXPECT_INT(bytes_of("32k"), 32 << 10);
	EXPECT_INT(bytes_of("32Kb"), 32 << 10);
	EXPECT_INT(bytes_of("32kib"), 32 << 10);
	EXPECT_INT(bytes_of("32MB"), 32 << 20);
	EXPECT_INT(bytes_of("512m"), 512 << 20);
	EXPECT_INT(bytes_of("32G"), 32LL << 30);
	EXPECT_INT(bytes_of("32TiB"), 32LL << 40);
	EXPECT_INT(bytes_of("32p"), 32LL << 50);
	EXPECT_INT(bytes_of("32.3"), 32);
	EXPECT_INT(bytes_of("1.5GiB"), 1610612736);
	EXPECT_INT(bytes_of("32.3 mb"), 33869004);
	EXPECT_INT(bytes_of("0.5k"), 512);
	EXPECT_INT(bytes_of(".5k"), 512);
	EXPECT_INT(bytes_of("1."), 1);
	EXPECT_INT(bytes_of("1 g"), 1 << 30);
	EXPECT_INT(bytes_of("32 "), 32);
	EXPECT_INT(bytes_of("9223372036854775807"), INT64_MAX);
	EXPECT_INT(bytes_of("0.99999999999999999999999999999k"), 1023);
}

static int64_t size_of(const char *text)
{
	struct err err;
	int64_t value;

	return units_parse_size(text, &value, &err) < 0 ? -1 : value;
}

TEST(units_sizes_count_in_thousands)
{
	EXPECT_INT(size_of("10m"), 10000000);
	EXPECT_INT(size_of("1.5k"), 1500);
	EXPECT_INT(size_of("2GB"), 2000000000);
	EXPECT_INT(size_of("3p"), 3000000000000000);
	EXPECT_INT(size_of("42"), 42);
	EXPECT_INT(size_of("7b"), 7);
	EXPECT_INT(size_of("1x"), -1);
	EXPECT_INT(size_of("m"), -1);
}

TEST(sizes_that_are_none_are_refused_by_name)
{
	static const char *const bad[] = {
		"", "hello", "-32", "+32", " 32", "32  k", "32 m b", "32bm", "32kx", "32kbb",
		"32bb", "32e", "32 mib b", ".", ".k", "k", "1.2.3", "1,5k", "0x10", "inf", "nan",
		"1e3", "9223372036854775808", "8192p", "99999999999999999999999", NULL,
	};
	struct err err = { 0 };
	int64_t value = 5;

	for (size_t i = 0; bad[i]; i++)
		if (bytes_of(bad[i]) != -1)
			EXPECT_STR(bad[i], "refused");
	EXPECT_INT(units_parse_bytes("12q", &value, &err), -1);
	EXPECT_STR(err.text, "invalid size: '12q': invalid suffix: 'q'");
	EXPECT_INT(units_parse_bytes("lots", &value, &err), -1);
	EXPECT_STR(err.text, "invalid size: 'lots'");
	EXPECT_INT(units_parse_bytes("8192p", &value, &err), -1);
	EXPECT_STR(err.text, "invalid size: '8192p': too large");
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_INT(value, 5);
}

TEST(cpus_are_read_to_the_nano)
{
	struct err err = { 0 };
	int64_t nano = -1;

	EXPECT(units_parse_cpus("1.5", &nano, &err) == 0 && nano == 1500000000);
	EXPECT(units_parse_cpus("2", &nano, &err) == 0 && nano == 2000000000);
	EXPECT(units_parse_cpus("0.000000001", &nano, &err) == 0 && nano == 1);
	EXPECT(units_parse_cpus(".25", &nano, &err) == 0 && nano == 250000000);
	EXPECT(units_parse_cpus("0", &nano, &err) == 0 && nano == 0);
	nano = 5;
	EXPECT_INT(units_parse_cpus("0.0000000001", &nano, &err), -1);
	EXPECT_STR(err.text, "cpus 0.0000000001: value is too precise");
	EXPECT_INT(units_parse_cpus("one", &nano, &err), -1);
	EXPECT_STR(err.text, "failed to parse one as a rational number");
	EXPECT_INT(units_parse_cpus("-1", &nano, &err), -1);
	EXPECT_INT(units_parse_cpus("", &nano, &err), -1);
	EXPECT_INT(units_parse_cpus("1.5 ", &nano, &err), -1);
	EXPECT_INT(units_parse_cpus("9300000000", &nano, &err), -1);
	EXPECT_INT(nano, 5);
}

TEST(durations_are_read_as_go_reads_them)
{
	static const struct { const char *text; nsec want; } cases[] = {
		{ "0", 0 }, { "-0", 0 }, { "+0", 0 }, { "0s", 0 }, { "5s", 5 * SECOND },
		{ "1478s", 1478 * SECOND }, { "-5s", -5 * SECOND }, { "+5s", 5 * SECOND },
		{ "5.0s", 5 * SECOND }, { "5.6s", 5600 * MS }, { "5.s", 5 * SECOND },
		{ ".5s", 500 * MS }, { "1.004s", 1004 * MS }, { "100.00100s", 100001 * MS },
		{ "10ns", 10 }, { "11us", 11 * US }, { "12\u00b5s", 12 * US },
		{ "12\u03bcs", 12 * US }, { "13ms", 13 * MS }, { "15m", 15 * MINUTE },
		{ "16h", 16 * HOUR }, { "3h30m", 3 * HOUR + 30 * MINUTE },
		{ "10.5s4m", 4 * MINUTE + 10500 * MS }, { "-2m3.4s", -(2 * MINUTE + 3400 * MS) },
		{ "1h2m3s4ms5us6ns", HOUR + 2 * MINUTE + 3 * SECOND + 4 * MS + 5 * US + 6 },
		{ "39h9m14.425s", 39 * HOUR + 9 * MINUTE + 14425 * MS },
		{ "52763797000ns", 52763797000 }, { "0.3333333333333333333h", 20 * MINUTE },
		{ "9007199254740993ns", 9007199254740993 }, { "9223372036854775807ns", INT64_MAX },
		{ "9223372036854775.807us", INT64_MAX },
		{ "9223372036s854ms775us807ns", INT64_MAX },
		{ "-9223372036854775808ns", INT64_MIN }, { "-9223372036854775.808us", INT64_MIN },
		{ "-2562047h47m16.854775808s", INT64_MIN },
		{ "0.100000000000000000000h", 6 * MINUTE },
		{ "0.830103483285477580700h", 49 * MINUTE + 48372539827 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err = { 0 };
		nsec got = -77;
		EXPECT_INT(units_parse_duration(cases[i].text, &got, &err), 0);
		if (got != cases[i].want) {
			EXPECT_STR(cases[i].text, "understood");
			EXPECT_INT(got, cases[i].want);
		}
	}
}

TEST(fractions_of_many_zeros_are_nothing)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err = { 0 };
	nsec duration = -77;
	int64_t nano;

	buf_printf(&text, "1.%0100d", 669);
	EXPECT_INT(bytes_of(buf_text(&text)), 1);
	EXPECT_INT(units_parse_cpus(buf_text(&text), &nano, &err), -1);
	buf_add_char(&text, 'h');
	EXPECT_INT(units_parse_duration(buf_text(&text), &duration, &err), 0);
	EXPECT_INT(duration, HOUR);
}

TEST(durations_that_are_none_are_refused_in_the_words_of_go)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "", "time: invalid duration \"\"" },
		{ "3", "time: missing unit in duration \"3\"" },
		{ "1h3", "time: missing unit in duration \"1h3\"" },
		{ "-", "time: invalid duration \"-\"" },
		{ "s", "time: invalid duration \"s\"" },
		{ ".", "time: invalid duration \".\"" },
		{ "-.s", "time: invalid duration \"-.s\"" },
		{ "1d", "time: unknown unit \"d\" in duration \"1d\"" },
		{ "1h2x3s", "time: unknown unit \"x\" in duration \"1h2x3s\"" },
		{ "1 s", "time: unknown unit \" s\" in duration \"1 s\"" },
		{ "9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\"" },
		{ "-9223372036854775809ns", "time: invalid duration \"-9223372036854775809ns\"" },
		{ "9223372036854775.808us", "time: invalid duration \"9223372036854775.808us\"" },
		{ "9223372036854ms775us808ns",
		  "time: invalid duration \"9223372036854ms775us808ns\"" },
		{ "3000000h", "time: invalid duration \"3000000h\"" },
		{ "99999999999999999999999s",
		  "time: invalid duration \"99999999999999999999999s\"" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err = { 0 };
		nsec got = -77;
		EXPECT_INT(units_parse_duration(cases[i].text, &got, &err), -1);
		EXPECT_STR(err.text, cases[i].want);
		EXPECT_INT(got, -77);
	}
}

static void expect_text(void (*format)(int64_t, struct buf *), int64_t value, const char *want)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	format(value, &out);
	EXPECT_STR(buf_text(&out), want);
}

TEST(durations_are_written_as_go_writes_them)
{
	expect_text(units_format_duration, 0, "0s");
	expect_text(units_format_duration, 1, "1ns");
	expect_text(units_format_duration, 1100, "1.1\u00b5s");
	expect_text(units_format_duration, 2200 * US, "2.2ms");
	expect_text(units_format_duration, 3300 * MS, "3.3s");
	expect_text(units_format_duration, 10 * SECOND, "10s");
	expect_text(units_format_duration, 4 * MINUTE + 5 * SECOND, "4m5s");
	expect_text(units_format_duration, 4 * MINUTE + 5001 * MS, "4m5.001s");
	expect_text(units_format_duration, 5 * HOUR + 6 * MINUTE + 7001 * MS, "5h6m7.001s");
	expect_text(units_format_duration, 8 * MINUTE + 1, "8m0.000000001s");
	expect_text(units_format_duration, HOUR, "1h0m0s");
	expect_text(units_format_duration, -90 * SECOND, "-1m30s");
	expect_text(units_format_duration, INT64_MAX, "2562047h47m16.854775807s");
	expect_text(units_format_duration, INT64_MIN, "-2562047h47m16.854775808s");
}

TEST(durations_come_back_as_they_were_written)
{
	for (nsec value = 1; value < INT64_MAX / 7; value = value * 7 + 3) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		struct err err = { 0 };
		nsec got = 0;
		units_format_duration(value, &out);
		EXPECT_INT(units_parse_duration(buf_text(&out), &got, &err), 0);
		/* Fractions go through a double, in Go too. */
		EXPECT(got - value <= 1 && value - got <= 1);
	}
}

TEST(human_durations_are_those_of_docker)
{
	static const struct { nsec value; const char *want; } cases[] = {
		{ -5 * SECOND, "Less than a second" }, { 450 * MS, "Less than a second" },
		{ SECOND, "1 second" }, { 1999 * MS, "1 second" }, { 47 * SECOND, "47 seconds" },
		{ 59999 * MS, "59 seconds" }, { MINUTE, "About a minute" },
		{ 119 * SECOND, "About a minute" }, { 2 * MINUTE, "2 minutes" },
		{ 35 * MINUTE + 40 * SECOND, "35 minutes" }, { 46 * MINUTE, "46 minutes" },
		{ HOUR - 1, "59 minutes" }, { HOUR, "About an hour" },
		{ 89 * MINUTE, "About an hour" }, { 90 * MINUTE, "2 hours" },
		{ HOUR + 45 * MINUTE, "2 hours" }, { 3 * HOUR, "3 hours" },
		{ 3 * HOUR + 59 * MINUTE, "4 hours" }, { 24 * HOUR, "24 hours" },
		{ 47 * HOUR, "47 hours" }, { 48 * HOUR - MINUTE, "2 days" },
		{ 48 * HOUR, "2 days" }, { 7 * DAY, "7 days" }, { 13 * DAY + 5 * HOUR, "13 days" },
		{ 2 * WEEK, "2 weeks" }, { 2 * WEEK + 4 * DAY, "2 weeks" },
		{ 4 * WEEK + 3 * DAY, "4 weeks" }, { MONTH + 2 * WEEK, "6 weeks" },
		{ 2 * MONTH, "2 months" }, { 6 * MONTH + 2 * WEEK, "6 months" },
		{ 23 * MONTH, "23 months" }, { 24 * MONTH, "24 months" },
		{ 24 * MONTH + 2 * WEEK, "2 years" }, { 3 * YEAR + 2 * MONTH, "3 years" },
		{ INT64_MAX, "292 years" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		expect_text(units_format_human_duration, cases[i].value, cases[i].want);
}

TEST(sizes_are_written_as_docker_writes_them)
{
	expect_text(units_format_bytes, 0, "0B");
	expect_text(units_format_bytes, 1023, "1023B");
	expect_text(units_format_bytes, 1024, "1KiB");
	expect_text(units_format_bytes, 1536, "1.5KiB");
	expect_text(units_format_bytes, 1048576, "1MiB");
	expect_text(units_format_bytes, 3672196546LL, "3.42GiB");
	expect_text(units_format_bytes, INT64_MAX, "8EiB");
	expect_text(units_format_bytes, -5, "-5B");
	expect_text(units_format_size, 0, "0B");
	expect_text(units_format_size, 999, "999B");
	expect_text(units_format_size, 1000, "1kB");
	expect_text(units_format_size, 1024, "1.02kB");
	expect_text(units_format_size, 1234567, "1.23MB");
	expect_text(units_format_size, 72800000, "72.8MB");
	expect_text(units_format_size, 999999, "1e+03kB");   /* Docker's own oddity */
	expect_text(units_format_size, 5000000000000LL, "5TB");
}

TEST(units_room_has_four_digits)
{
	static const struct { int64_t bytes; const char *want; } cases[] = {
		{ 0, "0B" }, { 999, "999B" }, { 1234, "1.234kB" }, { 12345678, "12.35MB" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		units_format_room(cases[i].bytes, &out);
		EXPECT_STR(buf_text(&out), cases[i].want);
	}
}
