/* docker_archive.h - what the files manifest.json and repositories of a `docker save` say.
 *
 * Pure. The format has no specification: what Docker 1.10 to 28 and skopeo write and read, as their documentation and archives show it. Paths come out as they
 * stand there.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "image/image_config.h"

#define DOCKER_MANIFEST_MAX_BYTES (4 * 1024 * 1024)

struct docker_archive_image {
	const char *config;                              /* path of its configuration */
	const char **layers;                             /* paths of tars, lowest first */
	size_t layer_count;
	struct strlist names;                            /* canonical, with a tag */
};
struct docker_archive { struct arena arena; struct docker_archive_image *images; size_t count; };

void docker_archive_fini(struct docker_archive *archive);
/* ret is fini'ed on failure. 1 to ARCHIVE_IMAGES_MAX images of 1 to IMAGE_CONFIG_MAX_LAYERS layers; foreign layers are refused. */
int docker_archive_parse(const char *json, size_t bytes, struct docker_archive *ret, struct err *err);
