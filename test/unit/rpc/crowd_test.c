#include "rpc/crowd.h"

#include "test/unit/runner.h"

static struct ip ip(const char *text)
{
	struct ip parsed = { 0 };

	EXPECT_INT(ip_parse(text, &parsed), 0);
	return parsed;
}

TEST(a_flood_out_of_one_place_turns_against_itself)
{
	struct ip guests[] = { ip("10.0.0.9"), ip("10.0.0.1"), ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.1") };

	EXPECT_INT(crowd_gives_way(guests, 5, ip("10.0.0.1")), 5);
	EXPECT_INT(crowd_gives_way(guests, 5, ip("10.0.0.2")), 1);
	EXPECT_INT(crowd_gives_way(guests, 5, ip("10.0.0.3")), 1);
}

TEST(among_loners_the_oldest_gives_way)
{
	struct ip guests[] = { ip("10.0.0.9"), ip("10.0.0.1"), ip("10.0.0.2") };

	EXPECT_INT(crowd_gives_way(guests, 3, ip("10.0.0.3")), 0);
	EXPECT_INT(crowd_gives_way(guests, 3, ip("10.0.0.1")), 0);
	EXPECT_INT(crowd_gives_way(guests, 0, ip("10.0.0.1")), 0);
}

TEST(as_crowded_as_the_fullest_place_is_crowded_enough)
{
	struct ip guests[] = { ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.1"), ip("10.0.0.2") };

	EXPECT_INT(crowd_gives_way(guests, 4, ip("10.0.0.1")), 4);
	EXPECT_INT(crowd_gives_way(guests, 4, ip("10.0.0.2")), 4);
	EXPECT_INT(crowd_gives_way(guests, 4, ip("10.0.0.3")), 0);
}

TEST(a_network_of_ipv6_is_one_place)
{
	struct ip guests[] = { ip("10.0.0.1"), ip("2001:db8::1"), ip("2001:db8::2"), ip("2001:db8:0:1::1") };

	EXPECT_INT(crowd_gives_way(guests, 4, ip("2001:db8::3")), 4);
	EXPECT_INT(crowd_gives_way(guests, 4, ip("2001:db8:0:1::2")), 1);
	EXPECT_INT(crowd_gives_way(guests, 4, ip("10.0.0.1")), 1);
}
