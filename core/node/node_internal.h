/* node_internal.h - what the files of this room share. Nobody else includes it. */
#pragma once
#include "api/api.h"
#include "node/node.h"
#include "os/listen.h"
#include "os/signals.h"

enum { SOCKETS_MAX = 8 };

struct host {
	const struct node_settings *settings;
	struct arena arena;             /* facts, paths */
	char tag[16];                   /* "" for the default data root: tells agents of one host apart */
	int lock_fd;
	struct loop *loop;
	struct work *work;
	struct signals *signals;
	struct store *store;
	struct image_store *images;
	struct image_puller *puller;
	struct runtime *runtime;
	struct net *net;
	struct volumes *volumes;
	struct agent *agent;
	struct manager *manager;        /* NULL when in no swarm */
	struct api *api;
	struct http_server *server;
	struct listener *listeners[SOCKETS_MAX];
	size_t listener_count;
	struct api_facts facts;
	char node_id[ID_SIZE], engine_id[ID_SIZE], address[64];  /* address: what we advertise, without the port */
	struct changing *changing;      /* an init or leave under way */
	bool is_stopping;
	struct err failure;             /* why the loop was stopped; code 0: it was asked to */
};

/* swarm_io.c: what this node is in a cluster. */
int swarm_open(struct host *host, struct err *err);             /* goes on with the cluster it was in, if any */
void swarm_init(void *host, const struct api_swarm_init *init, api_swarm_done_fn *done, void *arg);
void swarm_leave(void *host, bool force, api_swarm_done_fn *done, void *arg);
void swarm_close(struct host *host);

/* purge_io.c: containers, network, cluster, then, when every room is closed, the files. */
void purge_begin(struct host *host);
int purge_files(const struct node_settings *settings, struct err *err);

/* node_io.c */
void node_fail(struct host *host, const struct err *err);       /* ends the loop; node_run returns this */
int node_set(struct host *host, const char *setting, const char *value, struct err *err);      /* NULL removes */
