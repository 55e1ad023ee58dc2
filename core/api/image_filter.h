/* image_filter.h - the filters of `image ls` and `image prune`, and which images they let through. Pure. */
#pragma once
#include "api/filters.h"
#include "image/image_store.h"

enum image_filter_use { IMAGE_FILTER_LIST, IMAGE_FILTER_PRUNE };

struct image_filter {
	struct filters filters;
	enum image_filter_use use;
	bool has_dangling, is_dangling;                  /* PRUNE: dangling ones unless it is said otherwise */
	bool has_before, has_since;
	nsec before, since;                              /* of creation; before: also `until` */
};
/* What it points at lives in the arena. now_wall: for `until` as a duration. Docker's words for what is wrong. */
int image_filter_parse(const char *text, enum image_filter_use use, const struct image_store *images, nsec now_wall, struct arena *arena,
		       struct image_filter *ret, struct err *err);
/* ret_tags: of its names those that `reference` wants; all without it. May be NULL. */
bool image_filter_holds(const struct image_filter *filter, const struct image *image, struct strlist *ret_tags);
