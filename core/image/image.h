/* image.h - one image of this host, as everyone else sees it.
 *
 * Pure.
 */
#pragma once
#include "base/sha256.h"
#include "base/str.h"
#include "image/image_config.h"

#define IMAGE_BUILTIN_REF "swarmbox:latest"

struct image_layer {
	char diff_id[SHA256_HEX_SIZE];                   /* of the uncompressed tar */
	char blob[SHA256_HEX_SIZE];                      /* of the tar as received; "" for the built-in image */
	int64_t blob_bytes;
	int64_t size_bytes;                              /* of the files, unpacked */
};

struct image {
	char id[SHA256_HEX_SIZE];                        /* digest of the config; Docker writes "sha256:" in front */
	char manifest[SHA256_HEX_SIZE];                  /* "" for the built-in image, which is never pinned and never shipped */
	int64_t manifest_bytes;
	bool is_docker_manifest;                         /* of Docker's media types rather than OCI's */
	/* Hex of the digests it is found by. The first is the one people see and services are pinned to: that of an index when it was chosen from
	 * one, else the manifest's. Empty for the built-in image. */
	struct strlist digests;
	struct strlist repositories;                     /* it was pulled from: familiar, "nginx", "reg.example/x"; sorted; empty when none */
	bool is_builtin;
	int64_t size_bytes;                              /* all layers, unpacked */
	struct image_config config;
	struct image_layer *layers;                      /* lowest first */
	size_t layer_count;
	struct strlist tags;                             /* familiar: "nginx:1.27"; sorted; empty for a dangling image */
	bool is_going;                                   /* its removal is being written: no container may start of it */
	bool is_unpacked;                                /* false: a layer is not on disk, and no container can start of it */
};

void image_free(struct image *image);                    /* NULL is welcome */
/* "nginx@sha256:…" once for each repository among its tags and of those it was pulled from; empty for the built-in image. The caller frees
 * the list. */
void image_repo_digests(const struct image *image, struct strlist *ret);

/* What a removal took away, in Docker's order. text is "nginx:latest" or "sha256:…". */
struct image_removed {
	bool is_untagged;
	char *text;
	char id[SHA256_HEX_SIZE];                        /* of the image this is about; "" for a stack of layers */
};
