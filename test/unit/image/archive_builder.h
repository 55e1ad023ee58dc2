/* archive_builder.h - archives of images for tests: layers, configs, manifests, and the two ways to pack them. */
#pragma once
#include "base/buf.h"
#include "base/sha256.h"
#include "test/unit/image/tar_builder.h"

#define BUILD_LAYERS_MAX 8

struct build_blob { struct buf bytes; char digest[SHA256_HEX_SIZE]; };
enum build_pack { BUILD_PLAIN, BUILD_GZIP, BUILD_ZSTD };

struct build {
	struct build_blob layers[BUILD_LAYERS_MAX];      /* as they lie in the archive */
	char diff_ids[BUILD_LAYERS_MAX][SHA256_HEX_SIZE];
	enum build_pack packs[BUILD_LAYERS_MAX];
	size_t layer_count;
	struct build_blob config, manifest;
};
void build_init(struct build *build);
void build_fini(struct build *build);
/* tar is a whole layer. */
void build_add_layer(struct build *build, const struct buf *tar, enum build_pack pack);
/* A layer of one file. */
void build_add_file(struct build *build, const char *name, const char *text, enum build_pack pack);
/* Config and manifest of the layers so far; platform "linux/amd64". more: what else stands in the config, ",\"author\":\"x\"" or "". */
void build_seal(struct build *build, const char *platform, const char *more);
void build_set_blob(struct build_blob *blob, const char *text);

/* "{mediaType, digest, size}" of a manifest (or index) with more behind the size: ",\"annotations\":{…}". */
void build_descriptor(struct buf *out, const char *type, const struct build_blob *blob, const char *more);
#define BUILD_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define BUILD_INDEX    "application/vnd.oci.image.index.v1+json"
/* An index of descriptors that are separated by commas already. */
void build_index(struct build_blob *blob, const char *descriptors);

void build_put(struct buf *tar, const char *name, const void *bytes, size_t count);
void build_put_text(struct buf *tar, const char *name, const char *text);
void build_put_blob(struct buf *tar, const struct build_blob *blob);     /* blobs/sha256/… */
void build_put_image(struct buf *tar, const struct build *build);        /* all its blobs */
/* oci-layout and index.json. */
void build_put_layout(struct buf *tar, const char *descriptors);
/* A whole OCI archive of one image; name NULL: none. */
void build_oci(struct buf *tar, const struct build *build, const char *name);
/* A whole docker-archive as Docker 1.10 to 24 write it, with the layers' links as they do when a layer is there twice. */
void build_docker(struct buf *tar, const struct build *build, const char *name);
