/* node_session.h - a node's side of its session: which manager it talks to, when it tries again, whether it missed an assignment.
 *
 * Pure. Managers are tried in the order of a hash of (node, manager), highest first: nodes spread over managers evenly, each has its
 * favourite, and a manager that goes is replaced by another for its own nodes only (rendezvous hashing: Thaler and Ravishankar, 1998).
 * When all have been tried it waits: 100 ms, doubling to 8 s, half of it dice. A session that has lived for a while starts afresh, with
 * the favourite, unless that is whom it has lost.
 */
#pragma once
#include "base/id.h"
#include "base/rng.h"
#include "dispatch/dispatch_msg.h"

enum {
	SESSION_BACKOFF_MIN_MS = 100, SESSION_BACKOFF_MAX_MS = 8000, SESSION_BEAT_MS = 500,
	SESSION_OPEN_MS = 10000,        /* the most that dialling and opening may take */
	/* A beat without an answer for so long: this manager is cut off from us. Well before it takes us for dead (liveness.h), so that there is
	 * time to find another one; unless it is slow to answer as a rule. */
	SESSION_WAIT_MIN_MS = 1500, SESSION_WAIT_MAX_MS = 3000, SESSION_WAIT_TIMES = 8,
	SESSION_PROVEN_MS = 10000,      /* one that was up for so long: the next failure is the first again */
};

struct session_manager { char node_id[ID_SIZE], address[ADDRESS_SIZE]; };

enum session_state { SESSION_IDLE, SESSION_DIALLING, SESSION_OPENING, SESSION_UP };
struct node_session {
	char node_id[ID_SIZE];
	struct rng rng;
	struct session_manager managers[DISPATCH_MANAGERS_MAX];  /* in the order of preference */
	size_t count, next;             /* next: which is tried */
	enum session_state state;
	unsigned rounds;                /* all of them failed so often in a row */
	msec beat_ms, up_since;
	unsigned beats_out;             /* without an answer yet */
	msec beat_at, slowest_ms;       /* the first of them; about the longest that an answer has taken of late */
	uint64_t sequence;              /* of the last assignment */
	bool is_stopped;
};

enum session_event {
	SESSION_TIMER,                  /* what SESSION_ACT_TIMER set */
	SESSION_CONNECTED,              /* the connection stands … */
	SESSION_OPENED,                 /* … and the manager has taken the session; value: its beat_ms */
	SESSION_BEATEN,                 /* a beat was answered */
	SESSION_LOST,                   /* refused, reset, ended by either side */
	SESSION_ASSIGNED,               /* value: its sequence */
	SESSION_MANAGERS,               /* the list was set: node_session_set_managers */
	SESSION_STOP,                   /* for good */
};
enum session_act {
	SESSION_ACT_DIAL,               /* node_session_target() */
	SESSION_ACT_OPEN,               /* ask for the session */
	SESSION_ACT_BEAT,
	SESSION_ACT_TELL_OPEN,          /* there is a session */
	SESSION_ACT_CLOSE,              /* drop the connection; no SESSION_LOST follows */
	SESSION_ACT_TIMER,              /* out.timer_ms on the loop's clock; 0: none */
};
enum { SESSION_MAX_ACTS = 4 };
struct session_in { enum session_event event; uint64_t value; msec now; };
struct session_out { enum session_act acts[SESSION_MAX_ACTS]; unsigned count; msec timer_ms; };

void node_session_init(struct node_session *session, const char *node_id, uint64_t seed);
/* Sorted and without doubles; true when it differs from what was known. Feed SESSION_MANAGERS afterwards. */
bool node_session_set_managers(struct node_session *session, const struct manager_ats *managers);
const struct session_manager *node_session_target(const struct node_session *session);    /* who is dialled or talked to; NULL: nobody known */
void node_session_step(struct node_session *session, const struct session_in *in, struct session_out *out);
msec node_session_wait_ms(const struct node_session *session);  /* for the answer to a beat */

/* For the tests: how much a node likes a manager. */
uint64_t node_session_weight(const char *node_id, const char *manager_id);
