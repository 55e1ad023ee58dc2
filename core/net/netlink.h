/* netlink.h - netlink messages as bytes: built into a buf, walked without ever reading past the
 * end. Pure.
 *
 * netlink(7), linux/netlink.h: messages and attributes are 4-byte aligned, lengths and types in
 * host order. Shared by the three families of this room: rtnetlink, nf_tables, ctnetlink.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"

/* ---- building: begin, put…, end; nests likewise ---- */

/* Appends a message header and the family's fixed header; the offset is for netlink_end. */
size_t netlink_begin(struct buf *out, uint16_t type, uint16_t flags, uint32_t seq,
		     const void *family_header, size_t bytes);
void netlink_end(struct buf *out, size_t at);
/* Sets a flag in a finished message's header, such as NLM_F_ACK. */
void netlink_add_flags(struct buf *out, size_t at, uint16_t flags);

void netlink_put(struct buf *out, uint16_t type, const void *bytes,
		 size_t count); /* count <= 65531 */
void netlink_put_u8(struct buf *out, uint16_t type, uint8_t v);
void netlink_put_u32(struct buf *out, uint16_t type, uint32_t v);
void netlink_put_be16(struct buf *out, uint16_t type, uint16_t v);
void netlink_put_be32(struct buf *out, uint16_t type, uint32_t v);
void netlink_put_str(struct buf *out, uint16_t type, const char *text); /* with its NUL */
size_t netlink_nest(struct buf *out, uint16_t type);
void netlink_unnest(struct buf *out, size_t at);

/* ---- walking ---- */

struct netlink_walk { const uint8_t *at, *end; };
struct netlink_msg { uint16_t type, flags; uint32_t seq, port; const uint8_t *body; size_t bytes; };
struct netlink_attr {
	uint16_t type;
	const uint8_t *data;
	size_t bytes;
}; /* type without the nested and byte order bits */

struct netlink_walk netlink_walk_of(const void *bytes, size_t count);
/* False at the end and at the first malformed piece. */
bool netlink_next_msg(struct netlink_walk *walk, struct netlink_msg *ret);
bool netlink_next_attr(struct netlink_walk *walk, struct netlink_attr *ret);
/* The attributes behind a family header of that many bytes; none when the message is shorter. */
struct netlink_walk netlink_attrs_of(const struct netlink_msg *msg, size_t family_bytes);

/* Fills table[type] for types below count, the last one wins; absent ones have data NULL. */
void netlink_index(struct netlink_walk walk, struct netlink_attr *table, size_t count);
/* 0 when absent or of another size. */
uint8_t netlink_u8(const struct netlink_attr *attr);
uint16_t netlink_be16(const struct netlink_attr *attr);
uint32_t netlink_u32(const struct netlink_attr *attr);
uint32_t netlink_be32(const struct netlink_attr *attr);
/* Points into the message; NULL when absent or without a NUL in it. */
const char *netlink_str(const struct netlink_attr *attr);
struct netlink_walk netlink_nested(const struct netlink_attr *attr); /* empty when absent */
