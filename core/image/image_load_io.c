/* One load: the intake makes its folder, the child takes the archive apart into it, the intake takes it from there. The intake never ends while the
 * child writes into its folder: what goes wrong meanwhile is told to it when the child has gone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "image/archive_plan.h"
#include "image/image_load.h"
#include "image/image_platform.h"
#include "image/image_store_own.h"
#include "image/unpack_child_io.h"
#include "model/image_ref.h"

struct image_load {
	struct list link;
	struct image_store *store;
	struct image_load_events events;
	void *arg;
	char *platform;
	struct image_intake *intake;
	struct unpack_child *child;
	struct unpack_feed feed;
	struct archive_plan plan;
	size_t added;
	bool is_aborted, has_failed, is_committing;
	struct err err;                                  /* has_failed: why */
};

static void free_load(struct image_load *load)
{
	list_remove(&load->link);
	unpack_child_close(load->child);
	unpack_feed_fini(&load->feed);
	archive_plan_fini(&load->plan);
	free(load->platform);
	free(load);
}

/* ---- the child -------------------------------------------------------------------------------------------------------------- */

/* The rest of the archive is no use any more; the intake hears of it when the child has gone. */
static void on_line(void *arg, const char *line, size_t bytes)
{
	struct image_load *load = arg;

	if (archive_plan_parse(line, bytes, &load->plan, &load->err) == 0)
		return;
	load->has_failed = true;
	unpack_child_kill(load->child);
}

static void add_images(struct image_load *load)
{
	for (size_t i = 0; i < load->plan.count; i++) {
		const struct archive_image *image = &load->plan.images[i];
		struct image_intake_image add = { .manifest = image->manifest, .index = image->index[0] ? image->index : NULL,
						  .names = (const char *const *)image->names.items, .name_count = image->names.count };

		image_intake_add(load->intake, &add);
	}
}

static void on_child_exit(void *arg, const struct err *err)
{
	struct image_load *load = arg;

	load->child = NULL;
	unpack_feed_detach(&load->feed);
	if (load->is_aborted) {
		image_intake_abort(load->intake);
		free_load(load);
	} else if (load->has_failed || err) {
		image_intake_fail(load->intake, load->has_failed ? &load->err : err);
	} else {
		add_images(load);
	}
}

static void on_writable(void *arg)
{
	struct image_load *load = arg;

	if (!load->is_aborted && load->events.on_writable)
		load->events.on_writable(load->arg);
}

static const struct unpack_child_events child_events = { on_writable, on_line, on_child_exit };

/* ---- the intake ------------------------------------------------------------------------------------------------------------- */

static void on_ready(void *arg)
{
	struct image_load *load = arg;
	struct unpack_child_spec spec = { .self = load->store->self, .mode = UNPACK_ARCHIVE, .dir = image_intake_dir(load->intake),
					  .platform = load->platform, .in_fd = -1, .beside_fd = -1, .max_bytes = load->store->max_image_bytes,
					  .max_line_bytes = ARCHIVE_PLAN_MAX_BYTES };
	struct err err;

	if (unpack_child_start(load->store->loop, &spec, &child_events, load, &load->child, &err) < 0)
		image_intake_fail(load->intake, &err);
	else if (unpack_feed_attach(&load->feed, load->child))
		on_writable(load);
}

static void commit_when_ready(struct image_load *load)
{
	if (load->added < load->plan.count || load->is_committing)
		return;
	for (size_t i = 0; i < image_intake_layer_count(load->intake); i++)
		if (image_intake_layer(load->intake, i)->state != INTAKE_READY)
			return;
	load->is_committing = true;
	image_intake_commit(load->intake);
}

/* All blobs lie there already. */
static void on_added(void *arg, size_t image)
{
	struct image_load *load = arg;
	size_t count;
	const size_t *layers = image_intake_layers_of(load->intake, image, &count);

	for (size_t i = 0; i < count; i++)
		if (image_intake_layer(load->intake, layers[i])->state == INTAKE_WANTED)
			image_intake_give(load->intake, layers[i]);
	load->added++;
	commit_when_ready(load);
}

static void on_layer(void *arg, size_t layer)
{
	struct image_load *load = arg;

	if (load->events.on_layer)
		load->events.on_layer(load->arg, image_intake_layer(load->intake, layer));
	commit_when_ready(load);
}

static void tell_loaded(const struct image_load *load)
{
	struct image_loaded *loaded = NEW_ARRAY(struct image_loaded, load->plan.count);

	for (size_t i = 0; i < load->plan.count; i++) {
		const struct strlist *names = &load->plan.images[i].names;

		str_copy(loaded[i].id, SHA256_HEX_SIZE, image_intake_id(load->intake, i));
		for (size_t n = 0; n < names->count; n++) {
			char text[IMAGE_REF_TEXT_SIZE];
			struct image_ref ref;
			struct err err;

			check(image_ref_parse(names->items[n], &ref, &err) == 0);
			strlist_add(&loaded[i].names, image_ref_format_familiar(&ref, text));
		}
	}
	load->events.on_done(load->arg, loaded, load->plan.count, NULL);
	for (size_t i = 0; i < load->plan.count; i++)
		strlist_fini(&loaded[i].names);
	free(loaded);
}

static void on_done(void *arg, const struct err *err)
{
	struct image_load *load = arg;

	if (err)
		load->events.on_done(load->arg, NULL, 0, err);
	else
		tell_loaded(load);
	free_load(load);
}

/* ---- the door --------------------------------------------------------------------------------------------------------------- */

int image_load_begin(struct image_store *store, const char *platform, const struct image_load_events *events, void *arg,
		     struct image_load **ret, struct err *err)
{
	static const struct image_intake_events intake_events = { on_ready, on_added, on_layer, on_done };
	struct image_platform ignored;

	if (image_platform_parse(platform, &ignored, err) < 0)
		return err_wrap(err, "invalid platform");
	struct image_load *load = NEW(struct image_load);
	*load = (struct image_load){ .store = store, .events = *events, .arg = arg, .platform = str_is_empty(platform) ? NULL : str_dup(platform) };
	list_add_last(&store->loads, &load->link);
	if (image_intake_begin(store, "load", &intake_events, load, &load->intake, err) < 0) {
		free_load(load);
		return -1;
	}
	*ret = load;
	return 0;
}

bool image_load_feed(struct image_load *load, const void *bytes, size_t count)
{
	check(!load->is_aborted);
	return unpack_feed_bytes(&load->feed, bytes, count);
}

void image_load_finish(struct image_load *load)
{
	check(!load->is_aborted);
	unpack_feed_finish(&load->feed);
}

void image_load_abort(struct image_load *load)
{
	check(!load->is_aborted);
	load->is_aborted = true;
	if (load->child) {
		unpack_child_kill(load->child);
		return;
	}
	image_intake_abort(load->intake);
	free_load(load);
}

void image_load_close_all(struct image_store *store)
{
	LIST_EACH(item, &store->loads)
		free_load(CONTAINER_OF(item, struct image_load, link));
}
