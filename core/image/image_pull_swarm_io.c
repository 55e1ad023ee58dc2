/* The part of a pull that concerns nodes of the swarm: who has the image, and connections to them for the child. */
#include <stdio.h>
#include <string.h>

#include "image/image_pull_own.h"

void image_puller_set_swarm(struct image_puller *puller, const struct image_swarm *swarm)
{
	puller->swarm = *swarm;
}

static void copy_found(struct pull *pull, const struct image_found *found)
{
	struct str_array *sources = &pull->found.sources;

	pull->found = *found;
	sources->items = ARENA_ARRAY(&pull->request.arena, char *, found->sources.count);
	for (size_t i = 0; i < found->sources.count; i++)
		sources->items[i] = arena_strdup(&pull->request.arena, found->sources.items[i]);
}

static void on_found(void *arg, const struct image_found *found, const struct err *err)
{
	struct pull *pull = arg;
	struct err none;

	pull->question = NULL;
	if (!err && found->sources.count == 0) {
		err_set(&none, ERR_NOT_FOUND, "no manager of the swarm has it");
		err = &none;
	}
	if (!err)
		copy_found(pull, found);
	pull->found_fn(pull, err);
}

bool pull_seek(struct pull *pull, void (*done)(struct pull *pull, const struct err *err))
{
	const struct image_swarm *swarm = &pull->puller->swarm;
	char name[IMAGE_REF_TEXT_SIZE];

	pull->found_fn = done;
	pull->question = swarm->find(swarm->arg, image_ref_format_canonical(&pull->request.ref, name), on_found, pull);
	pull->asks_swarm = pull->question != NULL;
	return pull->asks_swarm;
}

static void on_dialled(void *arg, int fd, const struct err *err)
{
	struct pull *pull = arg;

	pull->dialling = NULL;
	fetch_door_answer(pull->door, fd, err);
}

static void dial(void *arg, uint8_t number)
{
	struct pull *pull = arg;
	const struct image_swarm *swarm = &pull->puller->swarm;
	char name[IMAGE_REF_TEXT_SIZE];
	struct err err;

	if (number < pull->found.sources.count) {
		pull->dialling = swarm->dial(swarm->arg, image_ref_format_canonical(&pull->request.ref, name),
					     pull->found.sources.items[number], on_dialled, pull);
	} else {
		err_set(&err, ERR_INVALID, "no such node");
		fetch_door_answer(pull->door, -1, &err);
	}
}

int pull_open_door(struct pull *pull, struct image_nodes *ret, struct err *err)
{
	ret->sources = pull->found.sources;
	snprintf(ret->digest, sizeof ret->digest, "sha256:%s", pull->found.manifest);
	return fetch_door_new(pull->puller->loop, dial, pull, &pull->door, &ret->door_fd, err);
}

void pull_leave_swarm(struct pull *pull)
{
	const struct image_swarm *swarm = &pull->puller->swarm;

	if (pull->question)
		swarm->forget(swarm->arg, pull->question);
	if (pull->dialling)
		swarm->forget(swarm->arg, pull->dialling);
	fetch_door_free(pull->door);
	pull->question = pull->dialling = NULL;
	pull->door = NULL;
}
