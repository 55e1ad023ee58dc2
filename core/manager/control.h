/* control.h - the verbs by which people change a cluster, on any manager. Each is one request to the leader's replica: checked against the
 * state as it will be when its turn comes (verb.h), applied, and answered when this manager has applied it, too. Error texts are swarmkit's.
 *
 * Specs are copied during the call. `done` comes once, from the loop.
 */
#pragma once
#include "manager/manager.h"

/* object_id: of what was made or changed; index: where it was applied. err NULL on success. */
typedef void control_done_fn(void *arg, const char *object_id, uint64_t index, const struct err *err);

/* A missing name is invented ("adjective_name"). */
void control_service_create(struct manager *m, const struct service_spec *spec, control_done_fn *done, void *arg);
/* spec_index: the API's version parameter; ERR_STALE when it is not the current one. rollback swaps to the previous spec; not yet:
 * ERR_UNSUPPORTED. */
void control_service_update(struct manager *m, const char *service_id, uint64_t spec_index, const struct service_spec *spec,
			    control_done_fn *done, void *arg);
void control_service_remove(struct manager *m, const char *service_id, control_done_fn *done, void *arg);
void control_node_update(struct manager *m, const char *node_id, uint64_t spec_index, const struct node_spec *spec, control_done_fn *done,
			 void *arg);
void control_node_remove(struct manager *m, const char *node_id, bool force, control_done_fn *done, void *arg);

/* Takes the manager's role away from a node that wants to leave. */
void control_node_demote(struct manager *m, const char *node_id, control_done_fn *done, void *arg);
/* What nothing acts on yet is told as Docker has it, and refused when it is to be something else. Both with their defaults. */
int control_cluster_is_supported(const struct cluster_spec *old, const struct cluster_spec *new, struct err *err);
struct control_rotate { bool worker_token, manager_token, unlock_key; };
void control_cluster_update(struct manager *m, uint64_t spec_index, const struct cluster_spec *spec, struct control_rotate rotate,
			    control_done_fn *done, void *arg);
/* Secrets, or with is_config configs. A secret's data is sealed before it goes anywhere; of a spec only labels can be updated. */
void control_secret_create(struct manager *m, bool is_config, const struct secret_spec *spec, control_done_fn *done, void *arg);
void control_secret_update(struct manager *m, bool is_config, const char *id, uint64_t spec_index, const struct secret_spec *spec,
			   control_done_fn *done, void *arg);
void control_secret_remove(struct manager *m, bool is_config, const char *id, control_done_fn *done, void *arg);

/* References as people type them: full id, then exact name, then a unique start of an id. ERR_NOT_FOUND "service x not found",
 * ERR_INVALID "service x is ambiguous (2 matches found)". */
int control_find_service(const struct view *view, const char *reference, const struct view_object **ret, struct err *err);
int control_find_secret(const struct view *view, bool is_config, const char *reference, const struct view_object **ret, struct err *err);
int control_find_node(const struct view *view, const char *reference, const struct view_object **ret, struct err *err);    /* name: hostname */
/* The task of a container: by its id, a unique start of it, or its name. Docker's words: "No such container: x". */
int control_find_container(const struct view *view, const char *reference, const struct view_object **ret, struct err *err);
int control_find_task(const struct view *view, const char *reference, const struct view_object **ret, struct err *err);
