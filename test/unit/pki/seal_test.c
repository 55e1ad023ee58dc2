#include <string.h>

#include "base/str.h"
#include "pki/seal.h"
#include "test/unit/runner.h"

static struct seal_key key_of(uint8_t seed)
{
	struct seal_key key;

	memset(key.bytes, seed, sizeof key.bytes);
	return key;
}

TEST(what_was_sealed_opens_again)
{
	const char zeros[] = "a\0b";
	struct seal_key key = key_of(1);
	struct err err = { 0 };
	const struct { const char *bytes; size_t size; } all[] = { { "", 0 }, { "x", 1 }, { zeros, 3 }, { "hunter2", 7 } };

	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT, out = BUF_INIT;
		EXPECT_INT(seal_close(&key, "secret a", all[i].bytes, all[i].size, &text, &err), 0);
		EXPECT_INT(seal_open(&key, "secret a", buf_text(&text), &out, &err), 0);
		EXPECT_INT(out.len, all[i].size);
		EXPECT(memcmp(buf_text(&out), all[i].bytes, all[i].size) == 0);
	}
}

TEST(the_same_bytes_are_never_the_same_text)
{
	CLEANUP(buf_finip) struct buf a = BUF_INIT, b = BUF_INIT;
	struct seal_key key = key_of(1);
	struct err err = { 0 };

	EXPECT_INT(seal_close(&key, "p", "bytes", 5, &a, &err), 0);
	EXPECT_INT(seal_close(&key, "p", "bytes", 5, &b, &err), 0);
	EXPECT(!str_eq(buf_text(&a), buf_text(&b)));
}

TEST(another_key_or_purpose_does_not_open_it)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT, out = BUF_INIT;
	struct seal_key key = key_of(1), other = key_of(2);
	struct err err = { 0 };

	EXPECT_INT(seal_close(&key, "secret a", "bytes", 5, &text, &err), 0);
	EXPECT_INT(seal_open(&other, "secret a", buf_text(&text), &out, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_INT(seal_open(&key, "secret b", buf_text(&text), &out, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_INT(out.len, 0);
}

TEST(every_changed_character_is_noticed)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct seal_key key = key_of(1);
	struct err err = { 0 };

	EXPECT_INT(seal_close(&key, "p", "four", 4, &text, &err), 0);
	/* the last one before the padding holds bits that stand for nothing */
	for (size_t i = 0; i + 4 < text.len; i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		char was = text.data[i];

		text.data[i] = was == 'A' ? 'B' : 'A';
		EXPECT_INT(seal_open(&key, "p", buf_text(&text), &out, &err), -1);
		EXPECT_INT(out.len, 0);
		text.data[i] = was;
	}
}

TEST(what_is_no_sealed_text_is_said_to_be_none)
{
	const char *const all[] = { NULL, "", "AQ==", "not base64 at all!", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB" };
	struct seal_key key = key_of(1);
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		EXPECT_INT(seal_open(&key, "p", all[i], &out, &err), -1);
		EXPECT_INT(err.code, ERR_INVALID);
	}
}

TEST(more_than_the_bound_is_not_sealed)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct seal_key key = key_of(1);
	struct err err = { 0 };

	EXPECT_INT(seal_close(&key, "p", "", SEAL_BYTES_MAX + 1, &text, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
}

TEST(a_forgotten_key_is_gone_from_memory)
{
	struct seal_key key = key_of(7), none = { { 0 } };

	seal_key_forget(&key);
	EXPECT(memcmp(&key, &none, sizeof key) == 0);
}
