/* image_copy.h - "this manager has this image": what makes an image that is on any manager one of the whole swarm's.
 *
 * One object for each manager and image. Written by the manager whose store it is (manager/verb_images.h), for nobody else knows; where names differ
 * between managers, the one that was given last counts. The built-in image is on every host and never here.
 */
#pragma once
#include "base/id.h"
#include "model/fields.h"

enum { IMAGE_COPIES_MAX = 450, IMAGE_COPY_NAMES_MAX = 64 };     /* of one manager; of one image */

struct image_name { char *name; uint64_t since_ms; };           /* familiar, "web:1"; cluster time at which it became this image's */
struct image_copy {
	char *node_id, *manifest;       /* manifest: hex */
	struct str_array digests;       /* hex; by which it is found, the manifest's among them. The first is the one people see */
	ARRAY_OF(struct image_name) names;
	char *platform;                 /* "linux/arm/v7" */
	uint64_t manifest_bytes;
	bool is_docker;                 /* its manifest has Docker's media type */
	bool is_pulled;                 /* a registry gave it */
};
enum {
	IMAGE_COPY_NODE = 1, IMAGE_COPY_MANIFEST, IMAGE_COPY_DIGESTS, IMAGE_COPY_NAMES, IMAGE_COPY_PLATFORM, IMAGE_COPY_BYTES, IMAGE_COPY_DOCKER,
	IMAGE_COPY_PULLED, IMAGE_COPY_END
};
extern const struct shape image_copy_shape;

/* The object's id: every manager makes the same one. */
void image_copy_id(const char *node_id, const char *manifest, char ret_id[ID_SIZE]);
/* Says the same of its image, whenever the names came to be. */
bool image_copy_says_same(const struct image_copy *a, const struct image_copy *b);
const struct image_name *image_copy_name(const struct image_copy *copy, const char *name);       /* NULL when it has not that name */
bool image_copy_has_digest(const struct image_copy *copy, const char *hex);
