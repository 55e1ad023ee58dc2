#include "image/archive_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/panic.h"
#include "image/image_json.h"
#include "image/unpack_report.h"
#include "model/image_ref.h"
#include "model/json.h"

void archive_plan_fini(struct archive_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		strlist_fini(&plan->images[i].names);
	free(plan->images);
	*plan = (struct archive_plan){ 0 };
}

int archive_plan_add(struct archive_plan *plan, const char *manifest, const char *index, struct archive_image **ret, struct err *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (str_eq(plan->images[i].manifest, manifest)) {
			*ret = &plan->images[i];
			return 0;
		}
	}
	if (plan->count == ARCHIVE_IMAGES_MAX)
		return err_set(err, ERR_INVALID, "the archive holds more than %d images", ARCHIVE_IMAGES_MAX);
	plan->images = mem_resize(plan->images, plan->count + 1, sizeof(*plan->images));
	struct archive_image *image = &plan->images[plan->count++];
	*image = (struct archive_image){ 0 };
	str_copy(image->manifest, sizeof(image->manifest), manifest);
	str_copy(image->index, sizeof(image->index), index ? index : "");
	*ret = image;
	return 0;
}

int archive_plan_name(struct archive_plan *plan, struct archive_image *image, const char *name, struct err *err)
{
	for (size_t i = 0; i < plan->count; i++)
		if (&plan->images[i] != image && strlist_has(&plan->images[i].names, name))
			return err_set(err, ERR_INVALID, "two images of the archive have the name '%s'", name);
	if (strlist_has(&image->names, name))
		return 0;
	if (plan->name_count++ == ARCHIVE_NAMES_MAX)
		return err_set(err, ERR_INVALID, "the archive holds more than %d names", ARCHIVE_NAMES_MAX);
	strlist_add(&image->names, name);
	return 0;
}

void archive_plan_format(const struct archive_plan *plan, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_obj_add_arr(doc, root, "images");

	for (size_t i = 0; i < plan->count; i++) {
		const struct archive_image *image = &plan->images[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list), *names;

		yyjson_mut_obj_add_str(doc, item, "manifest", image->manifest);
		if (image->index[0])
			yyjson_mut_obj_add_str(doc, item, "index", image->index);
		names = yyjson_mut_obj_add_arr(doc, item, "names");
		for (size_t n = 0; n < image->names.count; n++)
			yyjson_mut_arr_add_str(doc, names, image->names.items[n]);
	}
	json_write(doc, root, 0, out);
	buf_add_char(out, '\n');
}

static bool is_name(const char *text)
{
	char canonical[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err err;

	return text && image_ref_parse(text, &ref, &err) == 0 && ref.tag[0] && !ref.digest[0] &&
	       str_eq(image_ref_format_canonical(&ref, canonical), text);
}

static int take_image(yyjson_val *item, struct archive_plan *ret, struct err *err)
{
	const char *manifest = image_json_text(yyjson_obj_get(item, "manifest")), *index = image_json_text(yyjson_obj_get(item, "index"));
	yyjson_val *names = yyjson_obj_get(item, "names"), *name;
	struct archive_image *image;
	size_t i, count;

	if (!manifest || !hex_id_is_valid(manifest) || (yyjson_obj_get(item, "index") && (!index || !hex_id_is_valid(index))))
		return err_set(err, ERR_INVALID, "no digest");
	if (archive_plan_add(ret, manifest, index, &image, err) < 0)
		return -1;
	if (!yyjson_is_arr(names))
		return err_set(err, ERR_INVALID, "no names");
	yyjson_arr_foreach(names, i, count, name) {
		if (!is_name(image_json_text(name)))
			return err_set(err, ERR_INVALID, "no name of an image");
		if (archive_plan_name(ret, image, yyjson_get_str(name), err) < 0)
			return -1;
	}
	return 0;
}

static int take_images(yyjson_val *root, struct archive_plan *ret, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(root, "images"), *item;
	size_t i, count;

	if (yyjson_arr_size(list) == 0)
		return err_set(err, ERR_INVALID, "no images");
	yyjson_arr_foreach(list, i, count, item)
		if (take_image(item, ret, err) < 0)
			return -1;
	return 0;
}

int archive_plan_parse(const char *line, size_t bytes, struct archive_plan *ret, struct err *err)
{
	struct err fault;
	yyjson_doc *doc = image_json_read(line, bytes, "line", ARCHIVE_PLAN_MAX_BYTES, &fault);
	yyjson_val *root = yyjson_doc_get_root(doc);
	int result = -1;

	*ret = (struct archive_plan){ 0 };
	if (yyjson_obj_get(root, "error"))
		unpack_report_parse_error(root, err);
	else if (doc && take_images(root, ret, &fault) == 0)
		result = 0;
	else
		err_set(err, ERR_IO, "the unpacking process answered with something that makes no sense: %s", fault.text);
	yyjson_doc_free(doc);
	if (result < 0)
		archive_plan_fini(ret);
	return result;
}
