#include "net/nft_state.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

#include "base/str.h"

void nft_state_init(struct nft_state *state)
{
	*state = (struct nft_state){ 0 };
	arena_init(&state->arena, "nft state", NFT_STATE_ARENA_BYTES);
}

void nft_state_fini(struct nft_state *state)
{
	arena_fini(&state->arena);
	*state = (struct nft_state){ 0 };
}

void nft_state_clear(struct nft_state *state)
{
	nft_state_fini(state);
	nft_state_init(state);
}

/* ---- growing ---- */

/* Doubles an arena's array; the old one stays behind until the arena ends, which costs as much
 * again at most. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *size, size_t bytes)
{
	if (count < *size)
		return items;
	size_t bigger = *size ? *size * 2 : 8;
	void *fresh = arena_take_array(arena, bigger, bytes);
	if (count)
		memcpy(fresh, items, count * bytes);
	*size = bigger;
	return fresh;
}

static struct nft_state_chain *add_chain(struct nft_state *state, const char *name)
{
	state->chains = grow(&state->arena, state->chains, state->chain_count, &state->chain_size,
			     sizeof(*state->chains));

	struct nft_state_chain *chain = &state->chains[state->chain_count++];
	*chain = (struct nft_state_chain){ 0 };
	str_copy(chain->name, sizeof(chain->name), name);
	return chain;
}

static void add_digest(struct nft_state *state, struct nft_state_chain *chain, const char *digest)
{
	chain->digests = grow(&state->arena, chain->digests, chain->count, &chain->size,
			      sizeof(*chain->digests));
	memset(chain->digests[chain->count], 0, sizeof(*chain->digests));
	str_copy(chain->digests[chain->count++], NFT_DIGEST_SIZE, digest);
}

static struct nft_state_map *add_map(struct nft_state *state, const char *name)
{
	state->maps = grow(&state->arena, state->maps, state->map_count, &state->map_size,
			   sizeof(*state->maps));

	struct nft_state_map *map = &state->maps[state->map_count++];
	*map = (struct nft_state_map){ 0 };
	str_copy(map->name, sizeof(map->name), name);
	return map;
}

static void add_elem(struct nft_state *state, struct nft_state_map *map, const void *key,
		     size_t bytes, const char *chain)
{
	map->elems = grow(&state->arena, map->elems, map->count, &map->size, sizeof(*map->elems));

	struct nft_state_elem *elem = &map->elems[map->count++];
	*elem = (struct nft_state_elem){ 0 };
	memcpy(elem->key, key, bytes);
	str_copy(elem->chain, sizeof(elem->chain), chain);
}

/* Rules are dumped chain by chain in the order of the chains, so that the search goes on where the
 * last one ended. */
static struct nft_state_chain *find_chain(struct nft_state *state, const char *name)
{
	for (size_t i = 0; i < state->chain_count; i++) {
		size_t at = (state->last_chain + i) % state->chain_count;
		if (str_eq(state->chains[at].name, name)) {
			state->last_chain = at;
			return &state->chains[at];
		}
	}
	return NULL;
}

/* ---- asking ---- */

void nft_state_put_dump(struct buf *out, uint32_t seq, enum nft_state_what what, const char *table,
			const char *map)
{
	static const struct { uint16_t type, table_attr; } kinds[] = {
		[NFT_STATE_CHAINS] = { NFT_MSG_GETCHAIN, 0 },
		[NFT_STATE_RULES] = { NFT_MSG_GETRULE, NFTA_RULE_TABLE },
		[NFT_STATE_MAPS] = { NFT_MSG_GETSET, NFTA_SET_TABLE },
		[NFT_STATE_ELEMS] = { NFT_MSG_GETSETELEM, NFTA_SET_ELEM_LIST_TABLE },
	};
	struct nfgenmsg family = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };
	size_t at = netlink_begin(out, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | kinds[what].type),
				  NLM_F_REQUEST | NLM_F_DUMP, seq, &family, sizeof(family));

	if (kinds[what].table_attr)
		netlink_put_str(out, kinds[what].table_attr, table);
	if (what == NFT_STATE_ELEMS)
		netlink_put_str(out, NFTA_SET_ELEM_LIST_SET, map);
	netlink_end(out, at);
}

/* ---- reading ---- */

static void read_chain(struct nft_state *state, const char *table, struct netlink_walk attrs)
{
	struct netlink_attr chain[NFTA_CHAIN_TYPE + 1], hook[NFTA_HOOK_PRIORITY + 1];

	netlink_index(attrs, chain, ARRAY_COUNT(chain));
	const char *name = netlink_str(&chain[NFTA_CHAIN_NAME]),
		   *type = netlink_str(&chain[NFTA_CHAIN_TYPE]);
	if (!name || !str_eq(netlink_str(&chain[NFTA_CHAIN_TABLE]), table))
		return;

	struct nft_state_chain *item = add_chain(state, name);
	str_copy(item->type, sizeof(item->type), type ? type : "");
	netlink_index(netlink_nested(&chain[NFTA_CHAIN_HOOK]), hook, ARRAY_COUNT(hook));
	item->hook = netlink_be32(&hook[NFTA_HOOK_HOOKNUM]);
	item->priority = (int32_t)netlink_be32(&hook[NFTA_HOOK_PRIORITY]);
}

/* The comment within a rule's user data: type, length, text with NUL (nft's own form). */
static const char *comment_of(const struct netlink_attr *userdata)
{
	const uint8_t *at = userdata->data;
	size_t left = at ? userdata->bytes : 0;

	while (left >= 2 && left - 2 >= at[1]) {
		if (at[0] == 0 && at[1] > 0 && at[1 + at[1]] == 0)
			return (const char *)at + 2;
		left -= 2u + at[1];
		at += 2u + at[1];
	}
	return "";
}

static void read_rule(struct nft_state *state, const char *table, struct netlink_walk attrs)
{
	struct netlink_attr rule[NFTA_RULE_USERDATA + 1];

	netlink_index(attrs, rule, ARRAY_COUNT(rule));
	const char *name = netlink_str(&rule[NFTA_RULE_CHAIN]);
	if (!name || !str_eq(netlink_str(&rule[NFTA_RULE_TABLE]), table))
		return;

	struct nft_state_chain *chain = find_chain(state, name);
	if (chain)
		add_digest(state, chain, comment_of(&rule[NFTA_RULE_USERDATA]));
}

static void read_map(struct nft_state *state, const char *table, struct netlink_walk attrs)
{
	struct netlink_attr set[NFTA_SET_DATA_LEN + 1];

	netlink_index(attrs, set, ARRAY_COUNT(set));
	const char *name = netlink_str(&set[NFTA_SET_NAME]);
	if (!name || !str_eq(netlink_str(&set[NFTA_SET_TABLE]), table))
		return;
	if (netlink_be32(&set[NFTA_SET_FLAGS]) & NFT_SET_ANONYMOUS)
		return;

	struct nft_state_map *map = add_map(state, name);
	map->key_bytes = netlink_be32(&set[NFTA_SET_KEY_LEN]);
	map->has_verdicts = netlink_be32(&set[NFTA_SET_DATA_TYPE]) == NFT_DATA_VERDICT;
}

static void read_elem(struct nft_state *state, struct nft_state_map *map, struct netlink_walk attrs)
{
	struct netlink_attr elem[NFTA_SET_ELEM_DATA + 1], key[NFTA_DATA_VALUE + 1],
		data[NFTA_DATA_VERDICT + 1], verdict[NFTA_VERDICT_CHAIN + 1];

	netlink_index(attrs, elem, ARRAY_COUNT(elem));
	netlink_index(netlink_nested(&elem[NFTA_SET_ELEM_KEY]), key, ARRAY_COUNT(key));
	netlink_index(netlink_nested(&elem[NFTA_SET_ELEM_DATA]), data, ARRAY_COUNT(data));
	netlink_index(netlink_nested(&data[NFTA_DATA_VERDICT]), verdict, ARRAY_COUNT(verdict));

	const struct netlink_attr *value = &key[NFTA_DATA_VALUE];
	const char *chain = netlink_str(&verdict[NFTA_VERDICT_CHAIN]);
	if (value->data && value->bytes == map->key_bytes && value->bytes <= NFT_KEY_MAX)
		add_elem(state, map, value->data, value->bytes, chain ? chain : "");
}

static void read_elems(struct nft_state *state, const char *table, struct netlink_walk attrs)
{
	struct netlink_attr list[NFTA_SET_ELEM_LIST_ELEMENTS + 1], item;
	struct nft_state_map *map = NULL;

	netlink_index(attrs, list, ARRAY_COUNT(list));
	const char *name = netlink_str(&list[NFTA_SET_ELEM_LIST_SET]);
	if (!name || !str_eq(netlink_str(&list[NFTA_SET_ELEM_LIST_TABLE]), table))
		return;
	for (size_t i = 0; i < state->map_count && !map; i++)
		if (str_eq(state->maps[i].name, name))
			map = &state->maps[i];
	struct netlink_walk walk = netlink_nested(&list[NFTA_SET_ELEM_LIST_ELEMENTS]);
	while (map && netlink_next_attr(&walk, &item))
		read_elem(state, map, netlink_nested(&item));
}

void nft_state_read(struct nft_state *state, const char *table, const struct netlink_msg *msg)
{
	struct netlink_walk attrs = netlink_attrs_of(msg, sizeof(struct nfgenmsg));

	if (msg->bytes < sizeof(struct nfgenmsg) || msg->type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    msg->body[0] != NFPROTO_IPV4)
		return;
	switch (msg->type & 0xff) {
	case NFT_MSG_NEWCHAIN:   read_chain(state, table, attrs); break;
	case NFT_MSG_NEWRULE:    read_rule(state, table, attrs); break;
	case NFT_MSG_NEWSET:     read_map(state, table, attrs); break;
	case NFT_MSG_NEWSETELEM: read_elems(state, table, attrs); break;
	default: break;
	}
}

/* ---- assuming ---- */

static void assume_chain(struct nft_state *state, const struct nft_chain *chain)
{
	struct nft_state_chain *item = add_chain(state, chain->name);

	str_copy(item->type, sizeof(item->type), chain->hook.type ? chain->hook.type : "");
	item->hook = chain->hook.number;
	item->priority = chain->hook.priority;
	for (size_t i = 0; i < chain->count; i++)
		add_digest(state, item, chain->rules[i].digest);
}

static void assume_map(struct nft_state *state, const struct nft_map *map)
{
	struct nft_state_map *item = add_map(state, map->name);

	item->key_bytes = map->key_bytes;
	item->has_verdicts = map->has_verdicts;
	for (size_t i = 0; i < map->count; i++)
		add_elem(state, item, map->elems[i].key, map->key_bytes,
			 map->has_verdicts ? map->elems[i].chain : "");
}

void nft_state_assume(struct nft_state *state, const struct nft_table *table)
{
	nft_state_clear(state);
	state->has_table = true;
	for (size_t i = 0; i < table->chain_count; i++)
		assume_chain(state, &table->chains[i]);
	for (size_t i = 0; i < table->map_count; i++)
		assume_map(state, &table->maps[i]);
}
