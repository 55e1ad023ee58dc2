/* port_table.h - the published ports of this host, from the tasks that may be reached now.
 *
 * Pure. An ingress port is one entry with every task of its service behind it, a host port is one entry a task.
 */
#pragma once
#include "base/arena.h"
#include "model/service.h"
#include "net/net.h"

struct port_source {
	const char *task_id, *service_id;
	const struct port_config *ports;        /* host-mode ones with the port the node reserved */
	size_t count;
};
/* Sorted by protocol and port, so that equal sources make equal tables. Pointers go into sources and arena. */
struct net_port *port_table(const struct port_source *sources, size_t count, struct arena *arena, size_t *ret_count);
enum net_proto port_proto(const struct port_config *port);
