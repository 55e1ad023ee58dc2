#include "manager/verb_images.h"

#include "base/str.h"

#define ALL_FIELDS (FIELD_BIT(IMAGE_COPY_END) - FIELD_BIT(IMAGE_COPY_NODE))

static const struct image_copy *find(const struct image_copy *items, size_t count, const char *manifest)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(items[i].manifest, manifest))
			return &items[i];
	return NULL;
}

/* A name that it had stays as old as it was. */
static void write_copy(const struct verb *verb, const struct image_copy *from, const struct image_copy *old, msec now_ms, const char *id,
		       struct change_list *out)
{
	struct image_copy *copy = old ? change_update(out, KIND_IMAGE_COPY, id, ALL_FIELDS) : change_create(out, KIND_IMAGE_COPY, id, ALL_FIELDS);

	shape_copy(&image_copy_shape, from, out->arena, copy);
	copy->node_id = arena_strdup(out->arena, verb->id);
	for (size_t i = 0; i < copy->names.count; i++) {
		const struct image_name *had = old ? image_copy_name(old, copy->names.items[i].name) : NULL;

		copy->names.items[i].since_ms = had ? had->since_ms : (uint64_t)now_ms;
	}
}

static int check_list(const struct verb *verb, struct err *err)
{
	if (verb->images.count > IMAGE_COPIES_MAX)
		return err_set(err, ERR_INVALID, "node %s: more than %d images", verb->id, IMAGE_COPIES_MAX);
	for (size_t i = 0; i < verb->images.count; i++) {
		const struct image_copy *image = &verb->images.items[i];

		if (str_is_empty(image->manifest) || image->names.count > IMAGE_COPY_NAMES_MAX ||
		    find(verb->images.items, i, image->manifest))
			return err_set(err, ERR_INVALID, "node %s: a list of images that makes no sense", verb->id);
	}
	return 0;
}

int verb_images(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const struct node *node = overlay_find(scene->overlay, KIND_NODE, verb->id);
	const struct image_copy *copy;
	char id[ID_SIZE];
	const char *at_id;

	if (!node || node->spec.role != ROLE_MANAGER)
		return err_set(err, ERR_DENIED, "node %s is no manager", verb->id);
	if (check_list(verb, err) < 0)
		return -1;
	for (size_t at = 0; (copy = overlay_next(scene->overlay, KIND_IMAGE_COPY, &at, &at_id));)
		if (str_eq(copy->node_id, verb->id) && !find(verb->images.items, verb->images.count, copy->manifest))
			change_remove(out, KIND_IMAGE_COPY, at_id);
	for (size_t i = 0; i < verb->images.count; i++) {
		const struct image_copy *image = &verb->images.items[i];

		image_copy_id(verb->id, image->manifest, id);
		copy = overlay_find(scene->overlay, KIND_IMAGE_COPY, id);
		if (!copy || !image_copy_says_same(image, copy))
			write_copy(verb, image, copy, scene->now_ms, id, out);
	}
	return 0;
}

void images_forget(const char *node_id, const struct overlay *overlay, struct change_list *out)
{
	const struct image_copy *copy;
	const char *id;

	for (size_t at = 0; (copy = overlay_next(overlay, KIND_IMAGE_COPY, &at, &id));)
		if (str_eq(copy->node_id, node_id))
			change_remove(out, KIND_IMAGE_COPY, id);
}

bool images_are_told(const struct view *view, const char *node_id, const struct image_copy *items, size_t count)
{
	const struct view_object *object;
	size_t same = 0;

	for (size_t at = 0; (object = view_next(view, KIND_IMAGE_COPY, &at));) {
		const struct image_copy *copy = VIEW_VALUE(image_copy, object), *item;

		if (!str_eq(copy->node_id, node_id))
			continue;
		item = find(items, count, copy->manifest);
		if (!item || !image_copy_says_same(item, copy))
			return false;
		same++;
	}
	return same == count;
}
