/* nft_encode.c - nft.h's operations as netlink messages: one transaction, applied whole or not at
 * all. */
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/panic.h"
#include "base/sha256.h"
#include "base/str.h"
#include "net/netlink.h"
#include "net/nft.h"

#define COMMENT_TYPE  0          /* libnftnl's user data: type, length, text with NUL */
#define ELEMS_A_PIECE 500 /* an attribute's length is 16 bits; an element takes at most 100 bytes  \
			   */
#define FIRST_MAP_ID  1

struct encoder {
	struct buf *out;
	const char *table;
	uint32_t seq, map_id;
	size_t last_at;                  /* of the message before BATCH_END */
};

/* ---- messages ---- */

static size_t begin(struct encoder *enc, uint16_t type, uint16_t flags)
{
	struct nfgenmsg family = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };

	enc->last_at = netlink_begin(enc->out, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
				     NLM_F_REQUEST | flags, enc->seq++, &family, sizeof(family));
	return enc->last_at;
}

static void put_batch_mark(struct encoder *enc, uint16_t type)
{
	struct nfgenmsg mark = { .nfgen_family = AF_UNSPEC,
				 .version = NFNETLINK_V0,
				 .res_id = htobe16(NFNL_SUBSYS_NFTABLES) };

	netlink_end(enc->out,
		    netlink_begin(enc->out, type, NLM_F_REQUEST, enc->seq++, &mark, sizeof(mark)));
}

static void put_table(struct encoder *enc, uint16_t type, uint16_t flags)
{
	size_t at = begin(enc, type, flags);

	netlink_put_str(enc->out, NFTA_TABLE_NAME, enc->table);
	netlink_end(enc->out, at);
}

static void put_new_chain(struct encoder *enc, const struct nft_chain *chain)
{
	size_t at = begin(enc, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	netlink_put_str(enc->out, NFTA_CHAIN_TABLE, enc->table);
	netlink_put_str(enc->out, NFTA_CHAIN_NAME, chain->name);
	if (chain->hook.type) {
		size_t hook = netlink_nest(enc->out, NFTA_CHAIN_HOOK);
		netlink_put_be32(enc->out, NFTA_HOOK_HOOKNUM, chain->hook.number);
		netlink_put_be32(enc->out, NFTA_HOOK_PRIORITY, (uint32_t)chain->hook.priority);
		netlink_unnest(enc->out, hook);
		netlink_put_str(enc->out, NFTA_CHAIN_TYPE, chain->hook.type);
		netlink_put_be32(enc->out, NFTA_CHAIN_POLICY, NF_ACCEPT);
	}
	netlink_end(enc->out, at);
}

static void put_delete_chain(struct encoder *enc, const char *name)
{
	size_t at = begin(enc, NFT_MSG_DELCHAIN, 0);

	netlink_put_str(enc->out, NFTA_CHAIN_TABLE, enc->table);
	netlink_put_str(enc->out, NFTA_CHAIN_NAME, name);
	netlink_end(enc->out, at);
}

/* A deletion of rules that names no handle means all of the chain. */
static void put_flush_chain(struct encoder *enc, const char *name)
{
	size_t at = begin(enc, NFT_MSG_DELRULE, 0);

	netlink_put_str(enc->out, NFTA_RULE_TABLE, enc->table);
	netlink_put_str(enc->out, NFTA_RULE_CHAIN, name);
	netlink_end(enc->out, at);
}

/* ---- maps ---- */

static void put_new_map(struct encoder *enc, const struct nft_map *map, uint32_t id)
{
	/* libnftnl's user data again: byte order of the key, 4 bytes, 1 for the host's. Only nft
	 * looks at it. */
	static const uint8_t host_order[] = { 0, 4, 1, 0, 0, 0 };
	uint32_t flags = NFT_SET_MAP |
			 (map->is_anonymous ? NFT_SET_ANONYMOUS | NFT_SET_CONSTANT : 0);
	size_t at = begin(enc, NFT_MSG_NEWSET, NLM_F_CREATE);

	netlink_put_str(enc->out, NFTA_SET_TABLE, enc->table);
	netlink_put_str(enc->out, NFTA_SET_NAME, map->name);
	netlink_put_be32(enc->out, NFTA_SET_FLAGS, flags);
	netlink_put_be32(enc->out, NFTA_SET_KEY_TYPE, map->key_type);
	netlink_put_be32(enc->out, NFTA_SET_KEY_LEN, map->key_bytes);
	netlink_put_be32(enc->out, NFTA_SET_DATA_TYPE,
			 map->has_verdicts ? NFT_DATA_VERDICT : map->value_type);
	/* The length of a verdict is the kernel's own business. */
	if (!map->has_verdicts)
		netlink_put_be32(enc->out, NFTA_SET_DATA_LEN, map->value_bytes);
	netlink_put_be32(enc->out, NFTA_SET_ID, id);
	if (map->has_number_keys)
		netlink_put(enc->out, NFTA_SET_USERDATA, host_order, sizeof(host_order));
	if (map->is_anonymous) {
		size_t desc = netlink_nest(enc->out, NFTA_SET_DESC);
		netlink_put_be32(enc->out, NFTA_SET_DESC_SIZE, (uint32_t)map->count);
		netlink_unnest(enc->out, desc);
	}
	netlink_end(enc->out, at);
}

static void put_data(struct buf *out, uint16_t type, const void *bytes, size_t count)
{
	size_t at = netlink_nest(out, type);

	netlink_put(out, NFTA_DATA_VALUE, bytes, count);
	netlink_unnest(out, at);
}

static void put_verdict(struct buf *out, uint16_t type, uint32_t code, const char *chain)
{
	size_t at = netlink_nest(out, type), verdict = netlink_nest(out, NFTA_DATA_VERDICT);

	netlink_put_be32(out, NFTA_VERDICT_CODE, code);
	if (chain)
		netlink_put_str(out, NFTA_VERDICT_CHAIN, chain);
	netlink_unnest(out, verdict);
	netlink_unnest(out, at);
}

static void put_elem(struct buf *out, const struct nft_map *map, const struct nft_elem *elem,
		     bool with_value)
{
	size_t at = netlink_nest(out, NFTA_LIST_ELEM);

	put_data(out, NFTA_SET_ELEM_KEY, elem->key, map->key_bytes);
	if (with_value && map->has_verdicts)
		put_verdict(out, NFTA_SET_ELEM_DATA, (uint32_t)NFT_GOTO, elem->chain);
	else if (with_value)
		put_data(out, NFTA_SET_ELEM_DATA, elem->value, map->value_bytes);
	netlink_unnest(out, at);
}

static void put_elems(struct encoder *enc, const struct nft_map *map, uint32_t id,
		      const struct nft_elem *elems, size_t count, bool add)
{
	for (size_t from = 0; from < count; from += ELEMS_A_PIECE) {
		size_t at = begin(enc, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
				  add ? NLM_F_CREATE : 0);

		netlink_put_str(enc->out, NFTA_SET_ELEM_LIST_TABLE, enc->table);
		netlink_put_str(enc->out, NFTA_SET_ELEM_LIST_SET, map->name);
		if (id)
			netlink_put_be32(enc->out, NFTA_SET_ELEM_LIST_SET_ID, id);
		size_t list = netlink_nest(enc->out, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (size_t i = from; i < MIN(count, from + ELEMS_A_PIECE); i++)
			put_elem(enc->out, map, &elems[i], add);
		netlink_unnest(enc->out, list);
		netlink_end(enc->out, at);
	}
}

/* ---- expressions ---- */

static const char *const expr_names[] = {
	[NFT_EXPR_META] = "meta",
	[NFT_EXPR_CT] = "ct",
	[NFT_EXPR_FIB_DADDR_TYPE] = "fib",
	[NFT_EXPR_PAYLOAD] = "payload",
	[NFT_EXPR_MASK] = "bitwise",
	[NFT_EXPR_CMP] = "cmp",
	[NFT_EXPR_LOOKUP] = "lookup",
	[NFT_EXPR_RANDOM] = "numgen",
	[NFT_EXPR_IMMEDIATE] = "immediate",
	[NFT_EXPR_VERDICT] = "immediate",
	[NFT_EXPR_DNAT] = "nat",
	[NFT_EXPR_MASQUERADE] = "masq",
};

static void put_bitwise(struct buf *out, const struct nft_expr *expr)
{
	static const uint8_t zeros[sizeof(expr->bytes)];

	netlink_put_be32(out, NFTA_BITWISE_SREG, expr->source);
	netlink_put_be32(out, NFTA_BITWISE_DREG, expr->dest);
	netlink_put_be32(out, NFTA_BITWISE_LEN, expr->length);
	put_data(out, NFTA_BITWISE_MASK, expr->bytes, expr->length);
	put_data(out, NFTA_BITWISE_XOR, zeros, expr->length);
}

static void put_dnat(struct buf *out, const struct nft_expr *expr)
{
	netlink_put_be32(out, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_put_be32(out, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	netlink_put_be32(out, NFTA_NAT_REG_ADDR_MIN, expr->source);
	if (expr->port)
		netlink_put_be32(out, NFTA_NAT_REG_PROTO_MIN, expr->port);
}

static void put_expr_data(struct buf *out, const struct nft_expr *expr, uint32_t map_id)
{
	switch (expr->kind) {
	case NFT_EXPR_META:
		netlink_put_be32(out, NFTA_META_DREG, expr->dest);
		netlink_put_be32(out, NFTA_META_KEY, expr->key);
		break;
	case NFT_EXPR_CT:
		netlink_put_be32(out, NFTA_CT_DREG, expr->dest);
		netlink_put_be32(out, NFTA_CT_KEY, expr->key);
		break;
	case NFT_EXPR_FIB_DADDR_TYPE:
		netlink_put_be32(out, NFTA_FIB_DREG, expr->dest);
		netlink_put_be32(out, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		netlink_put_be32(out, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
		break;
	case NFT_EXPR_PAYLOAD:
		netlink_put_be32(out, NFTA_PAYLOAD_DREG, expr->dest);
		netlink_put_be32(out, NFTA_PAYLOAD_BASE, expr->key);
		netlink_put_be32(out, NFTA_PAYLOAD_OFFSET, expr->offset);
		netlink_put_be32(out, NFTA_PAYLOAD_LEN, expr->length);
		break;
	case NFT_EXPR_MASK:
		put_bitwise(out, expr);
		break;
	case NFT_EXPR_CMP:
		netlink_put_be32(out, NFTA_CMP_SREG, expr->source);
		netlink_put_be32(out, NFTA_CMP_OP, expr->key);
		put_data(out, NFTA_CMP_DATA, expr->bytes, expr->length);
		break;
	case NFT_EXPR_LOOKUP:
		netlink_put_str(out, NFTA_LOOKUP_SET, expr->map->name);
		netlink_put_be32(out, NFTA_LOOKUP_SREG, expr->source);
		netlink_put_be32(out, NFTA_LOOKUP_DREG, expr->dest);
		if (map_id)
			netlink_put_be32(out, NFTA_LOOKUP_SET_ID, map_id);
		break;
	case NFT_EXPR_RANDOM:
		netlink_put_be32(out, NFTA_NG_DREG, expr->dest);
		netlink_put_be32(out, NFTA_NG_MODULUS, expr->key);
		netlink_put_be32(out, NFTA_NG_TYPE, NFT_NG_RANDOM);
		break;
	case NFT_EXPR_IMMEDIATE:
		netlink_put_be32(out, NFTA_IMMEDIATE_DREG, expr->dest);
		put_data(out, NFTA_IMMEDIATE_DATA, expr->bytes, expr->length);
		break;
	case NFT_EXPR_VERDICT:
		netlink_put_be32(out, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
		put_verdict(out, NFTA_IMMEDIATE_DATA, expr->key, NULL);
		break;
	case NFT_EXPR_DNAT:
		put_dnat(out, expr);
		break;
	case NFT_EXPR_MASQUERADE:
		break;
	}
}

static void put_expr(struct buf *out, const struct nft_expr *expr, uint32_t map_id)
{
	size_t at = netlink_nest(out, NFTA_LIST_ELEM);

	netlink_put_str(out, NFTA_EXPR_NAME, expr_names[expr->kind]);
	size_t data = netlink_nest(out, NFTA_EXPR_DATA);
	put_expr_data(out, expr, map_id);
	netlink_unnest(out, data);
	netlink_unnest(out, at);
}

static void put_exprs(struct buf *out, const struct nft_rule *rule, uint32_t map_id)
{
	size_t at = netlink_nest(out, NFTA_RULE_EXPRESSIONS);

	for (size_t i = 0; i < rule->count; i++) {
		const struct nft_expr *expr = &rule->exprs[i];
		put_expr(out, expr, expr->map && expr->map->is_anonymous ? map_id : 0);
	}
	netlink_unnest(out, at);
}

static const struct nft_map *anonymous_map_of(const struct nft_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->exprs[i].map && rule->exprs[i].map->is_anonymous)
			return rule->exprs[i].map;
	return NULL;
}

static void put_comment(struct buf *out, const char *text)
{
	uint8_t data[2 + NFT_DIGEST_SIZE] = { COMMENT_TYPE, (uint8_t)(strlen(text) + 1) };

	memcpy(data + 2, text, strlen(text) + 1);
	netlink_put(out, NFTA_RULE_USERDATA, data, 2 + strlen(text) + 1);
}

static void put_new_rule(struct encoder *enc, const char *chain, const struct nft_rule *rule)
{
	const struct nft_map *map = anonymous_map_of(rule);
	uint32_t id = map ? enc->map_id++ : 0;

	check(rule->digest[0]);
	if (map) {
		put_new_map(enc, map, id);
		put_elems(enc, map, id, map->elems, map->count, true);
	}
	size_t at = begin(enc, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_put_str(enc->out, NFTA_RULE_TABLE, enc->table);
	netlink_put_str(enc->out, NFTA_RULE_CHAIN, chain);
	put_exprs(enc->out, rule, id);
	put_comment(enc->out, rule->digest);
	netlink_end(enc->out, at);
}

/* The digest covers what the kernel is told, elements included, and nothing that differs from one
 * transaction to the next. */
void nft_rule_seal(struct nft_rule *rule)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	const struct nft_map *map = anonymous_map_of(rule);
	char hex[SHA256_HEX_SIZE];

	put_exprs(&bytes, rule, FIRST_MAP_ID);
	if (map) {
		struct encoder enc = { .out = &bytes, .table = "" };
		put_elems(&enc, map, FIRST_MAP_ID, map->elems, map->count, true);
	}
	sha256_hex(bytes.data, bytes.len, hex);
	hex[16] = 0;
	str_copy(rule->digest, 4, "sb:");
	str_copy(rule->digest + 3, sizeof(rule->digest) - 3, hex);
}

/* ---- the transaction ---- */

static void put_op(struct encoder *enc, const struct nft_op *op)
{
	switch (op->kind) {
	case NFT_ADD_TABLE:    put_table(enc, NFT_MSG_NEWTABLE, NLM_F_CREATE); break;
	case NFT_DELETE_TABLE: put_table(enc, NFT_MSG_DELTABLE, 0); break;
	case NFT_ADD_CHAIN:    put_new_chain(enc, op->chain); break;
	case NFT_FLUSH_CHAIN:  put_flush_chain(enc, op->name); break;
	case NFT_DELETE_CHAIN: put_delete_chain(enc, op->name); break;
	case NFT_ADD_RULE:     put_new_rule(enc, op->name, op->rule); break;
	case NFT_ADD_MAP:      put_new_map(enc, op->map, enc->map_id++); break;
	case NFT_ADD_ELEMS:    put_elems(enc, op->map, 0, op->elems, op->elem_count, true); break;
	case NFT_DELETE_ELEMS: put_elems(enc, op->map, 0, op->elems, op->elem_count, false); break;
	}
}

void nft_encode(const struct nft_ops *ops, const char *table, uint32_t first_seq, struct buf *out,
		uint32_t *ret_ack_seq)
{
	struct encoder enc = {
		.out = out, .table = table, .seq = first_seq, .map_id = FIRST_MAP_ID
	};

	check(ops->count > 0);
	put_batch_mark(&enc, NFNL_MSG_BATCH_BEGIN);
	for (size_t i = 0; i < ops->count; i++)
		put_op(&enc, &ops->items[i]);
	netlink_add_flags(out, enc.last_at, NLM_F_ACK);
	*ret_ack_seq = enc.seq - 1;
	put_batch_mark(&enc, NFNL_MSG_BATCH_END);
}

static uint32_t pieces(size_t elem_count)
{
	return (uint32_t)((elem_count + ELEMS_A_PIECE - 1) / ELEMS_A_PIECE);
}

uint32_t nft_encode_seqs(const struct nft_ops *ops)
{
	uint32_t count = 2;

	for (size_t i = 0; i < ops->count; i++) {
		const struct nft_op *op = &ops->items[i];
		const struct nft_map *map = op->kind == NFT_ADD_RULE ? anonymous_map_of(op->rule)
								     : NULL;
		count += 1 + pieces(op->elem_count) + (map ? 1 + pieces(map->count) : 0);
	}
	return count;
}
