/* nft_state.h - what the kernel has of one of our tables, as far as it matters for comparing. Pure.
 *
 * Filled from a dump, or from the table that was just applied. Rules are known by their digests
 * (nft.h): one that is not ours has none and so never equals what is wanted. Everything lives in
 * the arena given at the start.
 */
#pragma once
#include "base/arena.h"
#include "net/netlink.h"
#include "net/nft.h"

#define NFT_STATE_ARENA_BYTES (256u << 20)

struct nft_state_chain {
	char name[NFT_NAME_SIZE];
	char type[16];                   /* "" without a hook */
	uint32_t hook;
	int32_t priority;
	char (*digests)[NFT_DIGEST_SIZE];        /* of its rules, in order */
	size_t count, size;
};
struct nft_state_elem {
	uint8_t key[NFT_KEY_MAX];
	char chain[NFT_NAME_SIZE];
};
struct nft_state_map {
	char name[NFT_NAME_SIZE];
	uint32_t key_bytes;
	bool has_verdicts;
	struct nft_state_elem *elems;    /* in no order */
	size_t count, size;
};
struct nft_state {
	struct arena arena;
	bool has_table;
	struct nft_state_chain *chains;
	size_t chain_count, chain_size;
	size_t last_chain; /* whose rule was read last: the next one's is this or the one behind it
			    */
	struct nft_state_map *maps;
	size_t map_count, map_size;
};

void nft_state_init(struct nft_state *state);
void nft_state_fini(struct nft_state *state);
void nft_state_clear(struct nft_state *state);

/* Requests: NFT_MSG_GETTABLE (one, acknowledged), then dumps of chains, rules, sets, and elements
 * of one set. All are of family ip; the kernel narrows them to the table where it can, and
 * nft_state_read leaves out the rest. */
enum nft_state_what { NFT_STATE_CHAINS, NFT_STATE_RULES, NFT_STATE_MAPS, NFT_STATE_ELEMS };
void nft_state_put_dump(struct buf *out, uint32_t seq, enum nft_state_what what, const char *table,
			const char *map);
/* Takes one message of a dump in. Chains before rules, maps before elements. What is malformed or
 * of another table is left out. */
void nft_state_read(struct nft_state *state, const char *table, const struct netlink_msg *msg);

/* As if the table had been dumped after it was applied. */
void nft_state_assume(struct nft_state *state, const struct nft_table *table);
