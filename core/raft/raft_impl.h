/* raft_impl.h - what the files of this room share. Not for others.
 *
 * A step runs in three parts: the event's own file decides; raft_append_send gives each follower what it lacks;
 * then persist, apply and reads are filled in from what has become due (raft.c). So no file has to
 * know in which order others have changed the log. What waits for the disk is kept as a fact
 * ("vote given in this term", "matched up to here") and said when the disk has it, never as a
 * message on hold: a fact that a newer term has overtaken is simply not said.
 */
#pragma once
#include "base/rng.h"
#include "raft/raft.h"
#include "raft/raft_entries.h"

#define RAFT_PEERS_MAX          (2 * RAFT_MEMBERS_MAX)  /* members, and whoever is about to become one */
#define RAFT_INFLIGHT_MAX       64              /* APPENDs to one follower without an answer */
#define RAFT_INFLIGHT_BYTES_MAX (4u << 20)
#define RAFT_APPEND_BYTES_MAX   (1u << 20)      /* of one APPEND; a single larger entry goes alone */
#define RAFT_SAMPLES            64              /* of append-to-acknowledgement */
#define RAFT_SAMPLES_BESIDE     16              /* of so many, the longest one does not count */
#define RAFT_FAST_VOTE_MS       150             /* spread of those who saw the leader's process die */
#define RAFT_SUM_EVERY          100             /* heartbeats */
#define RAFT_CAUGHT_UP          64              /* a learner this few entries behind may vote */

/* A persist that is under way: what will be durable when it completes. */
struct raft_pending {
	uint64_t number;
	raft_index last;
	struct raft_hard hard;
	msec queued_at;
	msec sent_ms;                   /* of the APPEND it answers, for the echo; 0: none */
};

/* What a leader knows of a follower's log. Probing: one APPEND at a time until one fits. Streaming: next runs
 * ahead of match (§10.2.1). Snapshot: nothing is sent until it is installed or has failed. */
enum raft_mode { RAFT_MODE_PROBE = 1, RAFT_MODE_STREAM, RAFT_MODE_SNAPSHOT };
enum raft_ballot { RAFT_BALLOT_NONE, RAFT_BALLOT_YES, RAFT_BALLOT_NO };

struct raft_inflight { raft_index last; size_t bytes; };
struct raft_samples { msec items[RAFT_SAMPLES]; size_t count, at; };

struct raft_peer {
	raft_id id;
	bool is_member, is_voter;               /* of the configuration in force */
	enum raft_peer_state link;              /* 0: nothing is known of a connection */
	enum raft_ballot ballot;                /* of the election under way */
	bool disk_stalled;

	enum raft_mode mode;
	raft_index match, next;
	bool probe_is_out;
	uint64_t probed_round;          /* of heartbeats, when it went out */
	msec settles_until;             /* it may still be installing the snapshot it got */
	raft_index told_commit;
	struct raft_inflight inflight[RAFT_INFLIGHT_MAX];       /* a ring */
	size_t inflight_first, inflight_count, inflight_bytes;
	msec heard_at, progress_at;
	uint64_t acked_round;
	struct raft_samples lag;
	struct raft_msg_sum sum;        /* its answer to the question of now; index 0: none yet */
	bool was_told_differs;
};

struct raft_read { raft_id from; uint64_t token, round; };      /* from 0: asked here */

struct raft {
	bool is_started;
	enum raft_role role;
	raft_id self, leader;
	/* as of now; hard_durable is what the disk is known to hold */
	struct raft_hard hard;
	struct raft_hard hard_durable;
	struct raft_entries log;
	raft_index durable, commit, handed_out, applied;
	raft_index matched;             /* follower: the log equals the leader's up to here, in this term */
	struct rng rng;

	/* in force: the newest in the log; settled: the newest that was handed out */
	raft_index config_index, settled_index;
	struct raft_membership config, settled;
	bool is_voter;
	size_t voter_count;
	struct raft_peer peers[RAFT_PEERS_MAX];
	size_t peer_count;

	struct raft_pending pending[RAFT_PERSISTS_MAX];         /* a ring in order of number */
	size_t pending_first, pending_count;
	uint64_t last_number;
	raft_index dirty_from;          /* entries from here on are in no persist yet; 0: none */
	bool is_hard_dirty, forgets_log;
	msec append_sent_ms;            /* of the APPEND that made dirty_from */
	msec ack_sent_ms;               /* of the newest one that is durable, for the echo */
	bool disk_is_stalled;

	/* timers; RAFT_NEVER when they do not run */
	msec election_at, heartbeat_at, transfer_until;
	msec heard_at;                  /* from the leader; INT64_MIN: never */
	msec quorum_floor;              /* leader: nobody counts as silent since before this */
	msec measured_at;
	uint64_t round;                 /* of heartbeats */
	uint64_t heartbeats;
	bool wants_round;               /* a read waits for a round that has not begun */
	bool owes_ack;                  /* follower: to the leader, as soon as the disk allows */
	raft_index acked;               /* of what it owes, said already */
	bool leader_is_forced;          /* stands because the leader told it to (§3.10) */
	bool lost_leader;               /* the leader's process died, and no leader was heard since */
	raft_id transfer_to;            /* 0: none under way */
	bool transfer_was_sent;
	struct raft_samples own_lag;

	/* a snapshot that has been offered, and waits for the term to be durable or is being fetched */
	struct raft_base offer;
	uint64_t offer_ticket;
	raft_id offer_from;
	bool has_offer, is_offer_told;

	raft_index sum_index;
	uint64_t sum;
	bool has_sum;
	/* leader: what it asks the others for, with its own sum; follower: what it answered last */
	struct raft_msg_sum asked, answered;

	struct raft_read reads[RAFT_READS_MAX];         /* in the order in which they came */
	size_t read_count;
	msec read_asked_at;             /* follower: the leader, last */
	/* what out points to */
	struct raft_read_result ready_reads[RAFT_READS_MAX];
	size_t ready_count;
	struct raft_msg *messages;
	size_t message_count, message_size;
	raft_id snapshot_peers[RAFT_PEERS_MAX];
	size_t snapshot_peer_count;
	bool status_changed;

	msec now;                       /* of the latest step */
	/* cluster time at the moment cluster_at of the caller's clock */
	msec cluster_ms, cluster_at;
};

/* raft_start.c */
int raft_start_from(struct raft *raft, const struct raft_start *start, struct err *err);

/* raft_peer.c: the table of the others, messages to them */
struct raft_peer *raft_peer_find(struct raft *raft, raft_id id);        /* NULL */
/* NULL when the table is full of members and connections. */
struct raft_peer *raft_peer_take(struct raft *raft, raft_id id);
/* After every change of the configuration in force. */
void raft_peers_settle(struct raft *raft);
/* for (size_t at = 0; (peer = raft_peers_next(raft, &at)); ) members but ourselves */
struct raft_peer *raft_peers_next(struct raft *raft, size_t *at);
/* A message with term, from and to filled in; good until the next one. */
struct raft_msg *raft_send(struct raft *raft, raft_id to, enum raft_msg_type type);
/* The best value that a majority of the voters has reached; ours is given. */
uint64_t raft_majority(struct raft *raft, uint64_t ours, uint64_t (*of)(const struct raft_peer *peer));
/* What is known of a connection. */
void raft_peer_note(struct raft *raft, raft_id id, enum raft_peer_state state);

/* raft_vote.c: roles and elections */
void raft_vote_follow(struct raft *raft, raft_term term, raft_id leader);
void raft_vote_arm(struct raft *raft);                                  /* the election timer, from now */
void raft_vote_time_out(struct raft *raft);                             /* it has run out */
void raft_vote_stand(struct raft *raft, bool is_forced);
void raft_vote_count(struct raft *raft);                                /* is there a majority by now? */
void raft_vote_asked(struct raft *raft, const struct raft_msg *msg);
void raft_vote_answered(struct raft *raft, const struct raft_msg *msg);
void raft_vote_owed(struct raft *raft);                                 /* after a persist: say the vote that was given */
void raft_vote_ask_again(struct raft *raft, struct raft_peer *peer);    /* its connection is up */
void raft_vote_leader_died(struct raft *raft);

/* raft_append.c: the leader's log and the followers' */
int raft_append_proposals(struct raft *raft, const struct raft_proposal *items, size_t count, struct raft_out *out, struct err *err);
void raft_append_own(struct raft *raft, enum raft_entry_type type, const void *bytes, size_t size);
void raft_append_begin(struct raft *raft, struct raft_peer *peer);     /* nothing is known of its log */
void raft_append_pause(struct raft *raft, struct raft_peer *peer);     /* nothing more until a later heartbeat is answered */
void raft_append_send(struct raft *raft);                               /* leader: to each what it may have now */
void raft_append_answered(struct raft *raft, const struct raft_msg *msg);
void raft_append_nudge(struct raft *raft, struct raft_peer *peer);     /* a sign of life: what was lost is sent again */

/* raft_follow.c: a follower's log */
int raft_follow_append(struct raft *raft, const struct raft_msg *msg, struct err *err);
void raft_follow_owed(struct raft *raft);                               /* acknowledges what the disk holds */

/* raft_persist.c */
bool raft_persist_is_full(const struct raft *raft);
void raft_persist_entries(struct raft *raft, raft_index first);         /* from here on the log is new */
void raft_persist_hard(struct raft *raft);
void raft_persist_truncated(struct raft *raft, raft_index first);       /* what was on its way from here on does not count */
void raft_persist_flush(struct raft *raft, struct raft_out *out);
void raft_persist_done(struct raft *raft, uint64_t number);

/* raft_commit.c */
void raft_commit_advance(struct raft *raft);    /* leader: to what a majority holds durably */
void raft_commit_learn(struct raft *raft, raft_index commit);           /* follower */
void raft_commit_hand_out(struct raft *raft, struct raft_out *out);

/* raft_beat.c: heartbeats, check-quorum, the measuring of E */
void raft_beat_begin(struct raft *raft);
void raft_beat_time(struct raft *raft);         /* leader: what the clock asks for */
void raft_beat_heard(struct raft *raft, const struct raft_msg *msg, struct raft_out *out);
void raft_beat_answered(struct raft *raft, const struct raft_msg *msg);
void raft_beat_sample(struct raft_samples *samples, msec took);
void raft_beat_round(struct raft *raft);        /* leader: to everybody, now */

/* raft_sum.c: the same state everywhere */
void raft_sum_ask(struct raft *raft);           /* leader: a question goes out, with this step's heartbeats */
void raft_sum_own(struct raft *raft, raft_index index, uint64_t sum);
void raft_sum_answered(struct raft *raft, const struct raft_msg *msg, struct raft_out *out);
void raft_sum_judged(struct raft *raft, const struct raft_msg *msg, struct raft_out *out);

/* raft_read.c */
int raft_read_ask(struct raft *raft, uint64_t token, struct err *err);
void raft_read_ask_again(struct raft *raft);    /* follower: a heartbeat has come */
void raft_read_asked(struct raft *raft, const struct raft_msg *msg);
void raft_read_answered(struct raft *raft, const struct raft_msg *msg);
void raft_read_answer(struct raft *raft);
void raft_read_drop(struct raft *raft);         /* the leader they were asked of leads no more */

/* raft_change.c: members come and go, leadership is handed over */
int raft_change_member(struct raft *raft, enum raft_member_change change, const struct raft_member *member, struct err *err);
void raft_change_take(struct raft *raft, raft_index index, const struct raft_membership *config);
void raft_change_revert(struct raft *raft);     /* the log was truncated */
int raft_change_transfer(struct raft *raft, raft_id to, struct err *err);
void raft_change_go_on(struct raft *raft);      /* a transfer: has the other caught up? */
void raft_change_disk(struct raft *raft, bool is_stalled);

/* raft_snapshot.c */
void raft_snapshot_offered(struct raft *raft, const struct raft_msg *msg);
void raft_snapshot_tell(struct raft *raft, struct raft_out *out);
void raft_snapshot_installed(struct raft *raft, const struct raft_base *base);
void raft_snapshot_sent(struct raft *raft, raft_id to, bool is_complete, raft_index index);
void raft_snapshot_answered(struct raft *raft, const struct raft_msg *msg);
