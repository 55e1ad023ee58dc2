/* liveness.h - who is there: from a node's heartbeats to "ready" and "down" in the state (design §4).
 *
 * Pure. Two halves. The manager that holds a node's session keeps struct beats: it says "silent" when nothing came for G, which is
 * max(3 s, 4 × the longest gap between two beats of the last 10 minutes), at most 60 s; a label "swarmbox.grace" of the node sets it.
 * The leader keeps struct liveness: who holds which node, and what follows.
 *
 *	silent at everybody who held it
 *	                down, after SETTLE_MS in which others may turn out to be silent too (a switch died, not the nodes)
 *	it says that it is left, or stopped with its containers
 *	                down at once
 *	a holder is lost, the leader is new, or the agent ends and its containers run on
 *	                the node gets max(2 G, 15 s) to turn up again, G as its holder told it; also when all others fall silent meanwhile
 *	silent at a holder that was itself out of our sight while the node was silent
 *	                the same: that wire was bad, and the node may be on its way to another manager
 *	more than half of the ready nodes, and at least 3, gone within one G
 *	                "unknown" instead of down for 60 s: nothing is replaced, and node ls says so
 *
 * Time is the loop's. The state itself is not read here: the caller tells which nodes there are.
 */
#pragma once
#include "base/id.h"
#include "base/map.h"

enum {
	LIVENESS_GRACE_MIN_MS = 3000, LIVENESS_GRACE_MAX_MS = 60000, LIVENESS_GAPS = 4, LIVENESS_MINUTES = 10,
	BEATS_GRACE_MAX_MS = 24 * 3600 * 1000,  /* of a label */
	LIVENESS_MOVE_MS = 15000, LIVENESS_SETTLE_MS = 500, LIVENESS_MASS_MIN = 3, LIVENESS_MASS_HOLD_MS = 60000,
};

#define BEATS_GRACE_LABEL "swarmbox.grace"

/* ---- the holder's half ---- */
struct beats {
	msec last;                      /* when the last one came */
	msec longest[LIVENESS_MINUTES]; /* gap in each of the last minutes */
	msec minute;                    /* number of the newest one */
	msec fixed_ms;                  /* the label; 0: none */
};
void beats_init(struct beats *beats, msec now);
void beats_add(struct beats *beats, msec now);
msec beats_grace_ms(const struct beats *beats);
msec beats_deadline(const struct beats *beats);          /* silent from then on */
/* The label's value, "10s"; 0 for what is none, or no duration. */
msec beats_parse_grace(const char *label);

/* ---- the leader's half ---- */
enum live_state { LIVE_HELD, LIVE_MOVING, LIVE_SILENT, LIVE_UNKNOWN, LIVE_DOWN };
struct live_node {
	char id[ID_SIZE];
	struct map *holders;            /* managers that hold it, as far as they have said, in the order in which they said so; HELD: there is one */
	enum live_state state;
	msec at;                        /* when this state ends by itself (MOVING, SILENT, UNKNOWN); DOWN: since when */
	msec turn_up_until;             /* a holder was lost: it may be on its way for so long */
	msec grace_ms;                  /* G */
	bool was_held;                  /* since we lead */
	bool has_left, has_stopped;     /* it said so itself; the latter: it will be back */
	bool is_told;                   /* the caller has this state */
};
struct liveness { struct map *nodes; msec hold_until; };

void liveness_init(struct liveness *live);
void liveness_fini(struct liveness *live);
/* A node of the state, MOVING (it is ready there), UNKNOWN or DOWN. A new leader adds all of them: those that are not down have to turn up.
 * Known ones stay as they are. */
void liveness_add(struct liveness *live, const char *id, enum live_state state, msec now);
void liveness_remove(struct liveness *live, const char *id);
bool liveness_is_held_by(const struct liveness *live, const char *id, const char *manager);
/* What managers say. Which of its sessions is the newest is not known: a node that hurries from one manager to the next is held by all of them
 * for a while, until each but the last says that it is silent there. The word of anybody else counts for nothing. */
void liveness_held(struct liveness *live, const char *id, const char *manager, msec now);
/* since: the manager was in our sight all the time from then on. */
void liveness_silent(struct liveness *live, const char *id, const char *manager, msec since, msec now);
/* G, as its holder tells it. */
void liveness_set_grace(struct liveness *live, const char *id, msec grace_ms);
/* Of what this manager held only those are held still; it is there itself. The others have the time to turn up elsewhere. */
void liveness_lost_but(struct liveness *live, const char *manager, const struct map *held, msec now);
void liveness_left(struct liveness *live, const char *id, const char *manager, bool has_stopped, msec now);
void liveness_away(struct liveness *live, const char *id, const char *manager, msec now);
void liveness_manager_lost(struct liveness *live, const char *manager, msec now);

/* Moves on by time. Then, one after the other, the nodes whose state the caller does not have: READY, DOWN or UNKNOWN by their state. */
void liveness_tick(struct liveness *live, msec now);
const struct live_node *liveness_next(struct liveness *live, size_t *at);
/* It could not be written: told again. */
void liveness_again(struct liveness *live, const char *id);
msec liveness_deadline(const struct liveness *live);     /* tick then; INT64_MAX: never */
