#include <string.h>

#include "base/detach_keys.h"
#include "base/str.h"
#include "test/unit/runner.h"

/* What goes through when these are typed one by one; '!' at the end when it detached. */
static const char *type(const char *keys, const char *typed, bool at_once)
{
	static char text[256];
	struct buf out = BUF_INIT;
	struct detach_keys state;
	struct err err;
	bool detached = false;

	EXPECT_INT(detach_keys_parse(keys, &state, &err), 0);
	if (at_once)
		detached = detach_keys_feed(&state, (const uint8_t *)typed, strlen(typed), &out);
	for (size_t i = 0; !at_once && typed[i] && !detached; i++)
		detached = detach_keys_feed(&state, (const uint8_t *)typed + i, 1, &out);
	if (detached)
		buf_add_char(&out, '!');
	str_copy(text, sizeof text, buf_text(&out));
	buf_fini(&out);
	return text;
}

TEST(detach_keys_let_everything_else_through_in_order)
{
	static const struct { const char *keys, *typed, *want; } cases[] = {
		{ "", "hello", "hello" },
		{ "", "a\x10\x11" "b", "a!" },
		{ NULL, "\x10\x10\x11", "\x10!" },
		{ "", "\x10x\x10y", "\x10x\x10y" },
		{ "ctrl-a", "x\x01", "x!" },
		{ "a,a,b", "aaab", "a!" },
		{ "a,b,a,c", "ababac", "ab!" },
		{ "ctrl-@,q", "x", "x" },
		{ "ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", "\x1b\x1c\x1d\x1e\x1f", "!" },
		{ "x", "yx", "y!" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		EXPECT_STR(type(cases[i].keys, cases[i].typed, false), cases[i].want);
		EXPECT_STR(type(cases[i].keys, cases[i].typed, true), cases[i].want);
	}
}

TEST(detach_keys_hold_back_what_may_become_the_sequence)
{
	EXPECT_STR(type("", "a\x10", false), "a");
	EXPECT_STR(type("a,b,c", "ab", false), "");
}

TEST(detach_keys_refuse_what_is_no_key)
{
	static const char *const wrong[] = { "ctrl", "ctrl-", "ctrl-pp", "ctrl-1", "ab", ",", "a,,b", "ctrl-P,ctrl-é",
					     "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a" };
	struct detach_keys keys;
	struct err err;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		EXPECT_INT(detach_keys_parse(wrong[i], &keys, &err), -1);
	EXPECT_INT(detach_keys_parse("ab", &keys, &err), -1);
	EXPECT_STR(err.text, "Invalid detach keys (ab) provided");
}
