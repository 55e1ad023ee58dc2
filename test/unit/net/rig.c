#include "test/unit/net/rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "net/link.h"
#include "net/link_io.h"
#include "net/netlink_io.h"
#include "net/nft_io.h"
#include "net/nft_state.h"
#include "net/reality_io.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/net/traffic.h"
#include "test/unit/runner.h"

/* ---- namespaces ---- */

int rig_current_netns(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	check(fd >= 0);
	return fd;
}

void rig_enter(int netns)
{
	check(setns(netns, CLONE_NEWNET) == 0);
}

bool rig_can(void)
{
	return geteuid() == 0 && file_exists("/proc/self/ns/net");
}

int rig_netns(void)
{
	int home = rig_current_netns();

	check(unshare(CLONE_NEWNET) == 0);
	int fd = rig_current_netns();
	rig_enter(home);
	close(home);
	return fd;
}

static void batch_in(int netns, const struct buf *batch, uint32_t last_seq)
{
	struct netlink_io io = NETLINK_IO_NONE;
	struct err err = { 0 };
	int home = rig_current_netns();

	rig_enter(netns);
	check(netlink_io_open(&io, NETLINK_ROUTE, &err) == 0);
	rig_enter(home);
	close(home);
	if (netlink_io_send(&io, batch, 1, last_seq, NULL, &err) < 0)
		panic("rig: %s", err.text);
	netlink_io_close(&io);
}

int rig_index_in(int netns, const char *name)
{
	int home = rig_current_netns();

	rig_enter(netns);
	int index = (int)if_nametoindex(name);
	rig_enter(home);
	close(home);
	check(index > 0);
	return index;
}

struct ip rig_ip(const char *text)
{
	struct ip ip;

	check(ip_parse(text, &ip) == 0);
	return ip;
}

static void set_up(int netns, const char *name, const char *ip, const char *gateway)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	int index = rig_index_in(netns, name);
	struct cidr address = { rig_ip(ip), 24 };

	link_put_up(&batch, 1, LINK_LO_INDEX);
	link_put_up(&batch, 2, index);
	if (gateway) {
		link_put_address(&batch, 3, index, address);
		size_t at = batch.len;
		link_put_default_route(&batch, 4, index, rig_ip(gateway));
		netlink_add_flags(&batch, at, NLM_F_ACK);
		batch_in(netns, &batch, 4);
	} else {
		size_t at = batch.len;
		link_put_address(&batch, 3, index, address);
		netlink_add_flags(&batch, at, NLM_F_ACK);
		batch_in(netns, &batch, 3);
	}
}

/* The same wait as link_await_port's, for a link that is no port. */
static void await_operating(const char *name)
{
	struct netlink_io io = NETLINK_IO_NONE;
	struct link link = { 0 };
	struct err err = { 0 };

	check(netlink_io_open(&io, NETLINK_ROUTE, &err) == 0);
	for (int i = 0; i < 30000 && !link.is_operating; i++) {
		check(link_find(&io, name, 0, &link, &err) == 0);
		if (!link.is_operating)
			usleep(1000);
	}
	netlink_io_close(&io);
}

static void connect_outside(struct rig *rig)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	struct link_veth veth = {
		.name = "up0", .netns_fd = rig->outside, .mtu = 1500, .mac = { 2, 0, 0, 0, 0, 9 }
	};

	link_put_veth(&batch, 1, &veth);
	netlink_add_flags(&batch, 0, NLM_F_ACK);
	batch_in(rig->host, &batch, 1);
	set_up(rig->host, "up0", RIG_HOST, NULL);
	set_up(rig->outside, LINK_LEG_NAME, RIG_OUTSIDE, RIG_HOST);
	await_operating("up0");
}

/* ---- the agent ---- */

void rig_open(struct rig *rig)
{
	*rig = (struct rig){ 0 };
	check(unshare(CLONE_NEWNET) == 0);
	rig->host = rig_current_netns();
	rig->outside = rig_netns();
	connect_outside(rig);
}

void rig_start(struct rig *rig)
{
	struct err err = { 0 };

	rig->loop = loop_new();
	rig->work = work_new(rig->loop, 3);
	struct net_config config = {
		.loop = rig->loop, .work = rig->work, .instance = "t", .bridge = "sbt0"
	};
	if (net_open(&config, &rig->net, &err) < 0)
		panic("rig: %s", err.text);
	if (net_can(rig->net, NET_PUBLISH, &err) < 0)
		panic("rig: %s", err.text);
}

/* Jobs under way come back to nobody; one more round frees them. */
void rig_crash(struct rig *rig)
{
	net_close(rig->net);
	rig->net = NULL;
	for (int i = 0; i < 20; i++)
		loop_run_once(rig->loop, 5);
	work_free(rig->work);
	loop_free(rig->loop);
	rig->loop = NULL;
}

void rig_close(struct rig *rig)
{
	if (rig->loop)
		rig_crash(rig);
	close(rig->host);
	close(rig->outside);
}

struct result { bool is_done; struct ip ip; char text[1200]; };

static const char *await(struct rig *rig, struct result *result)
{
	static char text[1200];

	for (msec until = clock_boot_ms() + 3 * LONG_MS; !result->is_done && clock_boot_ms() < until;)
		loop_run_once(rig->loop, 10);
	if (!result->is_done)
		return "no answer";
	str_copy(text, sizeof(text), result->text);
	return text;
}

static void finish(struct result *result, const struct err *err)
{
	check(!result->is_done);
	result->is_done = true;
	str_copy(result->text, sizeof(result->text), err ? err->text : "");
}

static void on_attached(void *arg, struct ip ip, const struct err *err)
{
	struct result *result = arg;

	result->ip = ip;
	finish(result, err);
}

static void on_done(void *arg, const struct err *err)
{
	finish(arg, err);
}

static void on_published(void *arg, const struct net_refusal *refused, size_t count,
			 const struct err *err)
{
	finish(arg, err ? err : count ? &refused[0].err : NULL);
}

const char *rig_attach(struct rig *rig, const char *id, int netns, struct ip *ret_ip)
{
	struct result result = { 0 };

	net_attach(rig->net, id, netns, (struct ip){ 0 }, on_attached, &result);
	const char *text = await(rig, &result);
	if (ret_ip)
		*ret_ip = result.ip;
	return text;
}

const char *rig_detach(struct rig *rig, const char *id)
{
	struct result result = { 0 };

	net_detach(rig->net, id, on_done, &result);
	return await(rig, &result);
}

const char *rig_sweep(struct rig *rig)
{
	struct result result = { 0 };

	net_sweep(rig->net, on_done, &result);
	return await(rig, &result);
}

const char *rig_purge(struct rig *rig)
{
	struct result result = { 0 };

	net_purge(rig->net, on_done, &result);
	return await(rig, &result);
}

const char *rig_publish(struct rig *rig, const struct rig_port *ports, size_t count)
{
	struct result result = { 0 };
	struct net_port table[16];

	check(count <= ARRAY_COUNT(table));
	for (size_t i = 0; i < count; i++) {
		size_t backends = 0;
		while (ports[i].ids[backends])
			backends++;
		table[i] = (struct net_port){
			.proto = ports[i].proto, .mode = ports[i].mode, .port = ports[i].port,
			.target = ports[i].target, .service_id = "svc", .backends = ports[i].ids,
			.backend_count = backends
		};
		check(!ports[i].address || ip_parse(ports[i].address, &table[i].address) == 0);
	}
	net_publish(rig->net, table, count, on_published, &result);
	return await(rig, &result);
}

msec rig_drain(struct rig *rig, const char *id, msec wait_max)
{
	struct result result = { 0 };
	msec start = clock_boot_ms();

	loop_run_once(rig->loop, 0);     /* so that the loop's clock is now */
	net_drain(rig->net, id, wait_max, on_done, &result);
	await(rig, &result);
	check(result.is_done && !result.text[0]);
	return clock_boot_ms() - start;
}

/* ---- two containers ---- */

const struct rig_port rig_both[] = {
	{ NET_TCP, 8080, 80, { "a", "b" }, NET_INGRESS, NULL },
	{ NET_UDP, 8080, 80, { "a", "b" }, NET_INGRESS, NULL },
};

void rig_pair_open(struct rig_pair *pair)
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

void rig_pair_close(struct rig_pair *pair)
{
	server_stop(pair->a_server);
	server_stop(pair->b_server);
	close(pair->a);
	close(pair->b);
	rig_close(&pair->rig);
}

/* ---- looking ---- */

size_t count_links(struct rig *rig, const char *prefix)
{
	struct netlink_io io = NETLINK_IO_NONE;
	CLEANUP(reality_finip) struct reality reality = { 0 };
	struct err err = { 0 };
	size_t count = 0;

	rig_enter(rig->host);
	check(netlink_io_open(&io, NETLINK_ROUTE, &err) == 0 &&
	      reality_read(&io, &reality, &err) == 0);
	netlink_io_close(&io);
	for (size_t i = 0; i < reality.link_count; i++)
		count += str_starts(reality.links[i].name, prefix);
	return count;
}

static void read_state(void *arg, const struct netlink_msg *msg)
{
	nft_state_read(arg, "swarmbox_t", msg);
}

size_t count_chains(struct rig *rig, const char *prefix)
{
	struct netlink_io io = NETLINK_IO_NONE;
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	struct err err = { 0 };
	struct nft_state state;
	size_t count = 0;

	rig_enter(rig->host);
	nft_state_init(&state);
	nft_state_put_dump(&request, 1, NFT_STATE_CHAINS, "swarmbox_t", NULL);
	check(netlink_io_open(&io, NETLINK_NETFILTER, &err) == 0);
	check(netlink_io_ask(&io, &request, 1, read_state, &state, &err) == 0);
	netlink_io_close(&io);
	for (size_t i = 0; i < state.chain_count; i++)
		count += str_starts(state.chains[i].name, prefix);
	nft_state_fini(&state);
	return count;
}

bool has_table(struct rig *rig, const char *name)
{
	struct nft_io *nft;
	struct err err = { 0 };
	bool result;

	rig_enter(rig->host);
	check(nft_io_open(&nft, &err) == 0 && nft_io_has_table(nft, name, &result, &err) == 0);
	nft_io_close(nft);
	return result;
}

bool delete_table(struct rig *rig, const char *name)
{
	struct nft_io *nft;
	struct err err = { 0 };

	rig_enter(rig->host);
	check(nft_io_open(&nft, &err) == 0);
	int result = nft_io_delete_table(nft, name, &err);
	nft_io_close(nft);
	return result == 0;
}
