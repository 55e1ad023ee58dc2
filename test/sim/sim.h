/* sim.h - a whole cluster in one process and no time at all: real raft, replica, store (SQLite on disks in memory) and orchestrate on
 * three to seven managers; workers, clients, network, disks and clocks of straw; all from one seed.
 *
 *	sim_net.c       letters between them: lost, doubled, late, out of order; links that are cut, also one way; streams of snapshots
 *	sim_manager.c   a manager's process: born, killed, frozen; what manager/ does around a replica, in small
 *	sim_worker.c    nodes that beat, obey, report and die
 *	sim_client.c    registers that are read, written and swapped by impatient clients, each answer noted; services that come and go
 *	sim_check.c     what must hold after every event, and in the end
 *	sim_story.c     what happens, by dice; then peace, and a look at what has become of it
 *	sim_main.c      seeds, sabotage, the command line
 *
 * With a trace on, each event is a line. A promise that is broken ends the run; world.why says which, and the seed does it again.
 */
#pragma once
#include "dispatch/liveness.h"
#include "orchestrate/orchestrate.h"
#include "replica/replica_internal.h"
#include "test/sim/linear.h"
#include "test/sim/os_sim.h"

enum {
	SIM_MANAGERS = 9,               /* places; seven managers at most, and room for those that come */
	SIM_WORKERS = 50,
	SIM_CLIENTS = 4,
	SIM_KEYS = 3,
	SIM_OPS = 1024,
	SIM_INDEXES = 8192,             /* entries of one run */
	SIM_TERMS = 1024,
	SIM_TASKS = 64,                 /* of one worker */
	SIM_SERVICES = 5,
};

/* Rules that are broken on purpose: each must be found out. */
enum sim_sabotage {
	SABOTAGE_NONE,
	SABOTAGE_VOTES_TWICE,           /* whoever asks for a vote gets it */
	SABOTAGE_FORGETS_VOTES,         /* a crash takes back what was voted */
	SABOTAGE_DISK_LIES,             /* acknowledged before it is synced */
	SABOTAGE_ACKS_EARLY,            /* entries are acknowledged when they are received, not when they are synced */
	SABOTAGE_COMMITS_EARLY,         /* followers hear that all they get is agreed */
	SABOTAGE_CHANGES_ENTRIES,       /* an entry is another one on its way */
	SABOTAGE_READS_ALONE,           /* a leader hears that all confirm it, whoever they follow */
	SABOTAGE_ANSWERS_EARLY,         /* a client is told "done" when its request is only composed */
	SABOTAGE_SAYS_NOT_MADE,         /* whatever is not known is told as "was not made" */
	SABOTAGE_FORGETS_ROWS,          /* a snapshot's last row is left out, and the sum with it */
	SABOTAGE_TWO_IN_A_SLOT,         /* the leader makes a task too many */
	SABOTAGE_COUNT
};
extern const char *const sim_sabotage_names[SABOTAGE_COUNT];

struct sim_letter;
struct sim_stream;

struct sim_manager {
	size_t place;
	char node_id[ID_SIZE];          /* "": this place is free */
	raft_id id;
	bool is_running, is_joined;     /* its disk holds a log */
	bool is_dying;                  /* whoever is answered now does not hear it */
	unsigned boots;
	struct sim_host host;
	struct vfs_fault *disk;
	struct loop *loop;
	struct store *store;
	struct replica *replica;
	struct sim_event back;          /* it is started again */
	struct sim_event stumble;
	enum raft_peer_state told[SIM_MANAGERS];        /* of the connections to the others */
	struct sim_event look[SIM_MANAGERS];

	struct dirty *dirty;
	struct rng rng;
	struct timer again, tend;
	bool leads;
	struct liveness live;           /* while it leads */
	struct { bool is_mine, is_silent; struct beats beats; } sessions[SIM_WORKERS];

	/* what has been looked at */
	raft_term seen_term;
	raft_index checked_to;
	raft_term log_terms[SIM_INDEXES];
	raft_index applied;
};

struct sim_task { char id[ID_SIZE]; int state, desired; msec next_at; bool is_new; };
struct sim_worker {
	char node_id[ID_SIZE];
	bool is_there, is_running, is_cut;
	size_t manager;                 /* place of the one it talks to */
	unsigned unanswered;
	uint64_t heard;                 /* index of the view its newest orders came from */
	struct sim_event beat, work, back;
	struct sim_task tasks[SIM_TASKS];
	size_t task_count;
};

struct sim_client { struct sim_event next, too_long; size_t op; bool is_waiting; size_t manager; };
struct sim_op { struct linear_op op; bool is_over, is_failed; unsigned client; };

struct sim_world {
	uint64_t seed;
	enum sim_sabotage sabotage;
	bool trace;
	bool is_calm;                   /* nothing bad happens any more */
	unsigned managers, workers;     /* wanted */
	struct sim_manager manager[SIM_MANAGERS];
	struct sim_worker worker[SIM_WORKERS];
	struct sim_client client[SIM_CLIENTS];
	struct sim_op ops[SIM_OPS];
	size_t op_count;
	uint64_t moments, values;
	unsigned next_service, next_node;

	/* the network */
	bool cut[SIM_MANAGERS][SIM_MANAGERS];           /* [from][to] */
	unsigned loss, doubles;         /* per thousand */
	msec delay;                     /* the most */
	struct list letters, streams;

	/* what is known of the one true history */
	struct { raft_term term; uint64_t sum; bool is_known; } history[SIM_INDEXES];
	raft_index highest;             /* applied by anybody */
	struct sim_entry { raft_index index; raft_term term, prev_term; uint64_t hash; } *log;  /* log matching: by (index, term) */
	size_t log_size, log_count;
	raft_id leaders[SIM_TERMS];
	struct sim_vote { raft_id voter; raft_term term; raft_id vote; } *votes;
	size_t vote_count, vote_size;

	unsigned crashes, elections, installs, acknowledged, reads, unknown, changes, transfers, lost_answers, events;
	bool failed;
	char why[512];
};
extern struct sim_world world;

void sim_trace(const char *fmt, ...) PRINTF_LIKE(1, 2);
#define TRACE(...) do { if (world.trace) sim_trace(__VA_ARGS__); } while (0)
/* A promise: when it is broken the run is over. */
void sim_demand(bool ok, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* sim_net.c */
enum sim_letter_type { LETTER_RAFT, LETTER_FETCH, LETTER_BEAT, LETTER_ORDERS, LETTER_REPORT, LETTER_ASK, LETTER_ANSWER };
struct sim_status { char task_id[ID_SIZE]; int state; };
struct sim_letter {
	struct list link;
	struct sim_event due;
	enum sim_letter_type type;
	size_t from, to;                /* places of managers; of a worker or client where the type says so */
	struct buf bytes;               /* RAFT: a message; BEAT, ORDERS, REPORT: structs in a row */
	uint64_t number;                /* FETCH: the ticket; ASK, ANSWER: which operation */
	uint64_t value;
	int verdict;                    /* ANSWER: see sim_client.c. REPORT: what of the node */
	bool is_forged;
};
struct sim_letter *sim_letter_new(enum sim_letter_type type, size_t from, size_t to);
void sim_post(struct sim_letter *letter);       /* it may get lost, it may come twice */
void sim_net_free(void);
extern const struct replica_transport sim_transport;    /* arg: the manager */
void sim_look_all(size_t place, msec within);   /* connections of and to this one are what they are, and that is noticed by then */
void sim_break_streams(size_t place);
void sim_cut_link(size_t from, size_t to, bool is_cut);
bool sim_is_linked(size_t a, size_t b);         /* both ways */

/* sim_manager.c */
void sim_managers_init(void);                   /* the first, founded */
void sim_manager_start(struct sim_manager *m);
enum sim_death { DEATH_KILLED, DEATH_POWER, DEATH_CLOSED };
void sim_manager_stop(struct sim_manager *m, enum sim_death how);
void sim_managers_free(void);
struct sim_manager *sim_leader(void);           /* of the highest term, if it runs; NULL */
struct sim_manager *sim_any_manager(void);      /* a running one; NULL */
struct sim_manager *sim_manager_by_id(raft_id id);
bool sim_is_up(const struct sim_manager *m);    /* running, and not stopped */
void sim_manager_enter(struct sim_manager *m);
void sim_manager_leave(struct sim_manager *m);
void sim_ask_member(enum raft_member_change change, struct sim_manager *who);
void sim_ask_transfer(void);
void sim_wipe_removed(void);                    /* hosts that the agreed configuration does not name */
void sim_manager_take_beat(struct sim_manager *m, size_t worker, const struct sim_status *states, size_t count);
void sim_manager_take_report(struct sim_manager *m, const struct sim_letter *letter);

/* sim_worker.c */
void sim_workers_init(void);
void sim_worker_take_orders(struct sim_worker *w, const struct sim_letter *letter);
void sim_worker_kill(struct sim_worker *w, msec back_in);
void sim_worker_start(struct sim_worker *w);

/* sim_client.c */
void sim_clients_init(void);
void sim_client_take_answer(const struct sim_letter *letter);
void sim_manager_take_ask(struct sim_manager *m, const struct sim_letter *letter);
void sim_service_happens(void);                 /* an operator creates, changes or removes one */
void sim_services_refresh(void);                /* in calm: each is asked for once more, so that no paused update stays */
void sim_clients_stop(void);
void sim_check_history(void);

/* sim_check.c */
void sim_check_manager(struct sim_manager *m);  /* after whatever it has done */
void sim_check_applied(struct sim_manager *m);  /* after each entry */
void sim_check_message(const struct sim_manager *from, const struct raft_msg *msg);
void sim_check_converged(void);

/* sim_story.c: true when every promise was kept */
bool sim_run(uint64_t seed, enum sim_sabotage sabotage, bool trace);
