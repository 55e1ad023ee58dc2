/* apply.h - a committed entry changes the view: the same bytes, the same result, on every manager.
 *
 * What it hands out lives in ret->arena until the caller frees it: events for /events and the dirty sets, rows for state.db.
 */
#pragma once
#include "state/change.h"
#include "state/view.h"

struct state_event {
	enum kind kind;
	enum change_op op;
	const char *id;
	uint64_t mask;                  /* fields that were written */
	const void *before;             /* struct of the kind as it was (update, remove), in the arena */
	const void *after;              /* in the view (create, update); good until the next apply */
};
struct state_row {
	enum kind kind;
	const char *id;
	const uint8_t *bytes;           /* NULL: the row goes */
	size_t size;
	uint64_t created_index;         /* of the object's meta */
};
struct applied {
	struct arena arena;
	struct state_event *events;     /* one per change, in order */
	struct state_row *rows;         /* one per object touched */
	struct buf row_bytes;           /* what they point into */
	size_t event_count, row_count;
};
/* index must be the next one. On error the view is unchanged and the apply loop must stop: this entry is not for this version (the
 * error says so in one line). Creating what exists, or changing what does not, is such an error: replicas would differ. */
int state_apply(struct view *view, uint64_t index, uint64_t term, const void *bytes, size_t size, struct applied *ret, struct err *err);
void applied_fini(struct applied *applied);

/* Rows as state.db keeps them: meta and all fields. Used when loading. */
int state_load_row(struct view *view, enum kind kind, const char *id, const void *bytes, size_t size, struct err *err);
/* The row of an object, as it was written when it was last changed. */
void state_save_row(const struct view_object *object, struct buf *out);
/* After the last row: where the rows stand. ERR_INVALID when the sum of the rows is not the one stored beside them. */
int state_load_done(struct view *view, uint64_t index, uint64_t term, msec now_ms, uint64_t sum, struct err *err);
