#include "image/image.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/image_ref.h"

void image_free(struct image *image)
{
	if (!image)
		return;
	image_config_fini(&image->config);
	strlist_fini(&image->tags);
	strlist_fini(&image->digests);
	free(image->layers);
	free(image);
}

void image_repo_digests(const struct image *image, struct strlist *ret)
{
	for (size_t i = 0; image->digests.count && i < image->tags.count; i++) {
		char name[IMAGE_REF_TEXT_SIZE], digest[IMAGE_REF_TEXT_SIZE + 8 + SHA256_HEX_SIZE];
		struct image_ref ref;
		struct err err;

		if (image_ref_parse(image->tags.items[i], &ref, &err) < 0)
			continue;
		snprintf(digest, sizeof(digest), "%s@sha256:%s", image_ref_format_familiar_name(&ref, name), image->digests.items[0]);
		if (!strlist_has(ret, digest))
			strlist_add(ret, digest);
	}
}
