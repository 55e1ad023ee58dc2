#include "net/subnet.h"

static uint32_t mask_of(uint8_t prefix)
{
	return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

struct ip subnet_first(struct cidr subnet)
{
	return ip4_from_u32(ip4_to_u32(subnet.ip) & mask_of(subnet.prefix));
}

struct ip subnet_gateway(struct cidr subnet)
{
	return ip4_from_u32(ip4_to_u32(subnet_first(subnet)) + 1);
}

int subnet_check(struct cidr subnet, struct err *err)
{
	char text[CIDR_TEXT_SIZE];

	cidr_format(subnet, text);
	if (subnet.ip.family != 4)
		return err_set(err, ERR_INVALID, "subnet '%s': only IPv4 is supported", text);
	if (subnet.prefix < 8 || subnet.prefix > 29)
		return err_set(err, ERR_INVALID, "subnet '%s': the prefix must be 8 to 29", text);

	uint8_t first = subnet.ip.bytes[0];
	if (first == 0 || first == 127 || first >= 224)
		return err_set(err, ERR_INVALID, "subnet '%s': not usable for hosts", text);
	return 0;
}

static const struct cidr *find_overlap(struct cidr subnet, const struct cidr *taken, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (taken[i].ip.family == 4 && taken[i].prefix > 0 &&
		    cidr_overlaps(subnet, taken[i]))
			return &taken[i];
	return NULL;
}

int subnet_check_free(struct cidr subnet, const struct cidr *taken, size_t count, struct err *err)
{
	const struct cidr *other = find_overlap(subnet, taken, count);
	char text[CIDR_TEXT_SIZE], other_text[CIDR_TEXT_SIZE];

	if (!other)
		return 0;
	return err_set(err, ERR_CONFLICT, "subnet '%s': overlaps %s, which this host already uses",
		       cidr_format(subnet, text), cidr_format(*other, other_text));
}

int subnet_choose(const struct cidr *taken, size_t count, struct cidr *ret_subnet, struct err *err)
{
	static const struct { uint8_t a, first, last, prefix; } pools[] = {
		{ 172, 18, 31, 16 },     /* 172.x.0.0/16 */
		{ 192, 0, 15, 20 },      /* 192.168.(16 x).0/20 */
	};

	for (size_t p = 0; p < ARRAY_COUNT(pools); p++) {
		for (unsigned i = pools[p].first; i <= pools[p].last; i++) {
			struct ip ip = pools[p].prefix == 16
					       ? ip4(pools[p].a, (uint8_t)i, 0, 0)
					       : ip4(pools[p].a, 168, (uint8_t)(i * 16), 0);
			struct cidr subnet = { ip, pools[p].prefix };
			if (!find_overlap(subnet, taken, count)) {
				*ret_subnet = subnet;
				return 0;
			}
		}
	}
	return err_set(err, ERR_EXHAUSTED,
		       "no free private range for the bridge: 172.18.0.0/16 to 172.31.0.0/16 and "
		       "192.168.0.0/16 are in use; name one");
}
