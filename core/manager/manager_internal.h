/* manager_internal.h - what the files of this room share. Nobody else includes it. */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "dispatch/dispatcher_io.h"
#include "dispatch/liveness.h"
#include "manager/control.h"
#include "manager/manager.h"
#include "manager/verb.h"
#include "orchestrate/orchestrate.h"
#include "replica/peers_io.h"

/* What a node said of itself when it opened its session here; of this node, what it says now. */
struct saying {
	struct node_description description;    /* on the heap */
	char *address;
	nsec clock_at_boot;             /* what its clock of the wall would have said when this host booted; 0: not told */
	uint64_t number;                /* the larger, the newer; 0: none */
	uint64_t compared;              /* version of the node's object that was compared with it; 0: none was */
	bool is_on_its_way;
};

/* The images that are here, as the node has told. */
struct stock { struct arena arena; struct image_copy *items; size_t count; unsigned tellings; struct timer timer; };

/* The way to the leader, while another manager is it. */
struct link {
	struct rpc_conn *conn;          /* as it was seen last: to_leader_is_there */
	struct list asked;              /* calls under way on it */
	struct timer look;
	raft_term told_in;              /* the reign in which this leader was told every node that we hold; 0: it was not */
};

/* Another manager, as the leader hears of it. One that was not heard of since we lead may be on its way; one that cannot be reached is not. */
struct fellow {
	struct beats beats;
	bool was_heard, has_told_all, has_clock;
	nsec clock_ahead;               /* its clock of the wall, compared with ours */
	msec since;                     /* it was in our sight all the time from then on */
	uint64_t life, number;          /* of what it said last */
};

/* What a leader does besides answering. */
struct lead {
	bool is_on;
	struct liveness live;
	struct map *managers;           /* node id -> struct fellow: the others, and when they told us something last */
	struct timer timer;
	msec since;                     /* it leads; what we saw before we may have seen without being in anybody's sight ourselves */
	bool is_changing;               /* a change of members is under way */
	bool is_writing;                /* what it saw of nodes is */
};

/* A clean stop under way. */
struct going {
	void (*done)(void *arg);        /* NULL: none */
	void *arg;
	enum sight sight;               /* what is told to the leader */
	bool hands_over, is_telling;
	msec until;
	struct timer timer;
};

struct manager {
	struct loop *loop;
	struct rpc *rpc;
	struct manager_hooks hooks;
	struct replica *replica;
	struct peers *peers;
	char address[PEERS_ADDRESS_SIZE];       /* where others reach this manager; "": as they see it */
	struct timer announce;
	bool is_announcing;
	struct dispatcher *dispatcher;
	char node_id[ID_SIZE];
	struct rng rng;
	struct dirty *dirty;
	struct timer again;             /* when the orchestrator wants to be asked next */
	struct map *reports;            /* task id -> struct report: the newest of each task that is not proposed yet */
	uint64_t report_number;
	struct map *sights;             /* node id -> enum sight + 1: not told to the leader yet */
	struct map *sayings;            /* node id -> struct saying: of nodes whose session is here, and of this one */
	uint64_t saying_number;
	bool knows_clock;               /* what the swarm's says, and so: */
	nsec clock_ahead;               /* how this host's compares with it */
	struct timer propose;           /* at once, but not inside a callback; a timer because it can be cancelled */
	struct timer beat;              /* a follower tells the leader that it is there */
	uint64_t life, told;            /* of this process; how often it told a leader something */
	bool is_telling;                /* tidings are on their way to the leader */
	bool has_assigned;              /* the view was current once, and this node has been told everything */
	struct { struct list waiting, asked; bool is_asking, is_second; } reads;        /* read_io.c */
	bool is_catching_up;
	struct timer catch_up;
	struct list asks;               /* verbs under way */
	struct timer asks_timer;
	struct gone gone;
	struct link link;
	struct lead lead;
	struct going going;
	struct list lines;              /* streams that are being opened */
	struct stock stock;
	bool has_seal;
	struct seal_key seal;           /* of the cluster: opens its secrets */
	bool must_mend;                 /* rows of before may have plainly what is sealed now */
};

const struct seal_key *manager_key(const struct manager *m);    /* of the cluster; NULL while it has not been given */

/* A verb on its way through the cluster, and whom to answer. */
enum ask_state { ASK_WAITS, ASK_IS_AWAY, ASK_AWAITS_VIEW };
struct ask {
	struct list link;
	struct manager *manager;
	struct arena arena;             /* holds it and the verb */
	struct verb verb;
	enum ask_state state;
	bool is_local;                  /* another manager brought it here: not handed on */
	const char *refusal;            /* its words, in the arena */
	bool is_refused;                /* by the check at the leader, for good; else an error may be another's tomorrow */
	struct err *failure;            /* NULL: none yet */
	struct err *last;               /* why it is brought again; NULL: it was not brought yet */
	struct rpc_ask *asked;          /* of the manager that brought it here; NULL when it began here */
	uint64_t saying;                /* the number of what it tells of a node; 0: it is no such verb */
	msec deadline, leaderless_until;
	uint64_t index;                 /* ASK_AWAITS_VIEW: of the entry that did it */
	control_done_fn *done;
	void *arg;
};

/* ask_io.c */
struct ask *ask_new(struct manager *m, enum verb_kind kind, const char *id, control_done_fn *done, void *arg);
void ask_begin(struct ask *ask);
/* Answered from the loop: the callback never comes inside the call that asked. */
void ask_refuse(struct ask *ask, const struct err *err);
void asks_pump(void *manager);          /* the leader, or the way to it, may be another one now; the view may have come further */
void asks_end(struct manager *m);       /* the manager is closed: each is answered so */

/* describe_io.c: what nodes say of themselves, into the state */
void describe_note(struct manager *m, const char *node_id, const struct node_description *description, const char *address,
		   nsec clock /* its own; 0: not told */);
/* Does the state say it? Asked with each beat of the node. */
void describe_look(struct manager *m, const char *node_id);
void describe_forget(struct manager *m, const char *node_id);
/* In place: what people will read of a node's words is a line, and has an end. NULL is welcome. */
void describe_tidy_line(char *text, size_t max);
void describe_tidy(struct node_description *description);
bool describe_is_wanted(const struct ask *ask);         /* still, or at all */
void describe_close(struct manager *m);
/* What most managers' clocks say, now; 0: not known. */
void describe_clock(struct manager *m, nsec swarm_clock);
nsec describe_swarm_clock(const struct manager *m);
bool describe_is_clock(nsec clock);     /* one that may be reckoned with */

/* read_io.c */
void reads_open(struct manager *m);
void reads_close(struct manager *m);

/* announce_io.c */
void announce_look(void *manager);      /* the timer: does the state say where this manager is? */

/* to_leader_io.c */
void to_leader_open(struct manager *m);
void to_leader_close(struct manager *m);
void to_leader_look(void *manager);             /* another one may lead */
void to_leader_linked(void *manager, raft_id id);       /* that manager is reached in another way */
bool to_leader_is_there(const struct manager *m);       /* false: it is not connected, or we lead ourselves */
void to_leader_stamp(struct manager *m, struct told *ret);   /* what is said to it */
/* When it is there. done: the answer, or ERR_UNAVAILABLE also when the leader or the way to it is another one by now; perhaps inside a call of the replica. */
void to_leader_call(struct manager *m, enum rpc_method method, const struct buf *body, msec timeout_ms, rpc_done_fn *done, void *arg);

/* lead_io.c */
void lead_open(struct manager *m);
void lead_set(struct manager *m, bool is_leader);
void lead_on_applied(struct manager *m, const struct applied *applied);
void lead_soon(struct manager *m);      /* members, their connections or roles may have changed */
/* grace_ms: G of a node that is held; 0: not told. */
void lead_sight(struct manager *m, const char *node_id, int sight, msec grace_ms, const char *manager_id);
/* That manager has told what it holds, and was not lost since. */
bool lead_knows(const struct manager *m, const char *manager_id);
/* Is this newer than all that manager has said, and said to us? Then it is noted. */
bool lead_takes(struct manager *m, const char *manager_id, const struct told *told);
/* It has told all that it holds: of whatever else it held it has lost sight, and the word of that was lost. */
void lead_sees_only(struct manager *m, const char *manager_id, const struct tidings *tidings);
void lead_heard(struct manager *m, const char *manager_id, nsec clock /* its own, or 0 */);
/* What most managers' clocks say; 0: not known here. */
nsec lead_clock(const struct manager *m);
void lead_close(struct manager *m);

/* go_io.c */
void go_on(void *manager);              /* the leader, or the way to it, may be another one now */

/* line_io.c */
void lines_on_applied(struct manager *m, const struct applied *applied);
void lines_end(struct manager *m);      /* the manager is closed */

/* serve_io.c: what other nodes call */
void serve_open(struct manager *m);
void serve_close(struct manager *m);

/* stock_io.c */
void stock_open(struct manager *m);
void stock_close(struct manager *m);

/* report_io.c */
void reports_propose(void *manager);
void reports_beat(void *manager);
void reports_free(struct map *reports);
/* A follower's tidings: done when they are written. */
void reports_take(struct manager *m, const struct task_status *items, size_t count, replica_done_fn *done, void *arg);
