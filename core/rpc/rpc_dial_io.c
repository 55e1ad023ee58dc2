#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "rpc/rpc_inside.h"

enum { TARGETS_MAX = 16 };

struct target { struct ip ip; uint16_t port; };
struct targets {
	struct target items[TARGETS_MAX];
	unsigned count;
	struct err err;                 /* of the last address that gave none; text "" when all did */
};

/* Names are looked up on a work thread, which may still be at it when the connection has long been closed. */
struct lookup {
	struct rpc_conn *conn;          /* NULL: closed */
	char *addresses;
	struct targets targets;
};

struct rpc_dial {
	struct lookup *lookup;          /* while a thread has it */
	struct targets targets;
	unsigned next;
	int fd;                         /* connecting */
	struct watch *watch;
	char *root_digest;
	enum rpc_down reason;           /* the most telling so far, once err has a text */
	struct err err;
};

static void target_add(struct targets *targets, struct ip ip, uint16_t port)
{
	if (targets->count < TARGETS_MAX)
		targets->items[targets->count++] = (struct target){ ip, port };
}

static void resolve(struct targets *targets, const char *host, uint16_t port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int error = getaddrinfo(host, NULL, &hints, &found);

	if (error) {
		err_set(&targets->err, ERR_NOT_FOUND, "lookup %s: %s", host, gai_strerror(error));
		return;
	}
	for (struct addrinfo *at = found; at; at = at->ai_next) {
		struct ip ip = { 0 };
		if (at->ai_family == AF_INET) {
			ip.family = 4;
			memcpy(ip.bytes, &((struct sockaddr_in *)(void *)at->ai_addr)->sin_addr, 4);
		} else if (at->ai_family == AF_INET6) {
			ip.family = 6;
			memcpy(ip.bytes, &((struct sockaddr_in6 *)(void *)at->ai_addr)->sin6_addr, 16);
		} else {
			continue;
		}
		target_add(targets, ip, port);
	}
	freeaddrinfo(found);
}

/* True when there are names in it, which take a thread; with may_block they have been looked up. */
static bool find_targets(const char *addresses, bool may_block, struct targets *ret)
{
	struct strlist pieces = str_split(addresses, ',');
	bool has_names = false;

	*ret = (struct targets){ 0 };
	for (size_t i = 0; i < pieces.count; i++) {
		char host[256];
		uint16_t port;
		struct ip ip;

		if (hostport_parse(pieces.items[i], RPC_PORT, host, &port, &ret->err) < 0)
			continue;
		if (ip_parse(host, &ip) == 0)
			target_add(ret, ip, port);
		else if (may_block)
			resolve(ret, host, port);
		else
			has_names = true;
	}
	strlist_fini(&pieces);
	return has_names;
}

static void run_lookup(void *arg)
{
	struct lookup *lookup = arg;

	find_targets(lookup->addresses, true, &lookup->targets);
}

static void lookup_done(void *arg)
{
	struct lookup *lookup = arg;
	struct rpc_conn *conn = lookup->conn;

	if (conn) {
		conn->dial->lookup = NULL;
		conn->dial->targets = lookup->targets;
		timer_set_in(&conn->kick, 0);
	}
	free(lookup->addresses);
	free(lookup);
}

static void look_up(struct rpc_conn *conn, const char *addresses)
{
	struct lookup *lookup = NEW(struct lookup);

	lookup->conn = conn;
	lookup->addresses = str_dup(addresses);
	conn->dial->lookup = lookup;
	if (work_submit(conn->rpc->work, NULL, run_lookup, lookup_done, lookup))
		return;
	err_set(&lookup->targets.err, ERR_EXHAUSTED, "lookup %s: too much waits to be done already", addresses);
	lookup_done(lookup);
}

struct rpc_conn *rpc_dial(struct rpc *rpc, const char *addresses, const struct tls_trust *trust, const struct rpc_hooks *hooks, void *arg)
{
	struct rpc_conn *conn = rpc_conn_new(rpc);
	struct rpc_dial *dial = NEW(struct rpc_dial);

	rpc_conn_watch(conn, hooks, arg);
	conn->dial = dial;
	dial->fd = -1;
	dial->root_digest = str_dup(trust->root_digest);
	str_copy(conn->address, sizeof(conn->address), addresses);
	if (find_targets(addresses, false, &dial->targets))
		look_up(conn, addresses);
	else
		timer_set_in(&conn->kick, 0);
	return conn;
}

static void drop_socket(struct rpc_dial *dial)
{
	watch_free(dial->watch);
	dial->watch = NULL;
	fd_closep(&dial->fd);
	dial->fd = -1;
}

void rpc_dial_free(struct rpc_dial *dial)
{
	if (!dial)
		return;
	drop_socket(dial);
	if (dial->lookup)
		dial->lookup->conn = NULL;
	free(dial->root_digest);
	free(dial);
}

static void note_failure(struct rpc_dial *dial, enum rpc_down reason, const struct err *err)
{
	if (*dial->err.text && reason <= dial->reason)
		return;
	dial->reason = reason;
	dial->err = *err;
}

static void on_connected(void *arg, unsigned events UNUSED)
{
	struct rpc_conn *conn = arg;
	struct rpc_dial *dial = conn->dial;
	struct tls_trust trust = { .root_digest = dial->root_digest };
	int error = 0;
	socklen_t size = sizeof(error);
	struct err err;

	if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (!error) {
		int fd = fd_take(&dial->fd);
		watch_free(dial->watch);
		dial->watch = NULL;
		rpc_conn_shake(conn, fd, &trust);
		return;
	}
	err_set(&err, ERR_UNAVAILABLE, "%s: %s", conn->address, strerror(error));
	rpc_conn_fail(conn, error == ECONNREFUSED ? RPC_DOWN_REFUSED : error == ECONNRESET ? RPC_DOWN_RESET : RPC_DOWN_TIMEOUT, &err);
}

void rpc_dial_step(struct rpc_conn *conn)
{
	struct rpc_dial *dial = conn->dial;

	if (dial->lookup)
		return;
	if (*dial->targets.err.text)
		note_failure(dial, RPC_DOWN_TIMEOUT, &dial->targets.err);
	while (dial->next < dial->targets.count) {
		const struct target *target = &dial->targets.items[dial->next++];
		struct err err;

		conn->ip = target->ip;
		socket_address_format(target->ip, target->port, conn->address);
		if (connect_tcp(target->ip, target->port, &dial->fd, &err) == 0) {
			dial->watch = watch_new(conn->rpc->loop, dial->fd, LOOP_WRITE, on_connected, conn);
			timer_set_in(&conn->deadline, conn->rpc->cfg.limits.connect_ms);
			return;
		}
		note_failure(dial, RPC_DOWN_TIMEOUT, &err);
	}
	if (!*dial->err.text)
		err_set(&dial->err, ERR_INVALID, "no address to connect to");
	rpc_conn_fail(conn, dial->reason, &dial->err);
}

bool rpc_dial_again(struct rpc_conn *conn, enum rpc_down *reason, struct err *err)
{
	struct rpc_dial *dial = conn->dial;

	note_failure(dial, *reason, err);
	drop_socket(dial);
	if (dial->next >= dial->targets.count) {
		*reason = dial->reason;
		*err = dial->err;
		return false;
	}
	tls_free(conn->tls);
	conn->tls = NULL;
	frame_parser_fini(&conn->parser);
	buf_fini(&conn->out);
	conn->out_sent = 0;
	conn->class = RPC_ANYONE;
	conn->tells = false;
	conn->state = RPC_CONN_DIALLING;
	timer_cancel(&conn->deadline);
	timer_set_in(&conn->kick, 0);
	return true;
}
