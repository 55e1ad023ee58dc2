/* change.h - change lists: what every write to the cluster is, and the only thing the log carries.
 *
 * A change says (kind, create|update|remove, id, the fields that change). Built in an arena by whoever decides, encoded with the
 * numbered fields of model, decoded and applied on every manager.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "model/kinds.h"

enum change_op { CHANGE_CREATE = 1, CHANGE_UPDATE, CHANGE_REMOVE };
struct change {
	enum kind kind;
	enum change_op op;
	const char *id;
	uint64_t mask;                  /* bit N: field number N is written */
	void *value;                    /* struct of the kind; only masked fields count. NULL for remove */
};
#define FIELD_BIT(number) (1ull << (number))

enum { CHANGES_MAX = 1000, CHANGE_BYTES_MAX = 1 << 20 };        /* of one entry */

struct change_list {
	struct arena *arena;            /* everything in it lives here */
	struct change *items;
	size_t count, size;
};
void change_list_init(struct change_list *list, struct arena *arena);
/* Each returns the zeroed struct of the kind to be filled (strings from list->arena). */
void *change_create(struct change_list *list, enum kind kind, const char *id, uint64_t mask);
void *change_update(struct change_list *list, enum kind kind, const char *id, uint64_t mask);
void change_remove(struct change_list *list, enum kind kind, const char *id);
void change_list_append(struct change_list *list, const struct change_list *more);      /* shares more's values: same arena */

/* One entry: format level, cluster time, wall time, then the changes. FORMAT_LEVEL is the highest that this version reads: whoever meets a higher one
 * says so and stops, with its files as they are. It grows when something comes to the tables of model (FIELD_SINCE; a test compares them with the
 * lists in test/unit/state). An entry says the lowest level that reads it, so managers of an older version go on until something new is written.
 *	1       the first
 *	2       what is said of a node's clock */
enum { FORMAT_LEVEL = 2 };
struct entry_head { uint64_t format_level; msec now_ms; nsec wall; };
uint64_t change_list_level(const struct change_list *list);
void entry_head_encode(const struct entry_head *head, size_t count, struct buf *out);   /* before that many changes */
void change_encode(const struct change *change, struct buf *out);
void change_list_encode(const struct change_list *list, const struct entry_head *head, struct buf *out);
/* ERR_UNSUPPORTED for a kind, field or level this version does not know; ERR_INVALID for broken bytes. */
int change_list_decode(struct reader in, struct change_list *ret_list, struct entry_head *ret_head, struct err *err);
/* Does it move the object's spec_index? */
bool change_writes_spec(const struct change *change);
