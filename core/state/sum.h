/* sum.h - the state sum: mod 2^64, a hash per object, so that replicas can be compared without walking them.
 *
 * SipHash-2-4 (Aumasson and Bernstein, 2012) with a fixed key: it finds accidents, not attackers, who hold the cluster's keys anyway.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"

uint64_t sum_of(const struct buf *row);
