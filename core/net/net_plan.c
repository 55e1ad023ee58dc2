#include "net/net_plan.h"

#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/sha256.h"
#include "base/str.h"

/* nft(8)'s numbers of types, shown by "nft list"; the kernel only keeps them. A key of parts:
 * first << 6 | second. */
#define TYPE_INTEGER      4
#define TYPE_IPADDR       7
#define TYPE_INET_PROTO   12
#define TYPE_INET_SERVICE 13
#define TYPE_PROTO_PORT   (TYPE_INET_PROTO << 6 | TYPE_INET_SERVICE)
#define TYPE_ADDRESSED    (TYPE_IPADDR << 12 | TYPE_PROTO_PORT)

#define PORT_OFFSET       2              /* the destination port in TCP, UDP and SCTP */
#define ADDRESS_OFFSET    16             /* the destination in IPv4 */
#define RULES_A_CHAIN     3
#define BASE_CHAINS       5
#define MAPS              2

/* linux/netfilter_ipv4.h: NF_IP_PRI_* */
enum { PRIORITY_RAW = -300, PRIORITY_DNAT = -100, PRIORITY_FILTER = 0, PRIORITY_SNAT = 100 };

struct plan {
	struct arena *arena;
	const struct net_plan_host *host;
	struct nft_map *maps;            /* addressed, ports */
	struct nft_chain *chains;
	size_t count;
};

static struct nft_chain *add_chain(struct plan *plan, const char *name, size_t rules_max)
{
	struct nft_chain *chain = &plan->chains[plan->count++];

	check(str_copy(chain->name, sizeof(chain->name), name));
	chain->rules = ARENA_ARRAY(plan->arena, struct nft_rule, rules_max);
	return chain;
}

static struct nft_chain *add_hooked(struct plan *plan, const char *name, struct nft_hook hook)
{
	struct nft_chain *chain = add_chain(plan, name, RULES_A_CHAIN);

	chain->hook = hook;
	return chain;
}

static struct nft_rule *add_rule(struct nft_chain *chain)
{
	check(chain->count < RULES_A_CHAIN);
	return (struct nft_rule *)&chain->rules[chain->count++];
}

/* ---- a chain per published port ---- */

/* Random and not in turn: a counter starts again at 0 with each change of the rule, and the first
 * backend would get the most. */
static const struct nft_map *backend_map(struct plan *plan, const struct net_plan_port *port)
{
	struct nft_elem *elems = ARENA_ARRAY(plan->arena, struct nft_elem, port->count);
	struct nft_map *map = ARENA_NEW(plan->arena, struct nft_map);

	for (size_t i = 0; i < port->count; i++) {
		uint32_t number = (uint32_t)i;
		memcpy(elems[i].key, &number, sizeof(number));
		memcpy(elems[i].value, port->backends[i].bytes, 4);
	}
	*map = (struct nft_map){
		.name = "__map%d",
		.is_anonymous = true,
		.has_number_keys = true,
		.elems = elems,
		.count = port->count,
		.key_type = TYPE_INTEGER,
		.key_bytes = 4,
		.value_type = TYPE_IPADDR,
		.value_bytes = 4,
	};
	return map;
}

static void add_port_chain(struct plan *plan, const struct net_plan_port *port, const char *name)
{
	uint16_t target = htobe16(port->target);
	struct nft_rule *rule = add_rule(add_chain(plan, name, 1));

	if (port->count == 1) {
		nft_load_bytes(rule, NFT_R1, port->backends[0].bytes, 4);
	} else {
		nft_random(rule, (uint32_t)port->count);
		nft_lookup(rule, backend_map(plan, port), NFT_R1);
	}
	nft_load_bytes(rule, NFT_R2, &target, sizeof(target));
	nft_dnat(rule, NFT_R2);
	nft_rule_seal(rule);
}

static void add_ports(struct plan *plan, bool addressed)
{
	struct nft_elem *elems = ARENA_ARRAY(plan->arena, struct nft_elem, plan->host->count);
	struct nft_map *map = &plan->maps[!addressed];
	size_t at = addressed ? 4 : 0;           /* in the key: of what stands behind the address */

	*map = (struct nft_map){
		.has_verdicts = true,
		.key_type = addressed ? TYPE_ADDRESSED : TYPE_PROTO_PORT,
		.key_bytes = (uint32_t)at + 8,
		.elems = elems,
	};
	str_copy(map->name, sizeof(map->name), addressed ? "addressed" : "ports");
	for (size_t i = 0; i < plan->host->count; i++) {
		const struct net_plan_port *port = &plan->host->ports[i];
		uint16_t number = htobe16(port->port);
		char text[IP_TEXT_SIZE] = "";

		if (port->count == 0 || !port->address.family == addressed)
			continue;
		struct nft_elem *elem = &elems[map->count++];
		memcpy(elem->key, port->address.bytes, at);
		elem->key[at] = (uint8_t)port->proto;
		memcpy(elem->key + at + 4, &number, sizeof(number));
		elem->chain = arena_printf(plan->arena, addressed ? "%s_%u_%s" : "%s_%u",
					   net_proto_name(port->proto), port->port,
					   addressed ? ip_format(port->address, text) : "");
		add_port_chain(plan, port, elem->chain);
	}
}

/* ---- the chains that are always there ---- */

static void add_loopback_chain(struct plan *plan)
{
	struct cidr loopback = { ip4(127, 0, 0, 0), 8 };
	struct nft_chain *chain = add_hooked(
		plan, "loopback", (struct nft_hook){ "filter", NF_INET_PRE_ROUTING, PRIORITY_RAW });

	for (int source = 0; source < 2; source++) {
		struct nft_rule *rule = add_rule(chain);
		nft_match_interface(rule, false, false, "lo");
		if (source)
			nft_match_source(rule, loopback);
		else
			nft_match_destination(rule, loopback);
		nft_drop(rule);
		nft_rule_seal(rule);
	}
}

/* Without it whoever shares a link with this host could reach every port of every container by a
 * route of his own. */
static void add_guard_chain(struct plan *plan)
{
	uint32_t known = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
	struct nft_chain *chain = add_hooked(
		plan, "guard", (struct nft_hook){ "filter", NF_INET_FORWARD, PRIORITY_FILTER });
	struct nft_rule *rule = add_rule(chain);

	nft_match_interface(rule, true, true, plan->host->bridge);
	nft_match_interface(rule, false, false, plan->host->bridge);
	nft_match_ct_bits(rule, NFT_CT_STATE, known, false);
	nft_match_ct_bits(rule, NFT_CT_STATUS, IPS_DST_NAT, false);
	nft_drop(rule);
	nft_rule_seal(rule);
}

/* The address first: a rule whose lookup finds nothing is left behind. */
static void add_dispatch_chain(struct plan *plan, const char *name, uint32_t hook)
{
	struct nft_chain *chain = add_hooked(plan, name,
					     (struct nft_hook){ "nat", hook, PRIORITY_DNAT });

	for (int i = 0; i < MAPS; i++) {
		struct nft_rule *rule = add_rule(chain);
		bool addressed = i == 0;

		nft_match_local_destination(rule);
		if (addressed)
			nft_load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, ADDRESS_OFFSET, 4,
					 NFT_R1);
		nft_load_meta(rule, NFT_META_L4PROTO, addressed ? NFT_R1_SECOND : NFT_R1);
		nft_load_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, PORT_OFFSET, 2,
				 addressed ? NFT_R1_THIRD : NFT_R1_SECOND);
		nft_lookup(rule, &plan->maps[i], NFT_R_VERDICT);
		nft_rule_seal(rule);
	}
}

static void add_masquerade(struct nft_chain *chain, const char *bridge, bool into_bridge,
			   struct cidr source, bool dnat_only)
{
	struct nft_rule *rule = add_rule(chain);

	nft_match_interface(rule, true, into_bridge, bridge);
	nft_match_source(rule, source);
	if (dnat_only)
		nft_match_ct_bits(rule, NFT_CT_STATUS, IPS_DST_NAT, true);
	nft_masquerade(rule);
	nft_rule_seal(rule);
}

static void add_masquerade_chain(struct plan *plan)
{
	const struct net_plan_host *host = plan->host;
	struct cidr loopback = { ip4(127, 0, 0, 0), 8 };
	struct nft_chain *chain = add_hooked(
		plan, "to_net", (struct nft_hook){ "nat", NF_INET_POST_ROUTING, PRIORITY_SNAT });

	add_masquerade(chain, host->bridge, true, loopback, false);
	/* Else the answer would go from container to container directly, past the translation. */
	add_masquerade(chain, host->bridge, true, host->subnet, true);
	add_masquerade(chain, host->bridge, false, host->subnet, false);
}

void net_plan_table_name(const char *instance, char ret_name[NFT_NAME_SIZE])
{
	snprintf(ret_name, NFT_NAME_SIZE, "swarmbox_%s", instance);
}

const struct nft_table *net_plan_table(struct arena *arena, const struct net_plan_host *host)
{
	struct nft_table *table = ARENA_NEW(arena, struct nft_table);
	struct plan plan = {
		.arena = arena, .host = host, .maps = ARENA_ARRAY(arena, struct nft_map, MAPS),
		.chains = ARENA_ARRAY(arena, struct nft_chain, host->count + BASE_CHAINS),
	};

	add_ports(&plan, true);
	add_ports(&plan, false);
	add_loopback_chain(&plan);
	add_guard_chain(&plan);
	add_dispatch_chain(&plan, "from_net", NF_INET_PRE_ROUTING);
	add_dispatch_chain(&plan, "from_host", NF_INET_LOCAL_OUT);
	add_masquerade_chain(&plan);

	net_plan_table_name(host->instance, table->name);
	table->chains = plan.chains;
	table->chain_count = plan.count;
	table->maps = plan.maps;
	table->map_count = MAPS;
	return table;
}

/* ---- legs ---- */

void net_plan_leg_name(const char *instance, const char *id, char ret_name[IF_NAMESIZE])
{
	char text[NET_INSTANCE_MAX + NET_ID_SIZE + 2], hex[SHA256_HEX_SIZE];
	int length = snprintf(text, sizeof(text), "%s/%s", instance, id);

	check(length > 0 && (size_t)length < sizeof(text));
	sha256_hex(text, (size_t)length, hex);
	snprintf(ret_name, IF_NAMESIZE, "sb%.12s", hex);
}

bool net_plan_is_leg_name(const char *name)
{
	return str_starts(name, "sb") && strlen(name) == 14 &&
	       strspn(name + 2, "0123456789abcdef") == 12;
}

uint32_t net_plan_doom_group(const char *instance)
{
	char hex[SHA256_HEX_SIZE];
	uint8_t bytes[4];
	size_t count;

	sha256_hex(instance, strlen(instance), hex);
	hex[8] = 0;
	check(hex_decode(hex, bytes, sizeof(bytes), &count) == 0 && count == sizeof(bytes));
	/* The lowest ones are what people choose. */
	return 0x80000000u | (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

void net_plan_leg_alias(const char *instance, const char *id, struct ip ip,
			char ret_alias[LINK_ALIAS_SIZE])
{
	char text[IP_TEXT_SIZE];

	snprintf(ret_alias, LINK_ALIAS_SIZE, "swarmbox %s %s %s", instance, id,
		 ip_format(ip, text));
}

void net_plan_bridge_alias(const char *instance, char ret_alias[LINK_ALIAS_SIZE])
{
	snprintf(ret_alias, LINK_ALIAS_SIZE, "swarmbox %s bridge", instance);
}

bool net_plan_read_alias(const char *instance, const char *alias, char ret_id[NET_ID_SIZE],
			 struct ip *ret_ip)
{
	CLEANUP(strlist_finip) struct strlist words = str_split(alias, ' ');

	if (words.count != 4 || !str_eq(words.items[0], "swarmbox") ||
	    !str_eq(words.items[1], instance))
		return false;
	if (!net_plan_is_id(words.items[2]) || ip_parse(words.items[3], ret_ip) < 0 ||
	    ret_ip->family != 4)
		return false;
	return str_copy(ret_id, NET_ID_SIZE, words.items[2]);
}

/* ---- names ---- */

static bool is_made_of(const char *text, size_t max, const char *characters)
{
	size_t length = text ? strlen(text) : 0;

	return length > 0 && length <= max && strspn(text, characters) == length;
}

bool net_plan_is_id(const char *id)
{
	return is_made_of(id, NET_ID_SIZE - 1,
			  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
}

bool net_plan_is_instance(const char *instance)
{
	return is_made_of(instance, NET_INSTANCE_MAX, "abcdefghijklmnopqrstuvwxyz0123456789");
}

bool net_plan_is_link_name(const char *name)
{
	if (!is_made_of(name, IF_NAMESIZE - 1,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"))
		return false;
	return !str_eq(name, ".") && !str_eq(name, "..") && !str_eq(name, "lo");
}
