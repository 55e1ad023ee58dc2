/* nft.h - an nf_tables table as data, and operations on it as the bytes of one netlink transaction.
 * Pure.
 *
 * linux/netfilter/nf_tables.h, nft(8). Only what this system's rules need: about a dozen
 * expressions, maps of verdicts or values. Everything lives in the arena of whoever plans. A rule
 * knows a digest of itself, which travels as its comment (visible in "nft list ruleset"), so that
 * what the kernel has can be compared without understanding its expressions.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/ip.h"

#define NFT_NAME_SIZE   64
#define NFT_EXPRS_MAX   12       /* of one rule */
#define NFT_KEY_MAX     16       /* bytes of a map's key */
#define NFT_DIGEST_SIZE 20       /* "sb:" and 16 of hex */

/* ---- tables ---- */

struct nft_elem {
	uint8_t key[NFT_KEY_MAX];
	const char *chain;               /* of a verdict map: goto there */
	uint8_t value[4];                /* of another */
};
struct nft_map {
	char name[NFT_NAME_SIZE];        /* anonymous ones: "__map%d", the kernel numbers it */
	bool is_anonymous;               /* lives and ends with its rule, and never changes */
	bool has_verdicts;
	bool has_number_keys;            /* host order, and nft is to show them as numbers */
	uint32_t key_type; /* for people who list the table: nft's number of the key's type */
	uint32_t key_bytes, value_type, value_bytes;
	const struct nft_elem *elems;
	size_t count;
};

/* Registers hold 16 bytes, or four quarters of 4 bytes each: a key of two or three parts is put
 * together in as many of them. */
enum nft_register {
	NFT_R_VERDICT = 0,
	NFT_R1 = 1,
	NFT_R2 = 2,
	NFT_R1_SECOND = 9,
	NFT_R1_THIRD = 10
};

enum nft_expr_kind {
	NFT_EXPR_META,
	NFT_EXPR_CT,
	NFT_EXPR_FIB_DADDR_TYPE,
	NFT_EXPR_PAYLOAD,
	NFT_EXPR_MASK,
	NFT_EXPR_CMP,
	NFT_EXPR_LOOKUP,
	NFT_EXPR_RANDOM,
	NFT_EXPR_IMMEDIATE,
	NFT_EXPR_VERDICT,
	NFT_EXPR_DNAT,
	NFT_EXPR_MASQUERADE,
};
struct nft_expr {
	enum nft_expr_kind kind;
	uint32_t source, dest;           /* registers */
	uint32_t key; /* META, CT: which; PAYLOAD: which header; CMP: how; RANDOM: modulus; VERDICT:
			 which */
	uint32_t offset;                 /* PAYLOAD */
	uint32_t port;                   /* DNAT: register of the port, 0 for none */
	uint8_t bytes[16]; /* CMP, MASK, IMMEDIATE: network order, a name padded with zeros */
	uint32_t length;                 /* of bytes, or of what PAYLOAD loads */
	const struct nft_map *map;       /* LOOKUP */
};
struct nft_rule {
	struct nft_expr exprs[NFT_EXPRS_MAX];
	size_t count;
	char digest[NFT_DIGEST_SIZE];    /* by nft_rule_seal */
};

struct nft_hook {
	const char *type;
	uint32_t number;
	int32_t priority;
}; /* "nat" or "filter"; NF_INET_*; policy accept */
struct nft_chain {
	char name[NFT_NAME_SIZE];
	struct nft_hook hook;            /* type NULL: a chain that others go to */
	const struct nft_rule *rules;
	size_t count;
};
struct nft_table {
	char name[NFT_NAME_SIZE];        /* of family ip */
	const struct nft_chain *chains;  /* those with a hook last: they refer to the others */
	size_t chain_count;
	const struct nft_map *maps;      /* the named ones */
	size_t map_count;
};

/* ---- rules, an expression at a time ---- */

void nft_load_meta(struct nft_rule *rule, uint32_t key, uint32_t dest);
void nft_load_ct(struct nft_rule *rule, uint32_t key, uint32_t dest);
void nft_load_payload(struct nft_rule *rule, uint32_t header, uint32_t offset, uint32_t length,
		      uint32_t dest);
void nft_load_bytes(struct nft_rule *rule, uint32_t dest, const void *bytes, uint32_t length);
void nft_cmp(struct nft_rule *rule, bool equal, const void *bytes,
	     uint32_t length); /* register 1; rules go on while it is true */
void nft_lookup(struct nft_rule *rule, const struct nft_map *map,
		uint32_t dest);				      /* from register 1 */
void nft_random(struct nft_rule *rule, uint32_t below);	      /* to register 1, host order */
void nft_dnat(struct nft_rule *rule, uint32_t port_register); /* address from register 1 */
void nft_masquerade(struct nft_rule *rule);
void nft_drop(struct nft_rule *rule);
/* Whole matches, as people write them. */
void nft_match_interface(struct nft_rule *rule, bool output, bool equal, const char *name);
void nft_match_source(struct nft_rule *rule, struct cidr range);
void nft_match_destination(struct nft_rule *rule, struct cidr range);
void nft_match_ct_bits(struct nft_rule *rule, uint32_t key, uint32_t bits,
		       bool any);			 /* any or none of them */
void nft_match_local_destination(struct nft_rule *rule); /* fib daddr type local */
/* Computes the digest; the rule is complete. */
void nft_rule_seal(struct nft_rule *rule);

/* ---- operations ---- */

enum nft_op_kind {
	NFT_ADD_TABLE,
	NFT_DELETE_TABLE,
	NFT_ADD_CHAIN,
	NFT_FLUSH_CHAIN,
	NFT_DELETE_CHAIN,
	NFT_ADD_RULE,
	NFT_ADD_MAP,
	NFT_ADD_ELEMS,
	NFT_DELETE_ELEMS,
};
struct nft_op {
	enum nft_op_kind kind;
	const char *name;                /* of the chain or map; of the chain the rule goes to */
	const struct nft_chain *chain;   /* ADD_CHAIN */
	const struct nft_rule *rule;     /* ADD_RULE: at the end */
	const struct nft_map *
		map; /* ADD_MAP (without its elements), ADD_ELEMS, DELETE_ELEMS: shape of the map */
	const struct nft_elem *elems;    /* ADD_ELEMS, DELETE_ELEMS */
	size_t elem_count;
};
struct nft_ops { struct nft_op *items; size_t count, size; };    /* heap; nft_ops_fini */
void nft_ops_add(struct nft_ops *ops, struct nft_op op);
void nft_ops_fini(struct nft_ops *ops);

/* One line an operation, for tests and debug logs. */
void nft_ops_format(const struct nft_ops *ops, struct buf *out);

/* Appends the transaction: NFNL_MSG_BATCH_BEGIN, the operations, NFNL_MSG_BATCH_END; the message
 * before the last one asks for the acknowledgement. Sequence numbers count up from first_seq;
 * ret_ack_seq is the one to wait for. ops is not empty. */
void nft_encode(const struct nft_ops *ops, const char *table, uint32_t first_seq, struct buf *out,
		uint32_t *ret_ack_seq);
/* How many sequence numbers that takes at most. */
uint32_t nft_encode_seqs(const struct nft_ops *ops);
