/* Published ports: real traffic through real rules, see rig.h. */
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "net/net.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/net/rig.h"
#include "test/unit/net/traffic.h"
#include "test/unit/runner.h"

TEST(a_published_port_answers_from_everywhere)
{
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 30),
		   "a 198.51.100.9, b 198.51.100.9");
	EXPECT_STR(who_answers(p.rig.host, RIG_HOST, 8080, 30), "a 198.51.100.1, b 198.51.100.1");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers(p.a, RIG_HOST, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers(p.a, "172.18.0.1", 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers_udp(p.rig.outside, RIG_HOST, 8080, 30),
		   "a 198.51.100.9, b 198.51.100.9");
	EXPECT_STR(who_answers_udp(p.rig.host, RIG_LOOPBACK, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers_udp(p.b, RIG_HOST, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	rig_pair_close(&p);
}

static void write_sysctl(const char *path, const char *text)
{
	struct err err = { 0 };

	EXPECT(file_poke(path, text, &err) == 0);
}

TEST(a_container_reaches_its_own_service_with_and_without_bridge_netfilter)
{
	static const struct rig_port only_a = { NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	for (int on = 0; on < 2; on++) {
		if (file_exists("/proc/sys/net/bridge/bridge-nf-call-iptables"))
			write_sysctl("/proc/sys/net/bridge/bridge-nf-call-iptables",
				     on ? "1" : "0");
		EXPECT_STR(who_answers(p.a, RIG_HOST, 8080, 5), "a 172.18.0.1");
		EXPECT_STR(who_answers(p.b, RIG_HOST, 8080, 5), "a 172.18.0.1");
		EXPECT_STR(who_answers(p.b, "172.18.0.2", 80, 5), "a 172.18.0.3");
		EXPECT_STR(who_answers(p.rig.host, "172.18.0.2", 80, 2), "a 172.18.0.1");
	}
	rig_pair_close(&p);
}

TEST(a_container_reaches_the_outside_under_the_hosts_address)
{
	struct rig_pair p;

	rig_pair_open(&p);
	struct server *server = server_start(p.rig.outside, "o", 99);
	EXPECT_STR(who_answers(p.a, RIG_OUTSIDE, 99, 3), "o 198.51.100.1");
	EXPECT_STR(who_answers_udp(p.b, RIG_OUTSIDE, 99, 3), "o 198.51.100.1");
	server_stop(server);
	rig_pair_close(&p);
}

TEST(a_port_that_is_not_published_cannot_be_reached_from_outside)
{
	static const struct rig_port only_a = { NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	EXPECT(nobody_answers(p.rig.outside, "172.18.0.2", 80));
	EXPECT(nobody_answers(p.rig.outside, "172.18.0.3", 80));
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 80, 1), "refused");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 1), "a 198.51.100.9");
	rig_pair_close(&p);
}

static bool hits_become(struct server *server, size_t want)
{
	for (msec until = clock_boot_ms() + LONG_MS; server_hits(server) != want && clock_boot_ms() < until;)
		usleep(2000);
	return server_hits(server) == want;
}

TEST(packets_from_outside_to_loopback_addresses_are_dropped)
{
	static const struct rig_port only_a = { NET_UDP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	send_forged(&p.rig, RIG_LOOPBACK, 8080);
	send_forged(&p.rig, RIG_HOST, 8080);
	EXPECT(hits_become(p.a_server, 1));
	write_sysctl("/proc/sys/net/ipv4/conf/all/route_localnet",
		     "1"); /* an administrator's, who opened it everywhere */
	send_forged(&p.rig, "127.1.2.3", 8080);
	send_forged(&p.rig, RIG_HOST, 8080);
	EXPECT(hits_become(p.a_server, 2));
	rig_pair_close(&p);
}

TEST(a_withdrawn_backend_keeps_its_connections_and_gets_no_new_ones)
{
	static const struct rig_port only_b = { NET_TCP, 8080, 80, { "b" }, NET_INGRESS, NULL };
	struct rig_pair p;
	int fds[20];
	char name[32];
	unsigned at_a = 0;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = dial(p.rig.outside, RIG_HOST, 8080, name);
		at_a += name[0] == 'a';
	}
	EXPECT(at_a > 0 && at_a < ARRAY_COUNT(fds));
	EXPECT_STR(rig_publish(&p.rig, &only_b, 1), "");
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		EXPECT(still_answers(fds[i]));
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 20), "b 198.51.100.9");

	EXPECT(rig_drain(&p.rig, "a", 150) >= 150);          /* they are still open */
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
	EXPECT(rig_drain(&p.rig, "a", LONG_MS) < LONG_MS);
	EXPECT_STR(rig_detach(&p.rig, "a"), "");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 5), "b 198.51.100.9");
	rig_pair_close(&p);
}

TEST(draining_ends_when_the_last_connection_does)
{
	static const struct rig_port only_a = { NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct rig_pair p;
	char name[32];

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	EXPECT(rig_drain(&p.rig, "a", LONG_MS) < LONG_MS);          /* none */
	EXPECT(rig_drain(&p.rig, "b", LONG_MS) < LONG_MS);          /* never was a backend */
	EXPECT(rig_drain(&p.rig, "nobody", LONG_MS) < LONG_MS);
	int fd = dial(p.rig.host, RIG_LOOPBACK, 8080, name);
	EXPECT(fd >= 0);
	EXPECT_STR(rig_publish(&p.rig, NULL, 0), "");
	EXPECT(rig_drain(&p.rig, "a", 60) >= 60);
	EXPECT(still_answers(fd));
	close(fd);
	EXPECT(rig_drain(&p.rig, "a", LONG_MS) < LONG_MS);
	rig_pair_close(&p);
}

TEST(a_udp_flow_moves_to_another_backend_when_its_own_is_drained)
{
	struct rig_pair p;
	char name[32];

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	int fd = udp_open(p.rig.outside, RIG_HOST, 8080);
	EXPECT(udp_ask(fd, name));
	const char *first = name[0] == 'a' ? "a" : "b", *other = name[0] == 'a' ? "b" : "a";
	struct rig_port rest = { NET_UDP, 8080, 80, { other }, NET_INGRESS, NULL };
	EXPECT_STR(rig_publish(&p.rig, &rest, 1), "");
	EXPECT(udp_ask(fd, name) && name[0] == first[0]);
	rig_drain(&p.rig, first, 1000);
	EXPECT(udp_ask(fd, name) && name[0] == other[0]);
	close(fd);
	rig_pair_close(&p);
}

TEST(a_udp_flow_that_began_before_its_port_was_published_finds_it)
{
	static const struct rig_port only_a = { NET_UDP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct rig_pair p;
	char name[32];

	rig_pair_open(&p);
	int fd = udp_open(p.rig.outside, RIG_HOST, 8080);
	EXPECT(!udp_ask(fd, name));
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	EXPECT(!udp_ask(fd, name) ||
	       name[0] == 'a'); /* the first one may report the refusal of before */
	EXPECT(udp_ask(fd, name));
	EXPECT_STR(name, "a 198.51.100.9");
	close(fd);
	rig_pair_close(&p);
}

TEST(a_published_port_without_backend_refuses_at_once)
{
	static const struct rig_port nobody[] = {
		{ NET_TCP, 8080, 80, { NULL }, NET_INGRESS, NULL },
		{ NET_TCP, 8081, 80, { "not-attached" }, NET_INGRESS, NULL },
	};
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, nobody, 2), "");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 2), "refused");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 2), "refused");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8081, 2), "refused");
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	EXPECT_STR(rig_detach(&p.rig, "a"), "");             /* without having been withdrawn */
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 20), "b 172.18.0.1");
	rig_pair_close(&p);
}
