/* node_internal.h - what the files of this room share. Nobody else includes it. */
#pragma once
#include "api/api.h"
#include "base/list.h"
#include "base/rng.h"
#include "depot/depot_serve_io.h"
#include "dispatch/dispatch_client_io.h"
#include "dispatch/dispatcher_io.h"
#include "dispatch/door_io.h"
#include "node/errand_io.h"
#include "node/moved.h"
#include "node/node.h"
#include "node/post.h"
#include "os/listen.h"
#include "os/signals.h"
#include "pki/identity_io.h"
#include "pki/tls_context.h"

enum { SOCKETS_MAX = 8, CLUSTER_PORT = 2377, DESCRIPTION_BYTES_MAX = 1 << 20, MANAGERS_BYTES_MAX = 1 << 20, AT_SIZE = 80 };

/* beacon_io.c */
struct beaconing {
	int fd;                         /* -1: not open */
	struct watch *watch;
	struct timer timer;
	uint64_t number;                /* of the last question */
	msec lost_since, next, pause, answers_since;
	unsigned answers;
	bool has_failed;
};

/* What this node is in a cluster. */
struct swarm {
	struct rpc *rpc;
	struct door *door;
	struct tls_context *tls;        /* whom it trusts, and who it is: nobody and no one, in no swarm */
	struct identity identity;       /* empty in no swarm */
	struct buf issuer_subject, issuer_key;  /* of its certificate, as TLSInfo tells them */
	struct manager *manager;        /* NULL when it is none */
	struct dispatch_client *client; /* its session as a worker; NULL when it is its own manager */
	char listen[AT_SIZE], advertise[AT_SIZE];       /* "ip:port"; advertise "": as others see it */
	char interface[INTERFACE_SIZE];         /* that the advertised address is on; "": on none of ours */
	int reach_fd;
	struct watch *reach_watch;
	struct timer reach_look;
	struct beaconing beacon;
	char address[64];               /* what is told of advertise, without the port */
	struct arena managers_arena;
	struct manager_ats managers;    /* as they were told last, without this node; for the next start, too */
	uint64_t generation;            /* of the cluster, the highest that was told */
	int wanted;                     /* enum node_role, by the cluster */
	bool is_listening;
	struct seal_key key, lock;      /* of the cluster, as managers have it; what its file is locked with */
	bool has_key, has_lock;
	bool is_locked;                 /* waits for swarm_unlock, and is nothing until then */
	nsec renew_at;                  /* of the certificate, by the cluster's calendar */
	nsec calendar_ahead;            /* of our own clock since boot, as a manager told; 0: none has */
	char clock_trouble[80];         /* "" or how this host's clock differs from a manager's */
	bool is_renewing;
	bool must_renew;                /* the root certificate is being replaced */
	bool is_damaged, is_mending;    /* its state is not to be trusted and lies there still; until another one is served */
	msec mend_at;                   /* when it is certain enough that the others lead on; 0: it is not */
	unsigned renewals_failed;
	struct rng rng;
	struct timer listen_again, post_again, renew, member_again, doubt;
	size_t managers_first;          /* who of them is asked first: another one each time */
	struct errand *errand;          /* a renewal or an admission under way */
	struct renewing *renewing;      /* what that renewal is for */
	struct joining *joining;        /* what a join waits for */
	struct err trouble;             /* code 0: none */
	struct changing *changing;      /* an init, join or leave under way */
	struct list wishes;             /* of struct wish: secrets on their way */
};

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
	struct api *api;
	struct http_server *server;
	struct http_server *inner;      /* for managers, about the containers of their tasks */
	struct listener *listeners[SOCKETS_MAX];
	size_t listener_count;
	struct api_facts facts;
	char node_id[ID_SIZE], engine_id[ID_SIZE];      /* node_id "": in no swarm */
	struct swarm swarm;
	struct list seekings;           /* of struct seeking: images that tasks need, being asked for elsewhere */
	struct depot *depot;            /* gives ours to other nodes */
	struct timer stock;             /* the images that are here have changed */
	bool is_stopping, is_gone;      /* asked to end; and has said goodbye, or has no time for it */
	struct err failure;             /* why the loop was stopped; code 0: it was asked to */
};

/* swarm_io.c: what this node is in a cluster, and going on with it after a start */
int swarm_open(struct host *host, struct err *err);
void swarm_close(struct host *host);
/* With what is on the disk, as a manager. */
int swarm_go_on(struct host *host, bool has_identity, struct err *err);
void swarm_facts(void *host, struct api_swarm_facts *ret);
/* Nobody is in reach who could replace a task of this node. */
bool swarm_is_alone(void *host);
int swarm_unlock(void *host, const struct seal_key *lock, struct err *err);
void swarm_report(struct host *host, const struct task_status *status);

/* reach_io.c: where this node listens, and where others reach it */
struct reach { char listen[AT_SIZE], advertise[AT_SIZE], data_path[64]; uint16_t listen_port; };
/* Of what was said, else of how the agent was started, else of the host's addresses; advertise stays "" for the manager that is joined to see,
 * unless must_advertise. Docker's words. */
int reach_choose(const struct host *host, const char *listen, const char *advertise, const char *data_path, bool must_advertise,
		 struct reach *ret, struct err *err);
int reach_set(struct host *host, const struct reach *reach, struct err *err);
/* From then on the addresses of this host are watched; whoever needs to know is told when this node's is another one (moved.h). */
void reach_open(struct host *host);
void reach_close(struct host *host);
void reach_look(struct host *host);                             /* the advertised address is another one: learn whose it is */

/* beacon_io.c: lost nodes ask around for managers */
void beacon_open(struct host *host);
void beacon_reset(struct host *host);                           /* the port may be another one */
void beacon_close(struct host *host);

/* swarm_known_io.c: what node.db remembers of the cluster */
void swarm_take_setting(struct host *host, const char *id, const char *value);
int swarm_set_address(struct host *host, const char *listen, const char *advertise, struct err *err);
void swarm_learn_address(struct host *host, const char *at);    /* what is told of advertise */
void swarm_keep_managers(struct host *host, const struct manager_ats *managers, uint64_t generation);
const char *swarm_manager_addresses(const struct host *host, struct arena *arena);      /* for a dial; "" when none is known */

/* swarm_identity_io.c: who this node is */
int swarm_use_no_identity(struct host *host, struct err *err);
int swarm_load_identity(struct host *host, bool *ret_has, struct err *err);
/* Takes the buffers' content: on disk, and for every new connection. */
int swarm_set_identity(struct host *host, const char *roots_pem, const char *chain_pem, struct buf *key_pem, struct err *err);
/* This host's own manager signs a new certificate for it. */
int swarm_certify(struct host *host, struct err *err);
struct tls_info swarm_own_trust(const struct host *host);
bool swarm_has_trust(const struct host *host, const struct tls_info *told);      /* what a node should have by now */
int swarm_save_identity(struct host *host, const struct seal_key *lock, struct err *err);       /* as it is, under another lock */
/* It was demoted: its certificate is a worker's. Or a join or a restore was cut off before there was a state. */
bool swarm_needs_no_key(struct host *host);
/* Everything that says that this node is in a cluster goes. */
int swarm_forget(struct host *host, struct err *err);

/* swarm_calendar_io.c: the cluster's time of the wall, by which certificates are judged and renewed */
nsec swarm_calendar(const struct host *host);                   /* 0: nobody has told yet */
void swarm_take_times(struct host *host, const struct session_news *news);

/* swarm_lock_io.c: the key of the cluster, and autolock */
int swarm_make_cluster_key(struct host *host, struct err *err);  /* of a new cluster */
int swarm_take_cluster_key(struct host *host, const struct bytes *key, const struct bytes *lock, struct err *err);    /* empty: nothing */
int swarm_load_cluster_key(struct host *host, const struct seal_key *lock, struct err *err);    /* ERR_UNAVAILABLE: it is locked */
void swarm_drop_cluster_key(struct host *host);                 /* from memory */
void swarm_end_manager(struct host *host);                      /* what only managers have goes from the disk */
void swarm_follow_lock(struct host *host);                      /* the unlock key may be another one */

/* swarm_manager_io.c: this node as a manager */
struct manager *swarm_manager(const struct host *host);         /* NULL: none, or one that does not know its cluster yet */
int swarm_open_manager(struct host *host, struct err *err);
void swarm_close_manager(struct host *host);
void swarm_listen(struct host *host);                           /* tries until it can */
void swarm_listen_again(void *host);
int swarm_listen_now(struct host *host, struct err *err);
void swarm_learn_role(struct host *host);                       /* that the cluster wants of it */
void swarm_describe(struct host *host, struct arena *arena, struct node_description *ret);
void swarm_describe_manager(struct host *host);
/* The certificate is another one: whoever lists nodes is told. */
void swarm_tell_certificate(struct host *host);

/* swarm_session_io.c: this node as a worker */
void swarm_open_client(struct host *host);
void swarm_close_client(struct host *host);

/* swarm_door_io.c: streams that managers open to this node */
void swarm_open_door(struct host *host);
void swarm_on_stream(void *host, enum open_kind kind, int fd);

/* change_io.c: init and leave, one at a time */
struct changing {
	struct host *host;
	api_swarm_done_fn *done;        /* NULL: answered */
	void *arg;
	struct timer deadline;
	bool is_join;
	msec give_up_at;
};
/* Nothing is under way, or a join that people wait for no more: it may never end, and whatever begins ends it. */
bool change_may_begin(const struct host *host);
bool change_begin(struct host *host, api_swarm_done_fn *done, void *arg);
void change_answer(struct host *host, const struct err *err);   /* the caller is told; it may go on */
void change_end(struct host *host, const struct err *err);      /* and is told, unless he was */
void change_refuse(struct host *host, api_swarm_done_fn *done, void *arg, const struct err *err);
void change_drop(struct host *host);                            /* the node is closed */
void swarm_init(void *host, const struct api_swarm_init *init, api_swarm_done_fn *done, void *arg);
void swarm_leave(void *host, bool force, api_swarm_done_fn *done, void *arg);

/* goodbye_io.c: the others hear that this node ends, and whether its containers do; done comes from the loop, soon in any case */
void goodbye_say(struct host *host, void (*done)(void *arg));

/* refound_io.c: init --force-new-cluster of a node that is a manager, and init of a backup */
void refound(struct host *host, const struct api_swarm_init *init, api_swarm_done_fn *done, void *arg);

/* mend_io.c: a manager whose state is damaged, or is not the others' */
bool mend_can(const struct host *host, const struct err *why);
void mend_begin(struct host *host, const struct err *why);      /* from anywhere */
bool mend_may_rise(struct host *host);                          /* false: asked again in a moment */
int mend_set_aside(struct host *host, struct err *err);

/* join_io.c */
void swarm_join(void *host, const struct api_swarm_join *join, api_swarm_done_fn *done, void *arg);
void join_drop(struct host *host);                              /* the node is closed */

/* post_io.c: certificates and roles */
void post_open(struct host *host);
void post_close(struct host *host);
void post_look(struct host *host);                              /* what is wanted may have changed */
void post_set_renewal(struct host *host);                       /* the certificate is another one */
void post_begin_doubt(struct host *host);                       /* a manager runs: while it hears of no leader it asks whether it is one still */
void post_seek_membership(struct host *host);                   /* a manager asks until it is one of raft's */

/* secret_io.c: the agent wants one for a task */
void swarm_want_secret(void *host, const char *task_id, bool is_config, const char *id);
void wishes_drop(struct host *host);                            /* the node is closed */

/* seek_io.c: images from other nodes. open: when there is a puller; close: before rpc goes, then nobody is asked any more */
void seek_open(struct host *host);
void seek_close(struct host *host);

/* give_io.c: images for other nodes */
void give_open(struct host *host);
void give_close(struct host *host);                             /* behind rpc, before the store of images */
void give_serve(struct host *host, bool is_on);                 /* this node is a manager, or not any more */
void give_look(struct host *host);                              /* the images that are here may be others */
/* Who has it, for that node; body of the answer to IMAGE. */
int image_answer(struct host *host, const char *asker, const struct image_ask *said, struct buf *out, struct err *err);

/* purge_io.c: containers, network, cluster, then, when every room is closed, the files. */
void purge_begin(struct host *host);
int purge_files(const struct node_settings *settings, struct err *err);

/* node_io.c */
void node_fail(struct host *host, const struct err *err);       /* ends the loop; node_run returns this */
int node_set(struct host *host, const char *setting, const char *value, struct err *err);      /* NULL removes */
