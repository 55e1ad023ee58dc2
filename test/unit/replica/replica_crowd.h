/* replica_crowd.h - several replicas in one process: real rafts, real stores on disks in memory, one real loop, and between them a
 * transport that is only a list of letters. Links can be cut, members stopped and started again.
 */
#pragma once
#include "replica/replica.h"
#include "test/sim/vfs_fault.h"

/* The election timeout: half of it without a fsync or all of it without a word is not seen on a busy machine, so that who leads goes on
 * leading until the test ends that. */
enum { CROWD_MAX = 5, CROWD_ELECTION_MS = 1500 };

struct crowd;
struct member {
	struct crowd *crowd;
	char name[16];                  /* of node, disk and VFS */
	raft_id id;
	struct vfs_fault *disk;
	struct store *store;
	struct replica *replica;        /* NULL: it does not run */
	bool is_leader, is_cut;
	bool is_deaf;                   /* what it sends arrives, nothing reaches it */
	bool stalls_at_fetch;           /* its disk, from when it asks for a snapshot on */
	bool is_damaged;                /* it was told to stop: its state is not the majority's */
	unsigned applied, replaced, lost, statuses;
};
struct crowd {
	struct loop *loop;
	struct member members[CROWD_MAX];
	size_t count;
	unsigned sent;
	bool eats_snapshots;            /* streams break half-way */
};

void crowd_init(struct crowd *crowd);   /* one member, founded, leading */
void crowd_calm(struct replica *leader);        /* has it and its followers wait CROWD_ELECTION_MS; crowd_init does */
void crowd_fini(struct crowd *crowd);
/* A host that joins: learner, caught up, voter. */
struct member *crowd_add(struct crowd *crowd);
struct member *crowd_add_learner(struct crowd *crowd);
void crowd_stop(struct member *member);         /* as kill -9: the others see the connection break */
void crowd_start(struct member *member);
void crowd_cut(struct member *member, bool is_cut);     /* nobody notices but by silence */
struct member *crowd_leader(struct crowd *crowd);       /* waits for one; NULL after a minute */
struct member *crowd_follower(struct crowd *crowd);     /* any that runs and does not lead */
/* Turns the loop until the condition holds; false after a minute. */
typedef bool crowd_fn(void *arg);
bool crowd_wait(struct crowd *crowd, crowd_fn *until, void *arg);
bool crowd_agrees(struct crowd *crowd);         /* waits until all that run have the same index and sum */

/* One question and what came of it. */
struct answer { bool is_done, has_failed; uint64_t index; struct err err; };
void answer_done(void *arg, uint64_t index, const struct err *err);
bool crowd_answered(struct crowd *crowd, struct answer *answer);        /* waits; true if it went well */
/* A slot of that name; the request is sent to this member, and waited for by crowd_answered. */
void crowd_ask(struct member *member, const char *id, struct answer *answer);
bool crowd_write(struct member *member, const char *id);        /* asks and waits */
bool crowd_has(const struct member *member, const char *id);
