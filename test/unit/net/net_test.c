/* Real traffic through real rules: see rig.h. */
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/leg_io.h"
#include "net/link_io.h"
#include "net/net_plan.h"
#include "os/clock.h"
#include "os/file.h"

#include "test/unit/net/rig.h"
#include "test/unit/runner.h"

#define LO "127.0.0.1"

/* Two containers with a server on port 80 each. */
struct pair { struct rig rig; int a, b; struct ip a_ip, b_ip; struct server *a_server, *b_server; };

static void pair_open(struct pair *pair)
{
	rig_open(&pair->rig);
	rig_start(&pair->rig);
	pair->a = rig_netns();
	pair->b = rig_netns();
	EXPECT_STR(rig_attach(&pair->rig, "a", pair->a, &pair->a_ip), "");
	EXPECT_STR(rig_attach(&pair->rig, "b", pair->b, &pair->b_ip), "");
	pair->a_server = server_start(pair->a, "a", 80);
	pair->b_server = server_start(pair->b, "b", 80);
}

static void pair_close(struct pair *pair)
{
	server_stop(pair->a_server);
	server_stop(pair->b_server);
	close(pair->a);
	close(pair->b);
	rig_close(&pair->rig);
}

static const struct rig_port both[] = {
	{ NET_TCP, 8080, 80, { "a", "b" }, NET_INGRESS, NULL },
	{ NET_UDP, 8080, 80, { "a", "b" }, NET_INGRESS, NULL },
};

TEST(a_published_port_answers_from_everywhere)
{
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 30),
		   "a 198.51.100.9, b 198.51.100.9");
	EXPECT_STR(who_answers(p.rig.host, RIG_HOST, 8080, 30), "a 198.51.100.1, b 198.51.100.1");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers(p.a, RIG_HOST, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers(p.a, "172.18.0.1", 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers_udp(p.rig.outside, RIG_HOST, 8080, 30),
		   "a 198.51.100.9, b 198.51.100.9");
	EXPECT_STR(who_answers_udp(p.rig.host, LO, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers_udp(p.b, RIG_HOST, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	pair_close(&p);
}

static void write_sysctl(const char *path, const char *text)
{
	struct err err = { 0 };

	EXPECT(file_poke(path, text, &err) == 0);
}

TEST(a_container_reaches_its_own_service_with_and_without_bridge_netfilter)
{
	static const struct rig_port only_a = { NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct pair p;

	pair_open(&p);
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
	pair_close(&p);
}

TEST(a_container_reaches_the_outside_under_the_hosts_address)
{
	struct pair p;

	pair_open(&p);
	struct server *server = server_start(p.rig.outside, "o", 99);
	EXPECT_STR(who_answers(p.a, RIG_OUTSIDE, 99, 3), "o 198.51.100.1");
	EXPECT_STR(who_answers_udp(p.b, RIG_OUTSIDE, 99, 3), "o 198.51.100.1");
	server_stop(server);
	pair_close(&p);
}

TEST(a_port_that_is_not_published_cannot_be_reached_from_outside)
{
	static const struct rig_port only_a = { NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	EXPECT(nobody_answers(p.rig.outside, "172.18.0.2", 80));
	EXPECT(nobody_answers(p.rig.outside, "172.18.0.3", 80));
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 80, 1), "refused");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 1), "a 198.51.100.9");
	pair_close(&p);
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
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	send_forged(&p.rig, LO, 8080);
	send_forged(&p.rig, RIG_HOST, 8080);
	EXPECT(hits_become(p.a_server, 1));
	write_sysctl("/proc/sys/net/ipv4/conf/all/route_localnet",
		     "1"); /* an administrator's, who opened it everywhere */
	send_forged(&p.rig, "127.1.2.3", 8080);
	send_forged(&p.rig, RIG_HOST, 8080);
	EXPECT(hits_become(p.a_server, 2));
	pair_close(&p);
}

TEST(a_withdrawn_backend_keeps_its_connections_and_gets_no_new_ones)
{
	static const struct rig_port only_b = { NET_TCP, 8080, 80, { "b" }, NET_INGRESS, NULL };
	struct pair p;
	int fds[20];
	char name[32];
	unsigned at_a = 0;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
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
	pair_close(&p);
}

TEST(draining_ends_when_the_last_connection_does)
{
	static const struct rig_port only_a = { NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct pair p;
	char name[32];

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	EXPECT(rig_drain(&p.rig, "a", LONG_MS) < LONG_MS);          /* none */
	EXPECT(rig_drain(&p.rig, "b", LONG_MS) < LONG_MS);          /* never was a backend */
	EXPECT(rig_drain(&p.rig, "nobody", LONG_MS) < LONG_MS);
	int fd = dial(p.rig.host, LO, 8080, name);
	EXPECT(fd >= 0);
	EXPECT_STR(rig_publish(&p.rig, NULL, 0), "");
	EXPECT(rig_drain(&p.rig, "a", 60) >= 60);
	EXPECT(still_answers(fd));
	close(fd);
	EXPECT(rig_drain(&p.rig, "a", LONG_MS) < LONG_MS);
	pair_close(&p);
}

TEST(a_udp_flow_moves_to_another_backend_when_its_own_is_drained)
{
	struct pair p;
	char name[32];

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	int fd = udp_open(p.rig.outside, RIG_HOST, 8080);
	EXPECT(udp_ask(fd, name));
	const char *first = name[0] == 'a' ? "a" : "b", *other = name[0] == 'a' ? "b" : "a";
	struct rig_port rest = { NET_UDP, 8080, 80, { other }, NET_INGRESS, NULL };
	EXPECT_STR(rig_publish(&p.rig, &rest, 1), "");
	EXPECT(udp_ask(fd, name) && name[0] == first[0]);
	rig_drain(&p.rig, first, 1000);
	EXPECT(udp_ask(fd, name) && name[0] == other[0]);
	close(fd);
	pair_close(&p);
}

TEST(a_udp_flow_that_began_before_its_port_was_published_finds_it)
{
	static const struct rig_port only_a = { NET_UDP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	struct pair p;
	char name[32];

	pair_open(&p);
	int fd = udp_open(p.rig.outside, RIG_HOST, 8080);
	EXPECT(!udp_ask(fd, name));
	EXPECT_STR(rig_publish(&p.rig, &only_a, 1), "");
	EXPECT(!udp_ask(fd, name) ||
	       name[0] == 'a'); /* the first one may report the refusal of before */
	EXPECT(udp_ask(fd, name));
	EXPECT_STR(name, "a 198.51.100.9");
	close(fd);
	pair_close(&p);
}

TEST(a_published_port_without_backend_refuses_at_once)
{
	static const struct rig_port nobody[] = {
		{ NET_TCP, 8080, 80, { NULL }, NET_INGRESS, NULL },
		{ NET_TCP, 8081, 80, { "not-attached" }, NET_INGRESS, NULL },
	};
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, nobody, 2), "");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 2), "refused");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 2), "refused");
	EXPECT_STR(who_answers(p.rig.host, LO, 8081, 2), "refused");
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	EXPECT_STR(rig_detach(&p.rig, "a"), "");             /* without having been withdrawn */
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 20), "b 172.18.0.1");
	pair_close(&p);
}

TEST(a_port_of_a_host_process_is_refused_in_dockers_words_and_the_others_work)
{
	static const struct rig_port ports[] = {
		{ NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL },
		{ NET_TCP, 8081, 80, { "b" }, NET_HOST, NULL },
		{ NET_TCP, 8081, 80, { "a" }, NET_INGRESS, NULL },
	};
	struct pair p;

	pair_open(&p);
	struct server *owner = server_start(p.rig.host, "host", 8080);
	EXPECT_STR(rig_publish(&p.rig, ports, 2),
		   "failed to bind host port 0.0.0.0:8080/tcp: address already in use");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 3), "host 198.51.100.9");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8081, 3), "b 198.51.100.9");
	server_stop(owner);
	EXPECT_STR(rig_publish(&p.rig, ports, 2), "");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 3), "a 198.51.100.9");
	EXPECT_STR(rig_publish(&p.rig, ports + 1, 2), "port '8081' is already in use on this host");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8081, 3), "b 198.51.100.9");
	pair_close(&p);
}

static int bind_errno_at(int type, const char *ip, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1, result = 0;

	EXPECT_INT(inet_pton(AF_INET, ip, &name.sin_addr), 1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 1) < 0))
		result = errno;
	close(fd);
	return result;
}

static int bind_errno(int type, uint16_t port)
{
	return bind_errno_at(type, "0.0.0.0", port);
}

TEST(a_port_published_on_one_address_answers_there_only)
{
	static const struct rig_port ports[] = {
		{ NET_TCP, 8080, 80, { "a" }, NET_HOST, LO },
		{ NET_UDP, 8080, 80, { "a" }, NET_HOST, LO },
		{ NET_TCP, 8080, 80, { "b" }, NET_HOST, RIG_HOST },
		{ NET_UDP, 8080, 80, { "b" }, NET_HOST, RIG_HOST },
	};
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, ports, 2), "");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 3), "a 172.18.0.1");
	EXPECT_STR(who_answers_udp(p.rig.host, LO, 8080, 3), "a 172.18.0.1");
	EXPECT_STR(who_answers(p.rig.host, RIG_HOST, 8080, 1), "refused");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 1), "refused");
	EXPECT_STR(who_answers(p.b, RIG_HOST, 8080, 1), "refused");
	EXPECT_STR(who_answers(p.b, "172.18.0.1", 8080, 1), "refused");
	size_t hits = server_hits(p.a_server);
	send_forged(&p.rig, LO, 8080);
	EXPECT_STR(who_answers_udp(p.rig.host, LO, 8080, 1), "a 172.18.0.1");
	EXPECT_INT(server_hits(p.a_server), hits + 1);

	/* A flow to an address that is not published yet does not pass by the rule that comes. */
	int fd = udp_open(p.rig.outside, RIG_HOST, 8080);
	char name[32];
	EXPECT(!udp_ask(fd, name));
	EXPECT_STR(rig_publish(&p.rig, ports, 4), "");
	EXPECT(!udp_ask(fd, name) ||
	       name[0] == 'b'); /* the first one may report the refusal of before */
	EXPECT(udp_ask(fd, name));
	EXPECT_STR(name, "b 198.51.100.9");
	close(fd);
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 3), "a 172.18.0.1");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 3), "b 198.51.100.9");
	EXPECT_STR(who_answers(p.rig.host, RIG_HOST, 8080, 3), "b 198.51.100.1");
	EXPECT_STR(who_answers(p.a, RIG_HOST, 8080, 3), "b 172.18.0.1");
	EXPECT_STR(who_answers(p.rig.outside, "172.18.0.1", 8080, 1), "refused");

	rig_crash(&p.rig);
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 3), "a 172.18.0.1");
	rig_start(&p.rig);
	struct err err = { 0 };
	struct ip ip;
	EXPECT(net_adopt(p.rig.net, "a", &ip, &err) == 0 && net_adopt(p.rig.net, "b", &ip, &err) == 0);
	EXPECT_STR(rig_publish(&p.rig, ports + 2, 2), "");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 1), "refused");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 3), "b 198.51.100.9");
	pair_close(&p);
}

TEST(a_port_is_held_on_all_addresses_or_on_one)
{
	static const enum net_proto protos[] = { NET_TCP, NET_UDP, NET_SCTP };
	const struct ip all = { 0 }, lo = ip4(127, 0, 0, 1), host = ip4(198, 51, 100, 1),
			foreign = ip4(192, 0, 2, 1);
	struct pair p;
	struct err err = { 0 };
	uint16_t port;

	pair_open(&p);
	for (size_t i = 0; i < ARRAY_COUNT(protos); i++) {
		EXPECT(net_reserve_port(p.rig.net, protos[i], lo, 8080, &port, &err) == 0);
		EXPECT(net_reserve_port(p.rig.net, protos[i], host, 8080, &port, &err) == 0);
		EXPECT(net_reserve_port(p.rig.net, protos[i], lo, 8080, &port, &err) == -1);
		EXPECT_INT(err.code, ERR_CONFLICT);
		EXPECT(net_reserve_port(p.rig.net, protos[i], all, 8080, &port, &err) == -1);
		EXPECT_INT(err.code, ERR_CONFLICT);
		net_release_port(p.rig.net, protos[i], lo, 8080);
		EXPECT(net_reserve_port(p.rig.net, protos[i], all, 8080, &port, &err) == -1);
		net_release_port(p.rig.net, protos[i], host, 8080);
		EXPECT(net_reserve_port(p.rig.net, protos[i], all, 8080, &port, &err) == 0);
		EXPECT(net_reserve_port(p.rig.net, protos[i], lo, 8080, &port, &err) == -1);
		EXPECT_INT(err.code, ERR_CONFLICT);
		net_release_port(p.rig.net, protos[i], all, 8080);
	}
	EXPECT(net_reserve_port(p.rig.net, NET_TCP, lo, 0, &port, &err) == 0);
	EXPECT(port > 1024);
	EXPECT_INT(bind_errno_at(SOCK_STREAM, LO, port), EADDRINUSE);
	EXPECT_INT(bind_errno_at(SOCK_STREAM, "127.0.0.2", port), 0);
	EXPECT(net_reserve_port(p.rig.net, NET_TCP, foreign, 8080, &port, &err) == -1);
	EXPECT_STR(err.text, "failed to bind host port "
			     "192.0.2.1:8080/tcp: cannot assign requested address");
	EXPECT(net_reserve_port(p.rig.net, NET_UDP, foreign, 0, &port, &err) == -1);
	EXPECT_STR(err.text, "failed to bind host port "
			     "192.0.2.1:0/udp: cannot assign requested address");
	pair_close(&p);
}

TEST(a_published_port_is_held_against_host_processes)
{
	struct pair p;
	struct err err = { 0 };
	uint16_t port = 0;

	pair_open(&p);
	EXPECT_INT(bind_errno(SOCK_STREAM, 8080), 0);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	EXPECT_INT(bind_errno(SOCK_STREAM, 8080), EADDRINUSE);
	EXPECT_INT(bind_errno(SOCK_DGRAM, 8080), EADDRINUSE);
	EXPECT(net_reserve_port(p.rig.net, NET_TCP, (struct ip){ 0 }, 0, &port, &err) == 0);
	EXPECT(port > 1024);
	EXPECT_INT(bind_errno(SOCK_STREAM, port), EADDRINUSE);
	EXPECT(net_reserve_port(p.rig.net, NET_TCP, (struct ip){ 0 }, port, &port, &err) == -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	net_release_port(p.rig.net, NET_TCP, (struct ip){ 0 }, port);
	EXPECT_INT(bind_errno(SOCK_STREAM, port), 0);
	EXPECT_STR(rig_publish(&p.rig, NULL, 0), "");
	EXPECT_INT(bind_errno(SOCK_STREAM, 8080), 0);
	EXPECT_INT(bind_errno(SOCK_DGRAM, 8080), 0);
	pair_close(&p);
}

TEST(ports_work_while_the_agent_is_dead_and_the_next_one_takes_over)
{
	struct pair p;
	struct err err = { 0 };
	struct ip ip;
	char name[32];

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	int fd = dial(p.rig.outside, RIG_HOST, 8080, name);
	rig_crash(&p.rig);
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 20),
		   "a 198.51.100.9, b 198.51.100.9");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 20), "a 172.18.0.1, b 172.18.0.1");

	rig_start(&p.rig);
	EXPECT(net_adopt(p.rig.net, "a", &ip, &err) == 0 && ip_eq(ip, p.a_ip));
	EXPECT(net_adopt(p.rig.net, "a", &ip, &err) == -1 && err.code == ERR_CONFLICT);
	EXPECT(net_adopt(p.rig.net, "never", &ip, &err) == -1 && err.code == ERR_NOT_FOUND);
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 20),
		   "a 172.18.0.1, b 172.18.0.1");	     /* until the first table */
	EXPECT_STR(rig_sweep(&p.rig), "");                   /* b was not adopted */
	EXPECT_INT(count_links(&p.rig, "sb"), 2);            /* the bridge and a's leg */
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 20), "a 172.18.0.1");
	EXPECT(name[0] == 'b' || still_answers(fd));
	EXPECT_STR(rig_publish(&p.rig, NULL, 0),
		   ""); /* what the old one had published is gone too */
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 3), "refused");
	close(fd);
	pair_close(&p);
}

TEST(a_leg_of_an_earlier_agent_is_replaced_when_its_id_is_attached_anew)
{
	struct pair p;
	struct ip ip;

	pair_open(&p);
	rig_crash(&p.rig);
	rig_start(&p.rig);
	int fresh = rig_netns();
	EXPECT_STR(rig_attach(&p.rig, "a", fresh, &ip), "");
	struct server *server = server_start(fresh, "fresh", 80);
	const struct rig_port port = { NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	EXPECT_STR(rig_publish(&p.rig, &port, 1), "");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 3), "fresh 172.18.0.1");
	EXPECT_STR(rig_sweep(&p.rig), "");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 3), "fresh 172.18.0.1");
	server_stop(server);
	close(fresh);
	pair_close(&p);
}

static void count_success(void *arg, const struct err *err)
{
	*(int *)arg += err ? 100 : 1;
}

static void count_attached(void *arg, struct ip ip, const struct err *err)
{
	(void)ip;
	count_success(arg, err);
}

TEST(a_sweep_spares_what_is_attached_in_the_same_round)
{
	struct pair p;
	int done = 0;
	struct ip none = { 0 };

	pair_open(&p);
	rig_crash(&p.rig);
	rig_start(&p.rig);
	int fresh = rig_netns(), other = rig_netns();
	net_attach(p.rig.net, "b", other, none, count_attached, &done);
	net_sweep(p.rig.net, count_success, &done);
	net_attach(p.rig.net, "a", fresh, none, count_attached, &done);
	net_attach(p.rig.net, "c", p.a, none, count_attached, &done);
	net_detach(p.rig.net, "c", count_success, &done);
	for (msec until = clock_boot_ms() + LONG_MS; done < 5 && clock_boot_ms() < until;)
		loop_run_once(p.rig.loop, 10);
	EXPECT_INT(done, 5);
	EXPECT_INT(count_links(&p.rig, "sb"), 3);
	close(fresh);
	close(other);
	pair_close(&p);
}

/* An agent that attaches, publishes and detaches without a pause, until it is killed. */
static void live_and_die(struct rig *rig, const int *netns, size_t count)
{
	static const char *const ids[] = { "k0", "k1", "k2", "k3" };

	rig_start(rig);
	rig_sweep(rig);
	for (;;) {
		for (size_t i = 0; i < count; i++)
			rig_attach(rig, ids[i], netns[i], NULL);
		for (uint16_t port = 1000; port < 1020; port++) {
			struct rig_port table[] = {
				{ NET_TCP, port, 80, { "k0", "k1" }, NET_INGRESS, NULL },
				{ NET_UDP, port, 80, { "k2" }, NET_INGRESS, NULL },
			};
			rig_publish(rig, table, 2);
		}
		for (size_t i = 0; i < count; i++)
			rig_detach(rig, ids[i]);
	}
}

TEST_TIMEOUT(whenever_an_agent_is_killed_the_next_one_clears_up_behind_it, 600)
{
	struct rig rig;
	int netns[4];

	rig_open(&rig);
	for (size_t i = 0; i < ARRAY_COUNT(netns); i++)
		netns[i] = rig_netns();
	for (useconds_t round = 0; round < 15; round++) {
		pid_t pid = fork();
		if (pid == 0)
			live_and_die(&rig, netns, ARRAY_COUNT(netns));
		usleep(10000 + round * 7919 % 40 * 1000);
		EXPECT(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);

		rig_start(&rig);
		EXPECT_STR(rig_sweep(&rig), "");
		EXPECT_INT(count_links(&rig, "sb"), 1);
		EXPECT_STR(rig_attach(&rig, "k0", netns[0], NULL), "");
		const struct rig_port port = { NET_TCP, 1000, 80, { "k0" }, NET_INGRESS, NULL };
		EXPECT_STR(rig_publish(&rig, &port, 1), "");
		EXPECT_INT(count_chains(&rig, "tcp_") + count_chains(&rig, "udp_"), 1);
		EXPECT_STR(rig_detach(&rig, "k0"), "");
		rig_crash(&rig);
	}
	for (size_t i = 0; i < ARRAY_COUNT(netns); i++)
		close(netns[i]);
	rig_close(&rig);
}

TEST(a_table_that_somebody_deleted_comes_back_with_the_next_change)
{
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	EXPECT(delete_table(&p.rig, "swarmbox_t"));
	EXPECT_STR(rig_publish(&p.rig, both, 1), "");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 20), "a 172.18.0.1, b 172.18.0.1");
	pair_close(&p);
}

TEST(a_table_that_a_firewall_flushed_comes_back_by_itself)
{
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	for (int times = 0; times < 2; times++) {
		EXPECT(delete_table(&p.rig, "swarmbox_t"));
		EXPECT_STR(who_answers(p.rig.host, LO, 8080, 1), "refused");
		for (msec until = clock_boot_ms() + LONG_MS; !has_table(&p.rig, "swarmbox_t") && clock_boot_ms() < until;)
			loop_run_once(p.rig.loop, 20);
		EXPECT_STR(who_answers(p.rig.host, LO, 8080, 20), "a 172.18.0.1, b 172.18.0.1");
	}
	pair_close(&p);
}

TEST(purge_leaves_nothing)
{
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	EXPECT(has_table(&p.rig, "swarmbox_t"));
	EXPECT_STR(rig_purge(&p.rig), "");
	EXPECT(!has_table(&p.rig, "swarmbox_t"));
	EXPECT_INT(count_links(&p.rig, "sb"), 0);
	pair_close(&p);
}

TEST(attaching_refuses_what_is_wrong_and_leaves_nothing)
{
	struct rig rig;
	struct ip ip;

	rig_open(&rig);
	rig_start(&rig);
	int a = rig_netns(), no_netns = open("/dev/null", O_RDONLY | O_CLOEXEC);
	EXPECT_STR(rig_attach(&rig, "a b", a, &ip), "attachment 'a b': not an id");
	EXPECT(rig_attach(&rig, "x", -1, &ip)[0]);
	EXPECT(rig_attach(&rig, "x", no_netns, &ip)[0]);
	EXPECT_INT(count_links(&rig, "sb"), 1);
	EXPECT_STR(rig_attach(&rig, "a", a, &ip), "");
	EXPECT_STR(rig_attach(&rig, "a", a, &ip), "attachment 'a': attached already");
	EXPECT(rig_attach(&rig, "b", a, &ip)[0]);            /* it has an eth0 */
	EXPECT_INT(count_links(&rig, "sb"), 2);
	EXPECT_STR(rig_detach(&rig, "a"), "");
	EXPECT_STR(rig_detach(&rig, "a"), "");
	EXPECT_INT(count_links(&rig, "sb"), 1);
	close(a);
	close(no_netns);
	rig_close(&rig);
}

static void must_not_come(void *arg, struct ip ip, const struct err *err)
{
	(void)arg, (void)ip, (void)err;
	EXPECT(!"a callback after net_close");
}

TEST(closing_with_work_under_way_calls_nobody_back)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig);
	int a = rig_netns();
	net_attach(rig.net, "a", a, (struct ip){ 0 }, must_not_come, NULL);
	loop_run_once(rig.loop, 0);      /* the job is out */
	net_attach(rig.net, "b", a, (struct ip){ 0 }, must_not_come, NULL);
	rig_crash(&rig);
	rig_start(&rig);
	EXPECT_STR(rig_sweep(&rig), ""); /* whatever the thread had made */
	EXPECT_INT(count_links(&rig, "sb"), 1);
	close(a);
	rig_close(&rig);
}

TEST(two_agents_of_one_namespace_leave_each_other_alone)
{
	struct pair p;
	struct net *other;
	struct err err = { 0 };

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	struct net_config config = {
		.loop = p.rig.loop, .work = p.rig.work, .instance = "u", .bridge = "sbt0"
	};
	EXPECT(net_open(&config, &other, &err) == -1);
	EXPECT_STR(err.text, "bridge 'sbt0': belongs to 'swarmbox t bridge'; choose another name");
	config.bridge = "sbu0";
	EXPECT(net_open(&config, &other, &err) == 0);
	EXPECT(ip_eq(net_describe(other).gateway, ip4(172, 19, 0, 1)));
	net_close(other);
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 20), "a 172.18.0.1, b 172.18.0.1");
	pair_close(&p);
}

/* A veth in the host's namespace whose other end is still down, as a port of the bridge. */
static void make_half(struct rig *rig, struct netlink_io *route, int netns)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	struct err err = { 0 };
	struct link_veth veth = { .name = "sb000000000000",
				  .netns_fd = netns,
				  .mtu = 1500,
				  .mac = { 2, 0, 0, 0, 0, 7 } };

	(void)rig;
	veth.bridge_index = (int)if_nametoindex("sbt0");
	EXPECT(veth.bridge_index > 0 && netlink_io_open(route, NETLINK_ROUTE, &err) == 0);
	uint32_t seq = netlink_io_take_seq(route, 1);
	link_put_veth(&batch, seq, &veth);
	netlink_add_flags(&batch, 0, NLM_F_ACK);
	EXPECT(netlink_io_send(route, &batch, seq, seq, NULL, &err) == 0);
}

static void *raise_later(void *arg)
{
	int *netns = arg;
	struct netlink_io io = NETLINK_IO_NONE;
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	struct err err = { 0 };

	EXPECT(setns(*netns, CLONE_NEWNET) == 0 && netlink_io_open(&io, NETLINK_ROUTE, &err) == 0);
	usleep(20000); /* so that the other thread waits by now; if it does not yet, it passes all
			  the same */
	link_put_up(&batch, 1, (int)if_nametoindex(LINK_LEG_NAME));
	netlink_add_flags(&batch, 0, NLM_F_ACK);
	EXPECT(netlink_io_send(&io, &batch, 1, 1, NULL, &err) == 0);
	netlink_io_close(&io);
	return NULL;
}

TEST(a_leg_that_is_not_forwarding_yet_is_waited_for)
{
	struct rig rig;
	struct netlink_io route = NETLINK_IO_NONE;
	struct err err = { 0 };
	pthread_t thread;

	rig_open(&rig);
	rig_start(&rig);
	int netns = rig_netns();
	make_half(&rig, &route, netns);
	EXPECT(link_await_port(&route, "sb000000000000", 30, &err) == -1);
	EXPECT_STR(err.text, "not forwarding after 30 ms");
	EXPECT(link_await_port(&route, "sb111111111111", 30, &err) == -1);
	EXPECT(pthread_create(&thread, NULL, raise_later, &netns) == 0);
	EXPECT(link_await_port(&route, "sb000000000000", LONG_MS, &err) == 0);
	pthread_join(thread, NULL);

	/* Without an alias it is half-made: the next agent can only sweep it. */
	struct ip ip;
	rig_crash(&rig);
	rig_start(&rig);
	EXPECT(net_adopt(rig.net, "sb000000000000", &ip, &err) == -1);
	EXPECT_STR(rig_sweep(&rig), "");
	EXPECT_INT(count_links(&rig, "sb"), 1);
	netlink_io_close(&route);
	close(netns);
	rig_close(&rig);
}

TEST(a_leg_that_was_about_to_be_removed_is_not_adopted)
{
	struct pair p;
	struct netlink_io route = NETLINK_IO_NONE;
	struct err err = { 0 };
	char name[IF_NAMESIZE];
	struct ip ip;

	pair_open(&p);
	net_plan_leg_name("t", "a", name);
	EXPECT(netlink_io_open(&route, NETLINK_ROUTE, &err) == 0);
	EXPECT(leg_doom(&route, net_plan_doom_group("t"), name, &err) == 0);
	rig_crash(&p.rig);       /* between the two steps */
	rig_start(&p.rig);
	EXPECT(net_adopt(p.rig.net, "a", &ip, &err) == -1 && err.code == ERR_NOT_FOUND);
	EXPECT(net_adopt(p.rig.net, "b", &ip, &err) == 0);
	EXPECT_STR(rig_sweep(&p.rig), "");
	EXPECT_INT(count_links(&p.rig, "sb"), 2);
	netlink_io_close(&route);
	pair_close(&p);
}
