/* dispatcher_io.h - a manager's side of the sessions of nodes: tells each what it must run, hears its statuses and its heartbeats.
 *
 * Works from the manager's own view; nothing here knows a leader. A view that lags behind would take tasks from a node that were assigned since, and
 * start what was removed: a session begins with all that ought to run as soon as the view is known to be current, and what is applied from then on
 * follows. A manager without a leader has sessions all the same: nodes keep what they have, and can be reached. A session whose connection is gone is kept until its grace is over, for
 * the node may be back in a moment; then the node is silent, and that is somebody else's to judge (liveness.h).
 */
#pragma once
#include "dispatch/dispatch_msg.h"
#include "os/loop.h"
#include "rpc/rpc_io.h"
#include "state/apply.h"

struct dispatcher;
struct dispatcher_hooks {
	const struct view *(*view)(void *arg);
	/* What is told to nodes of roots and issuers; strings live in the arena or the view. */
	void (*trust)(void *arg, struct arena *arena, struct tls_info *ret);
	/* Calendar and clock of an answer. */
	void (*times)(void *arg, struct session_news *ret);
	/* May this node, which is in the view, have a session now? -1 says why not. What it says of itself is handed on. */
	int (*on_open)(void *arg, const char *node_id, const struct session_ask *ask, const char *peer_address, struct err *err);
	/* Asks once whether the view holds all that was answered to anybody before; dispatcher_on_current tells. */
	void (*ask_current)(void *arg);
	/* Does this manager know of a leader? Said with every beat: a node need not stay with one that can change nothing. */
	bool (*is_led)(void *arg);
	void (*on_sight)(void *arg, const char *node_id, enum sight sight);
	/* It beats on its session here: so it is with this manager, and with no other. */
	void (*on_beat)(void *arg, const char *node_id);
	/* Its session here is over, for whatever reason. */
	void (*on_over)(void *arg, const char *node_id);
	/* Of a task that is this node's. */
	void (*on_status)(void *arg, const struct task_status *status);
	void *arg;
};
/* Serves SESSION, BEAT, STATUS and LEAVING on rpc until it is freed. */
struct dispatcher *dispatcher_new(struct loop *loop, struct rpc *rpc, const struct dispatcher_hooks *hooks);
void dispatcher_free(struct dispatcher *dispatcher);     /* NULL is welcome; nodes lose their connections and go elsewhere */

void dispatcher_on_applied(struct dispatcher *dispatcher, const struct applied *applied);
/* What was asked by ask_current; false: that could not be learned, and is asked again. */
void dispatcher_on_current(struct dispatcher *dispatcher, bool is_current);
/* The view is another one: everything is told anew. */
void dispatcher_on_replaced(struct dispatcher *dispatcher);
/* Nodes that are connected with a session; one that is interrupted is nobody's to claim, for the node may be elsewhere by now: for (size_t at = 0; (id = dispatcher_next(d, &at)); ) */
const char *dispatcher_next(const struct dispatcher *dispatcher, size_t *at);
/* How long its silence is waited out (liveness.h); 0: it has no session here. */
msec dispatcher_grace_ms(const struct dispatcher *dispatcher, const char *node_id);
/* For calls to that node, whose session is here; NULL: it is not, or is interrupted. */
struct rpc_conn *dispatcher_conn(const struct dispatcher *dispatcher, const char *node_id);
/* Where managers are, out of the view; the list lives in the arena, its strings in the view. */
void dispatcher_managers(const struct view *view, struct arena *arena, struct manager_ats *ret);
