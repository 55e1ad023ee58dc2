/* Addresses, subnets and host:port pairs: what is understood is written in one form, and that form
 * means the same. */
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "base/panic.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void try_ip(const char *text)
{
	char once[IP_TEXT_SIZE], twice[IP_TEXT_SIZE];
	struct ip ip, again;

	if (ip_parse(text, &ip) < 0)
		return;
	check(ip_parse(ip_format(ip, once), &again) == 0 && ip_eq(ip, again));
	check(strcmp(once, ip_format(again, twice)) == 0);
}

static void try_cidr(const char *text)
{
	char out[CIDR_TEXT_SIZE];
	struct cidr cidr, again;

	if (cidr_parse(text, &cidr) < 0)
		return;
	check(cidr_has(cidr, cidr.ip) && cidr_overlaps(cidr, cidr));
	check(cidr_parse(cidr_format(cidr, out), &again) == 0);
	check(ip_eq(cidr.ip, again.ip) && cidr.prefix == again.prefix);
}

static void try_hostport(const char *text)
{
	char host[256] = "unset";
	struct err err = {0};
	uint16_t port = 1;

	if (hostport_parse(text, 2377, host, &port, &err) == 0) {
		check(strlen(host) < sizeof(host));
		return;
	}
	check(err.code == ERR_INVALID && err.text[0]);
	check(strcmp(host, "unset") == 0 && port == 1);
}

/* Sixteen bytes are an address too, and no text may be too long for its place. */
static void try_bytes(const uint8_t *bytes, size_t count)
{
	struct ip ip = {.family = 6};
	char text[IP_TEXT_SIZE];

	if (count < sizeof(ip.bytes))
		return;
	memcpy(ip.bytes, bytes, sizeof(ip.bytes));
	try_ip(ip_format(ip, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char *text = mem_new(count + 1, 1);

	if (count)
		memcpy(text, bytes, count);
	try_ip(text);
	try_cidr(text);
	try_hostport(text);
	try_bytes(bytes, count);
	free(text);
	return 0;
}
