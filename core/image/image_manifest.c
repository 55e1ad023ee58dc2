#include "image/image_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/panic.h"
#include "base/str.h"
#include "image/image_json.h"
#include "model/image_ref.h"
#include "model/json.h"

#define REF_NAME "org.opencontainers.image.ref.name"
#define DIGESTS "swarmbox.digests"
#define REPOSITORIES "swarmbox.repositories"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"

static const struct { const char *type; enum inflate_kind kind; } layer_types[] = {
	{ "application/vnd.oci.image.layer.v1.tar", INFLATE_PLAIN },    /* the first of a kind is the one written */
	{ "application/vnd.oci.image.layer.v1.tar+gzip", INFLATE_GZIP },
	{ "application/vnd.oci.image.layer.v1.tar+zstd", INFLATE_ZSTD },
	{ "application/vnd.docker.image.rootfs.diff.tar", INFLATE_PLAIN },
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip", INFLATE_GZIP },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", INFLATE_ZSTD },
};

static const char *layer_type(enum inflate_kind kind)
{
	for (size_t i = 0; i < ARRAY_COUNT(layer_types); i++)
		if (layer_types[i].kind == kind)
			return layer_types[i].type;
	panic("no media type for kind %d", (int)kind);
}

/* Layers that may not be handed on: the manifest says where they are to be had, and archives and registries lack them. */
static bool is_foreign(yyjson_val *object, const char *type)
{
	return strstr(type, ".nondistributable.") || strstr(type, ".foreign.") || yyjson_arr_size(yyjson_obj_get(object, "urls")) > 0;
}

static int parse_layer(yyjson_val *object, struct image_blob *ret, struct err *err)
{
	const char *type = image_json_text(yyjson_obj_get(object, "mediaType"));

	if (image_json_blob(object, "image manifest: layer", ret, err) < 0)
		return -1;
	if (!type)
		return err_set(err, ERR_INVALID, "image manifest: layer sha256:%s: no mediaType", ret->digest);
	if (is_foreign(object, type))
		return err_set(err, ERR_UNSUPPORTED, "layer sha256:%s is a foreign one, which only its maker hands out: not supported by swarmbox",
			       ret->digest);
	for (size_t i = 0; i < ARRAY_COUNT(layer_types); i++) {
		if (str_eq(type, layer_types[i].type)) {
			ret->kind = layer_types[i].kind;
			return 0;
		}
	}
	err_set(err, ERR_UNSUPPORTED, "image manifest: layer of type '%.100s' is not supported", type);
	str_make_line(err->text);
	return -1;
}

/* A manifest may also be that of a chart, of a signature, of whatever a registry is good for. */
static int check_config_type(yyjson_val *config, struct err *err)
{
	static const char *const good[] = { CONFIG_TYPE, "application/vnd.docker.container.image.v1+json", "application/octet-stream", "" };
	const char *type = image_json_text(yyjson_obj_get(config, "mediaType"));

	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		if (str_eq(type, good[i]))
			return 0;
	err_set(err, ERR_UNSUPPORTED, "image manifest: a config of type '%.100s' is that of no image", type ? type : "");
	str_make_line(err->text);
	return -1;
}

static bool is_docker_type(yyjson_val *object)
{
	return str_eq(image_json_text(yyjson_obj_get(object, "mediaType")), IMAGE_DOCKER_MANIFEST_TYPE);
}

static int parse_manifest(yyjson_val *root, struct image_manifest *ret, struct err *err)
{
	yyjson_val *layers = yyjson_obj_get(root, "layers"), *layer;
	size_t i, count;

	if (yyjson_get_int(yyjson_obj_get(root, "schemaVersion")) == 1)
		return err_set(err, ERR_UNSUPPORTED, "image manifest: schema version 1, of before 2016, is not supported");
	if (yyjson_get_int(yyjson_obj_get(root, "schemaVersion")) != 2)
		return err_set(err, ERR_INVALID, "image manifest: not of schema version 2");
	if (yyjson_is_arr(yyjson_obj_get(root, "manifests")))
		return err_set(err, ERR_INVALID, "image manifest: it is an index of several");
	if (image_json_blob(yyjson_obj_get(root, "config"), "image manifest: config", &ret->config, err) < 0 ||
	    check_config_type(yyjson_obj_get(root, "config"), err) < 0)
		return -1;
	if (!yyjson_is_arr(layers) || yyjson_arr_size(layers) == 0 || yyjson_arr_size(layers) > IMAGE_CONFIG_MAX_LAYERS)
		return err_set(err, ERR_INVALID, "image manifest: not 1 to %d layers", IMAGE_CONFIG_MAX_LAYERS);
	ret->is_docker = is_docker_type(root);
	yyjson_arr_foreach(layers, i, count, layer)
		if (parse_layer(layer, &ret->layers[ret->layer_count++], err) < 0)
			return -1;
	return 0;
}

int image_manifest_parse(const char *json, size_t bytes, struct image_manifest *ret, struct err *err)
{
	yyjson_doc *doc = image_json_read(json, bytes, "image manifest", IMAGE_MANIFEST_MAX_BYTES, err);

	if (!doc)
		return -1;
	memset(ret, 0, sizeof(*ret));
	int result = parse_manifest(yyjson_doc_get_root(doc), ret, err);
	yyjson_doc_free(doc);
	return result;
}

static void put_blob(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *type, const struct image_blob *blob)
{
	char digest[8 + SHA256_HEX_SIZE] = "sha256:";

	str_copy(digest + 7, sizeof(digest) - 7, blob->digest);
	yyjson_mut_obj_add_str(doc, object, "mediaType", type);
	yyjson_mut_obj_add_strcpy(doc, object, "digest", digest);
	yyjson_mut_obj_add_sint(doc, object, "size", blob->bytes);
}

void image_manifest_format(const struct image_manifest *manifest, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	yyjson_mut_obj_add_int(doc, root, "schemaVersion", 2);
	yyjson_mut_obj_add_str(doc, root, "mediaType", IMAGE_MANIFEST_TYPE);
	put_blob(doc, yyjson_mut_obj_add_obj(doc, root, "config"), CONFIG_TYPE, &manifest->config);
	yyjson_mut_val *layers = yyjson_mut_obj_add_arr(doc, root, "layers");
	for (size_t i = 0; i < manifest->layer_count; i++)
		put_blob(doc, yyjson_mut_arr_add_obj(doc, layers), layer_type(manifest->layers[i].kind), &manifest->layers[i]);
	json_write(doc, root, 0, out);
}

/* ---- index.json ------------------------------------------------------------------------------------------------------------- */

void image_index_fini(struct image_index *index)
{
	for (size_t i = 0; i < index->count; i++) {
		free(index->entries[i].name);
		strlist_fini(&index->entries[i].digests);
		strlist_fini(&index->entries[i].repositories);
	}
	free(index->entries);
	*index = (struct image_index){ 0 };
}

void image_index_add(struct image_index *index, const struct image_blob *manifest, bool is_docker, const char *name,
		     const struct strlist *digests, const struct strlist *repositories)
{
	if ((index->count & (index->count - 1)) == 0)        /* full at every power of two */
		index->entries = mem_resize(index->entries, MAX(2 * index->count, (size_t)1), sizeof(*index->entries));
	struct image_index_entry *entry = &index->entries[index->count++];
	*entry = (struct image_index_entry){ .manifest = *manifest, .is_docker = is_docker, .name = str_dup(name ? name : "") };
	for (size_t i = 0; i < digests->count; i++)
		strlist_add(&entry->digests, digests->items[i]);
	for (size_t i = 0; i < repositories->count; i++)
		strlist_add(&entry->repositories, repositories->items[i]);
}

/* "HEX HEX …"; without any it is the manifest's. */
static int parse_digests(const char *text, const struct image_blob *manifest, struct strlist *ret, struct err *err)
{
	if (!text) {
		strlist_add(ret, manifest->digest);
		return 0;
	}
	*ret = str_split(text, ' ');
	for (size_t i = 0; i < ret->count; i++)
		if (ret->count > IMAGE_DIGESTS_MAX || !hex_id_is_valid(ret->items[i]))
			return err_set(err, ERR_INVALID, "index.json: " DIGESTS ": no list of at most %d digests", IMAGE_DIGESTS_MAX);
	return 0;
}

static int parse_repositories(const char *text, struct strlist *ret, struct err *err)
{
	struct image_ref ref;
	struct err fault;

	if (str_is_empty(text))
		return 0;
	*ret = str_split(text, ' ');
	for (size_t i = 0; i < ret->count; i++)
		if (i == IMAGE_REPOSITORIES_MAX || image_ref_parse(ret->items[i], &ref, &fault) < 0 || ref.tag[0] || ref.digest[0])
			return err_set(err, ERR_INVALID, "index.json: " REPOSITORIES ": no list of at most %d repositories",
				       IMAGE_REPOSITORIES_MAX);
	return 0;
}

static int parse_index(yyjson_val *root, struct image_index *ret, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(root, "manifests"), *item;
	size_t i, count;

	if (!yyjson_is_arr(list) || yyjson_arr_size(list) > IMAGE_INDEX_MAX_ENTRIES)
		return err_set(err, ERR_INVALID, "index.json: no list of at most %d manifests", IMAGE_INDEX_MAX_ENTRIES);
	yyjson_arr_foreach(list, i, count, item) {
		yyjson_val *notes = yyjson_obj_get(item, "annotations");
		CLEANUP(strlist_finip) struct strlist digests = { 0 }, repositories = { 0 };
		struct image_blob blob = { 0 };

		if (image_json_blob(item, "index.json: manifest", &blob, err) < 0 ||
		    parse_digests(yyjson_get_str(yyjson_obj_get(notes, DIGESTS)), &blob, &digests, err) < 0 ||
		    parse_repositories(yyjson_get_str(yyjson_obj_get(notes, REPOSITORIES)), &repositories, err) < 0)
			return -1;
		image_index_add(ret, &blob, is_docker_type(item), yyjson_get_str(yyjson_obj_get(notes, REF_NAME)), &digests, &repositories);
	}
	return 0;
}

int image_index_parse(const char *json, size_t bytes, struct image_index *ret, struct err *err)
{
	yyjson_doc *doc = image_json_read(json, bytes, "index.json", IMAGE_INDEX_MAX_BYTES, err);

	*ret = (struct image_index){ 0 };
	if (!doc)
		return -1;
	int result = parse_index(yyjson_doc_get_root(doc), ret, err);
	yyjson_doc_free(doc);
	if (result < 0)
		image_index_fini(ret);
	return result;
}

static void put_words(yyjson_mut_doc *doc, yyjson_mut_val *notes, const char *key, const struct strlist *words)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	for (size_t i = 0; i < words->count; i++)
		buf_printf(&text, "%s%s", i ? " " : "", words->items[i]);
	yyjson_mut_obj_add_strcpy(doc, notes, key, buf_text(&text));
}

static void put_notes(yyjson_mut_doc *doc, yyjson_mut_val *item, const struct image_index_entry *entry)
{
	bool is_usual = entry->digests.count == 1 && str_eq(entry->digests.items[0], entry->manifest.digest);

	if (str_is_empty(entry->name) && is_usual && entry->repositories.count == 0)
		return;
	yyjson_mut_val *notes = yyjson_mut_obj_add_obj(doc, item, "annotations");
	if (!str_is_empty(entry->name))
		yyjson_mut_obj_add_str(doc, notes, REF_NAME, entry->name);
	if (!is_usual)
		put_words(doc, notes, DIGESTS, &entry->digests);
	if (entry->repositories.count)
		put_words(doc, notes, REPOSITORIES, &entry->repositories);
}

void image_index_format(const struct image_index *index, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	yyjson_mut_obj_add_int(doc, root, "schemaVersion", 2);
	yyjson_mut_obj_add_str(doc, root, "mediaType", "application/vnd.oci.image.index.v1+json");
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "manifests");
	for (size_t i = 0; i < index->count; i++) {
		const struct image_index_entry *entry = &index->entries[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

		put_blob(doc, item, entry->is_docker ? IMAGE_DOCKER_MANIFEST_TYPE : IMAGE_MANIFEST_TYPE, &entry->manifest);
		put_notes(doc, item, entry);
	}
	json_write(doc, root, 0, out);
}
