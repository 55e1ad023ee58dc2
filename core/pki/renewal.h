/* renewal.h - when a node asks for its next certificate: somewhere between half and four fifths of its life, so that not all ask at once,
 * and after a failure again and again, ever more rarely (Docker's 5 s to 1 h). Pure.
 */
#pragma once
#include "base/rng.h"
#include "pki/cert.h"

/* Drawn once for a certificate; a moment of the clock that dated it, perhaps long past. */
nsec renewal_at(const struct cert_facts *cert, struct rng *rng);
/* Till then, from now; at least a second, at most a day: whoever waits looks again. */
msec renewal_wait_ms(nsec at, nsec now);
/* How long to wait after this many failures in a row, 1 for the first. */
msec renewal_retry_ms(unsigned failures, struct rng *rng);
