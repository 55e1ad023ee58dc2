#include "dispatch/door_io.h"

#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/log.h"
#include "pki/cert.h"
#include "pki/tls_io.h"

_Static_assert(OPEN_TICKET_BYTES == RPC_TICKET_BYTES, "a ticket is a ticket");
enum { DOOR_ARENA_MAX = 1 << 20, HAND_ON_MS = 10000 };

struct door {
	struct rpc *rpc;
	struct door_hooks hooks;
	unsigned opening;
};
struct opening { struct door *door; struct rpc_ask *ask; enum open_kind kind; };

static void opened(void *arg, int fd, const struct err *err)
{
	struct opening *opening = arg;
	struct door *door = opening->door;

	door->opening--;
	if (err) {
		rpc_reply_error(opening->ask, err);
	} else {
		rpc_reply(opening->ask, "", 0);
		door->hooks.on_stream(door->hooks.arg, opening->kind, fd);
	}
	free(opening);
}

static int call_back(struct door *door, struct rpc_ask *ask, const struct open_ask *open, struct err *err)
{
	static const struct tls_trust trust = { NULL };
	struct opening *opening;

	if (door->opening >= DOOR_OPENING_MAX)
		return err_set(err, ERR_EXHAUSTED, "node %s: %d streams are being opened already", open->node_id, DOOR_OPENING_MAX);
	opening = NEW(struct opening);
	*opening = (struct opening){ door, ask, (enum open_kind)open->kind };
	door->opening++;
	rpc_ticket_redeem(door->rpc, open->address, &trust, open->ticket.items, opened, opening);
	return 0;
}

static void handed_on(void *arg, const void *body, size_t size, const struct err *err)
{
	if (err)
		rpc_reply_error(arg, err);
	else
		rpc_reply(arg, body, size);
}

static int answer(struct door *door, struct rpc_conn *from, struct rpc_ask *ask, const void *body, size_t size, struct arena *arena, struct err *err)
{
	struct rpc_conn *conn;
	struct open_ask open;

	if (door->hooks.may_open(door->hooks.arg, from, err) < 0 || dispatch_read(&open_ask_shape, body, size, arena, &open, err) < 0)
		return -1;
	if (str_eq(open.node_id, door->hooks.node_id(door->hooks.arg)))
		return call_back(door, ask, &open, err);
	conn = door->hooks.session(door->hooks.arg, open.node_id);
	if (!conn)
		return err_set(err, ERR_NOT_FOUND, "node %s has no session here", open.node_id);
	rpc_call(conn, RPC_OPEN, body, size, HAND_ON_MS, handed_on, ask);
	return 0;
}

static void on_open(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct arena arena;
	struct err err;

	arena_init(&arena, "open", DOOR_ARENA_MAX);
	if (answer(arg, conn, ask, body, size, &arena, &err) < 0) {
		log_debug("swarm: a stream for %s: %s", rpc_conn_address(conn), err.text);
		rpc_reply_error(ask, &err);
	}
	arena_fini(&arena);
}

struct door *door_open(struct rpc *rpc, const struct door_hooks *hooks)
{
	struct door *door = NEW(struct door);

	*door = (struct door){ .rpc = rpc, .hooks = *hooks };
	rpc_serve(rpc, RPC_OPEN, on_open, door);
	return door;
}

void door_close(struct door *door)
{
	free(door);
}
