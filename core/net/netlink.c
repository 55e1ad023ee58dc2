#include "net/netlink.h"

#include <linux/netlink.h>
#include <string.h>

#include "base/panic.h"

#define HEADER_BYTES sizeof(struct nlmsghdr)
#define ATTR_BYTES   sizeof(struct nlattr)

static void pad(struct buf *out)
{
	static const uint8_t zeros[NLMSG_ALIGNTO];
	size_t want = ALIGN_UP(out->len, NLMSG_ALIGNTO);

	buf_add(out, zeros, want - out->len);
}

size_t netlink_begin(struct buf *out, uint16_t type, uint16_t flags, uint32_t seq,
		     const void *family_header, size_t bytes)
{
	struct nlmsghdr header = { .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq };
	size_t at = out->len;

	check(at % NLMSG_ALIGNTO == 0);
	buf_add(out, &header, sizeof(header));
	buf_add(out, family_header, bytes);
	pad(out);
	return at;
}

void netlink_end(struct buf *out, size_t at)
{
	uint32_t length = (uint32_t)(out->len - at);

	memcpy(out->data + at + offsetof(struct nlmsghdr, nlmsg_len), &length, sizeof(length));
}

void netlink_add_flags(struct buf *out, size_t at, uint16_t flags)
{
	uint16_t old;
	char *place = out->data + at + offsetof(struct nlmsghdr, nlmsg_flags);

	memcpy(&old, place, sizeof(old));
	flags |= old;
	memcpy(place, &flags, sizeof(flags));
}

void netlink_put(struct buf *out, uint16_t type, const void *bytes, size_t count)
{
	struct nlattr attr = { .nla_len = (uint16_t)(ATTR_BYTES + count), .nla_type = type };

	check(count <= UINT16_MAX - ATTR_BYTES);
	buf_add(out, &attr, sizeof(attr));
	buf_add(out, bytes, count);
	pad(out);
}

void netlink_put_u8(struct buf *out, uint16_t type, uint8_t v)
{
	netlink_put(out, type, &v, sizeof(v));
}

void netlink_put_u32(struct buf *out, uint16_t type, uint32_t v)
{
	netlink_put(out, type, &v, sizeof(v));
}

void netlink_put_be16(struct buf *out, uint16_t type, uint16_t v)
{
	const uint8_t bytes[] = { (uint8_t)(v >> 8), (uint8_t)v };

	netlink_put(out, type, bytes, sizeof(bytes));
}

void netlink_put_be32(struct buf *out, uint16_t type, uint32_t v)
{
	const uint8_t bytes[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
				  (uint8_t)v };

	netlink_put(out, type, bytes, sizeof(bytes));
}

void netlink_put_str(struct buf *out, uint16_t type, const char *text)
{
	netlink_put(out, type, text, strlen(text) + 1);
}

size_t netlink_nest(struct buf *out, uint16_t type)
{
	size_t at = out->len;

	netlink_put(out, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void netlink_unnest(struct buf *out, size_t at)
{
	size_t length = out->len - at;
	uint16_t short_length = (uint16_t)length;

	check(length <= UINT16_MAX);
	memcpy(out->data + at + offsetof(struct nlattr, nla_len), &short_length,
	       sizeof(short_length));
}

struct netlink_walk netlink_walk_of(const void *bytes, size_t count)
{
	return (struct netlink_walk){ bytes, (const uint8_t *)bytes + count };
}

/* Steps over an aligned piece; the last one may lack its padding. */
static void advance(struct netlink_walk *walk, size_t length)
{
	size_t step = ALIGN_UP(length, NLMSG_ALIGNTO), left = (size_t)(walk->end - walk->at);

	walk->at += MIN(step, left);
}

bool netlink_next_msg(struct netlink_walk *walk, struct netlink_msg *ret)
{
	struct nlmsghdr header;
	size_t left = (size_t)(walk->end - walk->at);

	if (left < HEADER_BYTES)
		return false;
	memcpy(&header, walk->at, sizeof(header));
	if (header.nlmsg_len < HEADER_BYTES || header.nlmsg_len > left) {
		walk->at = walk->end;
		return false;
	}
	*ret = (struct netlink_msg){
		.type = header.nlmsg_type,
		.flags = header.nlmsg_flags,
		.seq = header.nlmsg_seq,
		.port = header.nlmsg_pid,
		.body = walk->at + HEADER_BYTES,
		.bytes = header.nlmsg_len - HEADER_BYTES,
	};
	advance(walk, header.nlmsg_len);
	return true;
}

bool netlink_next_attr(struct netlink_walk *walk, struct netlink_attr *ret)
{
	struct nlattr header;
	size_t left = (size_t)(walk->end - walk->at);

	if (left < ATTR_BYTES)
		return false;
	memcpy(&header, walk->at, sizeof(header));
	if (header.nla_len < ATTR_BYTES || header.nla_len > left) {
		walk->at = walk->end;
		return false;
	}
	ret->type = header.nla_type & NLA_TYPE_MASK;
	ret->data = walk->at + ATTR_BYTES;
	ret->bytes = header.nla_len - ATTR_BYTES;
	advance(walk, header.nla_len);
	return true;
}

struct netlink_walk netlink_attrs_of(const struct netlink_msg *msg, size_t family_bytes)
{
	size_t skip = MIN(ALIGN_UP(family_bytes, NLMSG_ALIGNTO), msg->bytes);

	return (struct netlink_walk){ msg->body + skip, msg->body + msg->bytes };
}

void netlink_index(struct netlink_walk walk, struct netlink_attr *table, size_t count)
{
	struct netlink_attr attr;

	memset(table, 0, count * sizeof(*table));
	while (netlink_next_attr(&walk, &attr))
		if (attr.type < count)
			table[attr.type] = attr;
}

uint8_t netlink_u8(const struct netlink_attr *attr)
{
	return attr->data && attr->bytes == 1 ? attr->data[0] : 0;
}

uint16_t netlink_be16(const struct netlink_attr *attr)
{
	if (!attr->data || attr->bytes != 2)
		return 0;
	return (uint16_t)(attr->data[0] << 8 | attr->data[1]);
}

uint32_t netlink_u32(const struct netlink_attr *attr)
{
	uint32_t v;

	if (!attr->data || attr->bytes != sizeof(v))
		return 0;
	memcpy(&v, attr->data, sizeof(v));
	return v;
}

uint32_t netlink_be32(const struct netlink_attr *attr)
{
	if (!attr->data || attr->bytes != 4)
		return 0;
	return (uint32_t)attr->data[0] << 24 | (uint32_t)attr->data[1] << 16 |
	       (uint32_t)attr->data[2] << 8 | attr->data[3];
}

const char *netlink_str(const struct netlink_attr *attr)
{
	return attr->data && memchr(attr->data, 0, attr->bytes) ? (const char *)attr->data : NULL;
}

struct netlink_walk netlink_nested(const struct netlink_attr *attr)
{
	return netlink_walk_of(attr->data, attr->data ? attr->bytes : 0);
}
