/* rng.h - a seeded generator (xoshiro256**, Blackman and Vigna). Not for keys: those come from os/entropy.h. */
#pragma once
#include "base/base.h"

struct rng { uint64_t s[4]; };
void rng_seed(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound);     /* 0 … bound-1, unbiased; bound > 0 */
