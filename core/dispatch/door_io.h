/* door_io.h - a node's side of streams that managers want to it: calls back with the ticket, and hands the stream on.
 *
 * A worker listens to nobody, so it is asked (RPC_OPEN) on the connection of its session, and dials the manager that has made the ticket,
 * which may be another one than the session's. A manager is asked by other managers, for itself or for a node whose session it holds: then it
 * hands the question on. The answer comes when the stream is there, or says why it is not.
 */
#pragma once
#include "dispatch/dispatch_msg.h"
#include "rpc/rpc_io.h"

enum { DOOR_OPENING_MAX = 256 };
struct door_hooks {
	const char *(*node_id)(void *arg);      /* this node's */
	/* May the other side open streams? Its certificate is a manager's; it may have been one. -1 says why not. */
	int (*may_open)(void *arg, const struct rpc_conn *conn, struct err *err);
	/* The connection of that node's session; NULL: it is not here. */
	struct rpc_conn *(*session)(void *arg, const char *node_id);
	/* The callee's fd. */
	void (*on_stream)(void *arg, enum open_kind kind, int fd);
	void *arg;
};
struct door;
/* Serves OPEN on rpc. Closed behind rpc_free, which ends what is under way. */
struct door *door_open(struct rpc *rpc, const struct door_hooks *hooks);
void door_close(struct door *door);             /* NULL is welcome */
