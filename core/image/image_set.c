#include "image/image_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/panic.h"
#include "image/image_manifest.h"
#include "model/image_ref.h"

void image_set_fini(struct image_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		image_free(set->items[i]);
	free(set->items);
	*set = (struct image_set){ 0 };
}

static bool comes_before(const struct image *a, const struct image *b)
{
	if (a->is_builtin != b->is_builtin)
		return b->is_builtin;
	if (a->config.created != b->config.created)
		return a->config.created > b->config.created;
	return strcmp(a->id, b->id) < 0;
}

void image_set_add(struct image_set *set, struct image *image)
{
	size_t at = set->count;

	set->items = mem_resize(set->items, set->count + 1, sizeof(struct image *));
	for (; at > 0 && comes_before(image, set->items[at - 1]); at--)
		set->items[at] = set->items[at - 1];
	set->items[at] = image;
	set->count++;
}

struct image *image_set_find(const struct image_set *set, const char *id)
{
	for (size_t i = 0; i < set->count; i++)
		if (str_eq(set->items[i]->id, id))
			return set->items[i];
	return NULL;
}

static struct image *find_tag(const struct image_set *set, const char *tag)
{
	for (size_t i = 0; i < set->count; i++)
		if (strlist_has(&set->items[i]->tags, tag))
			return set->items[i];
	return NULL;
}

static struct image *find_manifest(const struct image_set *set, const char *digest)
{
	const char *hex = str_after(digest, "sha256:");

	for (size_t i = 0; hex && i < set->count; i++)
		if (strlist_has(&set->items[i]->digests, hex))
			return set->items[i];
	return NULL;
}

/* The one image whose id begins so; NULL when there are none or several. */
static struct image *find_start(const struct image_set *set, const char *start)
{
	const char *hex = str_after(start, "sha256:") ? str_after(start, "sha256:") : start;
	struct image *found = NULL;

	if (!*hex || strspn(hex, "0123456789abcdef") != strlen(hex))
		return NULL;
	for (size_t i = 0; i < set->count; i++) {
		if (!str_starts(set->items[i]->id, hex))
			continue;
		if (found)
			return NULL;
		found = set->items[i];
	}
	return found;
}

int image_set_get(const struct image_set *set, const char *name, struct image **ret, bool *ret_by_name, struct err *err)
{
	char text[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct image *image = NULL;
	bool by_name = false, is_ref = image_ref_parse(name, &ref, err) == 0;

	if (is_ref) {
		image_ref_add_default_tag(&ref);
		image_ref_format_familiar(&ref, text);
		/* The digest says which bytes are meant; under which name they are kept here does not matter. */
		image = ref.digest[0] ? find_manifest(set, ref.digest) : find_tag(set, text);
		by_name = image && !ref.digest[0];
	}
	if (!image)
		image = find_start(set, name);
	if (!image && !is_ref && !hex_id_is_valid(name))
		return -1;
	if (!image)
		return err_set(err, ERR_NOT_FOUND, "No such image: %s", is_ref ? text : name);
	*ret = image;
	if (ret_by_name)
		*ret_by_name = by_name;
	return 0;
}

/* ---- edits ------------------------------------------------------------------------------------------------------------------ */

void image_edit_fini(struct image_edit *edit)
{
	for (size_t i = 0; i < edit->add_count; i++)
		image_free(edit->adds[i]);
	for (size_t i = 0; i < edit->tag_count; i++)
		free(edit->tags[i].tag);
	free(edit->adds);
	free(edit->tags);
	strlist_fini(&edit->untag);
	strlist_fini(&edit->removes);
	*edit = (struct image_edit){ 0 };
}

static struct image_edit_tag *find_edit_tag(const struct image_edit *edit, const char *tag)
{
	for (size_t i = 0; i < edit->tag_count; i++)
		if (str_eq(edit->tags[i].tag, tag))
			return &edit->tags[i];
	return NULL;
}

void image_edit_tag(struct image_edit *edit, const char *id, const char *tag)
{
	struct image_edit_tag *place = find_edit_tag(edit, tag);

	if (!place) {
		edit->tags = mem_resize(edit->tags, edit->tag_count + 1, sizeof(*edit->tags));
		place = &edit->tags[edit->tag_count++];
		place->tag = str_dup(tag);
	}
	str_copy(place->id, sizeof(place->id), id);
}

static struct image *find_add(const struct image_edit *edit, const char *id)
{
	for (size_t i = 0; i < edit->add_count; i++)
		if (str_eq(edit->adds[i]->id, id))
			return edit->adds[i];
	return NULL;
}

static void add_digests(struct image *image, const struct strlist *more)
{
	for (size_t i = 0; i < more->count && image->digests.count < IMAGE_DIGESTS_MAX; i++)
		if (!strlist_has(&image->digests, more->items[i]))
			strlist_add(&image->digests, more->items[i]);
}

static void add_repositories(struct image *image, const struct strlist *more)
{
	for (size_t i = 0; i < more->count && image->repositories.count < IMAGE_REPOSITORIES_MAX; i++)
		if (!strlist_has(&image->repositories, more->items[i]))
			strlist_add(&image->repositories, more->items[i]);
	strlist_sort(&image->repositories);
}

/* The image goes on with the manifest and the blobs that it had. */
static void keep_manifest(struct image *image, const struct image *old)
{
	struct strlist own = image->digests;

	check(image->layer_count == old->layer_count);       /* one config, and as many layers as that names */
	str_copy(image->manifest, sizeof(image->manifest), old->manifest);
	image->manifest_bytes = old->manifest_bytes;
	image->is_docker_manifest = old->is_docker_manifest;
	memcpy(image->layers, old->layers, old->layer_count * sizeof(*old->layers));
	image->digests = (struct strlist){ 0 };
	add_digests(image, &old->digests);
	add_digests(image, &own);
	strlist_fini(&own);
}

void image_set_plan_add(const struct image_set *set, struct image *image, bool replaces, struct image_edit *edit)
{
	const struct image *old = image_set_find(set, image->id), *same = find_add(edit, image->id);

	if (same) {                                  /* twice in one edit: the first one's manifest, the digests of both */
		add_digests(find_add(edit, image->id), &image->digests);
		add_repositories(find_add(edit, image->id), &image->repositories);
		image_free(image);
		return;
	}
	if (old && replaces)
		add_digests(image, &old->digests);
	else if (old)
		keep_manifest(image, old);
	if (old)
		add_repositories(image, &old->repositories);
	for (size_t i = 0; old && i < old->tags.count; i++)
		strlist_add(&image->tags, old->tags.items[i]);
	edit->adds = mem_resize(edit->adds, edit->add_count + 1, sizeof(*edit->adds));
	edit->adds[edit->add_count++] = image;
}

static bool keeps_tag(const struct image_edit *edit, const char *tag)
{
	return !find_edit_tag(edit, tag) && !strlist_has(&edit->untag, tag);
}

static void new_tags(const struct image *image, const struct image_edit *edit, struct strlist *ret)
{
	*ret = (struct strlist){ 0 };
	for (size_t i = 0; i < image->tags.count; i++)
		if (keeps_tag(edit, image->tags.items[i]))
			strlist_add(ret, image->tags.items[i]);
	for (size_t i = 0; i < edit->tag_count; i++)
		if (str_eq(image->id, edit->tags[i].id))
			strlist_add(ret, edit->tags[i].tag);
	strlist_sort(ret);
}

static void index_one(const struct image *image, const struct image_edit *edit, struct image_index *index)
{
	struct image_blob manifest = { .bytes = image->manifest_bytes };
	char text[IMAGE_REF_TEXT_SIZE];
	struct strlist tags;
	struct image_ref ref;
	struct err err;

	if (image->is_builtin || strlist_has(&edit->removes, image->id))
		return;
	str_copy(manifest.digest, sizeof(manifest.digest), image->manifest);
	new_tags(image, edit, &tags);
	for (size_t i = 0; i < tags.count; i++) {
		check(image_ref_parse(tags.items[i], &ref, &err) == 0);
		image_index_add(index, &manifest, image->is_docker_manifest, image_ref_format_canonical(&ref, text), &image->digests,
				&image->repositories);
	}
	if (tags.count == 0)
		image_index_add(index, &manifest, image->is_docker_manifest, NULL, &image->digests, &image->repositories);
	strlist_fini(&tags);
}

void image_set_format_index(const struct image_set *set, const struct image_edit *edit, struct buf *out)
{
	struct image_index index = { 0 };

	for (size_t i = 0; i < set->count; i++)
		if (!find_add(edit, set->items[i]->id))
			index_one(set->items[i], edit, &index);
	for (size_t i = 0; i < edit->add_count; i++)
		index_one(edit->adds[i], edit, &index);
	image_index_format(&index, out);
	image_index_fini(&index);
}

static void remove_image(struct image_set *set, const char *id)
{
	for (size_t i = 0; i < set->count; i++) {
		if (!str_eq(set->items[i]->id, id))
			continue;
		image_free(set->items[i]);
		set->count--;
		memmove(&set->items[i], &set->items[i + 1], (set->count - i) * sizeof(struct image *));
		return;
	}
}

void image_set_apply(struct image_set *set, struct image_edit *edit)
{
	for (size_t i = 0; i < edit->add_count; i++) {
		remove_image(set, edit->adds[i]->id);
		image_set_add(set, edit->adds[i]);
	}
	edit->add_count = 0;
	for (size_t i = 0; i < set->count; i++) {
		struct strlist tags;

		new_tags(set->items[i], edit, &tags);
		strlist_fini(&set->items[i]->tags);
		set->items[i]->tags = tags;
	}
	for (size_t i = 0; i < edit->removes.count; i++)
		remove_image(set, edit->removes.items[i]);
}

/* ---- tagging ---------------------------------------------------------------------------------------------------------------- */

int image_set_check_tag(const char *name, char **ret_tag, struct err *err)
{
	char text[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;

	if (image_ref_parse(name, &ref, err) < 0)
		return -1;
	if (ref.digest[0])
		return err_set(err, ERR_INVALID, "refusing to create a tag with a digest reference");
	if (str_eq(ref.path, "library/sha256"))
		return err_set(err, ERR_INVALID, "refusing to create an ambiguous tag using digest algorithm as name");
	image_ref_add_default_tag(&ref);
	image_ref_format_familiar(&ref, text);
	if (str_eq(text, IMAGE_BUILTIN_REF))
		return err_set(err, ERR_CONFLICT, "conflict: %s is built into swarmbox and keeps its name", IMAGE_BUILTIN_REF);
	*ret_tag = str_dup(text);
	return 0;
}

int image_set_plan_tag(const struct image_set *set, const char *source, const char *target, struct image_edit *ret, struct err *err)
{
	struct image *image;

	*ret = (struct image_edit){ 0 };
	if (image_set_get(set, source, &image, NULL, err) < 0)
		return -1;
	if (image->is_builtin)
		return err_set(err, ERR_CONFLICT, "conflict: %s is built into swarmbox and takes no other name", IMAGE_BUILTIN_REF);
	CLEANUP(str_freep) char *tag = NULL;
	if (image_set_check_tag(target, &tag, err) < 0)
		return -1;
	image_edit_tag(ret, image->id, tag);
	return 0;
}
