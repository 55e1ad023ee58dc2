#include "image/oci_index.h"

#include <string.h>

#include "base/str.h"
#include "image/image_json.h"
#include "model/image_ref.h"

enum { ARENA_CEILING = 32 * 1024 * 1024, RANK_UNKNOWN = 1000 };

enum oci_kind oci_kind_of(const char *type)
{
	if (str_is_empty(type) || str_eq(type, IMAGE_MANIFEST_TYPE) || str_eq(type, "application/vnd.docker.distribution.manifest.v2+json"))
		return OCI_MANIFEST;
	if (str_eq(type, "application/vnd.oci.image.index.v1+json") ||
	    str_eq(type, "application/vnd.docker.distribution.manifest.list.v2+json"))
		return OCI_INDEX;
	return OCI_OTHER;
}

void oci_index_fini(struct oci_index *index)
{
	arena_fini(&index->arena);
	*index = (struct oci_index){ 0 };
}

static const char *note(yyjson_val *notes, const char *key)
{
	const char *text = image_json_text(yyjson_obj_get(notes, key));

	return text ? text : "";
}

/* containerd's annotation is a whole name. The specification's may be one, or only a tag ("latest"), or anything ("stable build"). */
static int take_name(struct oci_index *index, yyjson_val *notes, struct oci_descriptor *ret, struct err *err)
{
	const char *whole = note(notes, "io.containerd.image.name"), *text = *whole ? whole : note(notes, "org.opencontainers.image.ref.name");
	char canonical[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;

	ret->name = "";
	if (!*text || (!*whole && !strpbrk(text, ":/")))
		return 0;
	if (image_ref_parse(text, &ref, err) < 0) {
		if (!*whole)
			return 0;
		err_wrap(err, "index.json: name '%.200s'", text);
		str_make_line(err->text);
		return -1;
	}
	if (ref.digest[0])                           /* a digest is no name that could be given */
		return 0;
	image_ref_add_default_tag(&ref);
	ret->name = arena_strdup(&index->arena, image_ref_format_canonical(&ref, canonical));
	return 0;
}

static const char *field(yyjson_val *object, const char *key)
{
	const char *text = image_json_text(yyjson_obj_get(object, key));

	return text ? text : "";
}

static int take_descriptor(struct oci_index *index, yyjson_val *item, struct err *err)
{
	struct oci_descriptor *d = &index->items[index->count];
	yyjson_val *platform = yyjson_obj_get(item, "platform"), *notes = yyjson_obj_get(item, "annotations");

	if (image_json_blob(item, "index.json: manifest", &d->blob, err) < 0)
		return -1;
	d->media_type = arena_strdup(&index->arena, field(item, "mediaType"));
	d->kind = oci_kind_of(d->media_type);
	d->has_platform = yyjson_is_obj(platform) &&
			  image_platform_read(field(platform, "os"), field(platform, "architecture"), field(platform, "variant"), &d->platform);
	d->is_attestation = str_eq(note(notes, "vnd.docker.reference.type"), "attestation-manifest");
	if (take_name(index, notes, d, err) < 0)
		return -1;
	index->count++;
	return 0;
}

static int take_all(struct oci_index *index, yyjson_val *root, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(root, "manifests"), *item;
	size_t i, count;

	if (yyjson_obj_get(root, "schemaVersion") && yyjson_get_int(yyjson_obj_get(root, "schemaVersion")) != 2)
		return err_set(err, ERR_INVALID, "index.json: not of schema version 2");
	if (!yyjson_is_arr(list) || yyjson_arr_size(list) > OCI_INDEX_MAX_ENTRIES)
		return err_set(err, ERR_INVALID, "index.json: no list of at most %d manifests", OCI_INDEX_MAX_ENTRIES);
	index->items = ARENA_ARRAY(&index->arena, struct oci_descriptor, yyjson_arr_size(list) + 1);
	yyjson_arr_foreach(list, i, count, item)
		if (take_descriptor(index, item, err) < 0)
			return -1;
	return 0;
}

int oci_index_parse(const char *json, size_t bytes, struct oci_index *ret, struct err *err)
{
	yyjson_doc *doc = image_json_read(json, bytes, "index.json", OCI_INDEX_MAX_BYTES, err);

	*ret = (struct oci_index){ 0 };
	if (!doc)
		return -1;
	arena_init(&ret->arena, "image index", ARENA_CEILING);
	int result = take_all(ret, yyjson_doc_get_root(doc), err);
	yyjson_doc_free(doc);
	if (result < 0)
		oci_index_fini(ret);
	return result;
}

int oci_descriptor_rank(const struct oci_descriptor *item, const struct image_platform *wants)
{
	if (item->kind == OCI_OTHER || item->is_attestation)
		return -1;
	return item->has_platform ? image_platform_rank(wants, &item->platform) : RANK_UNKNOWN;
}
