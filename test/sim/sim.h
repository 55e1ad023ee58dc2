/* sim.h - a whole cluster in one process and no time at all: the real manager (raft, replica, store on disks in memory, orchestrate, verbs,
 * dispatcher, the leader's duties) in three to seven processes, the real sessions of up to fifty workers, rpc over wires of straw; all from
 * one seed.
 *
 *	rpc_sim.c       TCP and TLS of straw, below the real rpc; raft's messages get lost, doubled, late, out of order
 *	streams_sim.c   snapshots between managers
 *	sim_net.c       links that are cut, also one way, or flap; weather; who tampers with messages
 *	sim_manager.c   a manager's process: born, let in, killed, frozen, sent away
 *	sim_worker.c    nodes with real sessions that obey, report and die
 *	sim_client.c    registers that are read, written and swapped by impatient clients, each answer noted; services that come and go
 *	sim_check.c     what must hold after every event, and in the end
 *	sim_plan.c      what will happen: drawn from a seed, or read from a file
 *	sim_story.c     it happens; then peace, and a look at what has become of it
 *	sim_main.c      seeds, stories, sabotage, the command line
 *
 * With a trace on, each event is a line. A promise that is broken ends the run; world.why says which, and the seed does it again.
 */
#pragma once
#include <stdio.h>

#include "dispatch/dispatch_client_io.h"
#include "manager/control.h"
#include "replica/replica_internal.h"
#include "test/sim/linear.h"
#include "test/sim/rpc_sim.h"

enum {
	SIM_MANAGERS = 9,               /* places; seven managers at most, and room for those that come */
	SIM_WORKERS = 50,
	SIM_CLIENTS = 4,
	SIM_KEYS = 3,
	SIM_OPS = 1024,
	SIM_INDEXES = 8192,            /* entries of one run */
	SIM_TERMS = 1024,
	SIM_TASKS = 64,                 /* of one worker */
	SIM_SERVICES = 5,
	SIM_BIRTHS = 512,               /* services of one run */
	SIM_REFRESHES = 1024,           /* updates of one run that are told apart */
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
	SABOTAGE_ANSWERS_ITSELF,        /* a follower's question for a read index is answered with what it has applied itself */
	SABOTAGE_PRAISES_LOGS,          /* whoever stands says that its log is the longest */
	SABOTAGE_ANSWERS_EARLY,         /* a client is told "done" when its request has only arrived */
	SABOTAGE_SAYS_NOT_MADE,         /* whatever is not known is told as "was not made" */
	SABOTAGE_FORGETS_ROWS,          /* a snapshot's last row is left out, and the sum with it */
	SABOTAGE_TWO_IN_A_SLOT,         /* the leader makes a task too many */
	SABOTAGE_FORGETS_REPEATS,       /* a verb that is brought to the leader again does not say so */
	SABOTAGE_FORGETS_REMOVALS,      /* nobody notes what was removed, and all take that for knowing it; found with sim_meddles */
	SABOTAGE_COUNT
};
extern const char *const sim_sabotage_names[SABOTAGE_COUNT];

struct sim_manager {
	size_t place;
	char node_id[ID_SIZE];          /* "": this place is free */
	char name[8];                   /* its beginning: "m3" */
	raft_id id;
	bool is_running, is_joined;     /* the configuration has named it */
	bool is_named;                  /* its node is in the state */
	bool is_dying;                  /* whoever is answered now does not hear it */
	unsigned boots;
	char hostname[24];              /* another with each boot */
	struct sim_site site;
	struct vfs_fault *disk;
	struct store *store;
	struct rpc *rpc;
	struct manager *manager;
	struct replica *replica;        /* the manager's */
	struct sim_event back;          /* it is started again */
	bool is_rotten, must_mend;      /* a row has flipped behind its back; its files cannot be loaded for that */
	struct sim_event stumble, knock, mend;
	struct rpc_conn *door;          /* at which it asks to be let in */
	size_t known_count;             /* other managers, as its node.db remembers them */
	struct { char node_id[ID_SIZE], address[32]; } known[DISPATCH_MANAGERS_MAX];

	/* what has been looked at */
	raft_term seen_term;
	raft_term log_terms[SIM_INDEXES];
	raft_index applied;
	raft_index missed;              /* what was applied by others when it started */
};

struct sim_task { char id[ID_SIZE]; int state, desired; msec next_at; unsigned address; };
struct sim_worker {
	char node_id[ID_SIZE], name[16];
	unsigned boots;
	char hostname[40];                      /* another with each boot */
	bool is_there, is_running;
	bool is_cut, is_deaf, is_unheard;       /* its link: gone, or one way only */
	struct sim_site site;
	struct rpc *rpc;
	struct dispatch_client *client;
	struct sim_event work, back;
	struct sim_task tasks[SIM_TASKS];
	size_t task_count;
	size_t known_count;                     /* managers that it was told of */
	char known[DISPATCH_MANAGERS_MAX][32];
};

struct sim_client { struct sim_event next, too_long; size_t op; bool is_waiting; };
struct sim_op { struct linear_op op; uint64_t version; bool is_over, is_failed; unsigned client; };
/* A service of the state, and what people were told of it. */
struct sim_birth { char id[ID_SIZE]; bool was_made, was_removed, was_refused; };
/* An update, known by the number it writes. */
struct sim_refresh { bool was_made, was_refused; };

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
	struct sim_birth births[SIM_BIRTHS];
	size_t birth_count;
	struct sim_refresh refreshes[SIM_REFRESHES];
	size_t refresh_count;
	struct { struct sim_event removes, kills; char id[ID_SIZE]; struct sim_manager *asked; } meddler;
	uint64_t moments, values;
	unsigned next_node;

	/* the network */
	bool cut[SIM_MANAGERS][SIM_MANAGERS];           /* [from][to] */
	msec off[SIM_MANAGERS][SIM_MANAGERS];           /* a wire that flaps is off that long of each four times as much */
	unsigned loss, doubles;         /* per thousand */
	msec delay;                     /* the most */
	msec stream_ms;                 /* a snapshot takes that long at most … */
	unsigned stream_breaks;         /* … and so many of a thousand break off */
	struct list letters, streams;

	/* what is known of the one true history */
	struct {
		raft_term term;                         /* of the entry */
		raft_term agreed;                       /* it was agreed on in this term, or an earlier one; never before its own */
		uint64_t sum;
		bool is_known, has_births;
	} history[SIM_INDEXES];
	raft_index highest;             /* applied by anybody */
	struct sim_entry { raft_index index; raft_term term, prev_term; uint64_t hash; } *log;  /* log matching: by (index, term) */
	size_t log_size, log_count;
	raft_id leaders[SIM_TERMS];
	struct sim_vote { raft_id voter; raft_term term; raft_id vote; } *votes;
	size_t vote_count, vote_size;

	unsigned rotten, mended, crashes, elections, installs, acknowledged, reads, unknown, changes, transfers, lost_answers, made, sessions, events;
	bool failed;
	char why[512];
};
extern struct sim_world world;

void sim_trace(const char *fmt, ...) PRINTF_LIKE(1, 2);
#define TRACE(...) do { if (world.trace) sim_trace(__VA_ARGS__); } while (0)
/* A promise: when it is broken the run is over. */
void sim_demand(bool ok, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* sim_net.c */
void sim_cut_link(size_t from, size_t to, bool is_cut);
bool sim_is_linked(size_t a, size_t b);         /* both ways */
msec sim_hours_off(void);                       /* as clocks of the wall are */
struct sim_manager *sim_manager_at(const struct sim_site *site);        /* NULL: a worker */

/* sim_manager.c */
struct tls_context *sim_no_context(void *arg);
void sim_managers_init(void);                   /* the first, founded */
void sim_manager_start(struct sim_manager *m);
enum sim_death { DEATH_KILLED, DEATH_POWER, DEATH_CLOSED };
void sim_manager_stop(struct sim_manager *m, enum sim_death how);
void sim_managers_free(void);
struct sim_manager *sim_leader(void);           /* of the highest term, if it runs; NULL */
struct sim_manager *sim_nth_manager(unsigned n);        /* of those that run, modulo; NULL */
struct sim_manager *sim_any_manager(void);      /* a running one, by the world's dice; NULL */
struct sim_manager *sim_manager_by_id(raft_id id);
bool sim_is_up(const struct sim_manager *m);    /* running, and not stopped */
void sim_manager_enter(struct sim_manager *m);
void sim_manager_leave(struct sim_manager *m);
void sim_node_id(const char *name, char ret_id[ID_SIZE]);       /* as long as ids are */
void sim_let_in(void);                          /* another manager comes */
void sim_send_away(struct sim_manager *who);    /* it is to be none any more */
void sim_ask_transfer(void);
void sim_manager_rot(struct sim_manager *m);     /* NULL is welcome */
void sim_manager_disk(struct sim_manager *m, msec most);        /* what a round takes; 0: a good disk's few ms */
void sim_wipe_removed(void);                    /* hosts that the agreed configuration does not name */
size_t sim_voters(void);
extern const char sim_manager_token[];

/* sim_join.c */
void sim_forget_removals(struct manager *m);
void sim_join(struct manager *m, const char *node_id, const char *address, const char *token, control_done_fn *done, void *arg);

/* streams_sim.c */
void sim_streams_free(void);                    /* those whose end nobody lives to see */

/* sim_worker.c */
void sim_workers_init(void);                    /* they are known, and started later */
void sim_worker_kill(struct sim_worker *w, msec back_in, bool is_dark);
void sim_worker_start(struct sim_worker *w);
void sim_worker_remind(struct sim_worker *w);   /* where managers are, if none that it knows is left */
void sim_workers_free(void);

/* sim_client.c */
void sim_clients_init(void);
enum sim_wish { WISH_CREATE, WISH_UPDATE, WISH_REMOVE, WISH_REFRESH };
/* An operator asks any manager. */
void sim_service_happens(enum sim_wish type, unsigned name, unsigned replicas);
void sim_service_meddled(void);                 /* the same, and often the leader dies over it */
void sim_meddle(const char *service_id);        /* it has just been made: with sim_meddles somebody removes it */
void sim_services_refresh(void);                /* in calm: each is asked for once more, so that no paused update stays */
void sim_clients_stop(void);
void sim_clients_free(void);
void sim_check_history(void);

/* sim_check.c */
void sim_check_manager(struct sim_manager *m);  /* after whatever it has done */
void sim_check_applied(struct sim_manager *m, const struct applied *applied);   /* after each entry; NULL: after a snapshot */
void sim_check_message(const struct sim_manager *from, const struct raft_msg *msg);
void sim_check_converged(void);
struct sim_birth *sim_birth_of(const char *service_id);

/* sim_plan.c */
enum sim_act {
	ACT_KILL, ACT_POWER, ACT_CLOSE, ACT_CUT, ACT_CUT_BOTH, ACT_ISOLATE, ACT_SPLIT, ACT_HEAL, ACT_FULL, ACT_BAD_WRITE, ACT_BAD_SYNC,
	ACT_STALL, ACT_MEND, ACT_FREEZE, ACT_JOIN, ACT_DEMOTE, ACT_TRANSFER, ACT_CHECKPOINT, ACT_WORKER_KILL, ACT_WORKER_CUT, ACT_WEATHER,
	ACT_SERVICE, ACT_FLAP, ACT_SLOW, ACT_CLOCK, ACT_CHURN, ACT_STREAMS, ACT_COUNT
};
/* who: 0 whoever leads, n the n-th of those that run; of workers the n-th. What a and b are stands beside the names in sim_plan.c. */
struct sim_step { msec pause; enum sim_act act; unsigned who, a, b; };
enum { SIM_STEPS = 200 };
struct sim_plan { uint64_t seed, dice; unsigned managers, workers; struct sim_step steps[SIM_STEPS]; size_t count; };
void sim_plan_draw(uint64_t seed, struct sim_plan *ret);
void sim_plan_write(const struct sim_plan *plan, const char *why, FILE *file);
bool sim_plan_read(FILE *file, struct sim_plan *ret);   /* false: no story, or what cannot be */
extern const char *const sim_act_names[ACT_COUNT];

/* sim_story.c: true when every promise was kept */
extern bool sim_meddles;        /* services come and go all the time, and leaders with them: what is not answered is brought again */
extern bool sim_rots;           /* half-way through each story a row of some manager flips: it is found out, and mended */
bool sim_run(const struct sim_plan *plan, enum sim_sabotage sabotage, bool trace);
