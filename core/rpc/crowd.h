/* crowd.h - who gives way when the room for strangers is full: connections that have shown no certificate yet, or have none.
 *
 * Whoever comes from where most of them come from waits outside; for anybody else the oldest from there goes. So a flood out of one place turns against
 * itself, a node from elsewhere gets in, and many honest nodes behind one address are not cut off halfway by their own successors.
 * A place is an IPv4 address, or 64 bits of an IPv6 one, for that is what one host may choose from.
 *
 * Pure.
 */
#pragma once
#include "base/ip.h"

/* guests in the order of their arrival. The index of the one to go, or count: the newcomer himself. */
size_t crowd_gives_way(const struct ip *guests, size_t count, struct ip newcomer);
