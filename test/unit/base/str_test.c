#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

TEST(strings_compare_with_null_as_empty)
{
	EXPECT(str_eq("a", "a"));
	EXPECT(!str_eq("a", "b"));
	EXPECT(str_eq(NULL, ""));
	EXPECT(str_eq(NULL, NULL));
	EXPECT(!str_eq(NULL, "a"));
	EXPECT(str_eq_nocase("Content-Length", "content-LENGTH"));
	EXPECT(!str_eq_nocase("abc", "abcd"));
	EXPECT(!str_eq_nocase("abcd", "abc"));
	EXPECT(!str_eq_nocase("[", "{"));
	EXPECT(str_eq_nocase(NULL, ""));
	EXPECT(str_is_empty(NULL) && str_is_empty("") && !str_is_empty(" "));
}

TEST(strings_start_end_and_go_on_behind_a_prefix)
{
	EXPECT(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc"));
	EXPECT(!str_starts(NULL, "a"));
	EXPECT(str_ends("abc", "bc") && str_ends("abc", "") && !str_ends("bc", "abc"));
	EXPECT(str_ends(NULL, "") && !str_ends(NULL, "a"));
	EXPECT_STR(str_after("unix:///x", "unix://"), "/x");
	EXPECT_STR(str_after("abc", "abc"), "");
	EXPECT(str_after("abc", "b") == NULL);
}

TEST(strings_are_copied_and_cut_with_notice)
{
	char to[4] = "zzz";

	EXPECT(str_copy(to, sizeof(to), "abc"));
	EXPECT_STR(to, "abc");
	EXPECT(!str_copy(to, sizeof(to), "abcd"));
	EXPECT_STR(to, "abc");
	EXPECT(str_copy(to, sizeof(to), NULL));
	EXPECT_STR(to, "");
	EXPECT(str_dup(NULL) == NULL);
	char *text = str_printf("%s/%d", "a", 1);
	EXPECT_STR(text, "a/1");
	str_freep(&text);
	EXPECT(text == NULL);
}

TEST(numbers_are_read_whole_or_not_at_all)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "+1", "-1", "0x1", "1a", "18446744073709551616",
		"99999999999999999999999", "1.0", NULL,
	};
	uint64_t value = 77;

	for (size_t i = 0; bad[i]; i++)
		EXPECT_INT(str_to_u64(bad[i], &value), -1);
	EXPECT_INT(str_to_u64(NULL, &value), -1);
	EXPECT_INT(value, 77);
	EXPECT(str_to_u64("18446744073709551615", &value) == 0 && value == UINT64_MAX);
	EXPECT(str_to_u64("007", &value) == 0 && value == 7);
}

TEST(signed_numbers_reach_both_ends)
{
	int64_t value = 77;

	EXPECT(str_to_i64("9223372036854775807", &value) == 0 && value == INT64_MAX);
	EXPECT(str_to_i64("-9223372036854775808", &value) == 0 && value == INT64_MIN);
	EXPECT(str_to_i64("-0", &value) == 0 && value == 0);
	value = 77;
	EXPECT_INT(str_to_i64("9223372036854775808", &value), -1);
	EXPECT_INT(str_to_i64("-9223372036854775809", &value), -1);
	EXPECT_INT(str_to_i64("-", &value), -1);
	EXPECT_INT(str_to_i64("--1", &value), -1);
	EXPECT_INT(str_to_i64(NULL, &value), -1);
	EXPECT_INT(value, 77);
}

TEST(strlist_stays_ended_by_null_while_it_grows)
{
	CLEANUP(strlist_finip) struct strlist list = { 0 };

	for (int i = 0; i < 100; i++) {
		strlist_add_printf(&list, "%d", i);
		EXPECT_INT(list.count, i + 1);
		EXPECT(list.items[list.count] == NULL);
	}
	EXPECT(strlist_has(&list, "99") && !strlist_has(&list, "100"));
	strlist_add_printf(&list, "%s", "");
	EXPECT(strlist_has(&list, ""));
	strlist_addn(&list, "abcdef", 2);
	EXPECT_STR(list.items[101], "ab");
}

TEST(strlist_sorts_bytewise)
{
	CLEANUP(strlist_finip) struct strlist list = { 0 };

	strlist_sort(&list);
	strlist_add(&list, "b");
	strlist_add(&list, "a");
	strlist_add(&list, "B");
	strlist_add(&list, "a1");
	strlist_sort(&list);
	EXPECT_STR(list.items[0], "B");
	EXPECT_STR(list.items[1], "a");
	EXPECT_STR(list.items[2], "a1");
	EXPECT_STR(list.items[3], "b");
}

TEST(split_keeps_empty_pieces)
{
	struct strlist list = str_split(",a,,b,", ',');

	EXPECT_INT(list.count, 5);
	EXPECT_STR(list.items[0], "");
	EXPECT_STR(list.items[1], "a");
	EXPECT_STR(list.items[2], "");
	EXPECT_STR(list.items[3], "b");
	EXPECT_STR(list.items[4], "");
	strlist_fini(&list);
	list = str_split("", ',');
	EXPECT_INT(list.count, 1);
	EXPECT_STR(list.items[0], "");
	strlist_fini(&list);
}

TEST(distance_counts_edits_and_swapped_neighbours)
{
	EXPECT_INT(str_distance("", ""), 0);
	EXPECT_INT(str_distance("abc", ""), 3);
	EXPECT_INT(str_distance("", "abc"), 3);
	EXPECT_INT(str_distance("kitten", "sitting"), 3);
	EXPECT_INT(str_distance("service", "sevrice"), 1);
	EXPECT_INT(str_distance("ab", "ba"), 1);
	/* Alignment: a swapped pair is not edited again. */
	EXPECT_INT(str_distance("ca", "abc"), 3);
	EXPECT_INT(str_distance("flaw", "lawn"), 2);
	EXPECT_INT(str_distance("replicas", "replica"), 1);
}

TEST(distance_of_names_that_are_too_long_is_their_length)
{
	char a[200];

	memset(a, 'a', sizeof(a) - 1);
	a[sizeof(a) - 1] = '\0';
	EXPECT_INT(str_distance(a, a), 199);
	EXPECT_INT(str_distance(a, "b"), 199);
	a[64] = '\0';
	EXPECT_INT(str_distance(a, a), 0);
}

TEST(utf8_is_told_from_what_only_looks_like_it)
{
	static const char *const good[] = {
		"", "abc", "\u00e9", "\u20ac", "\U0001f600", "\u07ff\u0800\uffff", "\xed\x9f\xbf",
		"\xf4\x8f\xbf\xbf", NULL,
	};
	static const char *const bad[] = {
		"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xe2\x28\xa1",
		"a\xf0\x9f\x98", NULL,
	};

	for (size_t i = 0; good[i]; i++)
		EXPECT(str_is_utf8(good[i], strlen(good[i])));
	for (size_t i = 0; bad[i]; i++)
		EXPECT(!str_is_utf8(bad[i], strlen(bad[i])));
	EXPECT(!str_is_utf8("a\0b", 3));
}

TEST(utf8_check_does_not_read_past_the_length)
{
	char *cut = malloc(2);

	memcpy(cut, "\xe2\x82", 2);          /* the sanitizer watches what lies behind */
	EXPECT(!str_is_utf8(cut, 2));
	EXPECT(!str_is_utf8(cut, 1));
	free(cut);
}

TEST(str_make_line_leaves_one_line_of_valid_text)
{
	char text[] = "a\nb\x1b[2J\x7f\xc3\xa4 \xc3 \xf0\x9f";

	str_make_line(text);
	EXPECT_STR(text, "a?b?[2J?\xc3\xa4 ? ?" "?");
}
