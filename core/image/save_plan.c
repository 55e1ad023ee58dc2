#include "image/save_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/panic.h"
#include "image/image_manifest.h"
#include "image/image_platform.h"
#include "model/image_ref.h"
#include "model/json.h"

/* An image and the names under which it is asked for. */
struct saved { const struct image *image; struct strlist tags; };
struct choice { struct saved *items; size_t count; };

void save_plan_fini(struct save_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		buf_fini(&plan->files[i].text);
	free(plan->files);
	*plan = (struct save_plan){ 0 };
}

/* ---- which images ----------------------------------------------------------------------------------------------------------- */

static void choose(struct choice *choice, const struct image *image, const char *tag)
{
	size_t at = 0;

	while (at < choice->count && choice->items[at].image != image)
		at++;
	if (at == choice->count) {
		choice->items = mem_resize(choice->items, choice->count + 1, sizeof(*choice->items));
		choice->items[choice->count++] = (struct saved){ .image = image };
	}
	if (tag && !strlist_has(&choice->items[at].tags, tag)) {
		strlist_add(&choice->items[at].tags, tag);
		strlist_sort(&choice->items[at].tags);
	}
}

/* "nginx" is all of its tags, as docker saves it. */
static bool choose_repository(struct choice *choice, const struct image_set *set, const char *name)
{
	struct image_ref ref, tag;
	struct err ignored;
	bool found = false;

	if (image_ref_parse(name, &ref, &ignored) < 0 || ref.tag[0] || ref.digest[0])
		return false;
	for (size_t i = 0; i < set->count; i++) {
		const struct strlist *tags = &set->items[i]->tags;

		for (size_t n = 0; n < tags->count; n++) {
			if (image_ref_parse(tags->items[n], &tag, &ignored) < 0 || !image_ref_is_same_repository(&ref, &tag))
				continue;
			choose(choice, set->items[i], tags->items[n]);
			found = true;
		}
	}
	return found;
}

static int choose_name(struct choice *choice, const struct image_set *set, const char *name, struct err *err)
{
	char text[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct image *image;
	bool by_name;

	if (choose_repository(choice, set, name))
		return 0;
	if (image_set_get(set, name, &image, &by_name, err) < 0)
		return -1;
	if (by_name) {
		check(image_ref_parse(name, &ref, err) == 0);
		image_ref_add_default_tag(&ref);
		image_ref_format_familiar(&ref, text);
	}
	choose(choice, image, by_name ? text : NULL);
	return 0;
}

static int check_image(const struct image *image, const struct image_platform *platform, struct err *err)
{
	const struct image_config *config = &image->config;
	char wanted[IMAGE_PLATFORM_TEXT_SIZE], actual[IMAGE_PLATFORM_TEXT_SIZE];
	struct image_platform has;

	if (image->is_builtin)
		return err_set(err, ERR_UNSUPPORTED, "%s is each host's own binary and is not saved: copy the file instead", IMAGE_BUILTIN_REF);
	if (!platform)
		return 0;
	if (image_platform_read("linux", config->architecture, config->variant, &has) && image_platform_rank(platform, &has) == 0)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "image with reference %s was found but does not match the specified platform: wanted %s, actual: %s",
		       image->tags.count ? image->tags.items[0] : image->id, image_platform_format(platform, wanted),
		       image_platform_format(&has, actual));
}

/* ---- the files -------------------------------------------------------------------------------------------------------------- */

static struct save_file *add_file(struct save_plan *plan, const char *path)
{
	if (plan->count == plan->size) {
		plan->size = MAX(2 * plan->size, (size_t)16);
		plan->files = mem_resize(plan->files, plan->size, sizeof(*plan->files));
	}
	struct save_file *file = &plan->files[plan->count++];
	*file = (struct save_file){ 0 };
	check(str_copy(file->path, sizeof(file->path), path));
	return file;
}

static void add_folder(struct save_plan *plan, const char *path)
{
	add_file(plan, path)->is_folder = true;
}

/* Each once, in order. */
static void add_blobs(struct save_plan *plan, const struct choice *choice)
{
	CLEANUP(strlist_finip) struct strlist digests = { 0 };
	CLEANUP(map_freep) struct map *seen = map_new();

	for (size_t i = 0; i < choice->count; i++) {
		struct image *image = (struct image *)(uintptr_t)choice->items[i].image;

		for (size_t n = 0; n < image->layer_count + 2; n++) {
			const char *digest = n == 0 ? image->manifest : n == 1 ? image->id : image->layers[n - 2].blob;

			if (!map_put(seen, digest, image))
				strlist_add(&digests, digest);
		}
	}
	strlist_sort(&digests);
	for (size_t i = 0; i < digests.count; i++) {
		CLEANUP(str_freep) char *path = str_printf("blobs/sha256/%s", digests.items[i]);
		struct save_file *file = add_file(plan, path);

		str_copy(file->digest, sizeof(file->digest), digests.items[i]);
	}
}

static void add_string(yyjson_mut_doc *doc, yyjson_mut_val *list, const char *digest)
{
	CLEANUP(str_freep) char *path = str_printf("blobs/sha256/%s", digest);

	yyjson_mut_arr_add_strcpy(doc, list, path);
}

static void add_docker_manifest(struct save_plan *plan, const struct choice *choice)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_arr(doc);

	for (size_t i = 0; i < choice->count; i++) {
		const struct saved *saved = &choice->items[i];
		CLEANUP(str_freep) char *config = str_printf("blobs/sha256/%s", saved->image->id);
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, root), *list;

		yyjson_mut_obj_add_strcpy(doc, item, "Config", config);
		list = yyjson_mut_obj_add_arr(doc, item, "RepoTags");
		for (size_t n = 0; n < saved->tags.count; n++)
			yyjson_mut_arr_add_str(doc, list, saved->tags.items[n]);
		list = yyjson_mut_obj_add_arr(doc, item, "Layers");
		for (size_t n = 0; n < saved->image->layer_count; n++)
			add_string(doc, list, saved->image->layers[n].blob);
	}
	json_write(doc, root, 0, &add_file(plan, "manifest.json")->text);
}

static void add_descriptor(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct image *image, const char *tag)
{
	CLEANUP(str_freep) char *digest = str_printf("sha256:%s", image->manifest);
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list), *notes;
	char name[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err err;

	yyjson_mut_obj_add_str(doc, item, "mediaType", image->is_docker_manifest ? IMAGE_DOCKER_MANIFEST_TYPE : IMAGE_MANIFEST_TYPE);
	yyjson_mut_obj_add_strcpy(doc, item, "digest", digest);
	yyjson_mut_obj_add_int(doc, item, "size", image->manifest_bytes);
	if (!tag)
		return;
	check(image_ref_parse(tag, &ref, &err) == 0);
	notes = yyjson_mut_obj_add_obj(doc, item, "annotations");
	yyjson_mut_obj_add_strcpy(doc, notes, "io.containerd.image.name", image_ref_format_canonical(&ref, name));
	yyjson_mut_obj_add_strcpy(doc, notes, "org.opencontainers.image.ref.name", ref.tag);
}

static void add_index(struct save_plan *plan, const struct choice *choice)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *list;

	yyjson_mut_obj_add_int(doc, root, "schemaVersion", 2);
	yyjson_mut_obj_add_str(doc, root, "mediaType", "application/vnd.oci.image.index.v1+json");
	list = yyjson_mut_obj_add_arr(doc, root, "manifests");
	for (size_t i = 0; i < choice->count; i++) {
		const struct saved *saved = &choice->items[i];

		for (size_t n = 0; n < saved->tags.count; n++)
			add_descriptor(doc, list, saved->image, saved->tags.items[n]);
		if (saved->tags.count == 0)
			add_descriptor(doc, list, saved->image, NULL);
	}
	json_write(doc, root, 0, &add_file(plan, "index.json")->text);
}

static int make(const struct image_set *set, const char *const *names, size_t count, const struct image_platform *platform,
		struct choice *choice, struct save_plan *ret, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (choose_name(choice, set, names[i], err) < 0)
			return -1;
	for (size_t i = 0; i < choice->count; i++)
		if (check_image(choice->items[i].image, platform, err) < 0)
			return -1;
	add_folder(ret, "blobs/");
	add_folder(ret, "blobs/sha256/");
	add_blobs(ret, choice);
	add_index(ret, choice);
	add_docker_manifest(ret, choice);
	buf_add_str(&add_file(ret, "oci-layout")->text, IMAGE_LAYOUT_TEXT);
	return 0;
}

int save_plan_make(const struct image_set *set, const char *const *names, size_t count, const struct image_platform *platform,
		   struct save_plan *ret, struct err *err)
{
	struct choice choice = { 0 };

	*ret = (struct save_plan){ 0 };
	int result = make(set, names, count, platform, &choice, ret, err);
	for (size_t i = 0; i < choice.count; i++)
		strlist_fini(&choice.items[i].tags);
	free(choice.items);
	if (result < 0)
		save_plan_fini(ret);
	return result;
}
