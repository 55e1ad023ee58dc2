/* subnet.h - picks the bridge's range so that it overlaps nothing the host already knows. Pure. */
#pragma once
#include "base/err.h"
#include "base/ip.h"

/* The first free one of 172.18.0.0/16 … 172.31.0.0/16, then 192.168.0.0/20 … 192.168.240.0/20 (RFC
 * 1918; 10.0.0.0/8 is left to overlays, 172.17.0.0/16 to a Docker on the same host). ERR_EXHAUSTED
 * when each overlaps one of the taken. */
int subnet_choose(const struct cidr *taken, size_t count, struct cidr *ret_subnet, struct err *err);
/* 0, or ERR_CONFLICT naming the first one that overlaps. A default route (prefix 0) overlaps
 * nothing. */
int subnet_check_free(struct cidr subnet, const struct cidr *taken, size_t count, struct err *err);
/* A private or otherwise sensible IPv4 range with room for a bridge: prefix 8 to 29, no host bits
 * needed. ERR_INVALID. */
int subnet_check(struct cidr subnet, struct err *err);
struct ip subnet_first(struct cidr subnet); /* the network's own address: host bits cleared */
struct ip subnet_gateway(struct cidr subnet);            /* the first usable one */
