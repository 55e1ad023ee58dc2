#include "base/rng.h"

#include "base/panic.h"

static inline uint64_t rotate(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

/* splitmix64 (Vigna) spreads the seed, as the authors of xoshiro advise: its state must not be
 * all zero. */
void rng_seed(struct rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		rng->s[i] = z ^ z >> 31;
	}
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t *s = rng->s, result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
	check(bound > 0);
	/* 2^64 mod bound values would come up once too often. */
	uint64_t unfair = (0 - bound) % bound;
	uint64_t value;

	do
		value = rng_next(rng);
	while (value < unfair);
	return value % bound;
}
