/* view.h - the cluster in memory: every object, indexed, constant during a step.
 *
 * Changed only by apply.h, the same on every manager. Readers get const pointers that are good until the next apply. Iteration is in
 * order of creation; nothing here depends on addresses or hashes.
 */
#pragma once
#include "base/map.h"
#include "model/kinds.h"

/* What every object has. */
struct meta {
	char id[SERVICE_VERSION_ID_SIZE + ID_SIZE];
	uint64_t created_index;         /* entry that made it */
	uint64_t version;               /* entry of its last write */
	uint64_t spec_index;            /* entry of the last write to its spec: the API's Version.Index */
	nsec created_wall, updated_wall;/* shown only */
	uint64_t sum;                   /* its share of the state sum */
};

/* A view object: meta, then the model's struct. */
struct view_object {
	struct meta meta;
	enum kind kind;
	void *value;                    /* struct of the kind, owned by the view */
	/* links of the indexes, private to view.c */
	struct view_object *next_of_service, *prev_of_service, *next_of_node, *prev_of_node;
};

struct view;
struct view *view_new(void);
void view_free(struct view *view);

uint64_t view_index(const struct view *view);           /* of the last applied entry */
uint64_t view_term(const struct view *view);
msec view_now(const struct view *view);                 /* cluster time of the last applied entry */
uint64_t view_sum(const struct view *view);             /* the state sum */

const struct view_object *view_find(const struct view *view, enum kind kind, const char *id);           /* NULL when absent */
size_t view_count(const struct view *view, enum kind kind);
/* for (size_t at = 0; (object = view_next(view, KIND_TASK, &at)); ) */
const struct view_object *view_next(const struct view *view, enum kind kind, size_t *at);

/* Typed conveniences; NULL when absent. */
const struct cluster *view_cluster(const struct view *view);
const struct view_object *view_cluster_object(const struct view *view);
const struct service *view_service(const struct view *view, const char *id);
const struct task *view_task(const struct view *view, const char *id);
const struct node *view_node(const struct view *view, const char *id);
const struct service_spec *view_service_spec(const struct view *view, const char *service_id, uint64_t version);
const struct service_spec *view_current_spec(const struct view *view, const struct view_object *service);
/* Of a kind whose names are unique: services, secrets, configs. Case-insensitive. */
const struct view_object *view_by_name(const struct view *view, enum kind kind, const char *name);
const struct secret *view_secret(const struct view *view, enum kind kind, const char *id);      /* KIND_SECRET or KIND_CONFIG */

/* Tasks of a service, of a node: newest last. for (o = view_tasks_of_service(v, id); o; o = o->next_of_service) */
const struct view_object *view_tasks_of_service(const struct view *view, const char *service_id);
const struct view_object *view_tasks_of_node(const struct view *view, const char *node_id);
/* Spec versions and restart histories of a service, in no order that means anything; the same links. They outlive the service object. */
const struct view_object *view_versions_of_service(const struct view *view, const char *service_id);
const struct view_object *view_slots_of_service(const struct view *view, const char *service_id);
#define VIEW_VALUE(type, object) ((const struct type *)(object)->value)
