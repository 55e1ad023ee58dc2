#include "test/unit/net/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
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
#include "os/clock.h"
#include "test/unit/net/rig.h"

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
	int home = rig_current_netns(), on = 1;

	rig_enter(netns);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	rig_enter(home);
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

/* ---- clients ---- */

static int client_in(int netns, int type, int wait_ms)
{
	int home = rig_current_netns();
	struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

	rig_enter(netns);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	rig_enter(home);
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
	int home = rig_current_netns();

	source_port++;
	memcpy(packet + 12, rig_ip(RIG_OUTSIDE).bytes, 4);
	memcpy(packet + 16, rig_ip(destination).bytes, 4);
	uint16_t sum = ip_checksum(packet, 20);
	const uint16_t fields[] = { htons(source_port), htons(port), htons(9), 0 };
	memcpy(packet + 20, fields, sizeof(fields));
	packet[10] = (uint8_t)(sum >> 8);
	packet[11] = (uint8_t)sum;

	rig_enter(rig->host);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(ioctl(fd, SIOCGIFHWADDR, &request) == 0);
	close(fd);
	memcpy(to.sll_addr, request.ifr_hwaddr.sa_data, 6);
	to.sll_ifindex = rig_index_in(rig->outside, LINK_LEG_NAME);
	rig_enter(rig->outside);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rig_enter(home);
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
