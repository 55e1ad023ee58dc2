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
#include "os/log.h"

static void start_next(struct image_puller *puller);

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

void pull_finish(struct pull *pull)
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

void pull_end(struct pull *pull, enum pull_end how, const struct err *err)
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
		pull_finish(pull);
}

/* The intake has come to its end. */
void pull_intake_ended(void *arg, const struct err *err)
{
	struct pull *pull = arg;

	if (!err) {
		str_copy(pull->id, sizeof(pull->id), image_intake_id(pull->intake, 0));
		pull->end = PULL_DONE;
		pull_tell_result(pull, pull->was_known);
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

/* ---- starting --------------------------------------------------------------------------------------------------------------- */

static void stage(struct pull *pull)
{
	struct err err;

	pull->source = pull->asks_swarm ? pull->found.sources.items[0] : pull->request.ref.domain;
	pull_tell_source(pull);
	if (image_intake_begin(pull->puller->store, "pull", &pull_intake_events, pull, &pull->intake, &err) < 0)
		pull_end(pull, PULL_FAILED, &err);
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
	timer_init(&ticket->hello, puller->loop, pull_hello, ticket);
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
		pull_end(pull, PULL_GIVEN_UP, NULL);
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
