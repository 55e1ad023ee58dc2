/* archive_plan.h - which images an archive holds: the line with which the child that took it apart answers.
 *
 * Pure. JSON: {"images":[{"manifest":HEX,"index":HEX,"names":["docker.io/library/nginx:1.27",…]},…]} or {"error":…,"code":…}. The child has read
 * a stranger's archive, so the agent takes the line for input: every field is checked and bounded.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"

#define ARCHIVE_PLAN_MAX_BYTES  (1024 * 1024)
#define ARCHIVE_IMAGES_MAX      256
#define ARCHIVE_NAMES_MAX       1024                     /* of all images together */

struct archive_image {
	char manifest[SHA256_HEX_SIZE];
	char index[SHA256_HEX_SIZE];                     /* of the list it was chosen from; "" when there was none */
	struct strlist names;                            /* canonical, with a tag */
};
struct archive_plan { struct archive_image *images; size_t count, name_count; };

void archive_plan_fini(struct archive_plan *plan);
/* index may be NULL. The same manifest again is the same image. ERR_INVALID when there are too many. */
int archive_plan_add(struct archive_plan *plan, const char *manifest, const char *index, struct archive_image **ret, struct err *err);
/* ERR_INVALID when another image of the plan has the name. */
int archive_plan_name(struct archive_plan *plan, struct archive_image *image, const char *name, struct err *err);

void archive_plan_format(const struct archive_plan *plan, struct buf *out);
/* ret is fini'ed on failure. As unpack_report_parse says; at least one image. */
int archive_plan_parse(const char *line, size_t bytes, struct archive_plan *ret, struct err *err);
