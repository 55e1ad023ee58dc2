/* propose.h - what waits to become an entry, and how the next entry is composed of it.
 *
 * Pure but for the callbacks it is given. An entry holds, in this order: the leader's own changes
 * (at most half of it, computed on the very view it is based on), status reports up to half of what
 * is left, requests in order of arrival. Each request is checked against the view with everything
 * before it laid over; one that fails is left out and nothing else is touched.
 *
 * The bounds leave room for one request of the largest size at each place, so no lane starves
 * another. */
#pragma once
#include "base/list.h"
#include "replica/replica.h"

enum {
	PROPOSE_OWN_MAX = CHANGES_MAX / 2,
	PROPOSE_REQUEST_MAX = CHANGES_MAX / 4,          /* changes of one request */
	PROPOSE_OWN_BYTES = CHANGE_BYTES_MAX - 4096,
	PROPOSE_REQUEST_BYTES = CHANGE_BYTES_MAX,       /* bytes of one request */
};

struct request {
	struct list link;
	replica_check_fn *check_fn;
	replica_done_fn *done;
	void *arg;
	struct err *failure;            /* owned; NULL: none */
};
struct request_queue {
	struct list lanes[REPLICA_REQUEST + 1];
	size_t count;
};
void request_fail(struct request *request, const struct err *err);
void request_free(struct request *request);
void request_queue_init(struct request_queue *queue);
/* False when REPLICA_QUEUE_MAX wait already. */
bool request_queue_add(struct request_queue *queue, enum replica_lane lane,
		       struct request *request);
/* NULL */
struct request *request_queue_take(struct request_queue *queue, enum replica_lane lane);

/* An entry on its way. */
struct batch {
	struct arena arena;
	struct change_list changes;
	struct buf bytes;               /* the changes, encoded */
	struct list accepted;           /* requests in it */
	struct list refused;            /* those that failed their check */
	bool has_own;                   /* of compose_first */
	bool own_was_cut;               /* more than fits: the rest is lost */
};
void batch_init(struct batch *batch);
void batch_fini(struct batch *batch);   /* the requests were moved elsewhere before */

/* Fills an empty batch. */
void propose_compose(struct batch *batch, struct request_queue *queue, const struct view *view,
		     struct replica_time time, const struct replica_hooks *hooks);
