#include "net/ipam.h"

#include "base/str.h"
#include "net/subnet.h"
#include "test/unit/runner.h"

static struct cidr cidr(const char *text)
{
	struct cidr cidr = { 0 };

	EXPECT(cidr_parse(text, &cidr) == 0);
	return cidr;
}

static const char *take(struct ipam *ipam)
{
	static char text[IP_TEXT_SIZE];
	struct err err = { 0 };
	struct ip ip;

	return ipam_take(ipam, &ip, &err) == 0 ? ip_format(ip, text) : "none";
}

static int take_all(struct ipam *ipam)
{
	int count = 0;

	while (!str_eq(take(ipam), "none"))
		count++;
	return count;
}

TEST(ipam_lets_an_address_that_was_given_back_rest)
{
	CLEANUP(ipam_freep) struct ipam *pool = ipam_new(cidr("10.0.9.0/29"));

	EXPECT_STR(take(pool), "10.0.9.1");
	EXPECT_STR(take(pool), "10.0.9.2");
	ipam_give_back(pool, ip4(10, 0, 9, 1));
	EXPECT_STR(take(pool), "10.0.9.3");
	EXPECT_STR(take(pool), "10.0.9.4");
	EXPECT_STR(take(pool), "10.0.9.5");
	EXPECT_STR(take(pool), "10.0.9.6");
	EXPECT_STR(take(pool), "10.0.9.1");
	EXPECT_STR(take(pool), "none");
}

TEST(ipam_names_the_range_when_it_is_used_up)
{
	CLEANUP(ipam_freep) struct ipam *pool = ipam_new(cidr("10.0.9.8/30"));
	struct err err = { 0 };
	struct ip ip;

	EXPECT_STR(take(pool), "10.0.9.9");
	EXPECT_STR(take(pool), "10.0.9.10");
	EXPECT(ipam_take(pool, &ip, &err) == -1);
	EXPECT_INT(err.code, ERR_EXHAUSTED);
	EXPECT_STR(err.text, "no free address left in 10.0.9.8/30");
}

TEST(ipam_refuses_an_address_in_use_or_outside)
{
	CLEANUP(ipam_freep) struct ipam *pool = ipam_new(cidr("10.0.9.77/24"));
	struct err err = { 0 };

	EXPECT(ipam_take_exact(pool, ip4(10, 0, 9, 3), &err) == 0);
	EXPECT(ipam_take_exact(pool, ip4(10, 0, 9, 3), &err) == -1);
	EXPECT_STR(err.text, "address 10.0.9.3: in use");
	EXPECT(ipam_take_exact(pool, ip4(10, 0, 9, 0), &err) == -1);
	EXPECT(ipam_take_exact(pool, ip4(10, 0, 9, 255), &err) == -1);
	EXPECT(ipam_take_exact(pool, ip4(10, 0, 8, 3), &err) == -1);
	EXPECT(ipam_take_exact(pool, ip4(10, 0, 10, 3), &err) == -1);
	EXPECT(ipam_take_exact(pool, (struct ip){ 0 }, &err) == -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_INT(take_all(pool), 253);
}

TEST(ipam_gives_each_address_of_a_large_range_once)
{
	CLEANUP(ipam_freep) struct ipam *pool = ipam_new(cidr("172.18.0.0/16"));
	struct err err = { 0 };
	struct ip ip;
	size_t count = 0;
	uint32_t last = 0, sorted = 0;

	while (ipam_take(pool, &ip, &err) == 0) {
		sorted += ip4_to_u32(ip) > last;
		last = ip4_to_u32(ip);
		count++;
	}
	EXPECT_INT(count, 65534);
	EXPECT_INT(sorted, 65534);
	ipam_give_back(pool, ip4(172, 18, 200, 7));
	EXPECT_STR(take(pool), "172.18.200.7");
}

static const char *choose(const char *const *taken, size_t count)
{
	static char text[CIDR_TEXT_SIZE];
	struct cidr list[32], subnet;
	struct err err = { 0 };

	for (size_t i = 0; i < count; i++)
		list[i] = cidr(taken[i]);
	return subnet_choose(list, count, &subnet, &err) == 0 ? cidr_format(subnet, text) : "none";
}

TEST(subnet_takes_the_first_range_that_overlaps_nothing)
{
	static const char *const taken[] = {
		"0.0.0.0/0",	   "172.18.5.1/24",	"172.16.0.0/14", "172.20.0.0/15",
		"10.0.0.0/8",	   "172.22.255.255/32", "172.24.0.0/13", "172.23.0.1/16",
		"192.168.1.10/24", "192.168.16.0/20",
	};

	EXPECT_STR(choose(taken, 1), "172.18.0.0/16");
	EXPECT_STR(choose(taken, 2), "172.19.0.0/16");
	EXPECT_STR(choose(taken, 3), "172.20.0.0/16");
	EXPECT_STR(choose(taken, 4), "172.22.0.0/16");
	EXPECT_STR(choose(taken, 6), "172.23.0.0/16");
	EXPECT_STR(choose(taken, 8), "192.168.0.0/20");
	EXPECT_STR(choose(taken, 10), "192.168.32.0/20");
	static const char *const all[] = { "172.16.0.0/12", "192.168.0.0/16" };
	EXPECT_STR(choose(all, 2), "none");
}

TEST(subnet_refuses_ranges_that_cannot_hold_containers)
{
	static const char *const bad[] = { "10.0.0.0/7",  "10.0.0.0/30", "127.0.0.0/8",
					   "224.0.0.0/8", "0.0.0.0/8",	 "fd00::/64" };
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		EXPECT(subnet_check(cidr(bad[i]), &err) == -1 && err.code == ERR_INVALID);
	EXPECT(subnet_check(cidr("203.0.113.0/29"), &err) == 0);
	EXPECT(ip_eq(subnet_gateway(cidr("10.1.2.3/16")), ip4(10, 1, 0, 1)));
}
