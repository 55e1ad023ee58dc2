/* depot_find.h - which managers have an image, by the swarm's state; and what a manager has to say of its own.
 *
 * The swarm is a registry of its managers' images: a name stands for what it was given to last, on whichever manager; a digest for exactly
 * that image. Pure.
 */
#pragma once
#include "image/image_platform.h"
#include "image/image_store.h"
#include "model/image_ref.h"
#include "state/view.h"

struct depot_wish {
	const struct image_ref *ref;                     /* with tag or digest */
	const struct image_platform *platform;           /* NULL: any */
	const char *asker;                               /* node id of who asks, never told himself; "": nobody's */
	const char *nearest;                             /* node id of a manager that is told first; "": none */
};
struct depot_found {
	const struct image_copy *copy;                   /* in the view; NULL: no manager has it */
	const char *index;                               /* hex of another digest that it goes by; "": none */
	struct str_array sources;                        /* addresses of the managers that have this manifest, in the arena */
};
/* ERR_NOT_FOUND in Docker's words when there is one, but for other machines only. */
int depot_find(const struct view *view, const struct depot_wish *wish, struct arena *arena, struct depot_found *ret, struct err *err);

/* A node may have the images of its tasks, and no others. */
bool depot_may_have(const struct view *view, const char *node_id, const struct image_ref *ref);

/* What the swarm is told of this store (manager_set_images); strings belong to the store and to the arena. */
struct image_copy *depot_stock(const struct image_store *store, struct arena *arena, size_t *ret_count);
