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
	for (int kind = 1; kind < KIND_COUNT; kind++)
		map_free(overlay->laid[kind]);
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

		if (!*same_kind)
			*same_kind = map_new();
		map_put(*same_kind, change->id, change);
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
	for (size_t i = first; i < changes->count; i++)
		lay(overlay, &changes->items[i]);
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

/* As it would be; NULL for one that is gone. */
static const char *name_of(const struct overlay *overlay, enum kind kind, const char *id)
{
	const struct service_spec *spec = kind == KIND_SERVICE ? overlay_current_spec(overlay, id) : NULL;
	const struct secret *secret = kind == KIND_SERVICE ? NULL : overlay_find(overlay, kind, id);

	return spec ? spec->name : secret ? secret->spec.name : NULL;
}

const char *overlay_by_name(const struct overlay *overlay, enum kind kind, const char *name)
{
	const struct view_object *object = view_by_name(overlay->view, kind, name);
	const char *id;
	void *value;

	if (object && !map_get(overlay->laid[kind], object->meta.id))
		return object->meta.id;
	for (size_t at = 0; map_next(overlay->laid[kind], &at, &id, &value);) {
		const char *its = name_of(overlay, kind, id);
		if (its && str_eq_nocase(its, name))
			return id;
	}
	return NULL;
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
