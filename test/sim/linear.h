/* linear.h - is there an order of these operations that explains what everybody saw? (Herlihy and Wing 1990)
 *
 * Wing and Gong's search (1993) with Lowe's memory of configurations (2017), for registers: each key on its own, since linearizability
 * is local. An operation whose fate is not known may have taken effect at any time after its call, or never; one that certainly had
 * none is not given at all.
 */
#pragma once
#include "base/base.h"

enum linear_type {
	LINEAR_READ,            /* value: what was seen */
	LINEAR_WRITE,           /* value: what was put */
	LINEAR_SWAP,            /* expected -> value; it was done */
	LINEAR_REFUSED,         /* a swap that found something else than expected */
};
struct linear_op {
	enum linear_type type;
	unsigned key;
	uint64_t value, expected;
	uint64_t call, ret;     /* moments of one clock, all different; LINEAR_UNKNOWN: it never returned */
};
#define LINEAR_UNKNOWN UINT64_MAX

/* Registers hold 0 at first. False: no order does; ret_key says of which key. */
bool linear_check(const struct linear_op *ops, size_t count, unsigned *ret_key);
