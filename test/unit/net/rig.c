#include "test/unit/net/rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
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

/* ---- namespaces ---- */

static int current_netns(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	check(fd >= 0);
	return fd;
}

static void enter(int netns)
{
	check(setns(netns, CLONE_NEWNET) == 0);
}

bool rig_can(void)
{
	return geteuid() == 0 && file_exists("/proc/self/ns/net");
}

int rig_netns(void)
{
	int home = current_netns();

	check(unshare(CLONE_NEWNET) == 0);
	int fd = current_netns();
	enter(home);
	close(home);
	return fd;
}

static void batch_in(int netns, const struct buf *batch, uint32_t last_seq)
{
	struct netlink_io io = NETLINK_IO_NONE;
	struct err err = { 0 };
	int home = current_netns();

	enter(netns);
	check(netlink_io_open(&io, NETLINK_ROUTE, &err) == 0);
	enter(home);
	close(home);
	if (netlink_io_send(&io, batch, 1, last_seq, NULL, &err) < 0)
		panic("rig: %s", err.text);
	netlink_io_close(&io);
}

static int index_in(int netns, const char *name)
{
	int home = current_netns();

	enter(netns);
	int index = (int)if_nametoindex(name);
	enter(home);
	close(home);
	check(index > 0);
	return index;
}

static struct ip ip_of(const char *text)
{
	struct ip ip;

	check(ip_parse(text, &ip) == 0);
	return ip;
}

static void set_up(int netns, const char *name, const char *ip, const char *gateway)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	int index = index_in(netns, name);
	struct cidr address = { ip_of(ip), 24 };

	link_put_up(&batch, 1, LINK_LO_INDEX);
	link_put_up(&batch, 2, index);
	if (gateway) {
		link_put_address(&batch, 3, index, address);
		size_t at = batch.len;
		link_put_default_route(&batch, 4, index, ip_of(gateway));
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
	rig->host = current_netns();
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

/* ---- servers ---- */

#define CLIENTS_MAX 64

struct server {
	pthread_t thread;
	int stop_fd;
	size_t count, hits;                      /* hits: __atomic */
	struct pollfd fds[3 + CLIENTS_MAX];      /* stop, listener, datagrams, connections */
	char name[32];
};

static int bind_in(int netns, int type, uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int home = current_netns(), on = 1;

	enter(netns);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	enter(home);
	close(home);
	check(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	check(bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	return fd;
}

/* "name source": who answers, and whom it sees. */
static void say(struct server *server, int fd, const struct sockaddr_in *peer, bool is_datagram)
{
	char text[64], source[INET_ADDRSTRLEN];

	__atomic_add_fetch(&server->hits, 1, __ATOMIC_SEQ_CST);
	int length = snprintf(text, sizeof(text), "%s %s", server->name,
			      inet_ntop(AF_INET, &peer->sin_addr, source, sizeof(source)));

	if (is_datagram)
		sendto(fd, text, (size_t)length, MSG_NOSIGNAL, (const struct sockaddr *)peer,
		       sizeof(*peer));
	else
		send(fd, text, (size_t)length, MSG_NOSIGNAL);
}

static void serve(struct server *server, size_t i)
{
	struct sockaddr_in peer;
	socklen_t bytes = sizeof(peer);
	char buffer[64];
	int fd = server->fds[i].fd;

	if (i == 1) {
		int client = accept4(fd, (struct sockaddr *)&peer, &bytes, SOCK_CLOEXEC);
		check(client >= 0 && server->count < ARRAY_COUNT(server->fds));
		say(server, client, &peer, false);
		server->fds[server->count++] = (struct pollfd){ .fd = client, .events = POLLIN };
	} else if (i == 2) {
		if (recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&peer, &bytes) >= 0)
			say(server, fd, &peer, true);
	} else if (read(fd, buffer, 1) == 1) {
		send(fd, "x", 1, MSG_NOSIGNAL);
	} else {
		close(fd);
		server->fds[i] = server->fds[--server->count];
	}
}

static void *server_run(void *arg)
{
	struct server *server = arg;

	while (poll(server->fds, server->count, -1) > 0 && !server->fds[0].revents)
		for (size_t i = server->count; i-- > 1;)
			if (server->fds[i].revents)
				serve(server, i);
	return NULL;
}

struct server *server_start(int netns, const char *name, uint16_t port)
{
	struct server *server = NEW(struct server);

	str_copy(server->name, sizeof(server->name), name);
	server->fds[0].fd = eventfd(0, EFD_CLOEXEC);
	server->fds[1].fd = bind_in(netns, SOCK_STREAM, port);
	server->fds[2].fd = bind_in(netns, SOCK_DGRAM, port);
	check(listen(server->fds[1].fd, 256) == 0);
	for (server->count = 0; server->count < 3; server->count++)
		server->fds[server->count].events = POLLIN;
	check(pthread_create(&server->thread, NULL, server_run, server) == 0);
	return server;
}

size_t server_hits(const struct server *server)
{
	return __atomic_load_n(&server->hits, __ATOMIC_SEQ_CST);
}

void server_stop(struct server *server)
{
	uint64_t one = 1;

	check(write(server->fds[0].fd, &one, sizeof(one)) == sizeof(one));
	pthread_join(server->thread, NULL);
	for (size_t i = 0; i < server->count; i++)
		close(server->fds[i].fd);
	free(server);
}

/* ---- looking ---- */

size_t count_links(struct rig *rig, const char *prefix)
{
	struct netlink_io io = NETLINK_IO_NONE;
	CLEANUP(reality_finip) struct reality reality = { 0 };
	struct err err = { 0 };
	size_t count = 0;

	enter(rig->host);
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

	enter(rig->host);
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

	enter(rig->host);
	check(nft_io_open(&nft, &err) == 0 && nft_io_has_table(nft, name, &result, &err) == 0);
	nft_io_close(nft);
	return result;
}

bool delete_table(struct rig *rig, const char *name)
{
	struct nft_io *nft;
	struct err err = { 0 };

	enter(rig->host);
	check(nft_io_open(&nft, &err) == 0);
	int result = nft_io_delete_table(nft, name, &err);
	nft_io_close(nft);
	return result == 0;
}

/* ---- clients ---- */

static int client_in(int netns, int type, int wait_ms)
{
	int home = current_netns();
	struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

	enter(netns);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	enter(home);
	close(home);
	check(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

static bool reach(int fd, const char *ip, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	check(inet_pton(AF_INET, ip, &to.sin_addr) == 1);
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static bool hear(int fd, char ret_name[32])
{
	ssize_t got = recv(fd, ret_name, 31, 0);

	ret_name[got > 0 ? got : 0] = 0;
	return got > 0;
}

static int dial_within(int wait_ms, int netns, const char *ip, uint16_t port, char ret_name[32])
{
	int fd = client_in(netns, SOCK_STREAM, wait_ms);

	if (reach(fd, ip, port) && hear(fd, ret_name))
		return fd;
	int why = errno == ECONNREFUSED ? -1 : -2;
	close(fd);
	ret_name[0] = 0;
	return why;
}

int dial(int netns, const char *ip, uint16_t port, char ret_name[32])
{
	return dial_within(LONG_MS, netns, ip, port, ret_name);
}

bool nobody_answers(int netns, const char *ip, uint16_t port)
{
	char name[32];
	int fd = dial_within(800, netns, ip, port, name);

	if (fd >= 0)
		close(fd);
	return fd == -2;
}

bool still_answers(int fd)
{
	char answer;

	return send(fd, "?", 1, MSG_NOSIGNAL) == 1 && recv(fd, &answer, 1, 0) == 1 && answer == 'x';
}

int udp_open(int netns, const char *ip, uint16_t port)
{
	int fd = client_in(netns, SOCK_DGRAM, LONG_MS);

	check(reach(fd, ip, port));
	return fd;
}

bool udp_ask(int fd, char ret_name[32])
{
	return send(fd, "?", 1, MSG_NOSIGNAL) == 1 && hear(fd, ret_name);
}

bool ask_udp(int netns, const char *ip, uint16_t port, char ret_name[32])
{
	int fd = udp_open(netns, ip, port);
	bool result = udp_ask(fd, ret_name);

	close(fd);
	return result;
}

static uint16_t ip_checksum(const uint8_t *bytes, size_t count)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void send_forged(struct rig *rig, const char *destination, uint16_t port)
{
	static uint16_t source_port = 40000;
	uint8_t packet[29] = {
		0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17
	}; /* RFC 791 and 768: one byte, no UDP checksum */
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(0x0800),
				  .sll_halen = 6 };
	struct ifreq request = { .ifr_name = "up0" };
	int home = current_netns();

	source_port++;
	memcpy(packet + 12, ip_of(RIG_OUTSIDE).bytes, 4);
	memcpy(packet + 16, ip_of(destination).bytes, 4);
	uint16_t sum = ip_checksum(packet, 20);
	const uint16_t fields[] = { htons(source_port), htons(port), htons(9), 0 };
	memcpy(packet + 20, fields, sizeof(fields));
	packet[10] = (uint8_t)(sum >> 8);
	packet[11] = (uint8_t)sum;

	enter(rig->host);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(ioctl(fd, SIOCGIFHWADDR, &request) == 0);
	close(fd);
	memcpy(to.sll_addr, request.ifr_hwaddr.sa_data, 6);
	to.sll_ifindex = index_in(rig->outside, LINK_LEG_NAME);
	enter(rig->outside);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enter(home);
	close(home);
	check(sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) ==
	      sizeof(packet));
	close(fd);
}

static const char *sum_up(struct strlist *names)
{
	static char text[512];
	size_t length = 0;

	text[0] = 0;
	strlist_sort(names);
	for (size_t i = 0; i < names->count; i++)
		if (i == 0 || !str_eq(names->items[i], names->items[i - 1]))
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
						   length ? ", " : "", names->items[i]);
	return text;
}

const char *who_answers(int netns, const char *ip, uint16_t port, int times)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	char name[32];

	for (int i = 0; i < times; i++) {
		int fd = dial(netns, ip, port, name);
		strlist_add(&names, fd >= 0 ? name : fd == -1 ? "refused" : "nothing");
		if (fd >= 0)
			close(fd);
	}
	return sum_up(&names);
}

const char *who_answers_udp(int netns, const char *ip, uint16_t port, int times)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	char name[32];

	for (int i = 0; i < times; i++)
		strlist_add(&names, ask_udp(netns, ip, port, name) ? name : "nothing");
	return sum_up(&names);
}
