/* Legs: made, refused, waited for, not adopted when they are half-made. See rig.h. */
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "net/leg_io.h"
#include "net/link_io.h"
#include "net/net_plan.h"
#include "test/unit/net/rig.h"
#include "test/unit/net/traffic.h"
#include "test/unit/runner.h"

TEST(a_leg_of_an_earlier_agent_is_replaced_when_its_id_is_attached_anew)
{
	struct rig_pair p;
	struct ip ip;

	rig_pair_open(&p);
	rig_crash(&p.rig);
	rig_start(&p.rig);
	int fresh = rig_netns();
	EXPECT_STR(rig_attach(&p.rig, "a", fresh, &ip), "");
	struct server *server = server_start(fresh, "fresh", 80);
	const struct rig_port port = { NET_TCP, 8080, 80, { "a" }, NET_INGRESS, NULL };
	EXPECT_STR(rig_publish(&p.rig, &port, 1), "");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 3), "fresh 172.18.0.1");
	EXPECT_STR(rig_sweep(&p.rig), "");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 3), "fresh 172.18.0.1");
	server_stop(server);
	close(fresh);
	rig_pair_close(&p);
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
	struct rig_pair p;
	struct netlink_io route = NETLINK_IO_NONE;
	struct err err = { 0 };
	char name[IF_NAMESIZE];
	struct ip ip;

	rig_pair_open(&p);
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
	rig_pair_close(&p);
}
