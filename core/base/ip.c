#include "base/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

static size_t bytes_of(uint8_t family)
{
	return family == 4 ? 4 : family == 6 ? 16 : 0;
}

struct ip ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip){ .family = 4, .bytes = { a, b, c, d } };
}

struct ip ip4_from_u32(uint32_t host_order)
{
	return ip4((uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16),
		   (uint8_t)(host_order >> 8), (uint8_t)host_order);
}

uint32_t ip4_to_u32(struct ip ip)
{
	check(ip.family == 4);
	return (uint32_t)ip.bytes[0] << 24 | (uint32_t)ip.bytes[1] << 16 |
	       (uint32_t)ip.bytes[2] << 8 | ip.bytes[3];
}

bool ip_eq(struct ip a, struct ip b)
{
	return a.family == b.family && memcmp(a.bytes, b.bytes, bytes_of(a.family)) == 0;
}

int ip_parse(const char *text, struct ip *ret_ip)
{
	struct ip ip = { 0 };

	if (!text)
		return -1;
	if (inet_pton(AF_INET, text, ip.bytes) == 1)
		ip.family = 4;
	else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
		ip.family = 6;
	else
		return -1;
	*ret_ip = ip;
	return 0;
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952, 4.2). */
static void find_zero_run(const uint16_t groups[8], unsigned *ret_start, unsigned *ret_count)
{
	unsigned count = 0;

	*ret_start = *ret_count = 0;
	for (unsigned i = 0; i < 8; i++) {
		count = groups[i] ? 0 : count + 1;
		if (count > 1 && count > *ret_count) {
			*ret_count = count;
			*ret_start = i + 1 - count;
		}
	}
}

/* Our own, because inet_ntop of musl and of glibc disagree about a single zero group. */
static void format_v6(const uint8_t *bytes, char *text)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint16_t groups[8];
	unsigned start, count;

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		snprintf(text, IP_TEXT_SIZE, "::ffff:%u.%u.%u.%u", bytes[12], bytes[13], bytes[14],
			 bytes[15]);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	find_zero_run(groups, &start, &count);
	for (unsigned i = 0; i < 8; i++) {
		if (count && i == start) {
			*text++ = ':';
			if (i + count == 8)
				*text++ = ':';
			i += count - 1;
			continue;
		}
		text += sprintf(text, i ? ":%x" : "%x", groups[i]);
	}
	*text = '\0';
}

const char *ip_format(struct ip ip, char ret_text[IP_TEXT_SIZE])
{
	ret_text[0] = '\0';
	if (ip.family == 4)
		snprintf(ret_text, IP_TEXT_SIZE, "%u.%u.%u.%u", ip.bytes[0], ip.bytes[1],
			 ip.bytes[2], ip.bytes[3]);
	else if (ip.family == 6)
		format_v6(ip.bytes, ret_text);
	return ret_text;
}

int cidr_parse(const char *text, struct cidr *ret)
{
	char address[IP_TEXT_SIZE];
	struct ip ip;
	uint64_t prefix;

	const char *slash = text ? strchr(text, '/') : NULL;
	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -1;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (ip_parse(address, &ip) < 0 || str_to_u64(slash + 1, &prefix) < 0)
		return -1;
	if (prefix > 8 * bytes_of(ip.family) || (slash[1] == '0' && slash[2]))
		return -1;
	*ret = (struct cidr){ ip, (uint8_t)prefix };
	return 0;
}

const char *cidr_format(struct cidr cidr, char ret_text[CIDR_TEXT_SIZE])
{
	char address[IP_TEXT_SIZE];

	ret_text[0] = '\0';
	if (cidr.ip.family)
		snprintf(ret_text, CIDR_TEXT_SIZE, "%s/%u", ip_format(cidr.ip, address),
			 cidr.prefix);
	return ret_text;
}

static bool prefixes_match(struct ip a, struct ip b, unsigned bits)
{
	if (!a.family || a.family != b.family)
		return false;
	if (memcmp(a.bytes, b.bytes, bits / 8) != 0)
		return false;
	unsigned rest = bits % 8;
	return !rest || ((a.bytes[bits / 8] ^ b.bytes[bits / 8]) >> (8 - rest)) == 0;
}

bool cidr_has(struct cidr cidr, struct ip ip)
{
	return prefixes_match(cidr.ip, ip, cidr.prefix);
}

bool cidr_overlaps(struct cidr a, struct cidr b)
{
	return prefixes_match(a.ip, b.ip, MIN(a.prefix, b.prefix));
}

static int parse_port(const char *text, uint16_t *ret_port)
{
	uint64_t port;

	if (strlen(text) > 5 || str_to_u64(text, &port) < 0 || port > UINT16_MAX)
		return -1;
	*ret_port = (uint16_t)port;
	return 0;
}

/* Finds where the host lies and where the port begins (NULL: there is none). */
static int split_hostport(const char *text, const char **ret_host, size_t *ret_length,
			  const char **ret_port)
{
	struct ip ip;

	if (*text == '[') {
		const char *end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -1;
		*ret_host = text + 1;
		*ret_length = (size_t)(end - text - 1);
		*ret_port = end[1] ? end + 2 : NULL;
		return *ret_length ? 0 : -1;
	}
	const char *colon = strrchr(text, ':');
	if (colon && strchr(text, ':') != colon) {
		/* Several colons: only a bare IPv6 address makes sense. */
		if (ip_parse(text, &ip) < 0)
			return -1;
		colon = NULL;
	}
	*ret_host = text;
	*ret_length = colon ? (size_t)(colon - text) : strlen(text);
	*ret_port = colon ? colon + 1 : NULL;
	return 0;
}

static bool is_host(const char *host, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (host[i] <= ' ' || host[i] >= 0x7f || strchr("/[]@", host[i]))
			return false;
	return true;
}

int hostport_parse(const char *text, uint16_t default_port, char ret_host[256], uint16_t *ret_port,
		   struct err *err)
{
	const char *host, *port_text;
	uint16_t port = default_port;
	size_t length;

	if (str_is_empty(text) || split_hostport(text, &host, &length, &port_text) < 0 ||
	    length > 255 || !is_host(host, length))
		return err_set(err, ERR_INVALID, "address '%s': not of the form host:port",
			       text ? text : "");
	if (port_text && parse_port(port_text, &port) < 0)
		return err_set(err, ERR_INVALID,
			       "address '%s': port '%s' is not a number from 0 to 65535", text,
			       port_text);
	memcpy(ret_host, host, length);
	ret_host[length] = '\0';
	*ret_port = port;
	return 0;
}

const char *hostport_host(const char *text, char ret_host[256])
{
	uint16_t port;
	struct err unused;

	if (hostport_parse(text, 0, ret_host, &port, &unused) < 0)
		ret_host[0] = '\0';
	return ret_host;
}
