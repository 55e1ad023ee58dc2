/* net_plan.h - what this host's kernel should have: the rules of the host's network namespace and
 * the leg of a container. Pure.
 *
 * One function a kind of sandbox: net_plan_host for the namespace that the bridge is in. What
 * clients of a VIP or an ingress sandbox will need are tables of the same kind in other namespaces.
 *
 * - chain loopback (prerouting, raw): packets to or from 127.0.0.0/8 that come from outside are
 *   dropped, for route_localnet is on;
 * - chain guard (forward, filter): into the bridge only answers and what a published port let in;
 * - chain from_net (prerouting, nat): to a local address and a published port -> its chain;
 * - chain from_host (output, nat): the same for the host's own clients;
 * - chain to_net (postrouting, nat): masquerade: the way out, 127.0.0.1 as a client, a container as
 *   client of a published port;
 * - chain tcp_8080, one a port: dnat to one of its backends at random; tcp_8080_192.0.2.1 for one
 *   that is published on that address only;
 * - map addressed: 192.0.2.1 . tcp . 8080 -> goto tcp_8080_192.0.2.1, asked first;
 * - map ports: tcp . 8080 -> goto tcp_8080.
 */
#pragma once
#include "base/arena.h"
#include "base/ip.h"
#include "net/link.h"
#include "net/net.h"
#include "net/nft.h"

/* ---- rules ---- */

struct net_plan_port {
	enum net_proto proto;
	uint16_t port, target;
	const struct ip *backends;
	size_t count;	   /* 0: no rule, so that the host itself refuses the connection */
	struct ip address; /* family 0: every one of the host's */
};
struct net_plan_host {
	const char *instance, *bridge;
	struct cidr subnet;
	const struct net_plan_port *ports;       /* no (proto, address, port) twice */
	size_t count;
};
const struct nft_table *net_plan_table(struct arena *arena, const struct net_plan_host *host);
void net_plan_table_name(const char *instance, char ret_name[NFT_NAME_SIZE]);

/* ---- legs ---- */

/* The host's end of a leg: "sb" and 12 of hex, out of instance and id, so that it can be found
 * again and never collides. */
void net_plan_leg_name(const char *instance, const char *id, char ret_name[IF_NAMESIZE]);
bool net_plan_is_leg_name(const char *name);
/* Written last, so that it stands only on a finished leg: "swarmbox <instance> <id> <address>". */
void net_plan_leg_alias(const char *instance, const char *id, struct ip ip,
			char ret_alias[LINK_ALIAS_SIZE]);
/* False when it is none, or another instance's. */
bool net_plan_read_alias(const char *instance, const char *alias, char ret_id[NET_ID_SIZE],
			 struct ip *ret_ip);
void net_plan_bridge_alias(const char *instance, char ret_alias[LINK_ALIAS_SIZE]);

/* A group for links that are about to be removed: a number that nobody else will have chosen. */
uint32_t net_plan_doom_group(const char *instance);

bool net_plan_is_id(const char *id);
bool net_plan_is_instance(const char *instance);
bool net_plan_is_link_name(const char *name);
