/* save_plan.h - what an archive of images is made of: its files in order, and the three of them that are written anew.
 *
 * Pure. OCI image-spec 1.1 ("Image Layout"), and manifest.json as Docker 25 and later write it beside that.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "image/image_set.h"

struct save_file {
	char path[96];
	bool is_folder;
	char digest[SHA256_HEX_SIZE];                    /* of a blob; "": the text is the content */
	struct buf text;
};
struct save_plan { struct save_file *files; size_t count, size; };
void save_plan_fini(struct save_plan *plan);

struct image_platform;
/* platform: NULL: any. */
int save_plan_make(const struct image_set *set, const char *const *names, size_t count, const struct image_platform *platform,
		   struct save_plan *ret, struct err *err);
