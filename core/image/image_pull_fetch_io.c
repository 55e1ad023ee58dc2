/* A pull between its two sides: the child that brings blobs, and the intake that unpacks them. */
#include <stdio.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/image_pull_own.h"
#include "os/file.h"
#include "os/log.h"

enum { EVENT_BYTES = 1 << 20 };

static void maybe_commit(struct pull *pull);

/* ---- what the child says ---------------------------------------------------------------------------------------------------- */

/* The same image under the same name and digest: nothing is to be done. */
static bool is_fresh(struct pull *pull, const struct fetch_event *event)
{
	CLEANUP(str_freep) char *name = str_printf("%s/%s@sha256:%s", pull->request.ref.domain, pull->request.ref.path, pull->top);
	char repository[IMAGE_REF_TEXT_SIZE];
	const struct image *image;
	struct err ignored;

	if (image_store_get(pull->puller->store, name, &image, &ignored) < 0 || !image->is_unpacked || image->is_going ||
	    !str_eq(image->manifest, event->digest) || image->digests.count == 0 || !str_eq(image->digests.items[0], pull->top) ||
	    (pull->tag[0] && !strlist_has(&image->tags, pull->tag)) ||
	    !strlist_has(&image->repositories, image_ref_format_familiar_name(&pull->request.ref, repository)))
		return false;
	str_copy(pull->id, sizeof(pull->id), image->id);
	return true;
}

static void have_image(struct pull *pull, const struct fetch_event *event)
{
	bool has_index = !str_is_empty(event->index) && !pull->asks_swarm;
	const char *names[] = { pull->tag };
	char repository[IMAGE_REF_TEXT_SIZE];
	const char *index = pull->asks_swarm && pull->found.index[0] ? pull->found.index : has_index ? event->index : NULL;
	struct image_intake_image image = { .manifest = event->digest, .index = index, .is_from_registry = !pull->asks_swarm,
					    .repository = pull->asks_swarm && pull->tag[0] ? NULL :
							  image_ref_format_familiar_name(&pull->request.ref, repository),
					    .names = names, .name_count = pull->tag[0] != '\0' };
	struct pull_line first = pull_first_line(pull);

	if (pull->top[0])
		return;
	str_copy(pull->top, sizeof(pull->top), index ? index : event->digest);
	pull_tell_line(pull, &first);
	if (is_fresh(pull, event)) {
		pull_tell_result(pull, true);
		pull_end(pull, PULL_FRESH, NULL);
		return;
	}
	image_intake_add(pull->intake, &image);
}

static void for_layers(struct pull *pull, const struct fetch_event *event, void (*fn)(struct pull *pull, size_t number, const struct fetch_event *event))
{
	for (size_t i = 0; pull->intake && i < pull->layer_count; i++)
		if (str_eq(image_intake_layer(pull->intake, i)->blob, event->digest))
			fn(pull, i, event);
}

static void layer_progress(struct pull *pull, size_t number, const struct fetch_event *event)
{
	int64_t total = image_intake_layer(pull->intake, number)->blob_bytes;

	pull_tell_layer(pull, number, (struct pull_line){ .status = "Downloading", .is_progress = true, .current = MIN(event->bytes, total), .total = total });
}

static void layer_retry(struct pull *pull, size_t number, const struct fetch_event *event)
{
	static const char *const words[] = { "Retrying in 1 second", "Retrying in a few seconds", "Retrying in some time" };

	/* a constant, since whoever comes later hears it again */
	pull_tell_status(pull, number, words[event->seconds <= 1 ? 0 : event->seconds <= 10 ? 1 : 2]);
}

static void layer_here(struct pull *pull, size_t number, const struct fetch_event *event)
{
	(void)event;
	if (image_intake_layer(pull->intake, number)->state != INTAKE_WANTED)
		return;
	pull_tell_status(pull, number, "Verifying Checksum");
	pull_tell_status(pull, number, "Download complete");
	image_intake_give(pull->intake, number);
}

static void take_event(struct pull *pull, const struct fetch_event *event)
{
	char name[IMAGE_REF_TEXT_SIZE];
	struct err err;

	switch ((enum fetch_what)event->what) {
	case FETCH_IMAGE:
		have_image(pull, event);
		return;
	case FETCH_PROGRESS:
		for_layers(pull, event, layer_progress);
		return;
	case FETCH_RETRY:
		log_info("pull %s: layer %.12s: %s", image_ref_format_familiar(&pull->request.ref, name), event->digest, event->text);
		for_layers(pull, event, layer_retry);
		return;
	case FETCH_BLOB:
		for_layers(pull, event, layer_here);
		return;
	case FETCH_NOTE:
		log_info("pull %s: %s", image_ref_format_familiar(&pull->request.ref, name), event->text);
		return;
	case FETCH_DONE:
		pull->is_fetched = true;
		maybe_commit(pull);
		return;
	case FETCH_FAILED:
		err_set(&err, (enum err_code)event->code, "%s", event->text);
		pull_end(pull, PULL_FAILED, &err);
		return;
	case FETCH_RESOLVED:
	case FETCH_LOGGED_IN:
		break;
	}
	err_set(&err, ERR_IO, "the fetching process answered with something that makes no sense");
	pull_end(pull, PULL_FAILED, &err);
}

static void on_line(void *arg, const char *line, size_t bytes)
{
	struct pull *pull = arg;
	struct fetch_event event;
	struct arena arena;
	struct err err;

	if (pull->end != PULL_GOES_ON)
		return;
	arena_init(&arena, "pull event", EVENT_BYTES);
	if (fetch_event_parse(line, bytes, &arena, &event, &err) < 0)
		pull_end(pull, PULL_FAILED, &err);
	else
		take_event(pull, &event);
	arena_fini(&arena);
}

static void on_exit_of(void *arg, const struct err *err)
{
	struct pull *pull = arg;
	struct err silent;

	pull->child = NULL;
	pull_leave_swarm(pull);
	if (pull->end != PULL_GOES_ON) {
		pull_finish(pull);
	} else if (!pull->is_fetched) {
		err_set(&silent, ERR_IO, "the fetching process ended and said nothing");
		pull_end(pull, PULL_FAILED, err ? err : &silent);
	}
}

/* ---- what the intake says --------------------------------------------------------------------------------------------------- */

static int start_child(struct pull *pull, struct err *err)
{
	static const struct line_child_events events = { NULL, on_line, on_exit_of };
	const char *dir = image_intake_dir(pull->intake);
	struct image_nodes nodes;

	if (!pull->asks_swarm)
		return image_pull_child_start(pull->puller, FETCH_PULL, &pull->request, dir, 0, NULL, &events, pull, &pull->child, err);
	if (pull_open_door(pull, &nodes, err) < 0)
		return -1;
	int rc = image_pull_child_start(pull->puller, FETCH_PULL, &pull->request, dir, PULL_NODE_STALL_MS, &nodes, &events, pull, &pull->child, err);
	fd_closep(&nodes.door_fd);
	return rc;
}

static void ready(void *arg)
{
	struct pull *pull = arg;
	struct err err;

	if (start_child(pull, &err) < 0)
		pull_end(pull, PULL_FAILED, &err);
}

static void order(struct pull *pull)
{
	CLEANUP(buf_finip) struct buf line = BUF_INIT;
	CLEANUP(strlist_finip) struct strlist want = { 0 };

	for (size_t i = 0; i < pull->layer_count; i++) {
		const struct image_intake_layer *layer = image_intake_layer(pull->intake, i);

		if (layer->state == INTAKE_WANTED && !strlist_has(&want, layer->blob))
			strlist_add(&want, layer->blob);
	}
	fetch_order_format(&(struct fetch_order){ { want.items, want.count } }, &line);
	line_child_feed(pull->child, line.data, line.len);
}

static void added(void *arg, size_t image)
{
	struct pull *pull = arg;

	(void)image;
	if (pull->end != PULL_GOES_ON || !pull->child)
		return;
	pull->layer_count = image_intake_layer_count(pull->intake);
	pull->layers = NEW_ARRAY(struct pull_layer, MAX(pull->layer_count, (size_t)1));
	for (size_t i = 0; i < pull->layer_count; i++) {
		const struct image_intake_layer *layer = image_intake_layer(pull->intake, i);

		snprintf(pull->layers[i].id, sizeof(pull->layers[i].id), "%.*s", PULL_ID_LENGTH, layer->blob);
		pull_tell_status(pull, i, layer->was_there ? "Already exists" : "Pulling fs layer");
	}
	order(pull);
}

static void layer_changed(void *arg, size_t number)
{
	struct pull *pull = arg;
	const struct image_intake_layer *layer = image_intake_layer(pull->intake, number);

	if (pull->end != PULL_GOES_ON || number >= pull->layer_count)
		return;
	switch (layer->state) {
	case INTAKE_WANTED:
	case INTAKE_WAITING:
		break;
	case INTAKE_UNPACKING:
		pull_tell_layer(pull, number, (struct pull_line){ .status = "Extracting", .is_progress = true, .current = layer->done_bytes,
							     .total = layer->blob_bytes });
		break;
	case INTAKE_READY:
		if (!layer->was_there)
			pull_tell_status(pull, number, "Pull complete");
		maybe_commit(pull);
		break;
	}
}

static void maybe_commit(struct pull *pull)
{
	if (!pull->is_fetched || pull->is_committing || pull->end != PULL_GOES_ON)
		return;
	for (size_t i = 0; i < pull->layer_count; i++)
		if (image_intake_layer(pull->intake, i)->state != INTAKE_READY)
			return;
	pull->is_committing = true;
	pull->was_known = image_intake_is_known(pull->intake, 0);
	image_intake_commit(pull->intake);
}

const struct image_intake_events pull_intake_events = { ready, added, layer_changed, pull_intake_ended };
