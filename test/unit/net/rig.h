/* rig.h - a host, an outside and containers as network namespaces of the test's own. Servers and clients
 * in them: traffic.h.
 *
 * Needs root. rig_open moves the test's process into a fresh namespace, the host's: nothing of the
 * machine is touched, and everything ends with the process. Outside is 198.51.100.9, the host
 * 198.51.100.1 on the link between them.
 */
#pragma once
#include "net/net.h"

#define RIG_HOST     "198.51.100.1"
#define RIG_OUTSIDE  "198.51.100.9"
#define RIG_LOOPBACK "127.0.0.1"

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

/* Two containers, "a" and "b", with a server on port 80 each (traffic.h). */
struct rig_pair { struct rig rig; int a, b; struct ip a_ip, b_ip; struct server *a_server, *b_server; };
void rig_pair_open(struct rig_pair *pair);
void rig_pair_close(struct rig_pair *pair);
extern const struct rig_port rig_both[2];        /* port 8080 of the host to both, by TCP and by UDP */

/* How many links the host's namespace has whose name starts so. */
size_t count_links(struct rig *rig, const char *prefix);
/* How many chains of the table of instance "t" have a name that starts so. */
size_t count_chains(struct rig *rig, const char *prefix);
bool has_table(struct rig *rig, const char *name);
bool delete_table(struct rig *rig, const char *name);

/* For the rig's own files. */
int rig_current_netns(void);
void rig_enter(int netns);
int rig_index_in(int netns, const char *link);
struct ip rig_ip(const char *text);
