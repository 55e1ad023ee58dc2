/* What the agent that comes next finds and puts right, and what one leaves alone that is not its own. See rig.h. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net.h"
#include "os/clock.h"
#include "test/unit/net/rig.h"
#include "test/unit/net/traffic.h"
#include "test/unit/runner.h"

TEST(ports_work_while_the_agent_is_dead_and_the_next_one_takes_over)
{
	struct rig_pair p;
	struct err err = { 0 };
	struct ip ip;
	char name[32];

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	int fd = dial(p.rig.outside, RIG_HOST, 8080, name);
	rig_crash(&p.rig);
	EXPECT_STR(who_answers(p.rig.outside, RIG_HOST, 8080, 20),
		   "a 198.51.100.9, b 198.51.100.9");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 20), "a 172.18.0.1, b 172.18.0.1");

	rig_start(&p.rig);
	EXPECT(net_adopt(p.rig.net, "a", &ip, &err) == 0 && ip_eq(ip, p.a_ip));
	EXPECT(net_adopt(p.rig.net, "a", &ip, &err) == -1 && err.code == ERR_CONFLICT);
	EXPECT(net_adopt(p.rig.net, "never", &ip, &err) == -1 && err.code == ERR_NOT_FOUND);
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 20),
		   "a 172.18.0.1, b 172.18.0.1");	     /* until the first table */
	EXPECT_STR(rig_sweep(&p.rig), "");                   /* b was not adopted */
	EXPECT_INT(count_links(&p.rig, "sb"), 2);            /* the bridge and a's leg */
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 20), "a 172.18.0.1");
	EXPECT(name[0] == 'b' || still_answers(fd));
	EXPECT_STR(rig_publish(&p.rig, NULL, 0),
		   ""); /* what the old one had published is gone too */
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 3), "refused");
	close(fd);
	rig_pair_close(&p);
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
	struct rig_pair p;
	int done = 0;
	struct ip none = { 0 };

	rig_pair_open(&p);
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
	rig_pair_close(&p);
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
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	EXPECT(delete_table(&p.rig, "swarmbox_t"));
	EXPECT_STR(rig_publish(&p.rig, rig_both, 1), "");
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 20), "a 172.18.0.1, b 172.18.0.1");
	rig_pair_close(&p);
}

TEST(a_table_that_a_firewall_flushed_comes_back_by_itself)
{
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	for (int times = 0; times < 2; times++) {
		EXPECT(delete_table(&p.rig, "swarmbox_t"));
		EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 1), "refused");
		for (msec until = clock_boot_ms() + LONG_MS; !has_table(&p.rig, "swarmbox_t") && clock_boot_ms() < until;)
			loop_run_once(p.rig.loop, 20);
		EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 20), "a 172.18.0.1, b 172.18.0.1");
	}
	rig_pair_close(&p);
}

TEST(purge_leaves_nothing)
{
	struct rig_pair p;

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	EXPECT(has_table(&p.rig, "swarmbox_t"));
	EXPECT_STR(rig_purge(&p.rig), "");
	EXPECT(!has_table(&p.rig, "swarmbox_t"));
	EXPECT_INT(count_links(&p.rig, "sb"), 0);
	rig_pair_close(&p);
}

TEST(two_agents_of_one_namespace_leave_each_other_alone)
{
	struct rig_pair p;
	struct net *other;
	struct err err = { 0 };

	rig_pair_open(&p);
	EXPECT_STR(rig_publish(&p.rig, rig_both, 2), "");
	struct net_config config = {
		.loop = p.rig.loop, .work = p.rig.work, .instance = "u", .bridge = "sbt0"
	};
	EXPECT(net_open(&config, &other, &err) == -1);
	EXPECT_STR(err.text, "bridge 'sbt0': belongs to 'swarmbox t bridge'; choose another name");
	config.bridge = "sbu0";
	EXPECT(net_open(&config, &other, &err) == 0);
	EXPECT(ip_eq(net_describe(other).gateway, ip4(172, 19, 0, 1)));
	net_close(other);
	EXPECT_STR(who_answers(p.rig.host, RIG_LOOPBACK, 8080, 20), "a 172.18.0.1, b 172.18.0.1");
	rig_pair_close(&p);
}
