#include <string.h>

#include "base/ip.h"
#include "test/unit/runner.h"

static struct ip ip_of(const char *text)
{
	struct ip ip = { 0 };

	EXPECT_INT(ip_parse(text, &ip), 0);
	return ip;
}

static struct cidr cidr_of(const char *text)
{
	struct cidr cidr = { 0 };

	EXPECT_INT(cidr_parse(text, &cidr), 0);
	return cidr;
}

static void expect_ip(const char *text, const char *want)
{
	char got[IP_TEXT_SIZE];

	EXPECT_STR(ip_format(ip_of(text), got), want);
}

TEST(addresses_come_back_in_their_shortest_form)
{
	expect_ip("10.0.9.3", "10.0.9.3");
	expect_ip("255.255.255.255", "255.255.255.255");
	expect_ip("::", "::");
	expect_ip("::1", "::1");
	expect_ip("1::", "1::");
	expect_ip("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
	/* One group is not shortened, RFC 5952 4.2.2. */
	expect_ip("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
	expect_ip("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
	expect_ip("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");      /* of equals the first */
	expect_ip("0:0:1::", "0:0:1::");
	expect_ip("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::");
	expect_ip("0:0:3:4:5:6:7:8", "::3:4:5:6:7:8");
	expect_ip("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8");
	expect_ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	expect_ip("::ffff:10.1.2.3", "::ffff:10.1.2.3");
	EXPECT_INT(ip_of("::ffff:10.1.2.3").family, 6);
}

TEST(addresses_that_are_none_are_refused)
{
	static const char *const bad[] = {
		"", "10", "10.0.0", "10.0.0.256", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1/24",
		"010.0.0.1", "10.0.0.0x1", "1.2.3.4.5", ":::", "1:2:3", "1::2::3", "12345::",
		"fe80::1%eth0", "g::", "1:2:3:4:5:6:7:8:9", "[::1]", NULL,
	};
	struct ip ip = ip4(9, 9, 9, 9);

	for (size_t i = 0; bad[i]; i++)
		if (ip_parse(bad[i], &ip) != -1)
			EXPECT_STR(bad[i], "refused");
	EXPECT_INT(ip_parse(NULL, &ip), -1);
	EXPECT(ip_eq(ip, ip4(9, 9, 9, 9)));
}

TEST(addresses_are_numbers_too)
{
	EXPECT_INT(ip4_to_u32(ip4(10, 0, 9, 3)), 0x0a000903);
	EXPECT(ip_eq(ip4_from_u32(0xfffefdfc), ip4(255, 254, 253, 252)));
	EXPECT(ip_eq(ip4(1, 2, 3, 4), ip_of("1.2.3.4")));
	EXPECT(!ip_eq(ip4(1, 2, 3, 4), ip4(1, 2, 3, 5)));
	EXPECT(!ip_eq(ip_of("::"), ip_of("0.0.0.0")));
	EXPECT(ip_eq((struct ip){ 0 }, (struct ip){ 0 }));
	char text[IP_TEXT_SIZE];
	EXPECT_STR(ip_format((struct ip){ 0 }, text), "");
}

TEST(subnets_keep_their_host_bits)
{
	char text[CIDR_TEXT_SIZE];

	EXPECT_STR(cidr_format(cidr_of("10.0.0.5/24"), text), "10.0.0.5/24");
	EXPECT_STR(cidr_format(cidr_of("0.0.0.0/0"), text), "0.0.0.0/0");
	EXPECT_STR(cidr_format(cidr_of("fd00:0:0:1::/64"), text), "fd00:0:0:1::/64");
	EXPECT_STR(cidr_format(cidr_of("::1/128"), text), "::1/128");
	EXPECT_STR(cidr_format((struct cidr){ 0 }, text), "");
}

TEST(subnets_that_are_none_are_refused)
{
	static const char *const bad[] = {
		"", "/", "10.0.0.0", "10.0.0.0/", "/24", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/024", "10.0.0.0/ 24", "10.0.0.0/24/24", "::/129", "::/256", "10.0.0/24",
		"10.0.0.0/255.0.0.0", "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/64",
		NULL,
	};
	struct cidr cidr = { 0 };

	for (size_t i = 0; bad[i]; i++)
		if (cidr_parse(bad[i], &cidr) != -1)
			EXPECT_STR(bad[i], "refused");
	EXPECT_INT(cidr_parse(NULL, &cidr), -1);
	EXPECT_INT(cidr.ip.family, 0);
}

TEST(subnets_know_what_lies_in_them)
{
	EXPECT(cidr_has(cidr_of("10.0.9.0/24"), ip_of("10.0.9.255")));
	EXPECT(!cidr_has(cidr_of("10.0.9.0/24"), ip_of("10.0.10.0")));
	EXPECT(cidr_has(cidr_of("10.0.9.77/24"), ip_of("10.0.9.1")));
	EXPECT(cidr_has(cidr_of("10.0.8.0/23"), ip_of("10.0.9.1")));
	EXPECT(!cidr_has(cidr_of("10.0.8.0/23"), ip_of("10.0.10.1")));
	EXPECT(cidr_has(cidr_of("0.0.0.0/0"), ip_of("1.2.3.4")));
	EXPECT(!cidr_has(cidr_of("0.0.0.0/0"), ip_of("::1")));
	EXPECT(cidr_has(cidr_of("1.2.3.4/32"), ip_of("1.2.3.4")));
	EXPECT(!cidr_has(cidr_of("1.2.3.4/32"), ip_of("1.2.3.5")));
	EXPECT(cidr_has(cidr_of("fd00::/7"), ip_of("fc00::1")));
	EXPECT(!cidr_has(cidr_of("::/0"), (struct ip){ 0 }));
	EXPECT(!cidr_has((struct cidr){ 0 }, (struct ip){ 0 }));
}

TEST(subnets_overlap_when_one_lies_in_the_other)
{
	EXPECT(cidr_overlaps(cidr_of("10.0.0.0/8"), cidr_of("10.0.9.0/24")));
	EXPECT(cidr_overlaps(cidr_of("10.0.9.0/24"), cidr_of("10.0.0.0/8")));
	EXPECT(cidr_overlaps(cidr_of("10.0.9.0/24"), cidr_of("10.0.9.128/25")));
	EXPECT(!cidr_overlaps(cidr_of("10.0.8.0/24"), cidr_of("10.0.9.0/24")));
	EXPECT(!cidr_overlaps(cidr_of("0.0.0.0/0"), cidr_of("::/0")));
}

static void expect_hostport(const char *text, const char *want_host, int want_port)
{
	struct err err = { 0 };
	char host[256] = "unset";
	uint16_t port = 1;

	EXPECT_INT(hostport_parse(text, 2377, host, &port, &err), 0);
	EXPECT_STR(host, want_host);
	EXPECT_INT(port, want_port);
}

TEST(host_and_port_are_told_apart)
{
	expect_hostport("10.0.0.1:80", "10.0.0.1", 80);
	expect_hostport("manager", "manager", 2377);
	expect_hostport("manager:1", "manager", 1);
	expect_hostport(":9000", "", 9000);
	expect_hostport("[::1]:80", "::1", 80);
	expect_hostport("[fe80::1%eth0]:80", "fe80::1%eth0", 80);
	expect_hostport("[::1]", "::1", 2377);
	expect_hostport("::1", "::1", 2377);
	expect_hostport("eth0:65535", "eth0", 65535);
	expect_hostport("a:0", "a", 0);
}

TEST(host_and_port_that_are_none_are_refused_by_name)
{
	static const char *const bad[] = {
		"", "a:", ":", "a:b", "a:65536", "a:99999999999999999999", "a:-1", "a: 1", "a:1 ",
		"a b:1", "[::1", "[]:80", "[::1]80", "[::1]:", "::1::2", "1:2:3", "tcp://a:1",
		"a/b", "a\n", "a]:1", "user@a:1", NULL,
	};
	struct err err = { 0 };
	char host[256] = "unset";
	char long_host[400];
	uint16_t port = 1;

	for (size_t i = 0; bad[i]; i++)
		if (hostport_parse(bad[i], 2377, host, &port, &err) != -1)
			EXPECT_STR(bad[i], "refused");
	memset(long_host, 'a', sizeof(long_host) - 1);
	long_host[sizeof(long_host) - 1] = '\0';
	EXPECT_INT(hostport_parse(long_host, 2377, host, &port, &err), -1);
	long_host[255] = '\0';
	EXPECT_INT(hostport_parse(NULL, 2377, host, &port, &err), -1);
	EXPECT_STR(host, "unset");
	EXPECT_INT(port, 1);
	EXPECT_INT(hostport_parse("a:b", 2377, host, &port, &err), -1);
	EXPECT_STR(err.text, "address 'a:b': port 'b' is not a number from 0 to 65535");
	EXPECT_INT(hostport_parse("[::1", 2377, host, &port, &err), -1);
	EXPECT_STR(err.text, "address '[::1': not of the form host:port");
	EXPECT_INT(hostport_parse(long_host, 2377, host, &port, &err), 0);
	EXPECT_INT(strlen(host), 255);
}

TEST(the_host_of_an_address_is_told_without_port_and_brackets)
{
	char host[256];

	EXPECT_STR(hostport_host("10.0.0.1:2377", host), "10.0.0.1");
	EXPECT_STR(hostport_host("10.0.0.1", host), "10.0.0.1");
	EXPECT_STR(hostport_host("[fd00::1]:2377", host), "fd00::1");
	EXPECT_STR(hostport_host("fd00::1", host), "fd00::1");
	EXPECT_STR(hostport_host("fd00::1:x", host), "");
	EXPECT_STR(hostport_host("a b:1", host), "");
	EXPECT_STR(hostport_host(NULL, host), "");
}
