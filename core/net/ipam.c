#include "net/ipam.h"

#include <stdlib.h>

#include "base/panic.h"

struct ipam {
	struct cidr subnet;
	uint32_t base, count;    /* network address, addresses in the range with both ends */
	uint32_t next;           /* offset where the next search begins */
	uint64_t *used;          /* one bit an address */
};

struct ipam *ipam_new(struct cidr subnet)
{
	check(subnet.ip.family == 4 && subnet.prefix >= 8 && subnet.prefix <= 30);

	struct ipam *ipam = NEW(struct ipam);
	ipam->subnet = subnet;
	ipam->count = UINT32_C(1) << (32 - subnet.prefix);
	ipam->base = ip4_to_u32(subnet.ip) & ~(ipam->count - 1);
	ipam->used = NEW_ARRAY(uint64_t, (ipam->count + 63) / 64);
	ipam->next = 1;
	return ipam;
}

void ipam_free(struct ipam *ipam)
{
	if (!ipam)
		return;
	free(ipam->used);
	free(ipam);
}

void ipam_freep(struct ipam **ipam)
{
	ipam_free(*ipam);
}

static bool is_used(const struct ipam *ipam, uint32_t offset)
{
	return (ipam->used[offset / 64] >> (offset % 64)) & 1;
}

static void mark(struct ipam *ipam, uint32_t offset)
{
	ipam->used[offset / 64] |= UINT64_C(1) << (offset % 64);
}

/* Offsets 1 … count-2 are for hosts. A full word is stepped over at once: a nearly full /8 must not
 * cost a walk bit by bit. */
static uint32_t find_free(const struct ipam *ipam, uint32_t from, uint32_t to)
{
	uint32_t offset = from;

	while (offset < to) {
		if (offset % 64 == 0 && ipam->used[offset / 64] == UINT64_MAX)
			offset += 64;
		else if (is_used(ipam, offset))
			offset++;
		else
			return offset;
	}
	return 0;
}

int ipam_take(struct ipam *ipam, struct ip *ret_ip, struct err *err)
{
	uint32_t end = ipam->count - 1, offset = find_free(ipam, ipam->next, end);

	if (!offset)
		offset = find_free(ipam, 1, ipam->next);
	if (!offset) {
		char text[CIDR_TEXT_SIZE];
		return err_set(err, ERR_EXHAUSTED, "no free address left in %s",
			       cidr_format(ipam->subnet, text));
	}
	mark(ipam, offset);
	ipam->next = offset + 1 < end ? offset + 1 : 1;
	*ret_ip = ip4_from_u32(ipam->base + offset);
	return 0;
}

int ipam_take_exact(struct ipam *ipam, struct ip ip, struct err *err)
{
	char text[IP_TEXT_SIZE], range[CIDR_TEXT_SIZE];
	uint32_t offset = ip.family == 4 ? ip4_to_u32(ip) - ipam->base : 0;

	if (offset == 0 || offset >= ipam->count - 1)
		return err_set(err, ERR_INVALID, "address %s: not a host's in %s",
			       ip_format(ip, text), cidr_format(ipam->subnet, range));
	if (is_used(ipam, offset))
		return err_set(err, ERR_CONFLICT, "address %s: in use", ip_format(ip, text));
	mark(ipam, offset);
	return 0;
}

void ipam_give_back(struct ipam *ipam, struct ip ip)
{
	uint32_t offset = ip4_to_u32(ip) - ipam->base;

	check(offset > 0 && offset < ipam->count && is_used(ipam, offset));
	ipam->used[offset / 64] &= ~(UINT64_C(1) << (offset % 64));
}
