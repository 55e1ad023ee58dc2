/* rig.h - a host, an outside and containers as network namespaces of the test's own, with real
 * servers and clients in them.
 *
 * Needs root. rig_open moves the test's process into a fresh namespace, the host's: nothing of the
 * machine is touched, and everything ends with the process. Outside is 198.51.100.9, the host
 * 198.51.100.1 on the link between them.
 */
#pragma once
#include "net/net.h"

#define RIG_HOST    "198.51.100.1"
#define RIG_OUTSIDE "198.51.100.9"

struct rig {
	int host, outside;               /* network namespaces */
	struct loop *loop;
	struct work *work;
	struct net *net;
};
bool rig_can(void);                      /* root, and a kernel with network namespaces */
void rig_open(struct rig *rig);
void rig_start(struct rig *rig);         /* an agent's network, instance "t", bridge "sbt0" */
void rig_crash(struct rig *rig);         /* the agent is gone, its rules and links stay */
void rig_close(struct rig *rig);

int rig_netns(void);                     /* a new one */
/* The result's text, "" for success. */
const char *rig_attach(struct rig *rig, const char *id, int netns, struct ip *ret_ip);
const char *rig_detach(struct rig *rig, const char *id);
const char *rig_sweep(struct rig *rig);
const char *rig_purge(struct rig *rig);
/* ids: of the backends, ended by NULL. */
struct rig_port {
	enum net_proto proto;
	uint16_t port, target;
	const char *ids[8];
	enum net_port_mode mode;
	const char *address;             /* of the host; NULL: all of them */
};
const char *rig_publish(struct rig *rig, const struct rig_port *ports,
			size_t count);				/* or the first refusal's text */
msec rig_drain(struct rig *rig, const char *id, msec wait_max); /* how long it took */

/* Answers each connection and each datagram with its name, and each further byte of a connection
 * with one 'x'. */
struct server;
struct server *server_start(int netns, const char *name, uint16_t port);
void server_stop(struct server *server);
size_t server_hits(const struct server *server);         /* connections and datagrams it got */

/* How long is waited for what is certain to come: whoever answers may not be run for a while. */
enum { LONG_MS = 20000 };

/* A connection from that namespace; name gets what the server said first, peer what the server sees
 * as source. -1: refused; -2: no answer. */
int dial(int netns, const char *ip, uint16_t port, char ret_name[32]);
bool nobody_answers(int netns, const char *ip, uint16_t port);           /* nor refuses, for most of a second */
bool still_answers(int fd);
/* One datagram from a new socket (from port 0) and its answer; false: there is none. */
bool ask_udp(int netns, const char *ip, uint16_t port, char ret_name[32]);
int udp_open(int netns, const char *ip, uint16_t port);
bool udp_ask(int fd, char ret_name[32]);

/* A UDP datagram with this destination address, put on the link to the host as an attacker would:
 * no routing table is asked. */
void send_forged(struct rig *rig, const char *destination, uint16_t port);
/* How many links the host's namespace has whose name starts so. */
size_t count_links(struct rig *rig, const char *prefix);
/* How many chains of the table of instance "t" have a name that starts so. */
size_t count_chains(struct rig *rig, const char *prefix);
bool has_table(struct rig *rig, const char *name);
bool delete_table(struct rig *rig, const char *name);

/* Dials so often and says who answered: "a b c", sorted; "-" stands for failures. */
const char *who_answers(int netns, const char *ip, uint16_t port, int times);
const char *who_answers_udp(int netns, const char *ip, uint16_t port, int times);
