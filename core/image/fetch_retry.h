/* fetch_retry.h - whether a request that failed is worth another try, and when.
 *
 * Pure. Two patiences: the first word to a registry must be answered soon (nobody wants to wait half a minute to hear that there is no network),
 * a transfer that has begun outlives a registry that is restarted.
 */
#pragma once
#include "base/base.h"

enum fetch_fault {
	FETCH_UNREACHABLE,      /* no address, refused, no route, no answer to the connection */
	FETCH_UNTRUSTED,        /* TLS: certificate, versions, or no TLS at all */
	FETCH_BROKEN,           /* lost, silent or ended too soon */
	FETCH_BUSY,             /* the registry says: later */
	FETCH_REFUSED,          /* it says no, or what it says makes no sense: the same again will not help */
};
/* Of an HTTP status that is no success. */
enum fetch_fault fetch_fault_of_status(int status);

enum fetch_patience { FETCH_QUESTION, FETCH_TRANSFER };
struct fetch_retry {
	unsigned failures;      /* since bytes last came */
	unsigned total;
	msec base_ms;           /* the first delay; 0: FETCH_DELAY_MS */
};
#define FETCH_DELAY_MS     500          /* of the first, doubled each time */
#define FETCH_DELAY_MAX_MS 16000        /* 32 times the first */
#define FETCH_TRIES        6            /* in a row without a byte: 31 s of waiting */
#define FETCH_QUESTION_TRIES 3
#define FETCH_TOTAL_TRIES  200          /* for a server that sends a byte each time */
#define FETCH_RETRY_AFTER_MAX_S 120     /* a registry that wants more is told to the person instead */

/* Notes a failure; false: give up. has_advanced: bytes came since the last one. retry_after_s: what the server asks for, 0: nothing. dice: any
 * number, spreads the delay by a quarter either way. */
bool fetch_retry_next(struct fetch_retry *retry, enum fetch_patience patience, enum fetch_fault fault, bool has_advanced, int64_t retry_after_s,
		      uint64_t dice, msec *ret_delay);
