#include "image/image.h"

#include <stdlib.h>

#include "model/image_ref.h"

void image_free(struct image *image)
{
	if (!image)
		return;
	image_config_fini(&image->config);
	strlist_fini(&image->tags);
	strlist_fini(&image->digests);
	strlist_fini(&image->repositories);
	free(image->layers);
	free(image);
}

static void add_repo_digest(const struct image *image, const char *repository, struct strlist *ret)
{
	CLEANUP(str_freep) char *digest = str_printf("%s@sha256:%s", repository, image->digests.items[0]);

	if (!strlist_has(ret, digest))
		strlist_add(ret, digest);
}

void image_repo_digests(const struct image *image, struct strlist *ret)
{
	if (image->digests.count == 0)
		return;
	for (size_t i = 0; i < image->tags.count; i++) {
		char name[IMAGE_REF_TEXT_SIZE];
		struct image_ref ref;
		struct err err;

		if (image_ref_parse(image->tags.items[i], &ref, &err) == 0)
			add_repo_digest(image, image_ref_format_familiar_name(&ref, name), ret);
	}
	for (size_t i = 0; i < image->repositories.count; i++)
		add_repo_digest(image, image->repositories.items[i], ret);
}
