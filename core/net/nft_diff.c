#include "net/nft_diff.h"

#include <string.h>

#include "base/encode.h"
#include "base/map.h"
#include "base/str.h"

#define KEY_TEXT_SIZE (2 * NFT_KEY_MAX + 1)

struct diff {
	const struct nft_table *want;
	const struct nft_state *have;
	struct arena *arena;
	struct nft_ops *ops;
	struct map *have_chains,
		*want_chains; /* name -> struct nft_state_chain, struct nft_chain */
};

static void index_chains(struct diff *diff)
{
	for (size_t i = 0; i < diff->have->chain_count; i++)
		map_put(diff->have_chains, diff->have->chains[i].name, &diff->have->chains[i]);
	for (size_t i = 0; i < diff->want->chain_count; i++)
		map_put(diff->want_chains, diff->want->chains[i].name,
			(void *)&diff->want->chains[i]);
}

static const struct nft_map *find_map(const struct nft_table *table, const char *name)
{
	for (size_t i = 0; i < table->map_count; i++)
		if (str_eq(table->maps[i].name, name))
			return &table->maps[i];
	return NULL;
}

static const struct nft_state_map *find_state_map(const struct nft_state *state, const char *name)
{
	for (size_t i = 0; i < state->map_count; i++)
		if (str_eq(state->maps[i].name, name))
			return &state->maps[i];
	return NULL;
}

/* ---- can it be changed in place? ---- */

static bool is_same_hook(const struct nft_chain *want, const struct nft_state_chain *have)
{
	if (!str_eq(want->hook.type, have->type))
		return false;
	return !want->hook.type ||
	       (want->hook.number == have->hook && want->hook.priority == have->priority);
}

static bool has_other_shape(const struct diff *diff)
{
	for (size_t i = 0; i < diff->want->chain_count; i++) {
		const struct nft_chain *want = &diff->want->chains[i];
		const struct nft_state_chain *have = map_get(diff->have_chains, want->name);
		if (have && !is_same_hook(want, have))
			return true;
	}
	for (size_t i = 0; i < diff->have->map_count; i++) {
		const struct nft_state_map *have = &diff->have->maps[i];
		const struct nft_map *want = find_map(diff->want, have->name);
		if (!want || want->key_bytes != have->key_bytes ||
		    want->has_verdicts != have->has_verdicts)
			return true;
	}
	return false;
}

/* ---- chains and rules ---- */

static void add_chains(struct diff *diff)
{
	for (size_t i = 0; i < diff->want->chain_count; i++) {
		const struct nft_chain *want = &diff->want->chains[i];
		if (!map_get(diff->have_chains, want->name))
			nft_ops_add(diff->ops, (struct nft_op){ NFT_ADD_CHAIN, .name = want->name,
								.chain = want });
	}
}

static bool has_same_rules(const struct nft_chain *want, const struct nft_state_chain *have)
{
	if (want->count != have->count)
		return false;
	for (size_t i = 0; i < want->count; i++)
		if (!str_eq(want->rules[i].digest, have->digests[i]))
			return false;
	return true;
}

static void fill_chains(struct diff *diff)
{
	for (size_t i = 0; i < diff->want->chain_count; i++) {
		const struct nft_chain *want = &diff->want->chains[i];
		const struct nft_state_chain *have = map_get(diff->have_chains, want->name);

		if (have && has_same_rules(want, have))
			continue;
		if (have && have->count > 0)
			nft_ops_add(diff->ops,
				    (struct nft_op){ NFT_FLUSH_CHAIN, .name = want->name });
		for (size_t j = 0; j < want->count; j++)
			nft_ops_add(diff->ops, (struct nft_op){ NFT_ADD_RULE, .name = want->name,
								.rule = &want->rules[j] });
	}
}

static void delete_chains(struct diff *diff)
{
	for (size_t i = 0; i < diff->have->chain_count; i++) {
		const char *name = diff->have->chains[i].name;
		if (!map_get(diff->want_chains, name))
			nft_ops_add(diff->ops, (struct nft_op){ NFT_DELETE_CHAIN, .name = name });
	}
}

/* ---- maps and elements ---- */

static void add_maps(struct diff *diff)
{
	for (size_t i = 0; i < diff->want->map_count; i++) {
		const struct nft_map *want = &diff->want->maps[i];
		if (!find_state_map(diff->have, want->name))
			nft_ops_add(diff->ops, (struct nft_op){ NFT_ADD_MAP, .name = want->name,
								.map = want });
	}
}

static const char *key_text(const uint8_t *key, size_t bytes, char ret_text[KEY_TEXT_SIZE])
{
	hex_encode(key, bytes, ret_text);
	return ret_text;
}

static void op_on_elems(struct diff *diff, enum nft_op_kind kind, const struct nft_map *map,
			const struct nft_elem *elems, size_t count)
{
	if (count > 0)
		nft_ops_add(diff->ops, (struct nft_op){ kind, .name = map->name, .map = map,
							.elems = elems, .elem_count = count });
}

/* Those of the kernel that are not wanted, or lead to another chain. */
static void delete_elems_of(struct diff *diff, const struct nft_map *want,
			    const struct nft_state_map *have)
{
	char text[KEY_TEXT_SIZE];
	CLEANUP(map_freep) struct map *wanted = map_new();
	struct nft_elem *gone = ARENA_ARRAY(diff->arena, struct nft_elem, have->count);
	size_t count = 0;

	for (size_t i = 0; i < want->count; i++)
		map_put(wanted, key_text(want->elems[i].key, want->key_bytes, text),
			(void *)&want->elems[i]);
	for (size_t i = 0; i < have->count; i++) {
		const struct nft_elem *elem = map_get(
			wanted, key_text(have->elems[i].key, want->key_bytes, text));
		if (!elem || !str_eq(elem->chain, have->elems[i].chain))
			memcpy(gone[count++].key, have->elems[i].key, NFT_KEY_MAX);
	}
	op_on_elems(diff, NFT_DELETE_ELEMS, want, gone, count);
}

static void add_elems_of(struct diff *diff, const struct nft_map *want,
			 const struct nft_state_map *have)
{
	char text[KEY_TEXT_SIZE];
	CLEANUP(map_freep) struct map *present = map_new();
	struct nft_elem *fresh = ARENA_ARRAY(diff->arena, struct nft_elem, want->count);
	size_t count = 0;

	for (size_t i = 0; have && i < have->count; i++)
		map_put(present, key_text(have->elems[i].key, want->key_bytes, text),
			&have->elems[i]);
	for (size_t i = 0; i < want->count; i++) {
		const struct nft_state_elem *elem = map_get(
			present, key_text(want->elems[i].key, want->key_bytes, text));
		if (!elem || !str_eq(want->elems[i].chain, elem->chain))
			fresh[count++] = want->elems[i];
	}
	op_on_elems(diff, NFT_ADD_ELEMS, want, fresh, count);
}

static void each_map(struct diff *diff, bool add)
{
	for (size_t i = 0; i < diff->want->map_count; i++) {
		const struct nft_map *want = &diff->want->maps[i];
		const struct nft_state_map *have = find_state_map(diff->have, want->name);

		if (add)
			add_elems_of(diff, want, have);
		else if (have)
			delete_elems_of(diff, want, have);
	}
}

/* ---- all of it ---- */

/* An element needs the chain it leads to, a rule the map it looks into, and a chain cannot go while
 * an element leads to it. */
static void compare(struct diff *diff)
{
	if (!diff->have->has_table)
		nft_ops_add(diff->ops, (struct nft_op){ .kind = NFT_ADD_TABLE });
	add_maps(diff);
	add_chains(diff);
	each_map(diff, false);
	fill_chains(diff);
	each_map(diff, true);
	delete_chains(diff);
}

void nft_diff(const struct nft_table *want, const struct nft_state *have, struct arena *arena,
	      struct nft_ops *ret_ops)
{
	static const struct nft_state nothing;
	CLEANUP(map_freep)
	struct map *have_chains = map_new(),
		   *want_chains = map_new(), *no_chains = map_new();
	struct diff diff = { want, have, arena, ret_ops, have_chains, want_chains };

	index_chains(&diff);
	if (have->has_table && has_other_shape(&diff)) {
		nft_ops_add(ret_ops, (struct nft_op){ .kind = NFT_DELETE_TABLE });
		diff.have = &nothing;
		diff.have_chains = no_chains;
	}
	compare(&diff);
}
