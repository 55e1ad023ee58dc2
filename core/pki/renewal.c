#include "pki/renewal.h"

enum { RETRY_MIN_MS = 5000, RETRY_MAX_MS = 3600000, WAIT_MIN_MS = 1000, WAIT_MAX_MS = 24 * 3600 * 1000 };

nsec renewal_at(const struct cert_facts *cert, struct rng *rng)
{
	/* A life of nothing or less is over. */
	uint64_t tenth = (uint64_t)(MAX(cert->not_after - cert->not_before, 10) / 10);

	return cert->not_before + (nsec)(5 * tenth + rng_below(rng, 3 * tenth));
}

msec renewal_wait_ms(nsec at, nsec now)
{
	return at <= now ? WAIT_MIN_MS : MIN(MAX((at - now) / 1000000, (nsec)WAIT_MIN_MS), (nsec)WAIT_MAX_MS);
}

msec renewal_retry_ms(unsigned failures, struct rng *rng)
{
	msec longest = RETRY_MIN_MS;

	for (unsigned i = 1; i < failures && longest < RETRY_MAX_MS; i++)
		longest = MIN(2 * longest, (msec)RETRY_MAX_MS);
	/* the upper half of it, at random, so that nodes that failed together do not come back together */
	return longest / 2 + (msec)rng_below(rng, (uint64_t)longest / 2 + 1);
}
