#include "state/apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "state/sum.h"
#include "state/view_internal.h"

/* An entry is at most 1 MiB encoded; decoded, copied as before-images and written as rows it stays well below this. */
enum { APPLY_ARENA_MAX = 512 << 20 };

/* A row: the meta that must survive, then the value. kind and id are in it for the sum's sake: equal values of two ids differ. */
void state_save_row(const struct view_object *object, struct buf *out)
{
	put_varint(out, (uint64_t)object->kind);
	put_str(out, object->meta.id);
	put_varint(out, object->meta.created_index);
	put_varint(out, object->meta.version);
	put_varint(out, object->meta.spec_index);
	put_u64(out, (uint64_t)object->meta.created_wall);
	put_u64(out, (uint64_t)object->meta.updated_wall);
	shape_encode(kind_shape(object->kind), object->value, out);
}

static void write_fields(struct view_object *object, const struct change *change)
{
	const struct shape *shape = kind_shape(object->kind);

	for (size_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];
		if (field->type == FIELD_REFUSED || !(change->mask & FIELD_BIT(field->number)))
			continue;
		field_fini(field, object->value);
		field_copy(field, change->value, NULL, object->value);
	}
}

static void stamp(struct view_object *object, const struct change *change, uint64_t index, const struct entry_head *head)
{
	if (change->op == CHANGE_CREATE) {
		object->meta.created_index = index;
		object->meta.created_wall = head->wall;
	}
	object->meta.version = index;
	if (change->op == CHANGE_CREATE || change_writes_spec(change)) {
		object->meta.spec_index = index;
		object->meta.updated_wall = head->wall;
	}
}

/* Most writes touch nothing that an index is made of; leaving those objects where they are keeps chains in order of creation. */
static bool moves_in_indexes(const struct change *change)
{
	switch (change->kind) {
	case KIND_TASK:
		return change->mask & (FIELD_BIT(TASK_SERVICE) | FIELD_BIT(TASK_NODE));
	case KIND_SERVICE:
		return change->mask & FIELD_BIT(SERVICE_SPEC_VERSION);
	case KIND_SERVICE_VERSION:
	case KIND_SLOT:
		return true;
	case KIND_SECRET:               /* their names never change */
	case KIND_CONFIG:
	case KIND_IMAGE_COPY:
	case KIND_CLUSTER:
	case KIND_NODE:
	case KIND_COUNT:
		break;
	}
	return false;
}

static void apply_change(struct view *view, const struct change *change, uint64_t index, const struct entry_head *head,
			 struct applied *out)
{
	const struct shape *shape = kind_shape(change->kind);
	struct view_object *object = map_get(view->objects[change->kind], change->id);
	struct state_event *event = &out->events[out->event_count++];
	struct state_row *row = &out->rows[out->row_count++];
	bool moves = change->op != CHANGE_UPDATE || moves_in_indexes(change);

	*event = (struct state_event){ .kind = change->kind, .op = change->op, .id = arena_strdup(&out->arena, change->id),
				       .mask = change->mask };
	*row = (struct state_row){ .kind = change->kind, .id = event->id };
	if (object) {
		void *before = arena_take(&out->arena, shape->size);
		shape_copy(shape, object->value, &out->arena, before);
		event->before = before;
		if (moves)
			view_index_object(view, object, false);
		view->sum -= object->meta.sum;
	} else {
		object = view_insert(view, change->kind, change->id);
	}
	if (change->op == CHANGE_REMOVE) {
		row->created_index = object->meta.created_index;
		view_delete(view, object);
		return;
	}
	write_fields(object, change);
	stamp(object, change, index, head);
	row->created_index = object->meta.created_index;
	if (moves)
		view_index_object(view, object, true);

	size_t begin = out->row_bytes.len;
	state_save_row(object, &out->row_bytes);
	row->size = out->row_bytes.len - begin;
	object->meta.sum = sum_of(&(struct buf){ .data = out->row_bytes.data + begin, .len = row->size });
	view->sum += object->meta.sum;
	event->after = object->value;
}

/* Everything is checked before anything is changed, with what the entry itself creates and removes on the way taken into account. */
static int check_fit(const struct view *view, const struct change_list *list, struct err *err)
{
	struct map *seen[KIND_COUNT] = { NULL };
	int rc = 0;
	static char present, absent;

	for (size_t i = 0; i < list->count && rc == 0; i++) {
		const struct change *change = &list->items[i];
		bool exists = view_find(view, change->kind, change->id) != NULL;
		void *now;

		if (!seen[change->kind])
			seen[change->kind] = map_new();
		if ((now = map_get(seen[change->kind], change->id)))
			exists = now == &present;
		if (change->op == CHANGE_CREATE && exists)
			rc = err_set(err, ERR_CONFLICT, "entry: %s '%s' exists already", kind_name(change->kind), change->id);
		else if (change->op != CHANGE_CREATE && !exists)
			rc = err_set(err, ERR_NOT_FOUND, "entry: no %s '%s'", kind_name(change->kind), change->id);
		map_put(seen[change->kind], change->id, change->op == CHANGE_REMOVE ? &absent : &present);
	}
	for (int kind = 0; kind < KIND_COUNT; kind++)
		map_free(seen[kind]);
	return rc;
}

/* A later change of the same entry may remove or replace what an earlier event points at. */
static void refresh_events(const struct view *view, struct applied *out)
{
	for (size_t i = 0; i < out->event_count; i++) {
		struct state_event *event = &out->events[i];
		const struct view_object *object = view_find(view, event->kind, event->id);
		event->after = event->op == CHANGE_REMOVE || !object ? NULL : object->value;
	}
}

/* When all are written, for they moved while there were more to come. */
static void place_rows(struct applied *out)
{
	const char *at = buf_text(&out->row_bytes);

	for (size_t i = 0; i < out->row_count; at += out->rows[i++].size)
		out->rows[i].bytes = out->rows[i].size ? (const uint8_t *)at : NULL;
}

int state_apply(struct view *view, uint64_t index, uint64_t term, const void *bytes, size_t size, struct applied *ret, struct err *err)
{
	struct change_list list;
	struct entry_head head = { 0 };

	check(index == view->index + 1);
	memset(ret, 0, sizeof *ret);
	arena_init(&ret->arena, "apply", APPLY_ARENA_MAX);
	change_list_init(&list, &ret->arena);
	if (size > 0 && change_list_decode(reader_of(bytes, size), &list, &head, err) < 0)
		goto fail;
	if (check_fit(view, &list, err) < 0)
		goto fail;
	ret->events = ARENA_ARRAY(&ret->arena, struct state_event, list.count);
	ret->rows = ARENA_ARRAY(&ret->arena, struct state_row, list.count);
	for (size_t i = 0; i < list.count; i++)
		apply_change(view, &list.items[i], index, &head, ret);
	refresh_events(view, ret);
	place_rows(ret);
	view->index = index;
	view->term = term;
	view->now_ms = MAX(view->now_ms, head.now_ms);  /* cluster time never goes back */
	return 0;
fail:
	applied_fini(ret);
	return err_wrap(err, "log entry %llu", (unsigned long long)index);
}

void applied_fini(struct applied *applied)
{
	arena_fini(&applied->arena);
	buf_fini(&applied->row_bytes);
	applied->events = NULL;
	applied->rows = NULL;
	applied->event_count = applied->row_count = 0;
}

int state_load_row(struct view *view, enum kind kind, const char *id, const void *bytes, size_t size, struct err *err)
{
	struct reader in = reader_of(bytes, size);
	struct buf whole = { .data = (char *)(uintptr_t)bytes, .len = size };
	uint64_t row_kind = get_varint(&in);
	size_t id_size;
	const uint8_t *row_id = get_bytes(&in, &id_size);
	struct view_object *object;

	if (in.failed || row_kind != (uint64_t)kind || !kind_shape(kind) || id_size != strlen(id) || memcmp(row_id, id, id_size) != 0 ||
	    id_size >= sizeof object->meta.id)
		return err_set(err, ERR_INVALID, "state.db: row '%s' is damaged", id);
	if (view_find(view, kind, id))
		return err_set(err, ERR_INVALID, "state.db: row '%s' is there twice", id);
	object = view_insert(view, kind, id);
	object->meta.created_index = get_varint(&in);
	object->meta.version = get_varint(&in);
	object->meta.spec_index = get_varint(&in);
	object->meta.created_wall = (nsec)get_u64(&in);
	object->meta.updated_wall = (nsec)get_u64(&in);
	object->meta.sum = sum_of(&whole);
	if (in.failed || shape_decode(kind_shape(kind), in, NULL, object->value, err) < 0) {
		if (in.failed)
			err_set(err, ERR_INVALID, "cut off");
		view_delete(view, object);
		return err_wrap(err, "state.db: row '%s'", id);
	}
	view->sum += object->meta.sum;
	view_index_object(view, object, true);
	return 0;
}

struct order { uint64_t created; struct view_object *object; };

static int order_compare(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->object->meta.id, y->object->meta.id);
}

/* Rows come in the order of their ids; iteration is promised in order of creation. Within one entry the id decides, on every manager
 * that loads; a manager that has just applied the entry may differ from it there, and nothing may depend on that. */
static void sort_by_creation(struct view *view, int kind)
{
	size_t count = map_count(view->objects[kind]), i = 0;
	struct order *order = NEW_ARRAY(struct order, count + 1);
	void *object;

	for (size_t at = 0; map_next(view->objects[kind], &at, NULL, &object); i++)
		order[i] = (struct order){ ((struct view_object *)object)->meta.created_index, object };
	qsort(order, count, sizeof *order, order_compare);
	map_free(view->objects[kind]);
	view->objects[kind] = map_new();
	for (i = 0; i < count; i++) {
		map_put(view->objects[kind], order[i].object->meta.id, order[i].object);
		if (kind == KIND_TASK) {        /* the chains too */
			view_index_object(view, order[i].object, false);
			view_index_object(view, order[i].object, true);
		}
	}
	free(order);
}

int state_load_done(struct view *view, uint64_t index, uint64_t term, msec now_ms, uint64_t sum, struct err *err)
{
	if (view->sum != sum)
		return err_set(err, ERR_INVALID, "state.db: the rows do not match their sum (%016llx, stored %016llx): the file is damaged",
			       (unsigned long long)view->sum, (unsigned long long)sum);
	for (int kind = 1; kind < KIND_COUNT; kind++)
		sort_by_creation(view, kind);
	view->index = index;
	view->term = term;
	view->now_ms = now_ms;
	return 0;
}
