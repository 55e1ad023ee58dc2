#include "image/docker_archive.h"

#include <string.h>

#include "image/archive_plan.h"
#include "image/image_json.h"
#include "model/image_ref.h"

enum { ARENA_CEILING = 32 * 1024 * 1024 };

void docker_archive_fini(struct docker_archive *archive)
{
	for (size_t i = 0; i < archive->count; i++)
		strlist_fini(&archive->images[i].names);
	arena_fini(&archive->arena);
	*archive = (struct docker_archive){ 0 };
}

static int take_name(const char *text, struct strlist *ret, struct err *err)
{
	char canonical[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;

	if (!text)
		return err_set(err, ERR_INVALID, "manifest.json: RepoTags: not a list of names");
	if (image_ref_parse(text, &ref, err) < 0) {
		err_wrap(err, "manifest.json: name '%.200s'", text);
		str_make_line(err->text);
		return -1;
	}
	if (ref.digest[0])
		return err_set(err, ERR_INVALID, "manifest.json: a name with a digest cannot be given to an image");
	image_ref_add_default_tag(&ref);
	image_ref_format_canonical(&ref, canonical);
	if (!strlist_has(ret, canonical))
		strlist_add(ret, canonical);
	return 0;
}

static int take_names(yyjson_val *item, struct docker_archive_image *image, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(item, "RepoTags"), *name;
	size_t i, count;

	if (!list || yyjson_is_null(list))
		return 0;
	if (!yyjson_is_arr(list) || yyjson_arr_size(list) > ARCHIVE_NAMES_MAX)
		return err_set(err, ERR_INVALID, "manifest.json: RepoTags: not a list of at most %d names", ARCHIVE_NAMES_MAX);
	yyjson_arr_foreach(list, i, count, name)
		if (take_name(image_json_text(name), &image->names, err) < 0)
			return -1;
	return 0;
}

static int take_layers(struct docker_archive *a, yyjson_val *item, struct docker_archive_image *image, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(item, "Layers"), *path;
	size_t i, count;

	if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0 || yyjson_arr_size(list) > IMAGE_CONFIG_MAX_LAYERS)
		return err_set(err, ERR_INVALID, "manifest.json: Layers: %zu, not 1 to %d", yyjson_arr_size(list), IMAGE_CONFIG_MAX_LAYERS);
	image->layers = ARENA_ARRAY(&a->arena, const char *, yyjson_arr_size(list));
	yyjson_arr_foreach(list, i, count, path) {
		if (!image_json_text(path))
			return err_set(err, ERR_INVALID, "manifest.json: Layers: not a list of paths");
		image->layers[image->layer_count++] = arena_strdup(&a->arena, yyjson_get_str(path));
	}
	return 0;
}

/* Where the layers come from that the archive lacks because they may not be handed on. */
static int refuse_foreign(yyjson_val *item, struct err *err)
{
	yyjson_val *key, *source;
	size_t i, count;

	yyjson_obj_foreach(yyjson_obj_get(item, "LayerSources"), i, count, key, source) {
		const char *type = image_json_text(yyjson_obj_get(source, "mediaType"));

		if (yyjson_arr_size(yyjson_obj_get(source, "urls")) == 0 && !(type && strstr(type, "foreign")))
			continue;
		err_set(err, ERR_UNSUPPORTED, "layer %.100s is a foreign one, which only its maker hands out: not supported by swarmbox",
			yyjson_get_str(key));
		str_make_line(err->text);
		return -1;
	}
	return 0;
}

static int take_image(struct docker_archive *a, yyjson_val *item, struct err *err)
{
	struct docker_archive_image *image = &a->images[a->count++];
	const char *config = image_json_text(yyjson_obj_get(item, "Config"));

	if (str_is_empty(config))
		return err_set(err, ERR_INVALID, "manifest.json: an image without Config");
	image->config = arena_strdup(&a->arena, config);
	if (refuse_foreign(item, err) < 0 || take_names(item, image, err) < 0)
		return -1;
	return take_layers(a, item, image, err);
}

static int take_all(struct docker_archive *a, yyjson_val *root, struct err *err)
{
	yyjson_val *item;
	size_t i, count;

	if (!yyjson_is_arr(root) || yyjson_arr_size(root) == 0 || yyjson_arr_size(root) > ARCHIVE_IMAGES_MAX)
		return err_set(err, ERR_INVALID, "manifest.json: not a list of 1 to %d images", ARCHIVE_IMAGES_MAX);
	a->images = ARENA_ARRAY(&a->arena, struct docker_archive_image, yyjson_arr_size(root));
	yyjson_arr_foreach(root, i, count, item)
		if (take_image(a, item, err) < 0)
			return -1;
	return 0;
}

int docker_archive_parse(const char *json, size_t bytes, struct docker_archive *ret, struct err *err)
{
	yyjson_doc *doc = image_json_read(json, bytes, "manifest.json", DOCKER_MANIFEST_MAX_BYTES, err);

	*ret = (struct docker_archive){ 0 };
	if (!doc)
		return -1;
	arena_init(&ret->arena, "manifest.json", ARENA_CEILING);
	int result = take_all(ret, yyjson_doc_get_root(doc), err);
	yyjson_doc_free(doc);
	if (result < 0)
		docker_archive_fini(ret);
	return result;
}
