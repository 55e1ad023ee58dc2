/* dispatch_msg.h - what nodes and managers say to each other besides raft: bodies of rpc calls and notes, as JSON by descriptors, so that
 * members that one side does not know are passed over.
 *
 * Who says what on a node's connection:
 *
 *	node → manager   join (call, without a certificate)   renew (call)
 *	                 session (call) → session_news        beat, leaving (calls), status (note)
 *	manager → node   session_news, assign (notes)         open (call)
 *
 * Between managers: member (call: a new manager asks to be let in), verb (manager/verb.h), tidings (note: what nodes of its sessions say).
 * dispatch_read checks what no descriptor says (ids, bounds), so that whoever uses a message need not.
 */
#pragma once
#include "model/kinds.h"

#define SWARM_OUTLIVED "the swarm has been made anew without this manager (swarm init --force-new-cluster): run `swarm leave --force` here and " \
	"join again"

enum {
	DISPATCH_BODY_MAX = 60 * 1024,          /* of one message on a node's connection, unless a single thing in it is larger */
	DISPATCH_MANAGERS_MAX = 32,
	ADDRESS_SIZE = 300,                     /* "host:port" */
};

/* A manager as others may reach it. */
struct manager_at { char *node_id, *address; };
struct manager_ats { struct manager_at *items; size_t count; };

/* Somebody who has a token and wants to be a node. */
struct join_ask {
	char *token, *csr;
	char *address;                          /* "ip:port" to be told to others; ip 0.0.0.0: the one the call comes from */
	int availability;
	struct node_description description;
};
struct join_answer {
	char *node_id, *cluster_id;
	int role;
	char *cert, *roots;                     /* PEM */
	struct manager_ats managers;
	struct bytes cluster_key;               /* for a manager: opens the cluster's secrets */
	struct bytes lock;                      /* with it, of an autolocked cluster: the unlock key */
	uint64_t generation;                    /* of the cluster */
};

/* is_manager: a manager that hears of no leader asks whether it is one still, in the cluster of that generation: ERR_CONFLICT when it is,
 * ERR_DENIED when the cluster has gone on without it; else its certificate as a worker. */
struct renew_ask { char *csr; bool is_manager; uint64_t generation; };
struct renew_answer { int role; char *cert, *roots; struct bytes cluster_key, lock; };

/* A secret or config of a task of the one who asks, piece by piece, since no frame of a node's holds a large one. */
enum { SECRET_PIECE_MAX = 40 * 1024 };
struct secret_ask { char *task_id, *id; bool is_config; uint64_t offset; };
struct secret_piece { struct bytes bytes; uint64_t size; };     /* size: of the whole */

/* A manager wants a stream to this node: the node dials the address and shows the ticket there (rpc_io.h). Whoever is asked and is not that
 * node hands it on to it. */
enum open_kind { OPEN_API };            /* what the node serves on it: OPEN_API its Engine API, as far as api.h lets other nodes in */
enum { OPEN_TICKET_BYTES = 16 };
struct open_ask {
	char *node_id;
	int kind;
	char *address;                          /* of the manager that has made the ticket */
	struct bytes ticket;
};

/* Of IMAGE: who has the image that a task of the one who asks needs? Of BLOB: a ticket for a stream of it (depot/depot_serve_io.h). */
struct image_ask { char *name, *platform; };
struct image_answer { char *manifest, *index; struct str_array sources; };       /* image/image_swarm.h; manifest "": nobody */

struct session_ask { struct node_description description; char *address; int64_t clock; };        /* clock: of the wall, now */
/* The answer to it, and told again whenever it changes. */
struct session_news {
	uint64_t beat_ms;
	int role;                               /* the one the cluster wants the node to have; its certificate may say another */
	struct tls_info tls;                    /* what a node that has just renewed has: whoever has something else renews */
	struct manager_ats managers;
	uint64_t generation;                    /* of the cluster: managers of a lower one are not obeyed */
	int64_t calendar, clock;                /* only in the answer: the cluster's time of the wall (manager.h), and the manager's own */
};

/* A full set of assignments is several of these in a row: the first begins, the last ends. A difference does neither. */
struct assign_part {
	uint64_t sequence;                      /* 1, 2, 3 … on one connection; a gap ends it */
	bool begins, ends;
	ARRAY_OF(struct assignment) items;
	struct str_array removed;
};

struct status_report { ARRAY_OF(struct task_status) items; };

/* A manager that is one by certificate and not by raft yet. */
struct member_ask { uint64_t raft_id; char *address, *node_id; };        /* node_id: when another manager brings it to the leader */

/* The answer to a beat, one byte: does the manager know of a leader? */
enum { BEAT_LED = 1, BEAT_LEADERLESS = 2 };

/* What a manager tells the leader of the nodes it holds, or of itself. Away: the agent ends, the containers run on, it will be back; stopped:
 * they end with it. */
enum sight { SIGHT_HELD, SIGHT_SILENT, SIGHT_LEFT, SIGHT_AWAY, SIGHT_STOPPED };
/* A node's last words; without a sight it leaves the swarm. */
struct leaving_ask { int sight; };
/* grace: how long its silence is waited out; 0: not told. */
struct sighting { char *node_id; int sight; char *address; uint64_t grace_ms; };
/* What lay on a stalled connection may come after what was said later on another one: said in which reign, by which life of a manager's
 * process, as the how manieth. The leader takes only what is newer than all before. */
struct told { uint64_t term, life, number; };
struct tidings {
	bool is_complete;                       /* everything it holds: the leader is new to it */
	struct told told;
	int64_t clock;                          /* of the wall, now; 0: not told */
	ARRAY_OF(struct sighting) sightings;
	ARRAY_OF(struct task_status) statuses;
};
struct tidings_answer { int64_t clock; };       /* of the wall, as most managers have it; 0: the leader does not know yet */

extern const struct shape join_ask_shape, join_answer_shape, renew_ask_shape, renew_answer_shape, session_ask_shape, session_news_shape,
	assign_part_shape, status_report_shape, member_ask_shape, tidings_shape, tidings_answer_shape, leaving_ask_shape, secret_ask_shape, secret_piece_shape,
	told_shape, open_ask_shape, image_ask_shape, image_answer_shape;

void dispatch_write(const struct shape *shape, const void *message, struct buf *out);
/* ERR_INVALID that names what is wrong; strings live in the arena. An empty body is an empty message. */
int dispatch_read(const struct shape *shape, const void *body, size_t size, struct arena *arena, void *ret, struct err *err);

/* Cuts a set into parts of at most DISPATCH_BODY_MAX; each is handed to fn as text. sequence is advanced for each.
 * False as soon as fn says so. */
typedef bool assign_send_fn(void *arg, const struct buf *body);
bool assign_send(const struct assignment *items, size_t count, const struct str_array *removed, bool is_complete, uint64_t *sequence,
		 assign_send_fn *fn, void *arg);
