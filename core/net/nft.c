#include "net/nft.h"

#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

#define IP_SOURCE_OFFSET      12         /* RFC 791 */
#define IP_DESTINATION_OFFSET 16

/* ---- one expression ---- */

static struct nft_expr *add_expr(struct nft_rule *rule, enum nft_expr_kind kind)
{
	check(rule->count < NFT_EXPRS_MAX);
	struct nft_expr *expr = &rule->exprs[rule->count++];
	*expr = (struct nft_expr){ .kind = kind };
	return expr;
}

static void set_bytes(struct nft_expr *expr, const void *bytes, uint32_t length)
{
	check(length <= sizeof(expr->bytes));
	memcpy(expr->bytes, bytes, length);
	expr->length = length;
}

void nft_load_meta(struct nft_rule *rule, uint32_t key, uint32_t dest)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_META);

	expr->key = key;
	expr->dest = dest;
}

void nft_load_ct(struct nft_rule *rule, uint32_t key, uint32_t dest)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_CT);

	expr->key = key;
	expr->dest = dest;
}

void nft_load_payload(struct nft_rule *rule, uint32_t header, uint32_t offset, uint32_t length,
		      uint32_t dest)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_PAYLOAD);

	expr->key = header;
	expr->offset = offset;
	expr->length = length;
	expr->dest = dest;
}

void nft_load_bytes(struct nft_rule *rule, uint32_t dest, const void *bytes, uint32_t length)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_IMMEDIATE);

	expr->dest = dest;
	set_bytes(expr, bytes, length);
}

void nft_cmp(struct nft_rule *rule, bool equal, const void *bytes, uint32_t length)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_CMP);

	expr->source = NFT_R1;
	expr->key = equal ? NFT_CMP_EQ : NFT_CMP_NEQ;
	set_bytes(expr, bytes, length);
}

static void mask(struct nft_rule *rule, const void *bytes, uint32_t length)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_MASK);

	expr->source = expr->dest = NFT_R1;
	set_bytes(expr, bytes, length);
}

void nft_lookup(struct nft_rule *rule, const struct nft_map *map, uint32_t dest)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_LOOKUP);

	expr->source = NFT_R1;
	expr->dest = dest;
	expr->map = map;
}

void nft_random(struct nft_rule *rule, uint32_t below)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_RANDOM);

	expr->key = below;
	expr->dest = NFT_R1;
}

void nft_dnat(struct nft_rule *rule, uint32_t port_register)
{
	struct nft_expr *expr = add_expr(rule, NFT_EXPR_DNAT);

	expr->source = NFT_R1;
	expr->port = port_register;
}

void nft_masquerade(struct nft_rule *rule)
{
	add_expr(rule, NFT_EXPR_MASQUERADE);
}

void nft_drop(struct nft_rule *rule)
{
	add_expr(rule, NFT_EXPR_VERDICT)->key = NF_DROP;
}

/* ---- whole matches ---- */

void nft_match_interface(struct nft_rule *rule, bool output, bool equal, const char *name)
{
	char padded[16] = { 0 };

	check(str_copy(padded, sizeof(padded), name));
	nft_load_meta(rule, output ? NFT_META_OIFNAME : NFT_META_IIFNAME, NFT_R1);
	nft_cmp(rule, equal, padded, sizeof(padded));
}

static void match_range(struct nft_rule *rule, uint32_t offset, struct cidr range)
{
	uint32_t bits = htobe32(range.prefix == 0 ? 0 : UINT32_MAX << (32 - range.prefix));
	uint32_t first = htobe32(ip4_to_u32(range.ip)) & bits;

	nft_load_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, offset, 4, NFT_R1);
	if (range.prefix < 32)
		mask(rule, &bits, sizeof(bits));
	nft_cmp(rule, true, &first, sizeof(first));
}

void nft_match_source(struct nft_rule *rule, struct cidr range)
{
	match_range(rule, IP_SOURCE_OFFSET, range);
}

void nft_match_destination(struct nft_rule *rule, struct cidr range)
{
	match_range(rule, IP_DESTINATION_OFFSET, range);
}

void nft_match_ct_bits(struct nft_rule *rule, uint32_t key, uint32_t bits, bool any)
{
	static const uint32_t zero;

	nft_load_ct(rule, key, NFT_R1);
	mask(rule, &bits, sizeof(bits));
	nft_cmp(rule, !any, &zero, sizeof(zero));
}

void nft_match_local_destination(struct nft_rule *rule)
{
	static const uint32_t local = 2; /* RTN_LOCAL, host order */

	add_expr(rule, NFT_EXPR_FIB_DADDR_TYPE)->dest = NFT_R1;
	nft_cmp(rule, true, &local, sizeof(local));
}

/* ---- operations ---- */

void nft_ops_add(struct nft_ops *ops, struct nft_op op)
{
	if (ops->count == ops->size) {
		ops->size = ops->size ? ops->size * 2 : 16;
		ops->items = mem_resize(ops->items, ops->size, sizeof(*ops->items));
	}
	ops->items[ops->count++] = op;
}

void nft_ops_fini(struct nft_ops *ops)
{
	free(ops->items);
	*ops = (struct nft_ops){ 0 };
}

static const char *const verbs[] = {
	[NFT_ADD_TABLE] = "add table",
	[NFT_DELETE_TABLE] = "delete table",
	[NFT_ADD_CHAIN] = "add chain",
	[NFT_FLUSH_CHAIN] = "flush chain",
	[NFT_DELETE_CHAIN] = "delete chain",
	[NFT_ADD_RULE] = "add rule",
	[NFT_ADD_MAP] = "add map",
	[NFT_ADD_ELEMS] = "add elements",
	[NFT_DELETE_ELEMS] = "delete elements",
};

void nft_ops_format(const struct nft_ops *ops, struct buf *out)
{
	for (size_t i = 0; i < ops->count; i++) {
		const struct nft_op *op = &ops->items[i];

		buf_add_str(out, verbs[op->kind]);
		if (op->name)
			buf_printf(out, " %s", op->name);
		if (op->elem_count)
			buf_printf(out, " (%zu)", op->elem_count);
		buf_add_char(out, '\n');
	}
}
