/* Real traffic through real rules: see rig.h. */
#include "net/net.h"

#include <unistd.h>

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
	{ NET_TCP, 8080, 80, { "a", "b" }, NET_INGRESS }, { NET_UDP, 8080, 80, { "a", "b" }, NET_INGRESS },
};

TEST(a_published_port_answers_from_everywhere)
{
	struct pair p;

	pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, both, 2), "");
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 30), "a 198.51.100.9, b 198.51.100.9");
	EXPECT_STR(who_answers(p.rig.host, RIG_HOST, 8080, 30), "a 198.51.100.1, b 198.51.100.1");
	EXPECT_STR(who_answers(p.rig.host, LO, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers(p.a, RIG_HOST, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers(p.a, "172.18.0.1", 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers_udp(p.rig.outside, RIG_HOST, 8080, 30), "a 198.51.100.9, b 198.51.100.9");
	EXPECT_STR(who_answers_udp(p.rig.host, LO, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	EXPECT_STR(who_answers_udp(p.b, RIG_HOST, 8080, 30), "a 172.18.0.1, b 172.18.0.1");
	pair_close(&p);
}
