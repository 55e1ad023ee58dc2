/* overlay.h - the view with the changes of the batch that is being composed laid over it.
 *
 * Requests are checked against this, one after the other, so that two in one batch cannot both take a name. A request's own changes are
 * laid on only when it is accepted. Lives in an arena for one batch.
 */
#pragma once
#include "state/change.h"
#include "state/view.h"

struct overlay;
struct overlay *overlay_new(const struct view *view, struct arena *arena);
void overlay_free(struct overlay *overlay);             /* its indexes; the values go with the arena */
const struct view *overlay_view(const struct overlay *overlay);
/* ERR_CONFLICT / ERR_NOT_FOUND when the changes do not fit (create of what is there, update of what is not); then nothing is laid on. */
int overlay_add(struct overlay *overlay, const struct change_list *changes, size_t first, struct err *err);

/* The value as it would be; NULL when absent or removed. */
const void *overlay_find(const struct overlay *overlay, enum kind kind, const char *id);
/* The spec_index the API's version check compares with; objects whose spec is touched in this batch give UINT64_MAX (their index is not
 * known yet). */
uint64_t overlay_spec_index(const struct overlay *overlay, enum kind kind, const char *id);
const char *overlay_by_name(const struct overlay *overlay, enum kind kind, const char *name);  /* its id, or NULL; kinds of view_by_name */
const struct service_spec *overlay_current_spec(const struct overlay *overlay, const char *service_id);
/* Every object of a kind, view and batch together: for checks such as ports. Order of creation. */
const void *overlay_next(const struct overlay *overlay, enum kind kind, size_t *at, const char **ret_id);
