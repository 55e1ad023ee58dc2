/* image_set.h - the images of a store in memory: finding them, and what a change of names or a removal comes to.
 *
 * Pure. An edit is first worked out, then written as the new index.json, and only when that is on disk applied here.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "image/image.h"

struct image_set { struct image **items; size_t count; };        /* owned; newest first, the built-in one last */

void image_set_fini(struct image_set *set);
void image_set_add(struct image_set *set, struct image *image); /* takes it */
struct image *image_set_find(const struct image_set *set, const char *id);      /* by the whole id; NULL when there is none */
/* As image_store_get says. *ret_by_name (may be NULL): found under a tag, not by a digest or an id. */
int image_set_get(const struct image_set *set, const char *name, struct image **ret, bool *ret_by_name, struct err *err);

struct image_edit_tag { char id[SHA256_HEX_SIZE]; char *tag; };  /* familiar */
struct image_edit {
	struct image **adds;                             /* owned until applied; one whose id is there takes its place */
	size_t add_count;
	struct image_edit_tag *tags;
	size_t tag_count;
	struct strlist untag;                            /* familiar */
	struct strlist removes;                          /* ids */
};
void image_edit_fini(struct image_edit *edit);
/* Copies; the last one who gets a tag has it. */
void image_edit_tag(struct image_edit *edit, const char *id, const char *tag);
/* Takes the image, without tags. When it is there already it keeps its tags and its digests: with replaces the new one's manifest and digests come first,
 * else the old ones stay what they are and the new digests are added. */
void image_set_plan_add(const struct image_set *set, struct image *image, bool replaces, struct image_edit *edit);

/* The index.json after the edit. */
void image_set_format_index(const struct image_set *set, const struct image_edit *edit, struct buf *out);
/* Leaves the edit without what it added. Images that took the place of others are measured by the caller. */
void image_set_apply(struct image_set *set, struct image_edit *edit);

/* The edit that gives source also the name target. */
int image_set_plan_tag(const struct image_set *set, const char *source, const char *target, struct image_edit *ret, struct err *err);
/* A name as an image can have it: parsed, default tag, no digest; familiar and on the heap. The built-in image's is refused. */
int image_set_check_tag(const char *name, char **ret_tag, struct err *err);

struct image_removals { struct image_removed *items; size_t count; };
void image_removals_fini(struct image_removals *removals);
typedef bool image_user_fn(void *arg, const char *image_id, bool running_only, char ret_container[65]);
/* The edit of `rmi`, and what to tell about it, by Docker's rules (image_store.h). */
int image_set_plan_removal(const struct image_set *set, const char *name, bool force, image_user_fn *find_user, void *arg,
			   struct image_edit *ret, struct image_removals *ret_removals, struct err *err);
/* The edit of `image prune`: every image that `wants` (all but the built-in one and those that a container uses are asked about) goes, with all its names. */
typedef bool image_wants_fn(void *arg, const struct image *image);
void image_set_plan_prune(const struct image_set *set, image_wants_fn *wants, void *wants_arg, image_user_fn *find_user, void *arg,
			  struct image_edit *ret, struct image_removals *ret_removals);
