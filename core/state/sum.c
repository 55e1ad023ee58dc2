#include "state/sum.h"

#include <string.h>

static inline uint64_t rotate(uint64_t x, int by)
{
	return (x << by) | (x >> (64 - by));
}

static inline void mix(uint64_t v[4])
{
	v[0] += v[1]; v[1] = rotate(v[1], 13); v[1] ^= v[0]; v[0] = rotate(v[0], 32);
	v[2] += v[3]; v[3] = rotate(v[3], 16); v[3] ^= v[2];
	v[0] += v[3]; v[3] = rotate(v[3], 21); v[3] ^= v[0];
	v[2] += v[1]; v[1] = rotate(v[1], 17); v[1] ^= v[2]; v[2] = rotate(v[2], 32);
}

static uint64_t word_at(const uint8_t *bytes, size_t count)
{
	uint64_t word = 0;

	for (size_t i = 0; i < count; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

uint64_t sum_of(const struct buf *row)
{
	const uint64_t k0 = 0x7377617274617465, k1 = 0x626f780000000001;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	const uint8_t *bytes = (const uint8_t *)buf_text(row);
	size_t whole = row->len / 8 * 8;

	for (size_t i = 0; i <= whole; i += 8) {
		uint64_t word = i < whole ? word_at(bytes + i, 8) : word_at(bytes + i, row->len - whole) | (uint64_t)row->len << 56;
		v[3] ^= word;
		mix(v);
		mix(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
