/* draft.h - the objects that one call works on, as they will be when its changes are applied.
 *
 * Each stage reads and edits the draft, so that it sees what the stages before it decided; only at the end one change per object is
 * written, with the fields that really differ. An object that is made and dropped in one call leaves no trace.
 * Everything lives in the call's arena. Editing costs one change of the call's allowance: ask draft_has_room first, and if there is
 * none, leave the whole step undone and call draft_put_off: the service is looked at again in the next call.
 */
#pragma once
#include "model/constraint.h"
#include "orchestrate/orchestrate.h"

struct draft_object {
	enum kind kind;
	const char *id;
	const void *before;             /* in the view; NULL: made in this call */
	void *edited;                   /* NULL: as before */
	bool is_removed, is_counted;
	struct draft_object *next;      /* of those that were touched, in order */
};

struct draft_task {
	struct draft_object object;
	const struct task *task;        /* as it will be */
	uint64_t created_index;         /* UINT64_MAX for one made in this call */
	struct draft_task *next;        /* in its slot, oldest first */
};

/* What belongs to one place: slot N of a replicated service, a node for a global one. */
struct slot_group {
	uint64_t number;                /* 0 for global */
	const char *node_id;            /* "" unless global */
	struct draft_task *first, *last;
	struct draft_object *row;       /* its restart history, NULL when there is none */
};

struct spec_of_version { uint64_t version; const struct service_spec *spec; struct spec_of_version *next; };
struct draft_service {
	const char *id;
	struct draft_object object;
	const struct service *service;  /* as it will be; NULL: the object is gone, its remains are not */
	const struct service_spec *spec;/* current */
	struct constraint_list constraints;
	struct draft_task **tasks;      /* oldest first; what is made in this call at the end */
	size_t count, size;
	struct slot_group **slots;      /* in order of number or node; new ones at the end */
	size_t slot_count, slot_size, sorted_count;
	struct spec_of_version *specs;
	msec next_ms;                   /* when it must be looked at again */
	bool is_waiting, is_put_off;
	const char *port_error;         /* why its ports could not be allocated */
};

struct draft {
	const struct orchestrate_in *in;
	const struct view *view;
	struct arena *arena;
	msec now_ms;
	size_t objects_left, nodes_left, changes_left, bytes_left;
	struct map *loaded;             /* task id -> struct draft_task, of those loaded by node */
	struct draft_object *first, *last;
	struct draft_service **services;
	size_t count, size;
	void *port_space;               /* allocate_port's, made when first needed */
	void *schedule_scratch;         /* schedule's, likewise */
};

void draft_init(struct draft *draft, const struct orchestrate_in *in);
void draft_fini(struct draft *draft);
/* The queue of the dirty set has been taken from; loads the service with all its tasks. */
struct draft_service *draft_load(struct draft *draft, const char *service_id);
struct draft_task *draft_load_task(struct draft *draft, const struct view_object *object);
void draft_write(struct draft *draft, struct change_list *out);

bool draft_has_room(const struct draft *draft, size_t changes);
/* A change that is longer than most: room for its bytes, and taking them. */
bool draft_has_room_for(const struct draft *draft, size_t changes, size_t more_bytes);
void draft_charge(struct draft *draft, size_t more_bytes);
bool draft_is_spent(const struct draft *draft);         /* enough looked at for one call */
void draft_put_off(struct draft_service *service);
void draft_wake_at(struct draft_service *service, msec at_ms);

/* Room for one more at the end of an array of pointers; returns where the array is now. */
void *draft_grow(struct draft *draft, void *items, size_t count, size_t *size);

/* The copy to write to. */
struct task *draft_edit_task(struct draft *draft, struct draft_task *task);
struct service *draft_edit_service(struct draft *draft, struct draft_service *service);
struct slot *draft_edit_slot(struct draft *draft, struct draft_object *row);
void draft_remove(struct draft *draft, struct draft_object *object);
void draft_remove_id(struct draft *draft, enum kind kind, const char *id);
/* Made in this call; nothing filled in. */
struct draft_task *draft_new_task(struct draft *draft, struct draft_service *service, struct slot_group *slot);
struct draft_object *draft_new_row(struct draft *draft, const char *id);

/* A new state, with the times that belong to it. Texts are literals or live in the arena. */
struct task *draft_set_state(struct draft *draft, struct draft_task *task, enum task_state state,
			     const char *message, const char *error);
/* Desired states only grow; a lower one changes nothing. */
void draft_set_desired(struct draft *draft, struct draft_task *task, enum task_state desired);

/* The spec a task was made from. */
const struct service_spec *draft_spec_of(struct draft *draft, struct draft_service *service, uint64_t version);
