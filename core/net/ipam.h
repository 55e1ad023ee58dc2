/* ipam.h - hands out the addresses of one subnet, each at most once.
 *
 * Pure: no store, no kernel. Rebuilt after a restart from the addresses that are in use, so nothing
 * here is ever saved. Next-fit: the search goes on behind the last address given, so that one given
 * back rests until the range has gone round. The network's own address and the broadcast address
 * are never given. Not for picking subnets: that is subnet.h.
 */
#pragma once
#include "base/err.h"
#include "base/ip.h"

struct ipam;
struct ipam *ipam_new(struct cidr subnet);               /* IPv4, prefix 8 to 30 */
void ipam_free(struct ipam *ipam);                       /* NULL is welcome */
void ipam_freep(struct ipam **ipam);

/* ERR_EXHAUSTED when every address is in use. */
int ipam_take(struct ipam *ipam, struct ip *ret_ip, struct err *err);
/* ERR_CONFLICT if it is in use, ERR_INVALID if it lies outside or is the network's or the broadcast
 * address. Does not move the search. */
int ipam_take_exact(struct ipam *ipam, struct ip ip, struct err *err);
void ipam_give_back(struct ipam *ipam, struct ip ip);    /* must be one that was taken */
