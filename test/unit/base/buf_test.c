#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "test/unit/runner.h"

TEST(buf_grows_and_stays_a_c_string)
{
	CLEANUP(buf_finip) struct buf buf = BUF_INIT;

	EXPECT_STR(buf_text(&buf), "");
	for (int i = 0; i < 1000; i++) {
		buf_add_char(&buf, (char)('a' + i % 26));
		EXPECT_INT(strlen(buf_text(&buf)), i + 1);
	}
	buf_add_str(&buf, NULL);
	buf_add(&buf, NULL, 0);
	EXPECT_INT(buf.len, 1000);
	EXPECT(!buf.overflowed);
}

TEST(buf_prints_short_and_long_texts)
{
	CLEANUP(buf_finip) struct buf buf = BUF_INIT;
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	buf_printf(&buf, "%s=%d", "a", 5);
	EXPECT_STR(buf_text(&buf), "a=5");
	for (int length = 120; length < 135; length++) {
		buf_clear(&buf);
		buf_printf(&buf, "%.*s", length, text);
		EXPECT_INT(buf.len, length);
		EXPECT_INT(strlen(buf.data), length);
	}
}

TEST(buf_over_its_ceiling_keeps_what_it_had_and_nothing_later)
{
	CLEANUP(buf_finip) struct buf buf = { .ceiling = 8 };

	buf_add_str(&buf, "12345");
	buf_add_str(&buf, "6789");
	EXPECT(buf.overflowed);
	EXPECT_STR(buf_text(&buf), "12345");
	buf_add_str(&buf, "6");
	buf_printf(&buf, "%d", 7);
	EXPECT_STR(buf_text(&buf), "12345");
	buf_clear(&buf);
	EXPECT(!buf.overflowed);
	buf_add_str(&buf, "12345678");
	EXPECT(!buf.overflowed);
	EXPECT_STR(buf_text(&buf), "12345678");
}

TEST(buf_that_prints_over_its_ceiling_overflows)
{
	CLEANUP(buf_finip) struct buf buf = { .ceiling = 300 };

	buf_printf(&buf, "%0200d", 1);
	buf_printf(&buf, "%0200d", 1);
	EXPECT(buf.overflowed);
	EXPECT_INT(buf.len, 200);
}

TEST(buf_ceiling_of_huge_sizes_does_not_wrap)
{
	CLEANUP(buf_finip) struct buf buf = BUF_INIT;

	buf_add_str(&buf, "x");
	buf_reserve(&buf, SIZE_MAX);
	EXPECT(buf.overflowed);
	EXPECT_STR(buf_text(&buf), "x");
}

TEST(buf_drops_from_the_front)
{
	CLEANUP(buf_finip) struct buf buf = BUF_INIT;

	buf_drop_front(&buf, 0);
	buf_add_str(&buf, "hello world");
	buf_drop_front(&buf, 6);
	EXPECT_STR(buf_text(&buf), "world");
	buf_drop_front(&buf, 5);
	EXPECT_STR(buf_text(&buf), "");
}

TEST(buf_goes_back_to_what_it_was)
{
	CLEANUP(buf_finip) struct buf buf = BUF_INIT;

	buf_truncate(&buf, 0);
	EXPECT_STR(buf_text(&buf), "");
	buf_add_str(&buf, "keep this");
	buf_truncate(&buf, 9);
	EXPECT_STR(buf_text(&buf), "keep this");
	buf_truncate(&buf, 4);
	EXPECT_STR(buf_text(&buf), "keep");
	EXPECT(memcmp(buf.data + 4, "\0\0\0\0\0", 5) == 0);
	buf_add_str(&buf, "!");
	EXPECT_STR(buf_text(&buf), "keep!");
}

TEST(buf_hands_its_bytes_out_and_is_empty)
{
	struct buf buf = { .ceiling = 100 };

	buf_add_str(&buf, "mine");
	char *text = buf_take(&buf);
	EXPECT_STR(text, "mine");
	EXPECT_INT(buf.len, 0);
	EXPECT_INT(buf.ceiling, 100);
	free(text);
	text = buf_take(&buf);
	EXPECT_STR(text, "");
	free(text);
}
