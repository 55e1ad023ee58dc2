/* raft_world.h - a cluster of managers in one process: real rafts on fake disks, clocks and a fake network, all from one seed.
 *
 * The world keeps what has been told to anybody, and after every event looks whether a promise of raft has been broken (thesis, Figure 3.2):
 * election safety, log matching (as equal entries at equal index), leader completeness, state machine safety; besides these that no durable
 * vote is given twice, that cluster time never falls along the log, and that a read sees all that was applied anywhere when it was asked.
 * Every message goes through the codec. With RAFT_TRACE=1 it prints what happens.
 */
#pragma once
#include "base/heap.h"
#include "base/rng.h"
#include "test/unit/raft/raft_disk.h"

enum { WORLD_NODES_MAX = 9, WORLD_TERMS_MAX = 4096, WORLD_SNAPSHOTS_MAX = 64, WORLD_READS_MAX = 512 };

/* How to break a rule from outside: the harness must find out. */
enum sabotage {
	SABOTAGE_NONE,
	SABOTAGE_VOTES_TWICE,           /* who asks for a vote gets it */
	SABOTAGE_FORGETS_VOTES,         /* the disk loses term and vote in a crash */
	SABOTAGE_ACKS_EARLY,            /* an acknowledgement speaks of more than was received */
	SABOTAGE_FORGETS_ENTRIES,       /* the disk loses what it had synced */
	SABOTAGE_COMMITS_EARLY,         /* a message says that all it brings is committed */
	SABOTAGE_CHANGES_ENTRIES,       /* bytes of an entry change on the way */
	SABOTAGE_READS_ALONE,           /* a leader hears that all confirm it, whoever they follow */
	SABOTAGE_COUNT
};

struct state { struct raft_base base; uint64_t hash; };          /* a state machine: a chain of what was applied */
struct world_read { uint64_t token; raft_index floor; bool is_open; };

struct node {
	raft_id id;                             /* 0: this place is free */
	bool is_running, is_joining;
	struct raft *raft;
	struct raft_disk disk;
	struct state memory, durable;
	uint64_t reported;
	msec clock_offset;
	int clock_rate;                         /* parts per thousand; 1000 is right */
	msec deadline;                          /* its own clock */
	msec disk_busy_until;                   /* the world's */
	bool is_disk_slow, disk_was_told;
	struct heap_node timer, disk_done, back;
	raft_index fetching;                    /* a snapshot under way: its index */
	uint64_t fetch_ticket;
	struct heap_node fetched;
	raft_term seen_term;                    /* durable, and for whom it voted there */
	raft_id seen_vote;
	struct world_read reads[WORLD_READS_MAX];
	size_t read_at;
};

struct letter;
struct world {
	struct rng rng;
	uint64_t seed;
	msec now;
	struct heap events;
	struct node nodes[WORLD_NODES_MAX];
	bool cut[WORLD_NODES_MAX][WORLD_NODES_MAX];      /* [from][to] */
	unsigned loss, doubles;                 /* per thousand */
	msec delay;                             /* the most */
	enum sabotage sabotage;
	size_t letters;

	struct { uint64_t value; raft_term term; } told[DISK_ENTRIES_MAX];
	raft_index highest;                     /* applied by anybody */
	raft_id leaders[WORLD_TERMS_MAX];
	struct state snapshots[WORLD_SNAPSHOTS_MAX];
	uint64_t snapshot_count;
	raft_id next_id;
	uint64_t next_value, next_token;
	unsigned crashes, elections, votes, acknowledged, confirmed_reads, installs, transfers, changes;
	bool failed;
	char why[256];
};

void world_init(struct world *world, uint64_t seed, enum sabotage sabotage);     /* one node, founded and running */
void world_fini(struct world *world);
void world_run(struct world *world, msec span); /* until nothing is left to do in it, or a promise is broken */

struct node *world_leader(struct world *world); /* of the highest term, if it runs; NULL */
size_t world_place(const struct world *world, const struct node *node);
struct node *world_any(struct world *world);    /* a running one; NULL */
struct node *world_find(struct world *world, raft_id id);

void world_propose(struct world *world, struct node *node);
void world_read(struct world *world, struct node *node);
void world_crash(struct world *world, struct node *node);       /* it comes back by itself after a while */
void world_start(struct world *world, struct node *node);
void world_cut(struct world *world, size_t from, size_t to);
void world_heal(struct world *world);           /* every link, every disk; who is down comes back */
void world_checkpoint(struct world *world, struct node *node);  /* its state is durable; its log is cut behind it */
void world_slow_disk(struct world *world, struct node *node, msec span);
void world_transfer(struct world *world, struct node *leader);
void world_add(struct world *world);            /* a learner */
void world_promote(struct world *world);        /* one learner, if there is one */
void world_remove(struct world *world);         /* one member but the leader */
void world_wipe_removed(struct world *world);   /* hosts that a committed configuration does not name */
size_t world_voters(struct world *world, struct node *node);    /* of the configuration it has */
