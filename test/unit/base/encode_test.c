#include <string.h>

#include "base/encode.h"
#include "base/sha256.h"
#include "base/str.h"
#include "test/unit/runner.h"

TEST(integers_come_back_as_they_went)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	size_t count;

	put_u8(&out, 0xab);
	put_u32(&out, 0x12345678);
	put_u64(&out, 0x123456789abcdef0);
	put_str(&out, "name");
	put_str(&out, NULL);
	put_bytes(&out, "\0\1", 2);
	EXPECT_INT(out.len, 1 + 4 + 8 + 5 + 1 + 3);
	EXPECT(memcmp(out.data + 1, "\x78\x56\x34\x12\xf0\xde\xbc\x9a\x78\x56\x34\x12", 12) == 0);

	struct reader in = reader_of(out.data, out.len);
	EXPECT_INT(get_u8(&in), 0xab);
	EXPECT_INT(get_u32(&in), 0x12345678);
	EXPECT(get_u64(&in) == 0x123456789abcdef0);
	EXPECT(memcmp(get_bytes(&in, &count), "name", 4) == 0 && count == 4);
	EXPECT(get_bytes(&in, &count) && count == 0);
	EXPECT(memcmp(get_bytes(&in, &count), "\0\1", 2) == 0 && count == 2);
	EXPECT(!in.failed && in.at == in.end);
}

TEST(varints_take_as_many_bytes_as_they_need)
{
	static const struct { uint64_t value; size_t bytes; } cases[] = {
		{ 0, 1 }, { 127, 1 }, { 128, 2 }, { 16383, 2 }, { 16384, 3 }, { UINT32_MAX, 5 },
		{ INT64_MAX, 9 }, { (uint64_t)INT64_MAX + 1, 10 }, { UINT64_MAX, 10 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		put_varint(&out, cases[i].value);
		EXPECT_INT(out.len, cases[i].bytes);
		struct reader in = reader_of(out.data, out.len);
		EXPECT(get_varint(&in) == cases[i].value && !in.failed);
		for (size_t cut = 0; cut < out.len; cut++) {
			in = reader_of(out.data, cut);
			EXPECT(get_varint(&in) == 0 && in.failed);
		}
	}
}

TEST(bytes_written_in_place_are_those_that_were_written_beside)
{
	static const size_t sizes[] = { 0, 1, 126, 127, 128, 16383, 16384, 40000 };

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		CLEANUP(buf_finip) struct buf inner = BUF_INIT, beside = BUF_INIT, place = BUF_INIT;

		for (size_t k = 0; k < sizes[i]; k++)
			put_u8(&inner, (uint8_t)(k * 7));
		put_u8(&beside, 9);
		CLEANUP(buf_finip) struct buf middle = BUF_INIT;
		put_u64(&middle, 1);
		put_bytes(&middle, inner.data, inner.len);
		put_bytes(&beside, middle.data, middle.len);
		put_u8(&beside, 8);

		put_u8(&place, 9);
		size_t outer = put_bytes_begin(&place);
		put_u64(&place, 1);
		size_t begin = put_bytes_begin(&place);
		buf_add(&place, inner.data, inner.len);
		put_bytes_end(&place, begin);
		put_bytes_end(&place, outer);
		put_u8(&place, 8);

		EXPECT_INT(place.len, beside.len);
		EXPECT(memcmp(place.data, beside.data, beside.len) == 0);
		EXPECT(place.data[place.len] == '\0');
	}
}

TEST(bytes_written_in_place_into_a_buffer_that_is_full_leave_it_overflowed)
{
	for (size_t ceiling = 1; ceiling < 140; ceiling++) {
		CLEANUP(buf_finip) struct buf out = { .ceiling = ceiling };
		size_t begin = put_bytes_begin(&out);

		for (int i = 0; i < 138; i++)
			put_u8(&out, 1);
		put_bytes_end(&out, begin);
		EXPECT(out.overflowed && out.len <= ceiling);
	}
}

TEST(varint_that_is_too_long_or_too_large_fails)
{
	struct reader in = reader_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);

	EXPECT(get_varint(&in) == 0 && in.failed);
	in = reader_of("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11);
	EXPECT(get_varint(&in) == 0 && in.failed);
}

TEST(reader_that_has_failed_gives_zeros_for_ever)
{
	struct reader in = reader_of("\1\2\3", 3);
	size_t count = 9;

	EXPECT_INT(get_u32(&in), 0);
	EXPECT(in.failed);
	EXPECT_INT(get_u8(&in), 0);
	EXPECT(get_u64(&in) == 0);
	EXPECT(get_varint(&in) == 0);
	EXPECT(get_bytes(&in, &count) == NULL && count == 0);
	in = reader_of(NULL, 0);
	EXPECT_INT(get_u8(&in), 0);
	EXPECT(in.failed);
}

TEST(bytes_longer_than_what_is_there_fail)
{
	struct reader in = reader_of("\5abcd", 5);
	size_t count = 9;

	EXPECT(get_bytes(&in, &count) == NULL && count == 0 && in.failed);
	in = reader_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 11);     /* 2^64-1 bytes */
	EXPECT(get_bytes(&in, &count) == NULL && count == 0 && in.failed);
}

TEST(hex_is_read_in_both_cases_and_whole)
{
	uint8_t bytes[4] = { 9, 9, 9, 9 };
	char text[9];
	size_t count = 0;

	hex_encode((const uint8_t *)"\x00\xff\x1a", 3, text);
	EXPECT_STR(text, "00ff1a");
	EXPECT(hex_decode("00fF1A", bytes, sizeof(bytes), &count) == 0 && count == 3);
	EXPECT(memcmp(bytes, "\x00\xff\x1a", 3) == 0);
	EXPECT(hex_decode("", bytes, sizeof(bytes), &count) == 0 && count == 0);
	count = 7;
	EXPECT_INT(hex_decode("0", bytes, sizeof(bytes), &count), -1);
	EXPECT_INT(hex_decode("0g", bytes, sizeof(bytes), &count), -1);
	EXPECT_INT(hex_decode("0:", bytes, sizeof(bytes), &count), -1);
	EXPECT_INT(hex_decode("0011223344", bytes, sizeof(bytes), &count), -1);
	EXPECT_INT(count, 7);
}

static void expect_base64(const char *plain, const char *coded)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	base64_encode(plain, strlen(plain), &out);
	EXPECT_STR(buf_text(&out), coded);
	buf_clear(&out);
	EXPECT_INT(base64_decode(coded, strlen(coded), &out), 0);
	EXPECT_STR(buf_text(&out), plain);
	buf_clear(&out);
	EXPECT_INT(base64_decode(coded, strcspn(coded, "="), &out), 0);
	EXPECT_STR(buf_text(&out), plain);
}

TEST(base64_gives_the_vectors_of_rfc_4648)
{
	expect_base64("", "");
	expect_base64("f", "Zg==");
	expect_base64("fo", "Zm8=");
	expect_base64("foo", "Zm9v");
	expect_base64("foob", "Zm9vYg==");
	expect_base64("fooba", "Zm9vYmE=");
	expect_base64("foobar", "Zm9vYmFy");
}

TEST(base64_reads_both_alphabets)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	EXPECT_INT(base64_decode("+/+/-_-_", 8, &out), 0);
	EXPECT_INT(out.len, 6);
	EXPECT(memcmp(out.data, "\xfb\xff\xbf\xfb\xff\xbf", 6) == 0);
}

TEST(base64_refuses_what_is_none_and_leaves_the_buffer_as_it_was)
{
	static const char *const bad[] = {
		"A", "AAAAA", "AA=A", "AA==AAAA", "====", "A===", "=", "==", "AAA==", "AA=",
		"Zm9v!a==", "Zh==", "Zm9=", "AA A", "AA\nA", NULL,
	};
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	buf_add_str(&out, "kept");
	for (size_t i = 0; bad[i]; i++) {
		EXPECT_INT(base64_decode(bad[i], strlen(bad[i]), &out), -1);
		EXPECT_STR(buf_text(&out), "kept");
	}
	EXPECT_INT(base64_decode("AA\0A", 4, &out), -1);
}

TEST(base64_that_overflows_its_buffer_fails)
{
	CLEANUP(buf_finip) struct buf out = { .ceiling = 5 };

	EXPECT_INT(base64_decode("Zm9vYmFy", 8, &out), -1);
	EXPECT_INT(out.len, 0);
}

TEST(base36_writes_the_digests_and_secrets_of_join_tokens)
{
	uint8_t bytes[SHA256_SIZE];
	struct sha256 sha;
	char text[64];

	sha256_init(&sha);
	sha256_add(&sha, "ca certificate", 14);
	sha256_finish(&sha, bytes);
	base36_encode(bytes, 32, 50, text);
	EXPECT_STR(text, "1hb306at8xthgmm8x45y56mxw02ei3rkt0iib3r0v5kfs98eh5");
	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (uint8_t)(i + 1);
	base36_encode(bytes, 16, 25, text);
	EXPECT_STR(text, "025burfp0j7epb0hqfcuw340g");
	memset(bytes, 0xff, 16);
	base36_encode(bytes, 16, 25, text);
	EXPECT_STR(text, "f5lxx1zz5pnorynqglhzmsp33");
	base36_encode((const uint8_t *)"\0\0\x24", 3, 4, text);
	EXPECT_STR(text, "0010");
	base36_encode(NULL, 0, 2, text);
	EXPECT_STR(text, "00");
}

TEST(crc32_is_that_of_ethernet_and_goes_on)
{
	EXPECT_INT(crc32_of(0, "123456789", 9), 0xcbf43926);
	EXPECT_INT(crc32_of(crc32_of(0, "1234", 4), "56789", 5), 0xcbf43926);
	EXPECT_INT(crc32_of(0, "", 0), 0);
	EXPECT_INT(crc32_of(0, "\0", 1), 0xd202ef8d);
}
