#include "replica/propose.h"

#include <stdlib.h>

#include "base/panic.h"

/* What the changes of one entry and the checks that make them may take; both are bounded above. */
enum { BATCH_ARENA_MAX = 512 << 20 };

struct composing {
	struct batch *batch;
	struct overlay *overlay;
	struct replica_time time;
};

void request_fail(struct request *request, const struct err *err)
{
	if (!request->failure)
		request->failure = NEW(struct err);
	*request->failure = *err;
}

void request_free(struct request *request)
{
	free(request->failure);
	free(request);
}

void request_queue_init(struct request_queue *queue)
{
	for (size_t i = 0; i < ARRAY_COUNT(queue->lanes); i++)
		list_init(&queue->lanes[i]);
	queue->count = 0;
}

bool request_queue_add(struct request_queue *queue, enum replica_lane lane, struct request *request)
{
	if (queue->count >= REPLICA_QUEUE_MAX)
		return false;
	list_add_last(&queue->lanes[lane], &request->link);
	queue->count++;
	return true;
}

struct request *request_queue_take(struct request_queue *queue, enum replica_lane lane)
{
	struct list *link = list_take_first(&queue->lanes[lane]);

	if (!link)
		return NULL;
	queue->count--;
	return CONTAINER_OF(link, struct request, link);
}

void batch_init(struct batch *batch)
{
	*batch = (struct batch){ 0 };
	arena_init(&batch->arena, "log entry", BATCH_ARENA_MAX);
	change_list_init(&batch->changes, &batch->arena);
	list_init(&batch->accepted);
	list_init(&batch->refused);
}

void batch_fini(struct batch *batch)
{
	check(list_is_empty(&batch->accepted) && list_is_empty(&batch->refused));
	buf_fini(&batch->bytes);
	arena_fini(&batch->arena);
}

/* All changes from first on become part of the entry, and are laid over the view; or none does. */
static int take_in(struct composing *composing, size_t first, size_t bytes_max, struct err *err)
{
	struct batch *batch = composing->batch;
	size_t before = batch->bytes.len;

	for (size_t i = first; i < batch->changes.count; i++)
		change_encode(&batch->changes.items[i], &batch->bytes);
	size_t bytes = batch->bytes.len - before;
	if (bytes <= bytes_max && overlay_add(composing->overlay, &batch->changes, first, err) == 0)
		return 0;
	buf_truncate(&batch->bytes, before);
	if (bytes <= bytes_max)
		return -1;
	return err_set(err, ERR_INVALID, "%zu bytes at once; at most %zu are allowed", bytes, bytes_max);
}

/* The leader's own changes cannot conflict, being computed on this very view. Those from the first
 * on that does not fit, or that contradicts this after all, are decided again later. */
static void add_own(struct composing *composing, const struct replica_hooks *hooks)
{
	struct batch *batch = composing->batch;
	struct change_list *changes = &batch->changes;
	struct err err;

	hooks->compose_first(hooks->arg, overlay_view(composing->overlay), composing->time,
			     PROPOSE_OWN_MAX, changes);
	size_t count = changes->count;
	check(count <= PROPOSE_OWN_MAX);
	for (size_t i = 0; i < count && !batch->own_was_cut; i++) {
		/* one by one: a later one may build on an earlier */
		changes->count = i + 1;
		batch->own_was_cut = take_in(composing, i, PROPOSE_OWN_BYTES - batch->bytes.len, &err) < 0;
		changes->count -= batch->own_was_cut;
	}
	batch->has_own = count > 0;
}

static void add_request(struct composing *composing, struct request *request)
{
	struct change_list *changes = &composing->batch->changes;
	size_t first = changes->count;
	struct err err;
	int rc = request->check_fn(request->arg, composing->overlay, composing->time, changes, &err);

	if (rc == 0 && changes->count - first > PROPOSE_REQUEST_MAX)
		rc = err_set(&err, ERR_INVALID, "%zu changes at once; at most %d are allowed",
			     changes->count - first, PROPOSE_REQUEST_MAX);
	if (rc == 0)
		rc = take_in(composing, first, PROPOSE_REQUEST_BYTES, &err);
	if (rc == 0)
		return;
	changes->count = first;
	request_fail(request, &err);
}

static bool has_room(const struct composing *composing, size_t changes_until, size_t bytes_until)
{
	return composing->batch->changes.count + PROPOSE_REQUEST_MAX <= changes_until &&
	       composing->batch->bytes.len + PROPOSE_REQUEST_BYTES <= bytes_until;
}

static void add_lane(struct composing *composing, struct request_queue *queue,
		     enum replica_lane lane, size_t changes_until, size_t bytes_until)
{
	struct request *request;

	while (has_room(composing, changes_until, bytes_until) &&
	       (request = request_queue_take(queue, lane))) {
		add_request(composing, request);
		list_add_last(request->failure ? &composing->batch->refused :
						 &composing->batch->accepted,
			      &request->link);
	}
}

void propose_compose(struct batch *batch, struct request_queue *queue, const struct view *view,
		     struct replica_time time, const struct replica_hooks *hooks)
{
	struct composing composing = { batch, overlay_new(view, &batch->arena), time };
	const size_t bytes_max = PROPOSE_OWN_BYTES + PROPOSE_REQUEST_BYTES;

	add_own(&composing, hooks);
	size_t half = batch->changes.count + (CHANGES_MAX - batch->changes.count) / 2;
	add_lane(&composing, queue, REPLICA_STATUS, half, bytes_max);
	add_lane(&composing, queue, REPLICA_REQUEST, CHANGES_MAX, bytes_max);
	overlay_free(composing.overlay);
	check(batch->changes.count <= CHANGES_MAX);
}
