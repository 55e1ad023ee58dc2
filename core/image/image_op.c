#include <stdlib.h>

#include "base/panic.h"
#include "image/image_layout_io.h"
#include "image/image_store_own.h"
#include "os/log.h"

static void pump(void *arg);
static void submit_sweep(struct image_store *store);

void image_op_init(struct image_store *store)
{
	list_init(&store->ops);
	timer_init(&store->pump, store->loop, pump, store);
}

static void free_op(struct image_op *op)
{
	image_edit_fini(&op->edit);
	buf_fini(&op->index);
	op->free(op);
}

void image_op_fini(struct image_store *store)
{
	timer_cancel(&store->pump);
	LIST_EACH(item, &store->ops)
		free_op(CONTAINER_OF(item, struct image_op, link));
	if (store->running)
		free_op(store->running);
}

void image_op_submit(struct image_store *store, struct image_op *op)
{
	op->store = store;
	list_add_last(&store->ops, &op->link);
	if (store->op_count++ >= IMAGE_OPS_MAX) {
		err_set(&op->err, ERR_EXHAUSTED, "too many changes of images at one time");
		op->has_failed = true;
	}
	timer_set_in(&store->pump, 0);
}

void image_op_want_sweep(struct image_store *store)
{
	store->wants_sweep = true;
	timer_set_in(&store->pump, 0);
}

static void finish(struct image_store *store, struct image_op *op)
{
	if (op->has_failed)
		image_op_want_sweep(store);          /* what it had already put on disk belongs to nobody */
	else if (op->has_edit)
		image_set_apply(&store->set, &op->edit);
	op->done(op);
	free_op(op);
}

static void run_on_thread(void *arg)
{
	struct image_op *op = arg;

	if ((op->run && op->run(op, &op->err) < 0) ||
	    (op->has_edit && image_layout_write_index(op->store->dir, &op->index, &op->err) < 0))
		op->has_failed = true;
}

static void on_thread_done(void *arg)
{
	struct image_op *op = arg;
	struct image_store *store = op->store;

	store->running = NULL;
	timer_set_in(&store->pump, 0);
	finish(store, op);
}

static void start(struct image_store *store, struct image_op *op)
{
	if (!op->has_failed && op->start && op->start(op, &op->err) < 0)
		op->has_failed = true;
	if (op->has_failed) {
		finish(store, op);
		return;
	}
	if (op->has_edit)
		image_set_format_index(&store->set, &op->edit, &op->index);
	store->running = op;
	if (work_submit(store->work, store, run_on_thread, on_thread_done, op))
		return;
	err_set(&op->err, ERR_EXHAUSTED, "too much is waiting for the work threads");
	op->has_failed = true;
	on_thread_done(op);
}

static void pump(void *arg)
{
	struct image_store *store = arg;

	if (store->running)
		return;
	if (list_is_empty(&store->ops)) {
		if (store->wants_sweep && store->may_sweep)
			submit_sweep(store);
		return;
	}
	struct image_op *op = CONTAINER_OF(store->ops.next, struct image_op, link);
	list_remove(&op->link);
	store->op_count--;
	timer_set_in(&store->pump, 0);
	start(store, op);
}

/* ---- the sweep -------------------------------------------------------------------------------------------------------------- */

struct sweep_op {
	struct image_op op;
	struct map *blobs, *layers;                      /* to keep; NULL: all */
	struct map *staged;                              /* to keep */
};

static int start_sweep(struct image_op *op, struct err *err)
{
	struct sweep_op *sweep = CONTAINER_OF(op, struct sweep_op, op);
	struct image_store *store = op->store;
	char folders[SHA256_HEX_SIZE];
	const char *diff_id;
	void *value;

	(void)err;
	for (struct list *item = store->stages.next; item != &store->stages; item = item->next)
		map_put(sweep->staged, CONTAINER_OF(item, struct image_stage, link)->name, store);
	if (store->is_damaged)                       /* nobody knows what else is needed */
		return 0;
	sweep->blobs = map_new();
	sweep->layers = map_new();
	for (size_t i = 0; i < store->set.count; i++) {
		struct image *image = store->set.items[i];

		map_put(sweep->blobs, image->id, image);
		map_put(sweep->blobs, image->manifest, image);
		image_store_folders_of(image, folders);
		map_put(sweep->layers, folders, image);
		for (size_t n = 0; n < image->layer_count; n++) {
			map_put(sweep->layers, image->layers[n].diff_id, image);
			map_put(sweep->blobs, image->layers[n].blob, image);
		}
	}
	for (size_t at = 0; map_next(store->blob_holds, &at, &diff_id, &value);)
		map_put(sweep->blobs, diff_id, value);
	/* Layers that go are forgotten at once, so that nobody can take hold of one from here on. */
	for (size_t at = 0; map_next(store->layers, &at, &diff_id, &value);) {
		struct store_layer *layer = value;

		if (layer->holds)
			map_put(sweep->layers, diff_id, layer);
		else if (!map_get(sweep->layers, diff_id))
			free(map_remove(store->layers, diff_id));
	}
	return 0;
}

static int run_sweep(struct image_op *op, struct err *err)
{
	struct sweep_op *sweep = CONTAINER_OF(op, struct sweep_op, op);

	return image_layout_sweep(op->store->dir, sweep->blobs, sweep->layers, sweep->staged, err);
}

static void done_sweep(struct image_op *op)
{
	if (op->has_failed) {
		log_warn("images: what is not needed any more stays on disk: %s", op->err.text);
		op->store->wants_sweep = false;      /* not again at once: at the next removal, or the next start */
	}
}

static void free_sweep(struct image_op *op)
{
	struct sweep_op *sweep = CONTAINER_OF(op, struct sweep_op, op);

	map_free(sweep->blobs);
	map_free(sweep->layers);
	map_free(sweep->staged);
	free(sweep);
}

static void submit_sweep(struct image_store *store)
{
	store->wants_sweep = false;
	struct sweep_op *sweep = NEW(struct sweep_op);
	sweep->op = (struct image_op){ .start = start_sweep, .run = run_sweep, .done = done_sweep, .free = free_sweep };
	sweep->staged = map_new();
	image_op_submit(store, &sweep->op);
}
