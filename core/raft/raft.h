/* raft.h - agreement on one log of entries; nothing else.
 *
 * Pure: no clock, no dice of its own, no descriptor, no log line. One function turns the machine:
 * raft_step(event, now) fills a struct raft_out with duties and the moment it wants to be asked
 * again; there are no ticks. Sections (§) and figures are those of D. Ongaro's thesis, "Consensus:
 * Bridging Theory and Practice" (2014).
 *
 * THE ORDER OF DUTIES. After each step the shell does, in this order:
 *   1. persist   Queue out->persist for the disk; persists complete in the order they were given.
 *                Entries replace whatever the disk holds from their first index on. When the fsync
 *                is over, and not before, it says so with RAFT_EVENT_PERSISTED (Figure 3.1: stable
 *                before answering; §3.8).
 *   2. send      Hand out->messages to the peers' queues. They need not wait for this step's
 *                persist: a leader may write beside its followers (§10.2.1), and every message that
 *                must wait for a disk (votes, acknowledgements) comes out of the step that is told
 *                PERSISTED.
 *   3. apply     Apply out->apply to the state machine, in order, each exactly once. Only what is
 *                committed *and* durable here is given out, so the state machine is never ahead of
 *                its own log (§3.5, §3.6.2).
 * A process may be killed between any two duties and inside each: what was persisted comes back
 * with RAFT_EVENT_START, the rest had been promised to nobody. When a persist fails the shell
 * throws this struct raft away and starts another from what the disk really holds: the same road as
 * a crash, and the only one; there is no undo inside.
 *
 * MEMORY. What an event points to is the caller's and is copied where it is kept. What out points
 * to is raft's and stays valid until the next raft_step. The log above the last CUT is kept in
 * memory.
 *
 * PEERS. A message goes only to members whose connection is known to be up (RAFT_EVENT_PEER), but for answers,
 * which go to whoever asked. Messages may be lost, doubled and overtake each other. Who is a manager
 * at all is proven before RECEIVE: nothing in here knows certificates. What a proven manager sends
 * and could not have sent (a log that is none, another entry where one was committed) is an error,
 * and nothing has changed.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

struct arena;

/* a position in the log; the first entry is 1, 0 stands before it */
typedef uint64_t raft_index;
typedef uint64_t raft_term;     /* a reign; grows with each election, 0 before the first */
/* a member: 63 random bits, new at each join, so that a wiped one never votes twice; 0 is nobody */
typedef uint64_t raft_id;

#define RAFT_MEMBERS_MAX       32
#define RAFT_ENTRY_BYTES_MAX   (2u << 20)
#define RAFT_PROPOSE_MAX       64                /* entries of one PROPOSE */
#define RAFT_PENDING_BYTES_MAX (16u << 20)       /* appended and not yet committed */
#define RAFT_PERSISTS_MAX      256               /* handed out and not yet PERSISTED */
#define RAFT_READS_MAX         1024              /* waiting for their read index */
#define RAFT_ELECTION_MIN_MS   500               /* E, before anything was measured */
#define RAFT_ELECTION_MAX_MS   10000
#define RAFT_NEVER             INT64_MAX         /* a deadline that is none */

/* --- the log -----------------------------------------------------------------------------------
 */

enum raft_entry_type {
	RAFT_ENTRY_NORMAL = 1,  /* the state machine's own bytes */
	/* a struct raft_membership, encoded; in force from the moment it is in the log (§4.1) */
	RAFT_ENTRY_CONFIG,
	/* the first of each term: commits what older terms left behind (§3.6.2, §6.4) */
	RAFT_ENTRY_NOOP,
};

struct raft_entry {
	raft_index index;
	raft_term term;
	enum raft_entry_type type;
	/* cluster time at which the leader made it; never falls along the log */
	msec now_ms;
	const void *bytes;
	size_t size;
};

/* a learner receives and does not count (§4.2.1) */
enum raft_suffrage { RAFT_VOTER = 1, RAFT_LEARNER };
struct raft_member {
	raft_id id;
	enum raft_suffrage suffrage;
	/* whose certificate speaks for it; addresses are hints and kept elsewhere */
	char node_id[ID_SIZE];
};
struct raft_membership {
	char cluster_id[ID_SIZE];       /* the same in every configuration of one log */
	struct raft_member members[RAFT_MEMBERS_MAX];
	size_t count;
};

void raft_membership_encode(const struct raft_membership *config, struct buf *out);
/* ERR_INVALID for bytes that raft_membership_encode never makes: counts out of range, a member
 * twice, no voter. */
int raft_membership_decode(const void *bytes, size_t size, struct raft_membership *ret,
			   struct err *err);
/* NULL when it is none of them. */
const struct raft_member *raft_membership_find(const struct raft_membership *config, raft_id id);

/* What must be on disk before an answer (Figure 3.1), and E, so that a restart does not begin with
 * a guess. */
struct raft_hard { raft_term term; raft_id vote; msec election_ms; };

/* What the state machine holds without the log: its own durable rows after a restart, or a snapshot
 * (Figure 5.3). */
struct raft_base {
	raft_index index;       /* the last entry contained; 0: none */
	raft_term term;
	msec now_ms;            /* cluster time of that entry */
	raft_index config_index;
	struct raft_membership config;
};

/* The disk of a new cluster: term 1 and entry 1, which names its only voter (§4.4).
 * ret_entry->bytes points into *bytes. */
void raft_first(const struct raft_membership *config, struct raft_hard *ret_hard,
		struct raft_entry *ret_entry, struct buf *bytes);

/* --- messages ----------------------------------------------------------------------------------
 */

enum raft_msg_type {
	/* §9.6: "would you vote for me?"; msg.term is the term it would stand in */
	RAFT_MSG_PRE_VOTE = 1,
	RAFT_MSG_PRE_VOTE_REPLY,
	RAFT_MSG_VOTE,                  /* RequestVote, Figure 3.1 */
	RAFT_MSG_VOTE_REPLY,
	RAFT_MSG_APPEND,                /* AppendEntries with entries, Figure 3.1 */
	RAFT_MSG_APPEND_REPLY,
	RAFT_MSG_HEARTBEAT,             /* AppendEntries without: every E/8 */
	RAFT_MSG_HEARTBEAT_REPLY,
	/* InstallSnapshot, Figure 5.3; the bytes travel on a connection of their own */
	RAFT_MSG_SNAPSHOT,
	RAFT_MSG_SNAPSHOT_REPLY,
	RAFT_MSG_TIMEOUT_NOW,           /* §3.10: stand at once */
	RAFT_MSG_READ,                  /* §6.4: a follower asks for a read index, also for all that it asked before */
	RAFT_MSG_READ_REPLY,
	RAFT_MSG_SUM,                   /* a follower's answer to a heartbeat that has a sum */
	RAFT_MSG_DIFFERS,               /* the leader's word to one whose sum is not the majority's */
};

struct raft_msg_vote {                  /* PRE_VOTE, VOTE */
	raft_index last_index;          /* §3.6.1: a voter refuses whose log is behind its own */
	raft_term last_term;
	/* its connection to the leader was reset: a process died. A voter inside its lease (§4.2.3)
	 * agrees only if it has lost that connection too */
	bool lost_leader;
	/* told to by the leader: leases do not hold against it (§3.10, §4.2.3) */
	bool is_transfer;
};
struct raft_msg_vote_reply { bool granted; };
struct raft_msg_append {
	raft_index prev_index;
	raft_term prev_term;
	raft_index commit;
	/* the leader's own clock, echoed: append-to-acknowledgement, fsync included, is what E
	 * is made of. 0, and no entries: it tells how far the log is committed, and a follower
	 * that has acknowledged as much has nothing to answer */
	msec sent_ms;
	const struct raft_entry *entries;
	size_t entry_count;
};
struct raft_msg_append_reply {
	bool matched;
	/* matched: durable and the same as the leader's up to here; else where the sender may
	 * look next */
	raft_index last_index;
	raft_term last_term;
	msec sent_ms;                   /* echo */
	/* counts for the leader's quorum of the living, not for its E */
	bool disk_stalled;
};
struct raft_msg_heartbeat {
	raft_index commit;
	msec now_ms;                    /* cluster time */
	msec election_ms;               /* E */
	/* echoed; a majority of echoes confirms leadership for check-quorum (§6.2) and reads
	 * (§6.4) */
	uint64_t round;
	bool has_sum;                   /* every 100th: what is yours? */
	raft_index sum_index;
	uint64_t sum;                   /* the leader's state sum after sum_index */
};
struct raft_msg_heartbeat_reply { uint64_t round; bool disk_stalled; };
/* ticket: names the byte stream to open */
struct raft_msg_snapshot { struct raft_base base; uint64_t ticket; };
struct raft_msg_snapshot_reply { raft_index index; bool installed; };
struct raft_msg_read { uint64_t token; };
struct raft_msg_read_reply { uint64_t token; bool is_confirmed; raft_index index; };
/* SUM: one's own; DIFFERS: that of a majority */
struct raft_msg_sum { raft_index index; uint64_t sum; };

struct raft_msg {
	enum raft_msg_type type;
	raft_id from, to;
	raft_term term;
	union {
		struct raft_msg_vote vote;
		struct raft_msg_vote_reply vote_reply;
		struct raft_msg_append append;
		struct raft_msg_append_reply append_reply;
		struct raft_msg_heartbeat heartbeat;
		struct raft_msg_heartbeat_reply heartbeat_reply;
		struct raft_msg_snapshot snapshot;
		struct raft_msg_snapshot_reply snapshot_reply;
		struct raft_msg_read read;
		struct raft_msg_read_reply read_reply;
		struct raft_msg_sum sum;
	};
};

/* It is answered at once by whoever gets it, whatever its disk does: silence speaks of the wire. */
bool raft_msg_is_question(const struct raft_msg *msg);
/* For the wire, one message a frame; entries included. */
void raft_msg_encode(const struct raft_msg *msg, struct buf *out);
/* ret's entries and their bytes live in the arena and in bytes. ERR_INVALID for whatever raft_msg_encode never makes. */
int raft_msg_decode(const void *bytes, size_t size, struct arena *arena, struct raft_msg *ret, struct err *err);

/* --- events ------------------------------------------------------------------------------------
 */

enum raft_event_type {
	RAFT_EVENT_START = 1,           /* the first one, once */
	RAFT_EVENT_TIMER,               /* out.deadline has come; too early is harmless */
	RAFT_EVENT_PROPOSE,             /* leader: append these */
	RAFT_EVENT_PERSISTED,           /* that persist, and all before it, are on the disk */
	RAFT_EVENT_APPLIED,             /* the state machine has come so far */
	/* entries up to here are durable in the state machine: forget them */
	RAFT_EVENT_CUT,
	/* wanted: an index that whoever has applied it may answer from (§6.4) */
	RAFT_EVENT_READ,
	RAFT_EVENT_RECEIVE,             /* a message of a peer that proved to be one */
	RAFT_EVENT_PEER,                /* a peer's connection */
	/* the oldest persist has taken longer than E/2, or has come through again */
	RAFT_EVENT_DISK,
	/* leader: one member comes, goes or votes from now on (§4.1); the next waits for this
	 * one's commit */
	RAFT_EVENT_CHANGE_MEMBER,
	RAFT_EVENT_TRANSFER,            /* leader: hand over (§3.10) */
	RAFT_EVENT_SNAPSHOT_SENT,       /* the stream to a peer has ended */
	RAFT_EVENT_SNAPSHOT_INSTALLED,  /* the state machine now is what out.install said */
	RAFT_EVENT_SUM,                 /* what out.check_sum asked for, as soon as that entry is applied */
};

struct raft_start {
	raft_id self;
	/* dice for timeouts: the same seed and events make the same run */
	uint64_t seed;
	struct raft_hard hard;
	struct raft_base base;
	/* the log as the disk holds it; may begin below base.index, must reach it without a gap */
	const struct raft_entry *entries;
	size_t entry_count;
	/* it has been let in, and no configuration that names it may have reached it yet */
	bool is_joining;
};
struct raft_proposal { const void *bytes; size_t size; };
enum raft_peer_state {
	RAFT_PEER_UP = 1,
	RAFT_PEER_LOST,         /* reset or refused: the process died */
	RAFT_PEER_SILENT,       /* timed out: who knows */
};
enum raft_member_change { RAFT_ADD_LEARNER = 1, RAFT_MAKE_VOTER, RAFT_REMOVE };

struct raft_event {
	enum raft_event_type type;
	union {
		struct raft_start start;
		struct { const struct raft_proposal *items; size_t count; } propose;
		struct { uint64_t number; } persisted;
		/* the sum after index rides in a heartbeat */
		struct { raft_index index; bool has_sum; uint64_t sum; } applied;
		struct { raft_index index; } cut;
		/* not 0, and this member has never asked with it before, not in an earlier life either */
		struct { uint64_t token; } read;
		struct { const struct raft_msg *msg; } receive;
		struct { raft_id id; enum raft_peer_state state; } peer;
		struct { bool is_stalled; } disk;
		struct { enum raft_member_change change; struct raft_member member; } change_member;
		struct { raft_id to; } transfer;                /* 0: to whoever is furthest */
		struct { raft_id to; bool is_complete; raft_index index; } snapshot_sent;
		struct { struct raft_base base; } snapshot_installed;
		struct { raft_index index; uint64_t sum; } sum;
	};
};

/* --- duties ------------------------------------------------------------------------------------
 */

struct raft_persist {
	uint64_t number;                /* 1, 2, 3 …; 0: nothing to persist */
	struct raft_hard hard;          /* as it must be on disk together with the entries */
	/* every entry on the disk goes first: a snapshot has taken their place */
	bool forgets_log;
	const struct raft_entry *entries;
	size_t entry_count;
};
/* not confirmed: ask the new leader */
struct raft_read_result { uint64_t token; bool is_confirmed; raft_index index; };

struct raft_out {
	struct raft_persist persist;
	const struct raft_msg *messages;
	size_t message_count;
	const struct raft_entry *apply;
	size_t apply_count;
	/* PROPOSE: where its first entry stands; it is ours if it commits with the term of now */
	raft_index proposed_index;
	const struct raft_read_result *reads;           /* answer once applied >= index */
	size_t read_count;
	bool status_changed;            /* role, term, leader or configuration: see raft_status */
	/* the leader has this sum after sum_index: RAFT_EVENT_SUM with ours, equal or not */
	bool check_sum;
	raft_index sum_index;
	uint64_t sum;
	/* a majority of the voters has another state after differs_index than this member: it must not go on */
	bool differs;
	raft_index differs_index;
	const raft_id *send_snapshot;   /* peers that need more than the log still holds */
	size_t send_snapshot_count;
	/* fetch and become this, then SNAPSHOT_INSTALLED; NULL: nothing */
	const struct raft_base *install;
	uint64_t install_ticket;
	msec deadline;                  /* send RAFT_EVENT_TIMER then; RAFT_NEVER */
};

enum raft_role { RAFT_FOLLOWER = 1, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

struct raft_status {
	enum raft_role role;
	raft_id self, leader;           /* leader 0: none known */
	raft_id transfer_to;            /* being handed over to; 0: no */
	struct raft_hard hard;
	raft_index first, last;         /* of the log in memory; last < first: empty */
	raft_index durable, commit, handed_out, applied;
	size_t log_bytes;
	raft_index config_index;
	const struct raft_membership *config;
};

struct raft;
struct raft *raft_new(void);
void raft_free(struct raft *raft);                       /* NULL is welcome */
void raft_freep(struct raft **raft);

/* now: the caller's monotonic clock, not negative, never falling from call to call. On -1 nothing has changed and
 * out is empty but for its deadline; RECEIVE alone fills it all the same, for the term of a bad message counts:
 *   ERR_INVALID      an entry over its bound, or nothing proposed
 *   ERR_UNAVAILABLE  not the leader, or not now: the text says why
 *   ERR_EXHAUSTED    a bound above is reached: come again when what is pending has been committed
 *   ERR_IO           START: what the disk holds contradicts itself; the text says how
 *   ERR_CONFLICT, ERR_NOT_FOUND  CHANGE_MEMBER, TRANSFER: the text says what stands against it
 *   ERR_IO           also RECEIVE: the sender and we hold different entries for committed */
int raft_step(struct raft *raft, const struct raft_event *event, msec now,
	      struct raft_out *out, struct err *err);

/* What a leader that is about to be freed because its log cannot be written still owes the others, who would wait a
 * whole election timeout for its silence: the message that lets the furthest voter stand at once (§3.10). False: it
 * does not lead, or nobody could. */
bool raft_farewell(struct raft *raft, struct raft_msg *ret);

/* config points into raft, until the next step */
struct raft_status raft_status(const struct raft *raft);
/* Cluster time: the leader's clock, continued from the last entry. On a leader it never falls, along the log never
 * either; a follower's own clock bridges the time between two heartbeats, and is corrected by them. */
msec raft_cluster_ms(const struct raft *raft, msec now);
