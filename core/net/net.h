/* net.h - the network of one host: a bridge with an address range, a leg on it for each container,
 * and published ports.
 *
 * What should be there is planned purely (net_plan.h), compared with what the kernel really has
 * (nft_diff.h) and applied as a difference, so a crashed agent leaves nothing that stays. Links,
 * addresses and rules live in the kernel: containers and published ports go on working while no
 * agent runs. No program is started; everything is rtnetlink(7), nf_tables and ctnetlink.
 *
 * Runs on the loop's thread; every callback comes later on that thread, never from inside the call,
 * and exactly once unless net_close comes first. System calls that wait (a veth pair, a rule set's
 * commit) run on the work threads.
 *
 * Order after a start: net_open, net_adopt for each container that lives, net_sweep, net_publish
 * (even with an empty table: until the first one the rules of the agent before stay in force as
 * they are). A host port is reserved again before it is published.
 * Order at the end of a task with ports: net_publish without it, net_drain, stop the container,
 * net_detach.
 *
 * IPv4 only for now. Not here: which task has which port (the scheduler), names (DNS), overlays.
 */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include "base/ip.h"
#include "os/loop.h"
#include "os/work.h"

/* An attachment is named by a task or container id: at most 64 of [a-zA-Z0-9_.-]. */
#define NET_ID_SIZE       HEX_ID_SIZE
#define NET_INSTANCE_MAX  16             /* characters of an instance tag, [a-z0-9] */
#define NET_PORTS_MAX     4096           /* published ports of one table */
#define NET_PAIRS_MAX     262144         /* backends of one table, counted once a port */

struct net;
struct net_config {
	struct loop *loop;
	struct work *work;
	const char *instance;	/* in the names of table and links, so that agents sharing a network
				   namespace leave each other alone */
	const char *bridge;     /* 1-15 characters, e.g. "swarmbox0"; made if it is not there */
	struct cidr subnet; /* the bridge's range, prefix 8 to 29; family 0: the bridge's own from
			       before, else the first free one of 172.18.0.0/16 … 172.31.0.0/16,
			       192.168.0.0/20 … 192.168.240.0/20 */
};

/* Blocks for a few milliseconds: makes the bridge, reads what is there. -1 only for what the user
 * must mend: ERR_INVALID for a bad name or range, ERR_CONFLICT when the range overlaps one of the
 * host's or the bridge has another one. What the kernel lacks is no error here: see net_can. */
int net_open(const struct net_config *config, struct net **ret, struct err *err);
/* Leaves everything in the kernel as it is and calls no callback any more. The last memory goes
 * when the work under way has come back to the loop. NULL is welcome. */
void net_close(struct net *net);

enum net_feature {
	NET_ATTACH = 1, /* bridge and veth: containers with a network of their own */
	NET_PUBLISH,	/* nf_tables with NAT: published ports, and the way out for containers */
};
/* 0, or -1 with ERR_UNSUPPORTED and the reason a task that needs it is rejected with. */
int net_can(const struct net *net, enum net_feature feature, struct err *err);

/* ---- attachments ---- */

/* err is NULL on success. */
typedef void net_attached_fn(void *arg, struct ip ip, const struct err *err);
typedef void net_done_fn(void *arg, const struct err *err);

/* Gives the container's network namespace a leg on the bridge, named eth0: address, default route,
 * lo and eth0 up. netns_fd is duplicated. exact.family 0 takes the next free address: one given
 * back rests until the range has gone round. On failure nothing is left behind. ERR_CONFLICT id
 * already attached or address in use, ERR_INVALID address outside the range or bad id,
 * ERR_EXHAUSTED no address left, ERR_UNSUPPORTED as net_can says, ERR_IO the rest. The callback may
 * come 1 ms later: many at once are one job. */
void net_attach(struct net *net, const char *id, int netns_fd, struct ip exact, net_attached_fn *fn,
		void *arg);
/* Takes over a leg made by an agent before this one; the kernel remembers its address.
 * ERR_NOT_FOUND: there is none (the namespace ended, or the agent died before making it),
 * ERR_CONFLICT: already attached. */
int net_adopt(struct net *net, const char *id, struct ip *ret_ip, struct err *err);
/* Removes the leg if it is still there, forgets the connections to it, and leaves it out of the
 * published ports. An id that is not attached is success. */
void net_detach(struct net *net, const char *id, net_done_fn *fn, void *arg);
/* Removes what this instance had in the kernel at net_open and was not adopted since. */
void net_sweep(struct net *net, net_done_fn *fn, void *arg);
/* For containers without a network (mode none): lo up, nothing else. netns_fd is duplicated. */
void net_loopback(struct net *net, int netns_fd, net_done_fn *fn, void *arg);

/* ---- published ports ---- */

enum net_proto { NET_TCP = 6, NET_UDP = 17, NET_SCTP = 132 };    /* IANA protocol numbers */
const char *net_proto_name(enum net_proto proto);                /* "tcp", "udp", "sctp" */
enum net_port_mode {
	NET_INGRESS, /* each new connection goes to a backend at random; none: connection refused */
	NET_HOST,    /* one backend at most */
};
struct net_port {
	enum net_proto proto;
	enum net_port_mode mode;
	struct ip address;              /* of the host, IPv4; family 0: all of them */
	uint16_t port, target;          /* on the host, in the container; host byte order, not 0 */
	const char *service_id;         /* for messages */
	const char *const *backends;    /* attachment ids; one that is not attached is left out */
	size_t backend_count;
};
struct net_refusal {
	enum net_proto proto;
	struct ip address;
	uint16_t port;
	const char *service_id;
	struct err err; /* ERR_CONFLICT: a process of the host or another entry has the port;
			   ERR_INVALID */
};
/* err: the whole table could not be applied, the one before stays in force. Otherwise all but the
 * refused are in force. The refused are the callee's for the time of the call. */
typedef void net_published_fn(void *arg, const struct net_refusal *refused, size_t refused_count,
			      const struct err *err);

/* The whole table that should be in force; copied. Applied as a difference in one transaction: a
 * packet sees the old or the new rules, connections that stand stay where they are. Calls while a
 * transaction is under way become one: each callback reports on the last table.
 *
 * A published port answers on every address of the host, 127.0.0.0/8 included, or on the one that
 * it names, from outside (but for 127.0.0.0/8), from the host and from containers (their own
 * service too). The same port on two addresses is two ports; on all and on one, a conflict. The source address is kept except from
 * 127.0.0.0/8 and from a container, which see the bridge's address.
 *
 * While an agent runs it holds each port with a socket, as Docker does with its proxy: a port that
 * a process of the host has is refused, and a process that comes later gets EADDRINUSE. Not checked
 * for sctp where the kernel has none. */
void net_publish(struct net *net, const struct net_port *ports, size_t count, net_published_fn *fn,
		 void *arg);

/* Takes a host port before the task that wants it starts; port 0 chooses a free one above 32767.
 * ERR_CONFLICT with Docker's words when it is taken, ERR_IO when the host has no such address. It is held until net_release_port and as long
 * as the published table has it. */
int net_reserve_port(struct net *net, enum net_proto proto, struct ip address, uint16_t port,
		     uint16_t *ret_port, struct err *err);
void net_release_port(struct net *net, enum net_proto proto, struct ip address, uint16_t port);

/* Calls back when no connection that came through a published port to this attachment is left, at
 * the latest after wait_max. Call it when the table without it is in force. Its UDP flows are
 * forgotten at once, so that their next datagram finds another backend. */
void net_drain(struct net *net, const char *id, msec wait_max, net_done_fn *fn, void *arg);

/* Removes everything of this instance: ports, attachments, and the bridge unless it was there
 * before us. Containers that live lose their network. Only net_close after it. */
void net_purge(struct net *net, net_done_fn *fn, void *arg);

/* ---- for "network inspect" ---- */

struct net_info {
	const char *bridge;     /* lives as long as net */
	struct cidr subnet;     /* ip is the range's first address */
	struct ip gateway;      /* the bridge's own address */
	unsigned mtu;
};
struct net_info net_describe(const struct net *net);
struct net_endpoint {
	const char *id;         /* lives as long as the attachment */
	struct ip ip;
	uint8_t mac[6];
};
/* for (size_t at = 0; net_next(net, &at, &endpoint); ) in order of attachment; attaching or
 * detaching in between is not allowed. */
bool net_next(const struct net *net, size_t *at, struct net_endpoint *ret);
