#include "orchestrate/draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

/* No change that is counted is longer when encoded: ids, two texts of at most 512 bytes, ports. */
enum { CHANGE_BYTES = 1000 };
/* A look at a node while scheduling is so much cheaper than one at a task. */
enum { NODES_PER_OBJECT = 16 };

void draft_init(struct draft *draft, const struct orchestrate_in *in)
{
	*draft = (struct draft){ .in = in, .view = in->view, .arena = in->arena, .now_ms = in->now_ms };
	draft->objects_left = in->limits.objects ? in->limits.objects : ORCHESTRATE_OBJECTS;
	draft->nodes_left = draft->objects_left * NODES_PER_OBJECT;
	draft->changes_left = in->limits.changes ? MIN(in->limits.changes, (size_t)CHANGES_MAX) : CHANGES_MAX;
	draft->bytes_left = CHANGE_BYTES_MAX - 1024;    /* the entry's head */
	draft->loaded = map_new();
	check(in->now_ms >= view_now(in->view));
}

void draft_fini(struct draft *draft)
{
	map_free(draft->loaded);
}

bool draft_has_room(const struct draft *draft, size_t changes)
{
	return draft_has_room_for(draft, changes, 0);
}

bool draft_has_room_for(const struct draft *draft, size_t changes, size_t more_bytes)
{
	return draft->changes_left >= changes && draft->bytes_left >= changes * CHANGE_BYTES + more_bytes;
}

void draft_charge(struct draft *draft, size_t more_bytes)
{
	check(draft->bytes_left >= more_bytes);
	draft->bytes_left -= more_bytes;
}

bool draft_is_spent(const struct draft *draft)
{
	return draft->objects_left == 0 || !draft_has_room(draft, 1);
}

void draft_put_off(struct draft_service *service)
{
	service->is_put_off = true;
}

void draft_wake_at(struct draft_service *service, msec at_ms)
{
	service->next_ms = MIN(service->next_ms, at_ms);
}

static void look_at(struct draft *draft, size_t objects)
{
	draft->objects_left -= MIN(draft->objects_left, objects);
}

void *draft_grow(struct draft *draft, void *items, size_t count, size_t *size)
{
	void **larger;

	if (count < *size)
		return items;
	*size = MAX((size_t)16, *size * 2);
	larger = ARENA_ARRAY(draft->arena, void *, *size);
	if (count)
		memcpy(larger, items, count * sizeof *larger);
	return larger;
}

/* ---- loading ------------------------------------------------------------------------------------- */

static struct draft_task *task_of(struct draft *draft, const struct view_object *object)
{
	struct draft_task *task = ARENA_NEW(draft->arena, struct draft_task);

	task->object = (struct draft_object){ KIND_TASK, object->meta.id, object->value, NULL, false, false, NULL };
	task->task = object->value;
	task->created_index = object->meta.created_index;
	return task;
}

struct draft_task *draft_load_task(struct draft *draft, const struct view_object *object)
{
	struct draft_task *task = map_get(draft->loaded, object->meta.id);

	if (!task) {
		task = task_of(draft, object);
		map_put(draft->loaded, object->meta.id, task);
		look_at(draft, 1);
	}
	return task;
}

static int compare_age(const void *a, const void *b)
{
	const struct draft_task *x = *(struct draft_task *const *)a, *y = *(struct draft_task *const *)b;

	if (x->created_index != y->created_index)
		return x->created_index < y->created_index ? -1 : 1;
	if (x->task->slot != y->task->slot)
		return x->task->slot < y->task->slot ? -1 : 1;
	return strcmp(x->object.id, y->object.id);
}

/* The view has them nearly in this order: those that were placed later than made stand further back. */
static bool are_sorted(struct draft_task *const *tasks, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_age(&tasks[i - 1], &tasks[i]) > 0)
			return false;
	return true;
}

static void load_tasks(struct draft *draft, struct draft_service *service)
{
	const struct view_object *first = view_tasks_of_service(draft->view, service->id), *object;
	bool has_loaded = map_count(draft->loaded) > 0;

	for (object = first; object; object = object->next_of_service)
		service->size++;
	service->tasks = ARENA_ARRAY(draft->arena, struct draft_task *, service->size);
	for (object = first; object; object = object->next_of_service) {
		struct draft_task *task = has_loaded ? map_get(draft->loaded, object->meta.id) : NULL;
		service->tasks[service->count++] = task ? task : task_of(draft, object);
	}
	if (!are_sorted(service->tasks, service->count))
		qsort(service->tasks, service->count, sizeof *service->tasks, compare_age);
	look_at(draft, service->count + 1);
}

/* A spec is checked when it arrives, so its constraints parse; one that does not is one that nothing meets. */
static void load_constraints(struct draft *draft, struct draft_service *service)
{
	struct err err;

	if (constraint_parse(&service->spec->task.placement.constraints, draft->arena, &service->constraints, &err) < 0)
		panic("service %s: %s", service->id, err.text);
}

struct draft_service *draft_load(struct draft *draft, const char *service_id)
{
	struct draft_service *service = ARENA_NEW(draft->arena, struct draft_service);

	service->id = service_id;
	service->next_ms = INT64_MAX;
	service->service = view_service(draft->view, service_id);
	service->object = (struct draft_object){ KIND_SERVICE, service_id, service->service, NULL, false, false, NULL };
	if (service->service) {
		service->spec = draft_spec_of(draft, service, service->service->spec_version);
		load_constraints(draft, service);
	}
	load_tasks(draft, service);
	draft->services = draft_grow(draft, draft->services, draft->count, &draft->size);
	draft->services[draft->count++] = service;
	return service;
}

const struct service_spec *draft_spec_of(struct draft *draft, struct draft_service *service, uint64_t version)
{
	struct spec_of_version *known;

	for (known = service->specs; known; known = known->next)
		if (known->version == version)
			return known->spec;
	known = ARENA_NEW(draft->arena, struct spec_of_version);
	*known = (struct spec_of_version){ version, view_service_spec(draft->view, service->id, version),
					   service->specs };
	check(known->spec);                     /* a version stays as long as a task refers to it */
	service->specs = known;
	return known->spec;
}

/* ---- editing ------------------------------------------------------------------------------------- */

static void count(struct draft *draft, struct draft_object *object)
{
	if (object->is_counted)
		return;
	check(draft_has_room(draft, 1));
	object->is_counted = true;
	draft->changes_left--;
	draft->bytes_left -= CHANGE_BYTES;
	*(draft->last ? &draft->last->next : &draft->first) = object;
	draft->last = object;
}

static void *edit(struct draft *draft, struct draft_object *object)
{
	size_t size = kind_shape(object->kind)->size;

	count(draft, object);
	if (!object->edited) {
		object->edited = arena_take(draft->arena, size);
		if (object->before)
			memcpy(object->edited, object->before, size);
	}
	return object->edited;
}

struct task *draft_edit_task(struct draft *draft, struct draft_task *task)
{
	struct task *edited = edit(draft, &task->object);

	task->task = edited;
	return edited;
}

struct service *draft_edit_service(struct draft *draft, struct draft_service *service)
{
	struct service *edited = edit(draft, &service->object);

	service->service = edited;
	return edited;
}

struct slot *draft_edit_slot(struct draft *draft, struct draft_object *row)
{
	return edit(draft, row);
}

void draft_remove(struct draft *draft, struct draft_object *object)
{
	count(draft, object);
	object->is_removed = true;
}

void draft_remove_id(struct draft *draft, enum kind kind, const char *id)
{
	struct draft_object *object = ARENA_NEW(draft->arena, struct draft_object);

	*object = (struct draft_object){ .kind = kind, .id = id, .before = "" };
	draft_remove(draft, object);
}

static const char *new_id(struct draft *draft)
{
	uint8_t entropy[ID_ENTROPY_BYTES];
	char id[ID_SIZE];

	for (size_t i = 0; i < sizeof entropy; i++)
		entropy[i] = (uint8_t)rng_next(draft->in->rng);
	id_format(entropy, id);
	return arena_strdup(draft->arena, id);
}

static void add_task(struct draft *draft, struct draft_service *service, struct draft_task *task)
{
	service->tasks = draft_grow(draft, service->tasks, service->count, &service->size);
	service->tasks[service->count++] = task;
}

struct draft_task *draft_new_task(struct draft *draft, struct draft_service *service, struct slot_group *slot)
{
	struct draft_task *task = ARENA_NEW(draft->arena, struct draft_task);

	task->object = (struct draft_object){ .kind = KIND_TASK, .id = new_id(draft) };
	task->created_index = UINT64_MAX;
	draft_edit_task(draft, task);
	add_task(draft, service, task);
	*(slot->last ? &slot->last->next : &slot->first) = task;
	slot->last = task;
	return task;
}

struct draft_object *draft_new_row(struct draft *draft, const char *id)
{
	struct draft_object *row = ARENA_NEW(draft->arena, struct draft_object);

	*row = (struct draft_object){ .kind = KIND_SLOT, .id = id };
	edit(draft, row);
	return row;
}

struct task *draft_set_state(struct draft *draft, struct draft_task *task, enum task_state state,
			     const char *message, const char *error)
{
	struct task *edited = draft_edit_task(draft, task);

	check((int)state >= edited->state);     /* a state never goes back */
	edited->state = state;
	edited->state_ms = draft->now_ms;
	edited->status_wall = draft->in->wall;
	edited->message = (char *)(uintptr_t)message;
	edited->error = (char *)(uintptr_t)error;
	return edited;
}

void draft_set_desired(struct draft *draft, struct draft_task *task, enum task_state desired)
{
	if ((enum task_state)task->task->desired < desired)
		draft_edit_task(draft, task)->desired = (int)desired;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static uint64_t differing_fields(const struct draft_object *object, const void *before)
{
	const struct shape *shape = kind_shape(object->kind);
	uint64_t mask = 0;

	for (size_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];
		if (field->type != FIELD_REFUSED && !field_equal(field, before, object->edited))
			mask |= FIELD_BIT(field->number);
	}
	return mask;
}

static void write_fields(struct draft *draft, const struct draft_object *object, uint64_t mask, void *value)
{
	const struct shape *shape = kind_shape(object->kind);

	for (size_t i = 0; i < shape->count; i++)
		if (shape->fields[i].type != FIELD_REFUSED && (mask & FIELD_BIT(shape->fields[i].number)))
			field_copy(&shape->fields[i], object->edited, draft->arena, value);
}

static void write_object(struct draft *draft, const struct draft_object *object, struct change_list *out)
{
	uint64_t mask;

	if (object->is_removed) {
		if (object->before)
			change_remove(out, object->kind, object->id);
		return;
	}
	if (!object->before) {
		const void *empty = arena_take(draft->arena, kind_shape(object->kind)->size);
		mask = differing_fields(object, empty);
		write_fields(draft, object, mask, change_create(out, object->kind, object->id, mask));
		return;
	}
	mask = differing_fields(object, object->before);
	if (mask)
		write_fields(draft, object, mask, change_update(out, object->kind, object->id, mask));
}

void draft_write(struct draft *draft, struct change_list *out)
{
	for (const struct draft_object *object = draft->first; object; object = object->next)
		write_object(draft, object, out);
}
