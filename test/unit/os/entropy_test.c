#include <string.h>

#include "os/entropy.h"
#include "test/unit/runner.h"

TEST(entropy_fills_all_bytes)
{
	uint8_t bytes[1000] = { 0 };
	int bits = 0;

	entropy_fill(bytes, sizeof(bytes));
	entropy_fill(bytes, 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bits += __builtin_popcount(bytes[i]);
	EXPECT(bits > 3500 && bits < 4500);          /* 11 standard deviations */
	int zero_tail = 0;
	for (size_t i = sizeof(bytes) - 16; i < sizeof(bytes); i++)
		zero_tail += bytes[i] == 0;
	EXPECT(zero_tail < 8);
}

TEST(entropy_ids_are_valid_and_differ)
{
	char a[ID_SIZE], b[ID_SIZE], c[HEX_ID_SIZE], d[HEX_ID_SIZE];

	entropy_id(a);
	entropy_id(b);
	entropy_hex_id(c);
	entropy_hex_id(d);
	EXPECT(id_is_valid(a) && id_is_valid(b) && strcmp(a, b) != 0);
	EXPECT(hex_id_is_valid(c) && hex_id_is_valid(d) && strcmp(c, d) != 0);
}
