/* api.h - Docker's Engine API 1.50 (1.24 and up are understood) over the HTTP server: reads the view, asks manager, asks agent.
 *
 * routes.c is the whole API on one screen. The node supplies the host's parts and the verbs that change what this node is; a manager may come
 * and go with init and leave, so it is asked for at each request.
 */
#pragma once
#include "agent/agent_io.h"
#include "dispatch/dispatch_msg.h"
#include "http/http_server_io.h"
#include "image/image_pull.h"
#include "manager/control.h"

#define API_VERSION     "1.50"
#define API_VERSION_MIN "1.24"

/* POST /swarm/init, parsed and with the defaults that need no host filled in. Strings live during the call. */
struct api_swarm_init {
	const char *listen_addr, *advertise_addr, *data_path_addr;
	uint64_t data_path_port;
	bool force_new_cluster;
	const struct cluster_spec *spec;
	int availability;
	const char *const *address_pools;
	size_t pool_count;
	uint64_t subnet_size;
	const void *backup;             /* NULL: no restore, and all above counts; else of it the addresses and the availability */
	size_t backup_size;
	const struct seal_key *unlock_key;      /* of the backup; NULL: none was said */
};
/* POST /swarm/join, the same. */
struct api_swarm_join {
	const char *listen_addr, *advertise_addr, *data_path_addr, *token;
	const char *const *remotes;     /* "host:port" */
	size_t remote_count;
	int availability;
};
/* What this node is in a swarm, for GET /info. */
struct api_swarm_facts {
	const char *state;              /* "inactive", "pending", "active", "locked", "error" */
	const char *error;              /* "" or what is wrong */
	const char *node_id, *address;  /* "" when in none */
	bool is_mending;                /* a manager whose state was not to be trusted, and that fetches it anew */
	const char *clock_trouble;      /* "" or how its clock differs from a manager's: "is 12 months ahead of" */
	struct manager_ats managers;    /* as this node knows them */
};
typedef void api_swarm_done_fn(void *arg, const char *node_id, const struct err *err);

/* What the host is; lives as long as the api. */
struct api_facts {
	const char *name;               /* host name */
	const char *version, *build;    /* swarmbox's */
	const char *engine_version;     /* what clients that ask for Docker's version are told, "28.2.2" */
	const char *data_root, *cgroup_parent;
	const char *kernel, *os, *os_version, *os_type, *architecture;  /* uname and os-release */
	const char *engine_id;          /* stable for this data root */
	int64_t memory_bytes;
	int cpu_count;
	const struct str_map *labels;
	const struct str_array *insecure_registries, *registry_mirrors; /* as the agent's options say them */
	nsec started_wall;
};

struct api_host {
	struct loop *loop;
	struct work *work;
	struct agent *agent;
	struct runtime *runtime;
	struct image_store *images;
	struct image_puller *puller;
	struct net *net;
	struct volumes *volumes;
	const struct api_facts *facts;
	/* NULL when this node is no manager, or does not know its cluster yet. */
	struct manager *(*manager)(void *arg);
	/* This node's own id in the swarm, "" when in none. */
	const char *(*node_id)(void *arg);
	/* Lives until the next call. */
	void (*swarm_facts)(void *arg, struct api_swarm_facts *ret);
	/* ERR_UNAVAILABLE in Docker's words when it is in a swarm already; ERR_INVALID for addresses. */
	void (*swarm_init)(void *arg, const struct api_swarm_init *init, api_swarm_done_fn *done, void *done_arg);
	void (*swarm_join)(void *arg, const struct api_swarm_join *join, api_swarm_done_fn *done, void *done_arg);
	/* ERR_UNAUTHORIZED for another key; on success this node goes on as what it is. */
	int (*swarm_unlock)(void *arg, const struct seal_key *lock, struct err *err);
	void (*swarm_leave)(void *arg, bool force, api_swarm_done_fn *done, void *done_arg);
	void *arg;
};

struct api;
struct api *api_new(const struct api_host *host);
void api_free(struct api *api);                                         /* after the server is freed */
/* http_handler_fn for http_server_new(loop, api_http_config(api), api_handle, api). */
void api_handle(void *api, struct http_request *req);
const struct http_config *api_http_config(const struct api *api);
/* The same for a request that a manager brings over a stream to this node: about containers of tasks, their execs and logs, and nothing else. */
void api_handle_inner(void *api, struct http_request *req);

/* ---- what happens on the host, for /events; strings are copied ---- */
void api_on_applied(struct api *api, const struct applied *applied);    /* service and node events, scope swarm */
void api_on_container(struct api *api, const char *action, const char *container_id, const struct container_spec *spec,
		      const struct container_pair *extra, size_t extra_count);
void api_on_image(struct api *api, const char *action, const char *image_id, const char *name);
void api_on_volume(struct api *api, const char *action, const char *name, const struct container_pair *extra, size_t extra_count);
