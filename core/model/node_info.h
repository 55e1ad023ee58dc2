/* node_info.h - a host of the cluster: what people want of it (spec), what it says of itself (description), what managers see (status). */
#pragma once
#include "model/service.h"

enum node_role { ROLE_WORKER, ROLE_MANAGER };
enum availability { AVAILABILITY_ACTIVE, AVAILABILITY_PAUSE, AVAILABILITY_DRAIN };
enum node_state { NODE_UNKNOWN, NODE_DOWN, NODE_READY, NODE_DISCONNECTED };
enum reachability { REACHABILITY_UNKNOWN, REACHABILITY_UNREACHABLE, REACHABILITY_REACHABLE };

struct node_spec { char *name; struct str_map labels; int role, availability; };
struct node_resources { int64_t nano_cpus, memory_bytes; };
struct engine_plugin { char *type, *name; };
struct engine { char *version; struct str_map labels; ARRAY_OF(struct engine_plugin) plugins; };
struct tls_info { char *trust_root, *issuer_subject, *issuer_public_key; };     /* PEM, base64 DER, base64 DER */
struct node_description {
	char *hostname;
	struct platform platform;       /* as uname says: x86_64, linux */
	struct node_resources resources;
	struct engine engine;
	struct tls_info tls;
	char *clock;                    /* what others say of it: "its clock is 3 hours behind the swarm's" */
};
struct node_status { int state; char *message, *address; };
struct manager_status { bool leader; int reachability; char *address; };

struct node {
	struct node_spec spec;
	struct node_description description;
	struct node_status status;
	struct manager_status *manager; /* NULL for a worker */
	msec status_ms;                 /* cluster time of the last change of state */
};
enum { NODE_SPEC = 1, NODE_DESCRIPTION, NODE_STATUS, NODE_MANAGER, NODE_STATUS_MS };
extern const struct shape node_spec_shape, node_description_shape, node_status_shape, manager_status_shape, node_shape, tls_info_shape;
