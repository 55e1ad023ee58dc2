/* Ports of the host, on all of its addresses or on one: taken, refused, held against its processes. See rig.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "net/net.h"
#include "test/unit/net/rig.h"
#include "test/unit/net/traffic.h"
#include "test/unit/runner.h"

TEST(a_port_of_a_host_process_is_refused_in_dockers_words_and_the_others_work)
{
	static const struct rig_port ports[] = {
		{ NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL },
		{ NET_TCP, 8081, 80, { "b" }, NET_HOST, NULL },
		{ NET_TCP, 8081, 80, { "a" }, NET_INGRESS, NULL },
	};
	struct rig_pair p;

	rig_pair_open(&p);
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
	rig_pair_close(&p);
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
		{ NET_TCP, 8080, 80, { "a" }, NET_HOST, RIG_LOOPBACK },
		{ NET_UDP, 8080, 80, { "a" }, NET_HOST, RIG_LOOPBACK },
		{ NET_TCP, 8080, 80, { "b" }, NET_HOST, RIG_HOST },
		{ NET_UDP, 8080, 80, { "b" }, NET_HOST, RIG_HOST },
	};
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, ports, 2), "");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 3), "a 172.18.0.1");
	EXPECT_STR(who_answers_udp(p.rig.host, RIG_LOOPBACK, 8080, 3), "a 172.18.0.1");
	EXPECT_STR(who_answers(p.rig.host, RIG_HOST, 8080, 1), "refused");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 1), "refused");
	EXPECT_STR(who_answers(p.b, RIG_HOST, 8080, 1), "refused");
	EXPECT_STR(who_answers(p.b, "172.18.0.1", 8080, 1), "refused");
	size_t hits = server_hits(p.a_server);
	send_forged(&p.rig, RIG_LOOPBACK, 8080);
	EXPECT_STR(who_answers_udp(p.rig.host, RIG_LOOPBACK, 8080, 1), "a 172.18.0.1");
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
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 3), "a 172.18.0.1");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 3), "b 198.51.100.9");
	EXPECT_STR(who_answers(p.rig.host, RIG_HOST, 8080, 3), "b 198.51.100.1");
	EXPECT_STR(who_answers(p.a, RIG_HOST, 8080, 3), "b 172.18.0.1");
	EXPECT_STR(who_answers(p.rig.outside, "172.18.0.1", 8080, 1), "refused");

	rig_crash(&p.rig);
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 3), "a 172.18.0.1");
	rig_start(&p.rig);
	struct err err = { 0 };
	struct ip ip;
	EXPECT(net_adopt(p.rig.net, "a", &ip, &err) == 0 && net_adopt(p.rig.net, "b", &ip, &err) == 0);
	EXPECT_STR(rig_publish(&p.rig, ports + 2, 2), "");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 1), "refused");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 3), "b 198.51.100.9");
	rig_pair_close(&p);
}

TEST(a_port_is_held_on_all_addresses_or_on_one)
{
	static const enum net_proto protos[] = { NET_TCP, NET_UDP, NET_SCTP };
	const struct ip all = { 0 }, lo = ip4(127, 0, 0, 1), host = ip4(198, 51, 100, 1),
			foreign = ip4(192, 0, 2, 1);
	struct rig_pair p;
	struct err err = { 0 };
	uint16_t port;

	rig_pair_open(&p);
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
	EXPECT_INT(bind_errno_at(SOCK_STREAM, RIG_LOOPBACK, port), EADDRINUSE);
	EXPECT_INT(bind_errno_at(SOCK_STREAM, "127.0.0.2", port), 0);
	EXPECT(net_reserve_port(p.rig.net, NET_TCP, foreign, 8080, &port, &err) == -1);
	EXPECT_STR(err.text, "failed to bind host port "
			     "192.0.2.1:8080/tcp: cannot assign requested address");
	EXPECT(net_reserve_port(p.rig.net, NET_UDP, foreign, 0, &port, &err) == -1);
	EXPECT_STR(err.text, "failed to bind host port "
			     "192.0.2.1:0/udp: cannot assign requested address");
	rig_pair_close(&p);
}

TEST(a_published_port_is_held_against_host_processes)
{
	struct rig_pair p;
	struct err err = { 0 };
	uint16_t port = 0;

	rig_pair_open(&p);
	EXPECT_INT(bind_errno(SOCK_STREAM, 8080), 0);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
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
	rig_pair_close(&p);
}
