/* A node that has lost all managers, or a manager that has lost the majority, asks around on its wires (beacon.h), and managers answer: so a
 * cluster whose addresses have all changed comes together again. UDP on the cluster's port, to the broadcast addresses of this host. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "node/address_io.h"
#include "node/beacon.h"
#include "node/node_internal.h"
#include "os/file.h"
#include "os/log.h"

enum { LOOK_MS = 1000, LOST_MS = 2000, PAUSE_MAX_MS = 8000, ANSWERS_A_SECOND = 50, PORTS_MAX = 4 };

static const char *cluster_of(const struct host *host)
{
	return host->swarm.identity.facts.name.cluster_id;
}

static void send_to(const struct host *host, const struct beacon *beacon, struct sockaddr_in to)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	beacon_encode(beacon, cluster_of(host), &bytes);
	/* best effort: asked again soon */
	if (sendto(host->swarm.beacon.fd, bytes.data, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)(const void *)&to, sizeof to) < 0)
		log_debug("swarm: beacon: %s", strerror(errno));
}

static struct beacon own_beacon(const struct host *host, enum beacon_kind kind, uint64_t number)
{
	struct beacon beacon = { .kind = kind, .number = number };

	str_copy(beacon.node_id, sizeof beacon.node_id, host->node_id);
	if (host->swarm.manager)
		str_copy(beacon.address, sizeof beacon.address, host->swarm.advertise);
	return beacon;
}

/* ---- what is heard ----------------------------------------------------------------------------------------------- */

/* Beside those that are known; until a session says better. Anybody on the wire may have said it, so it pushes out nobody. */
static void tell_client(struct host *host, const struct beacon *heard)
{
	struct manager_at items[DISPATCH_MANAGERS_MAX];
	struct manager_ats all = { items, 0 };

	for (size_t i = 0; i < host->swarm.managers.count && all.count < ARRAY_COUNT(items); i++)
		if (!str_eq(host->swarm.managers.items[i].node_id, heard->node_id))
			items[all.count++] = host->swarm.managers.items[i];
	if (all.count == ARRAY_COUNT(items))
		return;
	items[all.count++] = (struct manager_at){ (char *)(uintptr_t)heard->node_id, (char *)(uintptr_t)heard->address };
	swarm_keep_managers(host, &all, host->swarm.generation);
	dispatch_client_set_managers(host->swarm.client, &host->swarm.managers, host->swarm.generation);
}

static void hear(struct host *host, const struct beacon *heard)
{
	if (!heard->address[0])
		return;
	log_debug("swarm: beacon: manager %s is at %s", heard->node_id, heard->address);
	if (host->swarm.manager)
		manager_seen_at(host->swarm.manager, heard->node_id, heard->address);
	else if (host->swarm.client && !dispatch_client_conn(host->swarm.client))
		tell_client(host, heard);
}

static bool may_answer(struct host *host)
{
	struct beaconing *b = &host->swarm.beacon;

	if (!host->swarm.manager || !host->swarm.advertise[0])
		return false;
	if (loop_now(host->loop) - b->answers_since >= 1000) {
		b->answers_since = loop_now(host->loop);
		b->answers = 0;
	}
	return b->answers++ < ANSWERS_A_SECOND;
}

static void readable(void *arg, unsigned events UNUSED)
{
	struct host *host = arg;
	char bytes[BEACON_BYTES_MAX + 1];
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	struct beacon heard, answer;
	ssize_t got = recvfrom(host->swarm.beacon.fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)(void *)&from, &size);

	if (got <= 0 || beacon_decode(bytes, (size_t)got, cluster_of(host), &heard) < 0 || str_eq(heard.node_id, host->node_id))
		return;
	if (heard.kind == BEACON_ANSWER && heard.number != host->swarm.beacon.number)
		return;
	hear(host, &heard);
	if (heard.kind == BEACON_ANSWER || !may_answer(host))
		return;
	answer = own_beacon(host, BEACON_ANSWER, heard.number);
	send_to(host, &answer, from);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static bool is_lost(const struct host *host)
{
	const struct swarm *swarm = &host->swarm;
	struct roster roster;

	if (!host->node_id[0] || !cluster_of(host)[0])
		return false;
	if (!swarm->manager)
		return swarm->client && !dispatch_client_conn(swarm->client);
	manager_roster(swarm->manager, &roster);
	return roster.count > 1 && !manager_has_leader(swarm->manager);
}

static uint16_t port_of(const char *at)
{
	char address[256];
	uint16_t port;
	struct err err;

	return hostport_parse(at, CLUSTER_PORT, address, &port, &err) == 0 ? port : CLUSTER_PORT;
}

/* Where managers listen, as far as is known. */
static size_t list_ports(const struct host *host, uint16_t ret[PORTS_MAX])
{
	const struct manager_ats *managers = &host->swarm.managers;
	size_t count = 0;

	ret[count++] = port_of(host->swarm.listen);
	for (size_t i = 0; i < managers->count && count < PORTS_MAX; i++) {
		uint16_t port = port_of(managers->items[i].address);
		size_t at = 0;

		while (at < count && ret[at] != port)
			at++;
		if (at == count)
			ret[count++] = port;
	}
	return count;
}

static void ask(struct host *host)
{
	struct beacon question = own_beacon(host, BEACON_QUESTION, host->swarm.beacon.number);
	struct host_addresses here;
	uint16_t ports[PORTS_MAX];
	size_t port_count = list_ports(host, ports);
	struct err err;

	if (address_list(&here, &err) < 0)
		return;
	for (size_t i = 0; i < here.count; i++)
		for (size_t at = 0; here.items[i].broadcast.family && at < port_count; at++) {
			struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(ports[at]) };

			memcpy(&to.sin_addr, here.items[i].broadcast.bytes, 4);
			send_to(host, &question, to);
		}
}

static int open_socket(struct host *host, struct err *err)
{
	struct beaconing *b = &host->swarm.beacon;
	struct sockaddr_in own = { .sin_family = AF_INET };
	const int on = 1;

	if (b->watch)
		return 0;
	if (host->swarm.manager)
		own.sin_port = htons(port_of(host->swarm.listen));
	b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->fd < 0 || setsockopt(b->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) < 0 ||
	    bind(b->fd, (const struct sockaddr *)(const void *)&own, sizeof own) < 0) {
		err_sys(err, "UDP port %u", ntohs(own.sin_port));
		fd_closep(&b->fd);
		return -1;
	}
	b->watch = watch_new(host->loop, b->fd, LOOP_READ, readable, host);
	return 0;
}

static void look(void *arg)
{
	struct host *host = arg;
	struct beaconing *b = &host->swarm.beacon;
	bool lost = is_lost(host);
	struct err err;

	timer_set_in(&b->timer, LOOK_MS);
	if (!lost) {
		b->lost_since = 0;
		b->pause = LOOK_MS;
	} else if (!b->lost_since) {
		b->lost_since = b->next = loop_now(host->loop);
		b->next += LOST_MS;
	}
	if ((lost || host->swarm.is_listening) && open_socket(host, &err) < 0 && !b->has_failed) {
		log_warn("swarm: %s: managers that have all changed their addresses do not find each other by themselves", err.text);
		b->has_failed = true;
	}
	if (!lost || !b->watch || loop_now(host->loop) < b->next)
		return;
	b->number = rng_next(&host->swarm.rng);
	ask(host);
	b->next = loop_now(host->loop) + b->pause;
	b->pause = MIN(2 * b->pause, (msec)PAUSE_MAX_MS);
}

void beacon_reset(struct host *host)
{
	struct beaconing *b = &host->swarm.beacon;

	watch_free(b->watch);
	b->watch = NULL;
	fd_closep(&b->fd);
}

void beacon_open(struct host *host)
{
	host->swarm.beacon = (struct beaconing){ .fd = -1, .pause = LOOK_MS };
	timer_init(&host->swarm.beacon.timer, host->loop, look, host);
	timer_set_in(&host->swarm.beacon.timer, LOOK_MS);
}

void beacon_close(struct host *host)
{
	timer_cancel(&host->swarm.beacon.timer);
	beacon_reset(host);
}
