/* net_inside.h - struct net itself, for the files that together are net.h's shell. Nobody else
 * includes it.
 *
 * net_io.c opens and closes; net_leg_io.c attachments; net_publish_io.c published ports;
 * net_drain_io.c draining. Each of the last three has at most one job on the work threads, with its
 * own sockets, so that no two threads share one; what arrives meanwhile is the next job. A job
 * counts as a reference: struct net lives until the last one is back.
 */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "net/bridge_plan.h"
#include "net/ipam.h"
#include "net/net.h"
#include "net/net_plan.h"
#include "net/netlink_io.h"
#include "net/nft_io.h"
#include "net/nft_watch_io.h"
#include "net/port_hold_io.h"

enum attachment_state { ATTACHMENT_MAKING, ATTACHMENT_READY, ATTACHMENT_GOING };
struct attachment {
	char id[NET_ID_SIZE];
	struct ip ip;
	enum attachment_state state;
	bool was_backend;                /* connections to it may be in the kernel's table */
};
/* A leg that was in the kernel at net_open and nobody has adopted yet; holds its address. */
struct leftover {
	char link[IF_NAMESIZE];
	struct ip ip;                    /* family 0 for a half-made one */
};

struct net {
	struct loop *loop;
	struct work *work;
	char instance[NET_INSTANCE_MAX + 1], bridge[IF_NAMESIZE];
	struct bridge_plan plan;
	struct err missing[NET_PUBLISH + 1];     /* by feature: code 0 when the kernel has it */
	unsigned references;
	bool is_closed;
	struct timer retry;

	struct ipam *ipam;
	struct map *attachments;         /* id -> struct attachment */
	struct map *leftovers;           /* id, or name of a half-made link -> struct leftover */

	struct netlink_io route;         /* of the leg job, as leg_conntrack */
	struct netlink_io leg_conntrack;
	struct list leg_ops;             /* waiting */
	bool leg_job_runs;

	struct nft_io *nft;              /* of the publish job, as publish_conntrack */
	struct netlink_io publish_conntrack;
	struct nft_watch *nft_watch;
	bool nft_was_touched;            /* by somebody else, since the last job began */
	struct port_holds *holds;
	struct wanted *wanted;           /* the last table given; NULL before the first */
	struct list publish_waiters;     /* for the next job */
	bool publish_is_due, publish_job_runs, publish_is_scheduled, is_purged;
	struct map *udp_open;            /* names of the ports whose rule is in force */

	struct netlink_io drain_conntrack;
	struct list drains;
	struct timer drain_timer;
	msec drain_pause;
	bool drain_job_runs;
};

void net_hold(struct net *net);
void net_let_go(struct net *net);        /* frees it when it was the last one and net is closed */
/* Calls the one function that is set later on the loop, unless net is closed by then. err NULL:
 * success, for done only. */
struct net_answer {
	net_attached_fn *attached;
	net_published_fn *published;
	net_done_fn *done;
	void *arg;
};
void net_answer_later(struct net *net, struct net_answer answer, const struct err *err);
/* The work threads' queue is full: all that waits is started a little later. */
void net_retry_soon(struct net *net);

struct attachment *net_find_ready(const struct net *net,
				  const char *id); /* NULL when it is not attached, or going */
void net_legs_init(struct net *net);
void net_legs_fini(struct net *net);
void net_legs_recover(struct net *net, const struct reality *reality);   /* what is there of ours */
void net_legs_start(struct net *net);    /* a job with all that waits, if none runs */
void net_legs_purge(struct net *net, net_done_fn *fn, void *arg);

void net_publish_init(struct net *net);
void net_publish_fini(struct net *net);
/* Opens nf_tables, and loads the rules without ports if there is no table of ours yet. */
int net_publish_open(struct net *net, struct err *err);
void net_publish_start(struct net *net);
/* The table must be planned again: an attachment left. */
void net_publish_again(struct net *net);
bool net_publish_names(const struct net *net, const char *id);

void net_drain_init(struct net *net);
void net_drain_fini(struct net *net);
void net_drain_start(struct net *net);
