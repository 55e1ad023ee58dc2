/* assign.h - what one node must run, as differences between the view and what it was told last.
 *
 * Pure. A task is assigned from the moment the scheduler gave it a node until its object leaves the view: the node then removes the
 * container. What a node is told again: a new desired state. What its own reports changed is not echoed;
 * being told the same twice is harmless.
 */
#pragma once
#include "state/apply.h"

struct assign_set {
	ARRAY_OF(struct assignment) items;
	struct str_array removed;       /* task ids */
};
/* Everything for the node; the values live in the arena and in the view. */
void assign_all(const struct view *view, const char *node_id, struct arena *arena, struct assign_set *ret);
/* What the events of one applied entry change for it; both lists are empty when nothing does. */
void assign_difference(const struct view *view, const char *node_id, const struct applied *applied, struct arena *arena,
		       struct assign_set *ret);
