#include "state/overlay.h"

#include <string.h>

#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "state/view_internal.h"

/* An object this batch has touched. */
struct laid { bool removed, created, has_new_spec; void *value; };

struct overlay {
	const struct view *view;
	struct arena *arena;
	/* Linear lists would do for a few changes; a batch may hold a thousand, each looked up by each. The maps are freed by the arena's
	 * owner through overlay_free. */
	struct map *laid[KIND_COUNT];
	struct map *names[KIND_COUNT];  /* lower-case name -> id of the last one laid that had it; NULL: none has */
};

struct overlay *overlay_new(const struct view *view, struct arena *arena)
{
	struct overlay *overlay = ARENA_NEW(arena, struct overlay);

	overlay->view = view;
	overlay->arena = arena;
	for (int kind = 1; kind < KIND_COUNT; kind++)
		overlay->laid[kind] = map_new();
	return overlay;
}

void overlay_free(struct overlay *overlay)
{
	if (!overlay)
		return;
	for (int kind = 1; kind < KIND_COUNT; kind++) {
		map_free(overlay->laid[kind]);
		map_free(overlay->names[kind]);
	}
}

const struct view *overlay_view(const struct overlay *overlay)
{
	return overlay->view;
}

const void *overlay_find(const struct overlay *overlay, enum kind kind, const char *id)
{
	const struct laid *laid = id ? map_get(overlay->laid[kind], id) : NULL;
	const struct view_object *object;

	if (laid)
		return laid->removed ? NULL : laid->value;
	object = view_find(overlay->view, kind, id);
	return object ? object->value : NULL;
}

uint64_t overlay_spec_index(const struct overlay *overlay, enum kind kind, const char *id)
{
	const struct view_object *object = view_find(overlay->view, kind, id);
	const struct laid *laid = map_get(overlay->laid[kind], id);

	if (laid && laid->has_new_spec)
		return UINT64_MAX;
	return object ? object->meta.spec_index : 0;
}

/* before: by kind, the last change so far of each object that this list touches. */
static int check_each(const struct overlay *overlay, const struct change_list *changes, size_t first, struct map *before[KIND_COUNT],
		      struct err *err)
{
	for (size_t i = first; i < changes->count; i++) {
		struct change *change = &changes->items[i];
		struct map **same_kind = &before[change->kind];
		const struct change *last = *same_kind ? map_get(*same_kind, change->id) : NULL;
		bool exists = last ? last->op != CHANGE_REMOVE : overlay_find(overlay, change->kind, change->id) != NULL;

		if (i + 1 < changes->count) {   /* most lists are of one */
			if (!*same_kind)
				*same_kind = map_new();
			map_put(*same_kind, change->id, change);
		}
		if (change->op == CHANGE_CREATE && exists)
			return err_set(err, ERR_CONFLICT, "%s %s exists already", kind_name(change->kind), change->id);
		if (change->op != CHANGE_CREATE && !exists)
			return err_set(err, ERR_NOT_FOUND, "%s %s not found", kind_name(change->kind), change->id);
	}
	return 0;
}

static int check_fit(const struct overlay *overlay, const struct change_list *changes, size_t first, struct err *err)
{
	struct map *before[KIND_COUNT] = { NULL };
	int rc = check_each(overlay, changes, first, before, err);

	for (int kind = 0; kind < KIND_COUNT; kind++)
		map_free(before[kind]);
	return rc;
}

/* As it would be; NULL for one that is gone. */
static const char *name_of(const struct overlay *overlay, enum kind kind, const char *id)
{
	const struct service_spec *spec = kind == KIND_SERVICE ? overlay_current_spec(overlay, id) : NULL;
	const struct secret *secret = kind == KIND_SERVICE ? NULL : overlay_find(overlay, kind, id);

	return spec ? spec->name : secret ? secret->spec.name : NULL;
}

static void note_name(struct overlay *overlay, enum kind kind, const char *id)
{
	const char *name = name_of(overlay, kind, id);
	char key[VIEW_NAME_SIZE];

	if (!name)
		return;
	if (!overlay->names[kind])
		overlay->names[kind] = map_new();
	view_name_key(name, key);
	map_put(overlay->names[kind], key, arena_strdup(overlay->arena, id));
}

/* A service has its name from the version it points at, and either may come first. */
static void note_names(struct overlay *overlay, const struct change *change)
{
	const struct service_version *version;

	if (change->kind == KIND_SERVICE || change->kind == KIND_SECRET || change->kind == KIND_CONFIG)
		note_name(overlay, change->kind, change->id);
	if (change->kind == KIND_SERVICE_VERSION && (version = overlay_find(overlay, change->kind, change->id)))
		note_name(overlay, KIND_SERVICE, version->service_id);
}

static void lay(struct overlay *overlay, const struct change *change)
{
	const struct shape *shape = kind_shape(change->kind);
	struct laid *laid = map_get(overlay->laid[change->kind], change->id);
	const struct view_object *object = view_find(overlay->view, change->kind, change->id);

	if (!laid) {
		laid = ARENA_NEW(overlay->arena, struct laid);
		laid->created = !object;
		if (object) {
			laid->value = arena_take(overlay->arena, shape->size);
			shape_copy(shape, object->value, overlay->arena, laid->value);
		}
		map_put(overlay->laid[change->kind], change->id, laid);
	}
	laid->removed = change->op == CHANGE_REMOVE;
	laid->has_new_spec |= change->op != CHANGE_UPDATE || change_writes_spec(change);
	if (laid->removed)
		return;
	if (change->op == CHANGE_CREATE || !laid->value)
		laid->value = arena_take(overlay->arena, shape->size);
	for (size_t i = 0; i < shape->count; i++)
		if (shape->fields[i].type != FIELD_REFUSED && (change->mask & FIELD_BIT(shape->fields[i].number)))
			field_copy(&shape->fields[i], change->value, overlay->arena, laid->value);
}

int overlay_add(struct overlay *overlay, const struct change_list *changes, size_t first, struct err *err)
{
	if (check_fit(overlay, changes, first, err) < 0)
		return -1;
	for (size_t i = first; i < changes->count; i++) {
		lay(overlay, &changes->items[i]);
		note_names(overlay, &changes->items[i]);
	}
	return 0;
}

const struct service_spec *overlay_current_spec(const struct overlay *overlay, const char *service_id)
{
	char id[SERVICE_VERSION_ID_SIZE];
	const struct service *service = overlay_find(overlay, KIND_SERVICE, service_id);
	const struct service_version *version;

	if (!service)
		return NULL;
	version = overlay_find(overlay, KIND_SERVICE_VERSION, service_version_id(service_id, service->spec_version, id));
	return version ? &version->spec : NULL;
}

const char *overlay_by_name(const struct overlay *overlay, enum kind kind, const char *name)
{
	const struct view_object *object = view_by_name(overlay->view, kind, name);
	char key[VIEW_NAME_SIZE];

	if (object && !map_get(overlay->laid[kind], object->meta.id))
		return object->meta.id;
	view_name_key(name, key);
	const char *id = overlay->names[kind] ? map_get(overlay->names[kind], key) : NULL;
	const char *its = id ? name_of(overlay, kind, id) : NULL;
	return its && str_eq_nocase(its, name) ? id : NULL;
}

/* First the view's objects (a removed one is passed over), then those the batch created. */
const void *overlay_next(const struct overlay *overlay, enum kind kind, size_t *at, const char **ret_id)
{
	const size_t in_batch = (size_t)1 << 62;        /* the cursor's second half */
	const struct view_object *object;
	void *laid;

	while (*at < in_batch) {
		const struct laid *over;

		object = view_next(overlay->view, kind, at);
		if (!object) {
			*at = in_batch;
			break;
		}
		over = map_get(overlay->laid[kind], object->meta.id);
		if (over && over->removed)
			continue;
		*ret_id = object->meta.id;
		return over ? over->value : object->value;
	}
	for (size_t inner = *at - in_batch; map_next(overlay->laid[kind], &inner, ret_id, &laid);) {
		*at = inner + in_batch;
		if (((struct laid *)laid)->created && !((struct laid *)laid)->removed)
			return ((struct laid *)laid)->value;
	}
	return NULL;
}
