/* The source itself, so that the plain way can be compared with that of the CPU's instructions. */
#include "base/sha256.c" // NOLINT(bugprone-suspicious-include)

#include <stdlib.h>

#include "test/unit/runner.h"

TEST(sha256_gives_the_vectors_of_nist)
{
	char text[SHA256_HEX_SIZE];

	sha256_hex("", 0, text);
	EXPECT_STR(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_hex("abc", 3, text);
	EXPECT_STR(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, text);
	EXPECT_STR(text, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	char *million = malloc(1000000);
	memset(million, 'a', 1000000);
	sha256_hex(million, 1000000, text);
	EXPECT_STR(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

TEST(sha256_of_every_length_around_its_blocks_is_right)
{
	uint8_t message[300], digest[SHA256_SIZE];
	struct sha256 all, one;
	char text[SHA256_HEX_SIZE];

	sha256_init(&all);
	for (size_t length = 0; length < sizeof(message); length++) {
		for (size_t i = 0; i < length; i++)
			message[i] = (uint8_t)(length + i);
		sha256_init(&one);
		sha256_add(&one, message, length);
		sha256_finish(&one, digest);
		sha256_add(&all, digest, sizeof(digest));
	}
	sha256_finish(&all, digest);
	hex_encode(digest, sizeof(digest), text);
	/* Of hashlib. */
	EXPECT_STR(text, "ab6aa78631a4190a9c85ec13560e1f9304acf891af2862ea17df27c1d30737cf");
}

TEST(sha256_does_not_care_how_the_message_is_cut)
{
	uint8_t message[200];
	char whole[SHA256_HEX_SIZE], parts[SHA256_HEX_SIZE];
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	memset(message, 0x5a, sizeof(message));
	sha256_hex(message, sizeof(message), whole);
	for (size_t first = 0; first <= sizeof(message); first++) {
		for (size_t step = 1; step < 140; step += 23) {
			sha256_init(&sha);
			sha256_add(&sha, message, first);
			sha256_add(&sha, NULL, 0);
			for (size_t at = first; at < sizeof(message);
			     at += MIN(step, sizeof(message) - at))
				sha256_add(&sha, message + at, MIN(step, sizeof(message) - at));
			sha256_finish(&sha, digest);
			hex_encode(digest, sizeof(digest), parts);
			if (strcmp(parts, whole) != 0)
				EXPECT_STR(parts, whole);
		}
	}
}

TEST(sha256_in_plain_c_agrees_with_the_instructions)
{
	uint8_t blocks[64 * 50];
	struct sha256 plain, quick;

	sha256_init(&plain);
	sha256_init(&quick);
	for (size_t i = 0; i < sizeof(blocks); i++)
		blocks[i] = (uint8_t)(i * 167 + i / 64);
	add_blocks_plain(plain.state, blocks, 50);
	add_blocks(quick.state, blocks, 50);
	EXPECT(memcmp(plain.state, quick.state, sizeof(plain.state)) == 0);
	sha256_init(&plain);
	add_blocks_plain(plain.state, (const uint8_t *)"abc\x80", 0);
	EXPECT_INT(plain.state[0], 0x6a09e667);
}
