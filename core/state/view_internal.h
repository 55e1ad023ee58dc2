/* view_internal.h - what the files of this room share about the view. Nobody else includes it. */
#pragma once
#include "state/view.h"

struct chain { struct view_object *first, *last; };
struct view {
	struct map *objects[KIND_COUNT];        /* id -> view_object */
	struct map *by_name[KIND_COUNT];        /* lower-case name -> view_object; NULL for kinds whose names mean nothing */
	struct map *tasks_of_service, *tasks_of_node;   /* id -> chain */
	struct map *versions_of_service, *slots_of_service;
	uint64_t index, term, sum;
	msec now_ms;
};

#define VIEW_NAME_SIZE 80                       /* names are at most 64 characters */
void view_name_key(const char *name, char ret_key[VIEW_NAME_SIZE]);

/* Take an object out of the indexes before its value changes, put it back afterwards. */
void view_index_object(struct view *view, struct view_object *object, bool put);
struct view_object *view_insert(struct view *view, enum kind kind, const char *id);     /* zeroed value, not indexed yet */
void view_delete(struct view *view, struct view_object *object);                        /* must be out of the indexes */
