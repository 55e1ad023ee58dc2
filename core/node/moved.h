/* moved.h - which address others should use, when the addresses of this host are other ones than before.
 *
 * Pure. An address belongs to the interface that it was seen on last; when it is gone from there the interface's present one takes its place
 * (DHCP). An address that was never on this host (a router's, that a human told) stays what it is.
 */
#pragma once
#include "base/ip.h"

enum { INTERFACE_SIZE = 16, HOST_ADDRESSES_MAX = 64 };
struct host_address { char interface[INTERFACE_SIZE]; struct ip ip, broadcast; };       /* broadcast: family 0 where there is none */
struct host_addresses { struct host_address items[HOST_ADDRESSES_MAX]; size_t count; };

/* True when ip or interface changed. */
bool moved_look(const struct host_addresses *now, struct ip *ip, char interface[INTERFACE_SIZE]);
