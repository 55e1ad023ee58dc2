/* api_internal.h - what the files of this room share: a handler's shape, bodies, replies. Nobody else includes it. */
#pragma once
#include <yyjson.h>

#include "api/api.h"
#include "api/filters.h"

/* A version of a spec never changes, and lists of tasks tell the same few again and again: as text, once it was printed. */
struct printed_spec { char service_id[ID_SIZE]; uint64_t version; struct buf text; };
enum { PRINTED_SPECS = 16, PRINTED_BYTES_MAX = 64 * 1024 };

struct event_log;
struct log_streams;
enum { SILENT_REGISTRIES = 8 };
struct api {
	struct api_host host;
	struct http_config http;
	char headers[256];
	struct event_log *events;
	struct log_streams *streams;    /* service logs that are followed */
	/* Registries that could not be reached a moment ago: what is here is answered for at once. */
	struct silent_registry { char domain[256]; msec until; } silent[SILENT_REGISTRIES];
	struct printed_spec printed[PRINTED_SPECS];
};

/* name: what stood in the path's {name}, "" when it has none. The handler finishes the request. */
typedef void api_fn(struct api *api, struct http_request *req, const char *name);

/* ---- routes.c ---- */
enum route_need {
	NEEDS_NOTHING, NEEDS_MANAGER,
	NEEDS_CONTAINER, NEEDS_EXEC,    /* of a task on another node: that node answers (api_forward.c) */
};
struct route { const char *method, *path; api_fn *fn; enum route_need need; };
/* NULL: 404, or 501 when Docker has it and we do not (then *ret_known). ret_name lives in the arena. */
const struct route *route_find(const char *method, const char *path, struct arena *arena, const char **ret_name, bool *ret_known);

/* ---- api.c ---- */
int api_version_of(const struct http_request *req);             /* 1042 for 1.42; our own when the path names none */

/* ---- api_json.c ---- */
typedef void api_body_fn(struct api *api, struct http_request *req, yyjson_val *body, const char *name);
/* Collects a JSON object and calls fn; broken JSON is answered 400. The document lives as long as the request. */
void api_with_body(struct api *api, struct http_request *req, const char *name, api_body_fn *fn);
/* Prints and frees the document. */
void api_reply_doc(struct http_request *req, int status, yyjson_mut_doc *doc, yyjson_mut_val *root);
void api_reply_id(struct http_request *req, int status, const char *key, const char *id);       /* {"ID":"…"} */
/* control_done_fn's usual ends. */
void api_done_ok(void *req, const char *object_id, uint64_t index, const struct err *err);      /* 200, empty */
void api_add_stamp(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, nsec wall);
void api_add_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *value);
/* ?version=N; -1 and answered when it is missing or no number. */
int api_query_version(struct http_request *req, uint64_t *ret);

/* ?platform=: "linux/arm/v7", or as JSON since API 1.48; NULL when there is none. In the request's arena. Not checked further. */
int api_query_platform(struct http_request *req, const char **ret, struct err *err);

/* "ExecIDs": those that run. */
void api_add_exec_ids(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, const char *container_id);

/* ?h= and ?w=; -1: answered. */
int api_read_size(struct http_request *req, unsigned *ret_rows, unsigned *ret_columns);

/* "1700000000", "1700000000.5", RFC 3339; 0 when text is empty. -1 for what is no moment. */
int api_parse_moment(const char *text, nsec *ret);

/* A list whose items are found by id when their turn comes, so that a slow reader and a changing view do not meet. */
typedef yyjson_mut_val *api_item_fn(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc);      /* NULL: gone, left out */
void api_reply_list(struct api *api, struct http_request *req, struct strlist *ids, api_item_fn *item, unsigned flags);  /* takes ids */

/* ---- shape.c: where Docker's JSON differs from our model ---- */
enum { SHAPE_STATUS = 1, SHAPE_DEFAULTS = 2 };
yyjson_mut_val *shape_service(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc);
yyjson_mut_val *shape_task(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc);
yyjson_mut_val *shape_node(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc);
yyjson_mut_val *shape_secret(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc);
yyjson_mut_val *shape_config(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc);
/* As the lists show them; NULL: there is no such one. */
yyjson_mut_val *shape_image(const struct image *image, const struct strlist *tags, yyjson_mut_doc *doc);
yyjson_mut_val *shape_container(struct api *api, const char *id, unsigned flags, yyjson_mut_doc *doc);
yyjson_mut_val *shape_volume(struct api *api, const char *name, yyjson_mut_doc *doc);
yyjson_mut_val *shape_cluster(struct api *api, yyjson_mut_doc *doc, bool with_tokens);

/* ---- api_swarm.c ---- */
extern const char *const api_availabilities[];
api_swarm_done_fn api_done_init;                                /* 200, the node's id as a string */

/* ---- the handlers ---- */
api_fn api_system_df, api_ping, api_version, api_info, api_events, api_no_plugin;
api_fn api_swarm_init, api_swarm_join, api_swarm_inspect, api_swarm_update, api_swarm_leave, api_swarm_unlock, api_swarm_unlock_key;
api_fn api_backup, api_restore;
api_fn api_node_list, api_node_inspect, api_node_update, api_node_remove;
api_fn api_service_create, api_service_list, api_service_inspect, api_service_update, api_service_remove, api_service_logs;
api_fn api_task_list, api_task_inspect, api_task_logs;
api_fn api_empty_list;
api_fn api_secret_list, api_secret_create, api_secret_inspect, api_secret_update, api_secret_remove;
api_fn api_config_list, api_config_create, api_config_inspect, api_config_update, api_config_remove;
api_fn api_network_list, api_network_inspect;
/* The network that a name, an id of the cluster or one of this engine means; -1: none. enum predefined_network. */
int api_network_find(const struct api *api, const char *name);
api_fn api_volume_create, api_volume_list, api_volume_inspect, api_volume_remove, api_volume_prune;
api_fn api_image_list, api_image_inspect, api_image_tag, api_image_remove, api_image_create, api_auth, api_image_load, api_image_save,
	api_image_save_all, api_image_prune, api_image_history, api_distribution;
api_fn api_container_list, api_container_inspect, api_container_logs, api_container_kill, api_container_stop, api_container_remove;
api_fn api_container_create, api_container_start, api_container_restart, api_container_wait, api_container_rename, api_container_prune;
api_fn api_container_attach, api_container_resize, api_container_pause, api_container_unpause, api_container_update;
api_fn api_container_top, api_container_stats;
api_fn api_container_exec, api_exec_start, api_exec_resize, api_exec_inspect;

/* ---- api_forward.c ---- */
/* Is it about a task's container on another node? Then it is that node's to answer. path: without the version. False: it is ours. */
bool api_forward(struct api *api, struct http_request *req, const struct route *route, const char *path, const char *name);

/* POST /images/create with fromImage. */
void api_pull(struct api *api, struct http_request *req);

/* The logs of this node's containers with that label, in frames, each with its time and its context (log_frame.h). */
void api_node_logs(struct api *api, struct http_request *req, const char *label, const char *value);
struct log_streams *log_streams_new(void);
void log_streams_free(struct log_streams *streams);
/* A container has started: whoever follows its service's logs follows it too. */
void log_streams_on_applied(struct api *api, const struct applied *applied);
void log_streams_on_start(struct api *api, const char *container_id, const struct container_spec *spec);

void event_log_free(struct event_log *log);
struct event_log *event_log_new(struct loop *loop);
/* What GET /info and the Swarm header say of this node. */
struct api_swarm_facts api_swarm_facts(const struct api *api);
/* Why what needs a manager is refused here. */
void api_no_manager(const struct api *api, struct err *err);
const struct view *api_view(const struct api *api);             /* of the manager; check()s that there is one */
