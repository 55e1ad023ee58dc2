#include "image/image_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/image_json.h"

static const char *const manifest_types[] = { IMAGE_MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json", NULL };
static const char *const list_types[] = { "application/vnd.oci.image.index.v1+json",
					  "application/vnd.docker.distribution.manifest.list.v2+json", NULL };

/* A media type without its parameters; they mean nothing here. */
static bool is_one_of(const char *type, const char *const *types)
{
	size_t length = strcspn(type, "; \t");

	for (; *types; types++)
		if (strlen(*types) == length && strncmp(type, *types, length) == 0)
			return true;
	return false;
}

/* ---- what it is ------------------------------------------------------------------------------------------------------------- */

static int judge(const char *type, yyjson_val *root, enum image_doc *ret, struct err *err)
{
	const char *own = yyjson_get_str(yyjson_obj_get(root, "mediaType"));
	int64_t schema = yyjson_get_sint(yyjson_obj_get(root, "schemaVersion"));
	bool has_layers = yyjson_is_arr(yyjson_obj_get(root, "layers")), has_manifests = yyjson_is_arr(yyjson_obj_get(root, "manifests"));
	bool is_list;

	if (!yyjson_is_obj(root))
		return err_set(err, ERR_INVALID, "manifest: not a JSON object");
	if (schema == 1)
		return err_set(err, ERR_UNSUPPORTED, "manifest of the old schema 1: not supported; its image must be pushed again by a newer client");
	if (has_layers && has_manifests)         /* CVE-2021-41190: one document, two meanings */
		return err_set(err, ERR_INVALID, "manifest: it has both layers and manifests");
	if (own && (is_one_of(own, manifest_types) || is_one_of(own, list_types))) {
		is_list = is_one_of(own, list_types);
		if (type && is_list ? is_one_of(type, manifest_types) : type && is_one_of(type, list_types))
			return err_set(err, ERR_INVALID, "manifest: served as '%.100s', but says it is '%.100s'", type, own);
	} else if (type && (is_one_of(type, manifest_types) || is_one_of(type, list_types))) {
		is_list = is_one_of(type, list_types);
	} else if (own) {
		return err_set(err, ERR_UNSUPPORTED, "manifest of type '%.100s' is not supported", own);
	} else {
		is_list = has_manifests;
	}
	if (is_list ? !has_manifests : !has_layers)
		return err_set(err, ERR_INVALID, "manifest: it has neither layers nor manifests");
	*ret = is_list ? IMAGE_DOC_LIST : IMAGE_DOC_MANIFEST;
	return 0;
}

int image_doc_judge(const char *type, const char *json, size_t bytes, enum image_doc *ret, struct err *err)
{
	yyjson_doc *doc = image_json_read(json, bytes, "manifest", IMAGE_LIST_MAX_BYTES, err);

	if (!doc)
		return -1;
	int result = judge(str_is_empty(type) ? NULL : type, yyjson_doc_get_root(doc), ret, err);
	yyjson_doc_free(doc);
	if (result < 0)
		str_make_line(err->text);
	return result;
}

/* ---- the list --------------------------------------------------------------------------------------------------------------- */

void image_list_fini(struct image_list *list)
{
	free(list->entries);
	*list = (struct image_list){ 0 };
}

static const char *member(yyjson_val *object, const char *key)
{
	const char *text = yyjson_get_str(yyjson_obj_get(object, key));

	return text ? text : "";
}

/* False: no image that could run here. */
static bool take_entry(yyjson_val *item, struct image_list_entry *ret)
{
	const char *type = member(item, "mediaType"), *hex = str_after(member(item, "digest"), "sha256:");
	yyjson_val *size = yyjson_obj_get(item, "size"), *platform = yyjson_obj_get(item, "platform");

	*ret = (struct image_list_entry){ .manifest.bytes = yyjson_get_sint(size) };
	if (!hex || strlen(hex) != SHA256_HEX_SIZE - 1 || strspn(hex, "0123456789abcdef") != SHA256_HEX_SIZE - 1)
		return false;
	if (!yyjson_is_int(size) || ret->manifest.bytes < 0 || ret->manifest.bytes > IMAGE_MANIFEST_MAX_BYTES)
		return false;
	if (*type && !is_one_of(type, manifest_types))
		return false;
	str_copy(ret->manifest.digest, sizeof(ret->manifest.digest), hex);
	ret->has_platform = yyjson_is_obj(platform);
	return !ret->has_platform ||
	       image_platform_read(member(platform, "os"), member(platform, "architecture"), member(platform, "variant"), &ret->platform);
}

static int parse(yyjson_val *root, struct image_list *ret, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(root, "manifests"), *item;
	size_t i, count;

	if (!yyjson_is_arr(list))
		return err_set(err, ERR_INVALID, "manifest list: it has no manifests");
	if (yyjson_arr_size(list) > IMAGE_LIST_MAX_ENTRIES)
		return err_set(err, ERR_INVALID, "manifest list: more than %d entries", IMAGE_LIST_MAX_ENTRIES);
	ret->entries = mem_new(MAX(yyjson_arr_size(list), (size_t)1), sizeof(*ret->entries));
	yyjson_arr_foreach(list, i, count, item)
		if (take_entry(item, &ret->entries[ret->count]))
			ret->count++;
	return 0;
}

int image_list_parse(const char *json, size_t bytes, struct image_list *ret, struct err *err)
{
	yyjson_doc *doc = image_json_read(json, bytes, "manifest", IMAGE_LIST_MAX_BYTES, err);

	*ret = (struct image_list){ 0 };
	if (!doc)
		return -1;
	int result = parse(yyjson_doc_get_root(doc), ret, err);
	yyjson_doc_free(doc);
	return result;
}

int image_list_choose(const struct image_list *list, const struct image_platform *want, struct image_blob *ret, struct err *err)
{
	const struct image_list_entry *best = NULL;
	int best_rank = 0;
	char text[IMAGE_PLATFORM_TEXT_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		int rank = list->entries[i].has_platform ? image_platform_rank(want, &list->entries[i].platform) : -1;

		if (rank >= 0 && (!best || rank < best_rank)) {
			best = &list->entries[i];
			best_rank = rank;
		}
	}
	if (!best && list->count == 1 && !list->entries[0].has_platform)
		best = &list->entries[0];
	if (!best)
		return err_set(err, ERR_NOT_FOUND, "no matching manifest for %s in the manifest list entries", image_platform_format(want, text));
	*ret = best->manifest;
	return 0;
}
