/* image_manifest.h - the two small JSON files of an OCI layout: an image's manifest, and index.json, which names the manifests.
 *
 * Pure. OCI image-spec 1.1 ("Image Manifest", "Image Layout"); Docker's media types of schema 2 are read too. What is read is bounded and
 * checked: digests are sha256, sizes not negative, layers 1 to IMAGE_CONFIG_MAX_LAYERS.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "image/image_config.h"
#include "image/inflate.h"

#define IMAGE_MANIFEST_MAX_BYTES (1024 * 1024)
#define IMAGE_INDEX_MAX_BYTES    (16 * 1024 * 1024)
#define IMAGE_INDEX_MAX_ENTRIES  20000
#define IMAGE_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define IMAGE_DOCKER_MANIFEST_TYPE "application/vnd.docker.distribution.manifest.v2+json"
#define IMAGE_LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"  /* the file oci-layout */

struct image_blob { char digest[SHA256_HEX_SIZE]; int64_t bytes; enum inflate_kind kind; };      /* kind: of layers */
struct image_manifest {
	struct image_blob config;
	struct image_blob layers[IMAGE_CONFIG_MAX_LAYERS];       /* lowest first */
	size_t layer_count;
	bool is_docker;                                  /* it says so itself; written are OCI's only */
};

int image_manifest_parse(const char *json, size_t bytes, struct image_manifest *ret, struct err *err);
/* Deterministic. */
void image_manifest_format(const struct image_manifest *manifest, struct buf *out);

/* One line of index.json: a manifest, and the canonical name it goes by, or "". A manifest with several names has several. digests, of ours only:
 * by which the image is found, of the manifest and of others it came under, the one people see first. */
#define IMAGE_DIGESTS_MAX 16
#define IMAGE_REPOSITORIES_MAX 16
struct image_index_entry {
	struct image_blob manifest;
	bool is_docker;
	char *name;
	struct strlist digests;
	struct strlist repositories;                     /* of ours only: those it was pulled from, familiar */
};
struct image_index { struct image_index_entry *entries; size_t count; };
void image_index_fini(struct image_index *index);
void image_index_add(struct image_index *index, const struct image_blob *manifest, bool is_docker, const char *name,
		     const struct strlist *digests, const struct strlist *repositories);
/* ret is fini'ed on failure. */
int image_index_parse(const char *json, size_t bytes, struct image_index *ret, struct err *err);
void image_index_format(const struct image_index *index, struct buf *out);
