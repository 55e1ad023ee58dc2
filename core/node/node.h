/* node.h - the household of one agent process: opens every room in order, wires them together, and closes them in reverse.
 *
 *   state folder and lock → store → images, runtime, net, volumes → agent (adopts what runs) → manager, if this node is in a swarm →
 *   API on its sockets → "ready"
 *
 * init and leave change what the node is while it runs.
 */
#pragma once
#include "base/err.h"
#include "model/fields.h"

struct node_settings {
	const char *data_root, *run_root;       /* absolute */
	struct str_array sockets;               /* paths; at least one */
	const char *cgroup_parent;
	const char *listen_addr, *advertise_addr;       /* "" when not given */
	struct str_map labels;
	struct str_array insecure_registries, registry_mirrors; /* as image/registry_hosts.h takes them */
	bool stop_containers;                   /* a clean stop ends the containers too */
	bool purge;                             /* removes all that an agent with these roots has made, and ends */
	const char *version, *build;
};

/* Runs until SIGTERM or SIGINT (with purge: until everything is gone); 0 after a clean end. Fails, before anything is changed, with what a human must mend: not root, no namespaces,
 * no cgroups, data root not writable, another agent on it. */
int node_run(const struct node_settings *settings, struct err *err);
