#include "net/conntrack_io.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netlink.h>
#include <stdlib.h>

#include "base/panic.h"
#include "net/net.h"

struct entries { struct conntrack_entry *items; size_t count, size; };

static void keep(struct entries *entries, const struct conntrack_entry *entry)
{
	if (entries->count == entries->size) {
		entries->size = entries->size ? entries->size * 2 : 64;
		entries->items = mem_resize(entries->items, entries->size, sizeof(*entries->items));
	}
	entries->items[entries->count++] = *entry;
}

static int delete_entries(struct netlink_io *io, const struct entries *entries, struct err *err)
{
	for (size_t i = 0; i < entries->count; i++) {
		CLEANUP(buf_finip) struct buf request = BUF_INIT;
		uint32_t seq = netlink_io_take_seq(io, 1);
		int code;

		conntrack_put_delete(&request, seq, &entries->items[i]);
		netlink_add_flags(&request, 0, NLM_F_ACK);
		if (netlink_io_send(io, &request, seq, seq, &code, err) < 0 && code != ENOENT)
			return err_wrap(err, "forget a connection");
	}
	return 0;
}

/* An interrupted dump may lack entries; what it lacks is asked for again by the next one, so it is
 * no failure here. */
static int dump(struct netlink_io *io, uint32_t status_bits, netlink_io_fn *fn, void *arg,
		struct err *err)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(io, 1);

	conntrack_put_dump(&request, seq, status_bits);
	if (netlink_io_ask(io, &request, seq, fn, arg, err) < 0 && err->code != ERR_CONFLICT)
		return err_wrap(err, "read the table of connections");
	return 0;
}

/* ---- to containers ---- */

struct scan { struct conntrack_target *targets; size_t count; struct entries gone; };

static int compare_targets(const void *a, const void *b)
{
	uint32_t left = ip4_to_u32(((const struct conntrack_target *)a)->ip),
		 right = ip4_to_u32(((const struct conntrack_target *)b)->ip);

	return left < right ? -1 : left > right;
}

static void scan_message(void *arg, const struct netlink_msg *msg)
{
	struct scan *scan = arg;
	struct conntrack_entry entry;

	if (!conntrack_decode(msg, &entry) || !conntrack_is_published(&entry))
		return;
	struct conntrack_target key = { .ip = entry.reply.source };
	struct conntrack_target *target = bsearch(&key, scan->targets, scan->count, sizeof(key),
						  compare_targets);
	if (!target)
		return;
	target->live_count += conntrack_is_live(&entry);
	if (target->forget_all || entry.proto == NET_UDP)
		keep(&scan->gone, &entry);
}

int conntrack_io_scan(struct netlink_io *io, struct conntrack_target *targets, size_t count,
		      struct err *err)
{
	struct scan scan = { .targets = targets, .count = count };

	qsort(targets, count, sizeof(*targets), compare_targets);
	for (size_t i = 0; i < count; i++)
		targets[i].live_count = 0;
	int result = dump(io, IPS_DST_NAT, scan_message, &scan, err);
	if (result == 0)
		result = delete_entries(io, &scan.gone, err);
	free(scan.gone.items);
	return result;
}

/* ---- to ports ---- */

struct port_scan { const uint16_t *ports; size_t count; struct entries gone; };

static void port_message(void *arg, const struct netlink_msg *msg)
{
	struct port_scan *scan = arg;
	struct conntrack_entry entry;

	if (!conntrack_decode(msg, &entry) || entry.proto != NET_UDP ||
	    (entry.status & (IPS_SEEN_REPLY | IPS_DST_NAT)))
		return;
	for (size_t i = 0; i < scan->count; i++)
		if (scan->ports[i] == entry.original.dest_port) {
			keep(&scan->gone, &entry);
			return;
		}
}

int conntrack_io_forget_udp(struct netlink_io *io, const uint16_t *ports, size_t count,
			    struct err *err)
{
	struct port_scan scan = { .ports = ports, .count = count };
	int result = dump(io, 0, port_message, &scan, err);

	if (result == 0)
		result = delete_entries(io, &scan.gone, err);
	free(scan.gone.items);
	return result;
}
