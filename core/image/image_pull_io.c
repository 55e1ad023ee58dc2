/* One pull goes through: WAITING (others first), SEEKING (the swarm is asked who has it), STAGING (the intake makes its folder), ASKING (a child
 * finds out what the name stands for), FETCHING (it brings blobs, the intake unpacks them), COMMITTING. It ends once, for a reason; the child is gone before the intake is ended, unless it
 * was the intake that failed. One that nodes of the swarm were to give and did not begins anew, with the registry. Those who wait are told last.
 */
#include "image/image_pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/image_pull_own.h"
#include "os/file.h"
#include "os/log.h"

enum { EVENT_BYTES = 1 << 20 };

static void start_next(struct image_puller *puller);
static void maybe_commit(struct pull *pull);

/* ---- lines ------------------------------------------------------------------------------------------------------------------ */

static void tell_line(struct pull *pull, const struct pull_line *line)
{
	LIST_EACH(item, &pull->tickets) {
		struct image_pull *ticket = CONTAINER_OF(item, struct image_pull, link);

		if (ticket->has_heard && ticket->events.on_line)
			ticket->events.on_line(ticket->arg, line);
	}
}

static struct pull_line from_line(const struct pull *pull)
{
	return (struct pull_line){ .status = pull->from, .id = pull->asked };
}

/* What somebody hears who comes when it is already under way. */
static void hello(void *arg)
{
	struct image_pull *ticket = arg;
	struct pull *pull = ticket->pull;
	struct pull_line first = from_line(pull);

	ticket->has_heard = true;
	if (ticket->events.on_source && pull->source)
		ticket->events.on_source(ticket->arg, pull->source);
	if (!ticket->events.on_line || !pull->top[0])
		return;
	ticket->events.on_line(ticket->arg, &first);
	for (size_t i = 0; i < pull->layer_count; i++)
		if (pull->layers[i].line.status)
			ticket->events.on_line(ticket->arg, &pull->layers[i].line);
}

static void tell_layer(struct pull *pull, size_t number, struct pull_line line)
{
	struct pull_layer *layer = &pull->layers[number];

	line.id = layer->id;
	line.has_detail = true;
	layer->line = line;
	tell_line(pull, &line);
}

static void tell_status(struct pull *pull, size_t number, const char *status)
{
	tell_layer(pull, number, (struct pull_line){ .status = status });
}

static void tell_result(struct pull *pull, bool is_fresh)
{
	char text[IMAGE_REF_TEXT_SIZE + 64], name[IMAGE_REF_TEXT_SIZE];

	snprintf(text, sizeof(text), "Digest: sha256:%s", pull->top);
	tell_line(pull, &(struct pull_line){ .status = text });
	snprintf(text, sizeof(text), "Status: %s for %s", is_fresh ? "Image is up to date" : "Downloaded newer image",
		 pull->tag[0] ? pull->tag : image_ref_format_familiar(&pull->request.ref, name));
	tell_line(pull, &(struct pull_line){ .status = text });
}

/* ---- the end ---------------------------------------------------------------------------------------------------------------- */

static void free_ticket(struct image_pull *ticket)
{
	list_remove(&ticket->link);
	timer_cancel(&ticket->hello);
	free(ticket);
}

static void free_pull(struct pull *pull)
{
	pull_leave_swarm(pull);
	list_remove(&pull->link);
	if (pull->is_active)
		pull->puller->active_count--;
	else
		pull->puller->waiting_count--;
	LIST_EACH(item, &pull->tickets)
		free_ticket(CONTAINER_OF(item, struct image_pull, link));
	image_request_copy_fini(&pull->request);
	free(pull->layers);
	free(pull);
}

static void begin(struct pull *pull);
static void found(struct pull *pull, const struct err *err);

static void turn_to_registry(struct pull *pull)
{
	char name[IMAGE_REF_TEXT_SIZE];

	log_info("pull %s: %s", image_ref_format_familiar(&pull->request.ref, name), pull->err.text);
	pull->trouble = pull->err;
	pull->asks_swarm = pull->is_fetched = pull->is_committing = false;
	pull->end = PULL_GOES_ON;
	pull->top[0] = '\0';
	free(pull->layers);
	pull->layers = NULL;
	pull->layer_count = 0;
	begin(pull);
}

/* Neither child nor intake are there any more. */
static void be_gone(struct pull *pull)
{
	struct image_puller *puller = pull->puller;
	bool is_good = pull->end == PULL_FRESH || pull->end == PULL_DONE;
	struct list *item;

	if (pull->end == PULL_FAILED && pull->asks_swarm && !list_is_empty(&pull->tickets)) {
		turn_to_registry(pull);
		return;
	}
	if (pull->end == PULL_FAILED && pull->trouble.code)
		err_wrap(&pull->err, "%.500s; then", pull->trouble.text);
	/* a ticket is freed before its owner hears, who may leave others */
	while ((item = list_take_first(&pull->tickets))) {
		struct image_pull *ticket = CONTAINER_OF(item, struct image_pull, link);
		struct image_pull_events events = ticket->events;
		void *arg = ticket->arg;

		free_ticket(ticket);
		events.on_done(arg, is_good ? pull->id : NULL, is_good ? NULL : &pull->err);
	}
	free_pull(pull);
	start_next(puller);
}

static void finish(struct pull *pull)
{
	if (pull->child)
		return;                                  /* on_exit comes */
	if (!pull->intake) {
		be_gone(pull);
	} else if (pull->end == PULL_FAILED) {
		image_intake_fail(pull->intake, &pull->err);     /* done() comes */
	} else {
		struct image_intake *intake = pull->intake;

		pull->intake = NULL;
		image_intake_abort(intake);
		be_gone(pull);
	}
}

static void end(struct pull *pull, enum pull_end how, const struct err *err)
{
	if (pull->end != PULL_GOES_ON)
		return;
	pull->end = how;
	pull_leave_swarm(pull);
	if (err)
		pull->err = *err;
	if (pull->child)
		line_child_kill(pull->child);
	else
		finish(pull);
}

/* The intake has come to its end. */
static void done(void *arg, const struct err *err)
{
	struct pull *pull = arg;

	if (!err) {
		str_copy(pull->id, sizeof(pull->id), image_intake_id(pull->intake, 0));
		pull->end = PULL_DONE;
		tell_result(pull, pull->was_known);
	} else if (pull->end == PULL_GOES_ON) {
		pull->end = PULL_FAILED;
		pull->err = *err;
	}
	pull->intake = NULL;
	if (pull->child)
		line_child_kill(pull->child);
	else
		be_gone(pull);
}

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
	struct pull_line first = from_line(pull);

	if (pull->top[0])
		return;
	str_copy(pull->top, sizeof(pull->top), index ? index : event->digest);
	tell_line(pull, &first);
	if (is_fresh(pull, event)) {
		tell_result(pull, true);
		end(pull, PULL_FRESH, NULL);
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

	tell_layer(pull, number, (struct pull_line){ .status = "Downloading", .is_progress = true, .current = MIN(event->bytes, total), .total = total });
}

static void layer_retry(struct pull *pull, size_t number, const struct fetch_event *event)
{
	static const char *const words[] = { "Retrying in 1 second", "Retrying in a few seconds", "Retrying in some time" };

	/* a constant, since whoever comes later hears it again */
	tell_status(pull, number, words[event->seconds <= 1 ? 0 : event->seconds <= 10 ? 1 : 2]);
}

static void layer_here(struct pull *pull, size_t number, const struct fetch_event *event)
{
	(void)event;
	if (image_intake_layer(pull->intake, number)->state != INTAKE_WANTED)
		return;
	tell_status(pull, number, "Verifying Checksum");
	tell_status(pull, number, "Download complete");
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
		end(pull, PULL_FAILED, &err);
		return;
	case FETCH_RESOLVED:
	case FETCH_LOGGED_IN:
		break;
	}
	err_set(&err, ERR_IO, "the fetching process answered with something that makes no sense");
	end(pull, PULL_FAILED, &err);
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
		end(pull, PULL_FAILED, &err);
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
		finish(pull);
	} else if (!pull->is_fetched) {
		err_set(&silent, ERR_IO, "the fetching process ended and said nothing");
		end(pull, PULL_FAILED, err ? err : &silent);
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
		end(pull, PULL_FAILED, &err);
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
		tell_status(pull, i, layer->was_there ? "Already exists" : "Pulling fs layer");
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
		tell_layer(pull, number, (struct pull_line){ .status = "Extracting", .is_progress = true, .current = layer->done_bytes,
							     .total = layer->blob_bytes });
		break;
	case INTAKE_READY:
		if (!layer->was_there)
			tell_status(pull, number, "Pull complete");
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

/* ---- starting --------------------------------------------------------------------------------------------------------------- */

static const struct image_intake_events intake_events = { ready, added, layer_changed, done };

static void stage(struct pull *pull)
{
	struct err err;

	pull->source = pull->asks_swarm ? pull->found.sources.items[0] : pull->request.ref.domain;
	LIST_EACH(item, &pull->tickets) {
		struct image_pull *ticket = CONTAINER_OF(item, struct image_pull, link);

		if (ticket->has_heard && ticket->events.on_source)
			ticket->events.on_source(ticket->arg, pull->source);
	}
	if (image_intake_begin(pull->puller->store, "pull", &intake_events, pull, &pull->intake, &err) < 0)
		end(pull, PULL_FAILED, &err);
}

static void begin(struct pull *pull)
{
	if (!pull->asks_swarm || !pull_seek(pull, found))
		stage(pull);
}

static void found(struct pull *pull, const struct err *err)
{
	if (!err) {
		stage(pull);
		return;
	}
	pull->err = *err;
	turn_to_registry(pull);
}

static void start_next(struct image_puller *puller)
{
	while (puller->active_count < IMAGE_PULLS_ACTIVE && !list_is_empty(&puller->waiting)) {
		struct pull *pull = CONTAINER_OF(list_take_first(&puller->waiting), struct pull, link);

		puller->waiting_count--;
		puller->active_count++;
		pull->is_active = true;
		list_add_last(&puller->pulls, &pull->link);
		begin(pull);
	}
}

static void on_start(void *arg)
{
	start_next(arg);
}

static bool is_same(const struct pull *pull, const struct image_request *request)
{
	const struct image_ref *a = &pull->request.ref, *b = request->ref;
	struct registry_auth nobody = { 0 };

	return pull->end == PULL_GOES_ON && image_ref_is_same_repository(a, b) && str_eq(a->tag, b->tag) && str_eq(a->digest, b->digest) &&
	       str_eq(pull->request.platform, request->platform) && pull->request.asks_swarm == request->asks_swarm &&
	       shape_equal(&registry_auth_shape, &pull->request.auth, request->auth ? request->auth : &nobody);
}

static struct pull *find_same(struct list *list, const struct image_request *request)
{
	for (struct list *item = list->next; item != list; item = item->next)
		if (is_same(CONTAINER_OF(item, struct pull, link), request))
			return CONTAINER_OF(item, struct pull, link);
	return NULL;
}

static struct pull *new_pull(struct image_puller *puller, const struct image_request *request)
{
	struct pull *pull = NEW(struct pull);
	struct image_ref named = *request->ref;

	*pull = (struct pull){ .puller = puller };
	list_init(&pull->tickets);
	image_request_copy(request, &pull->request);
	pull->asks_swarm = request->asks_swarm && puller->swarm.find;
	snprintf(pull->from, sizeof(pull->from), "Pulling from %s", request->ref->path);
	str_copy(pull->asked, sizeof(pull->asked), named.digest[0] ? named.digest : named.tag);
	if (!named.digest[0])
		image_ref_format_familiar(&named, pull->tag);
	list_add_last(&puller->waiting, &pull->link);
	puller->waiting_count++;
	return pull;
}

int image_pull_start(struct image_puller *puller, const struct image_request *request, const struct image_pull_events *events, void *arg,
		     struct image_pull **ret, struct err *err)
{
	struct pull *pull = find_same(&puller->pulls, request);
	char name[IMAGE_REF_TEXT_SIZE];

	check(request->ref->tag[0] || request->ref->digest[0]);
	if (str_eq(image_ref_format_familiar(request->ref, name), IMAGE_BUILTIN_REF))
		return err_set(err, ERR_CONFLICT, "conflict: %s is built into swarmbox: there is nothing to pull", IMAGE_BUILTIN_REF);
	if (!pull)
		pull = find_same(&puller->waiting, request);
	if (!pull && puller->waiting_count == IMAGE_PULLS_WAITING)
		return err_set(err, ERR_EXHAUSTED, "%d pulls are waiting: try again later", IMAGE_PULLS_WAITING);
	if (!pull) {
		pull = new_pull(puller, request);
		loop_defer(puller->loop, on_start, puller);
	}
	struct image_pull *ticket = NEW(struct image_pull);
	*ticket = (struct image_pull){ .pull = pull, .events = *events, .arg = arg };
	list_add_last(&pull->tickets, &ticket->link);
	timer_init(&ticket->hello, puller->loop, hello, ticket);
	timer_set_in(&ticket->hello, 0);
	*ret = ticket;
	return 0;
}

void image_pull_leave(struct image_pull *ticket)
{
	struct pull *pull = ticket->pull;

	free_ticket(ticket);
	if (!list_is_empty(&pull->tickets))
		return;
	if (pull->is_active)
		end(pull, PULL_GIVEN_UP, NULL);
	else
		free_pull(pull);
}

/* ---- the puller ------------------------------------------------------------------------------------------------------------- */

void image_puller_close(struct image_puller *puller)
{
	struct list *lists[] = { &puller->pulls, &puller->waiting };

	if (!puller)
		return;
	image_ask_close_all(puller);
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
		LIST_EACH(item, lists[i]) {
			struct pull *pull = CONTAINER_OF(item, struct pull, link);

			line_child_close(pull->child);
			if (pull->intake)
				image_intake_abort(pull->intake);        /* the store closes it */
			free_pull(pull);
		}
	arena_fini(&puller->arena);
	free(puller->self);
	free(puller);
}
