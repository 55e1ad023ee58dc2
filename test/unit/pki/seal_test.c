#include <string.h>

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
		CLEANUP(buf_finip) struct buf sealed = BUF_INIT, out = BUF_INIT;
		EXPECT_INT(seal_close(&key, "secret a", all[i].bytes, all[i].size, &sealed, &err), 0);
		EXPECT_INT(seal_open(&key, "secret a", sealed.data, sealed.len, &out, &err), 0);
		EXPECT_INT(out.len, all[i].size);
		EXPECT(memcmp(buf_text(&out), all[i].bytes, all[i].size) == 0);
	}
}

TEST(the_same_bytes_are_never_sealed_the_same)
{
	CLEANUP(buf_finip) struct buf a = BUF_INIT, b = BUF_INIT;
	struct seal_key key = key_of(1);
	struct err err = { 0 };

	EXPECT_INT(seal_close(&key, "p", "bytes", 5, &a, &err), 0);
	EXPECT_INT(seal_close(&key, "p", "bytes", 5, &b, &err), 0);
	EXPECT_INT(a.len, b.len);
	EXPECT(memcmp(a.data, b.data, a.len) != 0);
}

TEST(another_key_or_purpose_does_not_open_it)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT, out = BUF_INIT;
	struct seal_key key = key_of(1), other = key_of(2);
	struct err err = { 0 };

	EXPECT_INT(seal_close(&key, "secret a", "bytes", 5, &sealed, &err), 0);
	EXPECT_INT(seal_open(&other, "secret a", sealed.data, sealed.len, &out, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_INT(seal_open(&key, "secret b", sealed.data, sealed.len, &out, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_INT(out.len, 0);
}

TEST(every_changed_bit_is_noticed)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT;
	struct seal_key key = key_of(1);
	struct err err = { 0 };

	EXPECT_INT(seal_close(&key, "p", "four", 4, &sealed, &err), 0);
	for (size_t i = 0; i < 8 * sealed.len; i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;

		sealed.data[i / 8] = (char)(sealed.data[i / 8] ^ (1 << i % 8));
		EXPECT_INT(seal_open(&key, "p", sealed.data, sealed.len, &out, &err), -1);
		EXPECT_INT(out.len, 0);
		sealed.data[i / 8] = (char)(sealed.data[i / 8] ^ (1 << i % 8));
	}
}

TEST(what_was_never_sealed_is_said_to_be_so)
{
	static const uint8_t zeros[200];
	const size_t sizes[] = { 0, 1, 60, 88, 200 };
	struct seal_key key = key_of(1);
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		EXPECT_INT(seal_open(&key, "p", zeros, sizes[i], &out, &err), -1);
		EXPECT_INT(err.code, ERR_INVALID);
	}
}

TEST(more_than_the_bound_is_not_sealed)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT;
	struct seal_key key = key_of(1);
	struct err err = { 0 };

	EXPECT_INT(seal_close(&key, "p", "", SEAL_BYTES_MAX + 1, &sealed, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
}

TEST(a_forgotten_key_is_gone_from_memory)
{
	struct seal_key key = key_of(7), none = { { 0 } };

	seal_key_forget(&key);
	EXPECT(memcmp(&key, &none, sizeof key) == 0);
}

TEST(a_text_is_sealed_as_a_text_and_what_never_was_opens_as_itself)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT, out = BUF_INIT, plain = BUF_INIT;
	struct seal_key key, other;
	struct err err;

	seal_key_new(&key);
	seal_key_new(&other);
	EXPECT_INT(seal_text_close(&key, "join token", "SWMTKN-1-secret", &sealed, &err), 0);
	EXPECT(seal_text_is_sealed(buf_text(&sealed)) && !strstr(buf_text(&sealed), "secret"));
	EXPECT_INT(seal_text_open(&key, "join token", buf_text(&sealed), &out, &err), 0);
	EXPECT_STR(buf_text(&out), "SWMTKN-1-secret");
	EXPECT_INT(seal_text_open(&key, "root key", buf_text(&sealed), &plain, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_INT(seal_text_open(&other, "join token", buf_text(&sealed), &plain, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_INT(seal_text_open(NULL, "join token", buf_text(&sealed), &plain, &err), -1);
	EXPECT_INT(err.code, ERR_UNAVAILABLE);
	EXPECT_INT(seal_text_open(&key, "join token", "sealed:*", &plain, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_INT(seal_text_open(NULL, "join token", "SWMTKN-1-secret", &plain, &err), 0);
	EXPECT_STR(buf_text(&plain), "SWMTKN-1-secret");
}
