#include "agent/port_table.h"

#include <stdlib.h>

#include "base/panic.h"

/* One backend of one port; sorted, those of one entry lie together. */
struct row {
	enum net_proto proto;
	struct ip address;
	uint16_t port, target;
	enum net_port_mode mode;
	const char *service_id, *task_id;
	size_t order;
};

enum net_proto port_proto(const struct port_config *port)
{
	switch ((enum port_protocol)port->protocol) {
	case PROTOCOL_UNSET:
	case PROTOCOL_TCP: return NET_TCP;
	case PROTOCOL_UDP: return NET_UDP;
	case PROTOCOL_SCTP: return NET_SCTP;
	}
	panic("protocol %d", port->protocol);
}

static int row_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool share_entry(const struct row *a, const struct row *b)
{
	return a->mode == NET_INGRESS && b->mode == NET_INGRESS && a->proto == b->proto && a->port == b->port && a->target == b->target;
}

static size_t collect(const struct port_source *sources, size_t count, struct row *rows)
{
	size_t filled = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < sources[i].count; j++) {
			const struct port_config *port = &sources[i].ports[j];

			if (port->published_port == 0 || port->published_port > UINT16_MAX)
				continue;               /* not allocated yet */
			rows[filled] = (struct row){ port_proto(port), port->host_ip, (uint16_t)port->published_port, (uint16_t)port->target_port,
						     port->publish_mode == PUBLISH_HOST ? NET_HOST : NET_INGRESS, sources[i].service_id,
						     sources[i].task_id, filled };
			filled++;
		}
	return filled;
}

struct net_port *port_table(const struct port_source *sources, size_t count, struct arena *arena, size_t *ret_count)
{
	size_t all = 0, filled, entries = 0;
	struct row *rows;
	struct net_port *table;

	for (size_t i = 0; i < count; i++)
		all += sources[i].count;
	rows = ARENA_ARRAY(arena, struct row, all);
	table = ARENA_ARRAY(arena, struct net_port, all);
	filled = collect(sources, count, rows);
	if (filled)
		qsort(rows, filled, sizeof *rows, row_order);
	for (size_t i = 0; i < filled;) {
		size_t end = i + 1;
		const char **backends;

		while (end < filled && share_entry(&rows[i], &rows[end]))
			end++;
		backends = ARENA_ARRAY(arena, const char *, end - i);
		for (size_t j = i; j < end; j++)
			backends[j - i] = rows[j].task_id;
		table[entries++] = (struct net_port){ .proto = rows[i].proto, .address = rows[i].address, .mode = rows[i].mode, .port = rows[i].port, .target = rows[i].target,
						      .service_id = rows[i].service_id, .backends = backends, .backend_count = end - i };
		i = end;
	}
	*ret_count = entries;
	return table;
}
