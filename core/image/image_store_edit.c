/* What changes names and removes images; declared in image_store.h. */
#include <stdlib.h>

#include "base/panic.h"
#include "image/image_store_own.h"

struct tag_op {
	struct image_op op;
	char *source, *target;
	image_done_fn *fn;
	void *arg;
};

static int start_tag(struct image_op *op, struct err *err)
{
	struct tag_op *tag = CONTAINER_OF(op, struct tag_op, op);

	op->has_edit = true;
	return image_set_plan_tag(&op->store->set, tag->source, tag->target, &op->edit, err);
}

static void done_tag(struct image_op *op)
{
	struct tag_op *tag = CONTAINER_OF(op, struct tag_op, op);

	if (!op->has_failed)
		image_store_tell(op->store, "tag", op->edit.tags[0].id, op->edit.tags[0].tag);
	tag->fn(tag->arg, op->has_failed ? &op->err : NULL);
}

static void free_tag(struct image_op *op)
{
	struct tag_op *tag = CONTAINER_OF(op, struct tag_op, op);

	free(tag->source);
	free(tag->target);
	free(tag);
}

void image_store_tag(struct image_store *store, const char *source, const char *target, image_done_fn *fn, void *arg)
{
	struct tag_op *tag = NEW(struct tag_op);

	*tag = (struct tag_op){ .source = str_dup(source), .target = str_dup(target), .fn = fn, .arg = arg };
	tag->op = (struct image_op){ .start = start_tag, .done = done_tag, .free = free_tag };
	image_op_submit(store, &tag->op);
}

/* One image by its name, or all that somebody wants gone. */
struct remove_op {
	struct image_op op;
	char *name;                                      /* NULL: all that `wants` */
	bool force;
	bool (*wants)(void *arg, const struct image *image);
	struct image_removals removals;
	int64_t waste_bytes;                             /* before it began */
	image_removed_fn *fn;
	image_pruned_fn *pruned_fn;
	void *arg;
};

/* Of layers that wait for the sweep. */
static int64_t bytes_of_nobody(const struct image_store *store)
{
	int64_t sum = 0;
	const char *diff_id;
	void *value;

	for (size_t at = 0; map_next(store->layers, &at, &diff_id, &value);) {
		const struct store_layer *layer = value;

		if (!layer->holds && !image_store_is_layer_named(store, diff_id))
			sum += layer->size_bytes;
	}
	return sum;
}

static void mark_going(const struct image_op *op, bool is_going)
{
	for (size_t i = 0; i < op->edit.removes.count; i++) {
		struct image *image = image_set_find(&op->store->set, op->edit.removes.items[i]);

		if (image)
			image->is_going = is_going;
	}
}

static int start_remove(struct image_op *op, struct err *err)
{
	struct remove_op *remove = CONTAINER_OF(op, struct remove_op, op);
	const struct image_store *store = op->store;

	op->has_edit = true;
	remove->waste_bytes = bytes_of_nobody(store);
	if (!remove->name)
		image_set_plan_prune(&store->set, remove->wants, remove->arg, store->hooks.find_user, store->hooks.arg, &op->edit, &remove->removals);
	else if (image_set_plan_removal(&store->set, remove->name, remove->force, store->hooks.find_user, store->hooks.arg, &op->edit,
					&remove->removals, err) < 0)
		return -1;
	mark_going(op, true);
	return 0;
}

static void done_remove(struct image_op *op)
{
	struct remove_op *remove = CONTAINER_OF(op, struct remove_op, op);
	const struct image_removed *items = op->has_failed ? NULL : remove->removals.items;
	size_t count = op->has_failed ? 0 : remove->removals.count;
	const struct err *err = op->has_failed ? &op->err : NULL;

	if (op->has_failed)
		mark_going(op, false);
	for (size_t i = 0; i < count; i++)
		if (items[i].id[0])
			image_store_tell(op->store, items[i].is_untagged ? "untag" : "delete", items[i].id, items[i].id);
	if (remove->name)
		remove->fn(remove->arg, items, count, err);
	else
		remove->pruned_fn(remove->arg, items, count, err ? 0 : bytes_of_nobody(op->store) - remove->waste_bytes, err);
	if (op->edit.removes.count)
		image_op_want_sweep(op->store);
}

static void free_remove(struct image_op *op)
{
	struct remove_op *remove = CONTAINER_OF(op, struct remove_op, op);

	image_removals_fini(&remove->removals);
	free(remove->name);
	free(remove);
}

static void submit_remove(struct image_store *store, const struct remove_op *spec)
{
	struct remove_op *remove = NEW(struct remove_op);

	*remove = *spec;
	remove->op = (struct image_op){ .start = start_remove, .done = done_remove, .free = free_remove };
	image_op_submit(store, &remove->op);
}

void image_store_remove(struct image_store *store, const char *name, bool force, image_removed_fn *fn, void *arg)
{
	submit_remove(store, &(struct remove_op){ .name = str_dup(name), .force = force, .fn = fn, .arg = arg });
}

void image_store_prune(struct image_store *store, bool (*wants)(void *arg, const struct image *image), image_pruned_fn *fn, void *arg)
{
	submit_remove(store, &(struct remove_op){ .wants = wants, .pruned_fn = fn, .arg = arg });
}
