#include "node/moved.h"

#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "test/unit/runner.h"

/* "eth0 10.0.0.1, eth1 10.0.1.1" */
static struct host_addresses host(const char *text)
{
	struct host_addresses all = { .count = 0 };
	struct strlist parts = str_split(text, ',');

	for (size_t i = 0; i < parts.count && *text; i++) {
		struct strlist words = str_split(parts.items[i] + (i > 0), ' ');

		str_copy(all.items[i].interface, INTERFACE_SIZE, words.items[0]);
		check(ip_parse(words.items[1], &all.items[i].ip) == 0);
		all.count++;
		strlist_fini(&words);
	}
	strlist_fini(&parts);
	return all;
}

/* What becomes of `ip` on `interface`: "eth0 10.0.0.1", or "same". */
static const char *look(const char *now, const char *interface, const char *ip)
{
	static char said[80];
	char on[INTERFACE_SIZE], text[IP_TEXT_SIZE];
	struct host_addresses all = host(now);
	struct ip at;

	check(ip_parse(ip, &at) == 0);
	str_copy(on, sizeof on, interface);
	if (!moved_look(&all, &at, on))
		return "same";
	CLEANUP(str_freep) char *whole = str_printf("%s %s", on, ip_format(at, text));
	str_copy(said, sizeof said, whole);
	return said;
}

TEST(an_address_that_is_there_stays_and_its_interface_is_remembered)
{
	EXPECT_STR(look("eth0 10.0.0.1, eth1 10.0.1.1", "eth0", "10.0.0.1"), "same");
	EXPECT_STR(look("eth0 10.0.0.1, eth1 10.0.1.1", "", "10.0.1.1"), "eth1 10.0.1.1");
	EXPECT_STR(look("eth0 10.0.0.1, eth1 10.0.1.1", "eth0", "10.0.1.1"), "eth1 10.0.1.1");
}

TEST(an_address_that_is_gone_is_replaced_by_that_of_its_interface)
{
	EXPECT_STR(look("eth0 10.0.0.7, eth1 10.0.1.1", "eth0", "10.0.0.1"), "eth0 10.0.0.7");
	EXPECT_STR(look("eth1 10.0.1.1, eth0 10.0.0.7", "eth0", "10.0.0.1"), "eth0 10.0.0.7");
}

TEST(an_address_of_nobody_here_was_told_by_a_human_and_stays)
{
	EXPECT_STR(look("eth0 10.0.0.7", "", "203.0.113.9"), "same");
	EXPECT_STR(look("eth0 10.0.0.7", "", "127.0.0.1"), "same");
}

TEST(a_host_without_that_interface_is_reached_at_its_only_address_or_waits)
{
	EXPECT_STR(look("ens3 10.0.0.7", "eth0", "10.0.0.1"), "ens3 10.0.0.7");
	EXPECT_STR(look("ens3 10.0.0.7, ens4 10.0.1.7", "eth0", "10.0.0.1"), "same");
	EXPECT_STR(look("", "eth0", "10.0.0.1"), "same");
}
