/* net_publish_io.c - published ports: the table that is wanted, and the one transaction under way.
 *
 * A table goes out at the end of the loop's round; those that come while a transaction runs become
 * one, the next. So a single change is not held back, and under load the batches grow by
 * themselves.
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "net/conntrack_io.h"
#include "net/net_inside.h"

#define WANTED_ARENA_BYTES (256u << 20)
#define PLAN_ARENA_BYTES   (256u << 20)

struct wanted { struct arena arena; struct net_port *ports; size_t count; };
struct publish_waiter { struct list node; net_published_fn *fn; void *arg; };

struct publish_job {
	struct net *net;
	struct list waiters;
	struct arena arena;                      /* of everything below but the map */
	struct net_plan_port *ports;
	size_t port_count;
	const struct nft_table *table;
	struct net_refusal *refused;
	size_t refused_count;
	struct map *accepted;                    /* port_hold_name -> the net_port */
	uint16_t *fresh_udp;                     /* whose rule is not in force yet */
	size_t fresh_count;
	bool must_read;                          /* somebody else has touched the table */
	bool has_failed;
	struct err err;
};

/* ---- lifetime ---- */

void net_publish_init(struct net *net)
{
	list_init(&net->publish_waiters);
	net->holds = port_holds_new();
	net->udp_open = map_new();
}

static void wanted_free(struct wanted *wanted)
{
	if (!wanted)
		return;
	arena_fini(&wanted->arena);
	free(wanted);
}

static void free_waiters(struct list *waiters)
{
	LIST_EACH(item, waiters) {
		list_remove(item);
		free(CONTAINER_OF(item, struct publish_waiter, node));
	}
}

void net_publish_fini(struct net *net)
{
	free_waiters(&net->publish_waiters);
	wanted_free(net->wanted);
	port_holds_free(net->holds);
	map_free(net->udp_open);
	nft_watch_free(net->nft_watch);
	nft_io_close(net->nft);
}

static const struct nft_table *plan_table(struct net *net, struct arena *arena,
					  const struct net_plan_port *ports, size_t count,
					  const char *instance)
{
	struct net_plan_host host = {
		.instance = instance,
		.bridge = net->bridge,
		.subnet = net->plan.subnet,
		.ports = ports,
		.count = count,
	};

	return net_plan_table(arena, &host);
}

/* A table of every kind of rule that will ever be needed, made and removed in one transaction. */
static int probe(struct net *net, struct arena *arena, struct err *err)
{
	struct ip backends[] = { net->plan.gateway, net->plan.gateway };
	struct net_plan_port port = {
		.proto = NET_TCP, .port = 1, .target = 1, .backends = backends, .count = 2
	};

	return nft_io_probe(
		net->nft,
		plan_table(net, arena, &port, 1, arena_printf(arena, "%s_probe", net->instance)),
		err);
}

/* A firewall was reloaded, or a curious hand: what is wanted comes back as soon as they have
 * finished. */
static void on_touched(void *arg)
{
	struct net *net = arg;

	net->nft_was_touched = true;
	if (net->wanted)
		net_publish_again(net);
}

int net_publish_open(struct net *net, struct err *err)
{
	struct arena arena;
	char name[NFT_NAME_SIZE];
	bool has_table;
	int result = 0;

	net_plan_table_name(net->instance, name);
	if (nft_io_open(&net->nft, err) < 0 ||
	    nft_io_has_table(net->nft, name, &has_table, err) < 0 ||
	    nft_watch_new(net->loop, name, nft_io_port(net->nft), on_touched, net, &net->nft_watch,
			  err) < 0)
		return -1;
	if (has_table)
		return 0; /* an agent before us has shown that it works; its ports stay until we
			     know better */
	arena_init(&arena, "net plan", PLAN_ARENA_BYTES);
	if (probe(net, &arena, err) < 0 ||
	    nft_io_apply(net->nft, plan_table(net, &arena, NULL, 0, net->instance), err) < 0)
		result = -1;
	arena_fini(&arena);
	return result;
}

/* ---- what is wanted ---- */

static struct wanted *copy_table(const struct net_port *ports, size_t count)
{
	struct wanted *wanted = NEW(struct wanted);

	arena_init(&wanted->arena, "published ports", WANTED_ARENA_BYTES);
	wanted->ports = ARENA_ARRAY(&wanted->arena, struct net_port, count);
	wanted->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct net_port *from = &ports[i];
		const char **backends = ARENA_ARRAY(&wanted->arena, const char *,
						    from->backend_count);
		for (size_t j = 0; j < from->backend_count; j++)
			backends[j] = arena_strdup(&wanted->arena, from->backends[j]);
		wanted->ports[i] = *from;
		wanted->ports[i].service_id = arena_strdup(
			&wanted->arena, from->service_id ? from->service_id : "");
		wanted->ports[i].backends = backends;
	}
	return wanted;
}

bool net_publish_names(const struct net *net, const char *id)
{
	for (size_t i = 0; net->wanted && i < net->wanted->count; i++)
		for (size_t j = 0; j < net->wanted->ports[i].backend_count; j++)
			if (str_eq(net->wanted->ports[i].backends[j], id))
				return true;
	return false;
}

/* ---- planning a job ---- */

static int check_port(struct publish_job *job, const struct net_port *port, struct err *err)
{
	char name[PORT_HOLD_NAME_SIZE];

	if (port->proto != NET_TCP && port->proto != NET_UDP && port->proto != NET_SCTP)
		return err_set(err, ERR_INVALID, "published port %u: unknown protocol %d",
			       port->port, (int)port->proto);
	if (port->port == 0 || port->target == 0)
		return err_set(err, ERR_INVALID, "published port %u: ports must be 1 to 65535",
			       port->port);
	if (port->mode == NET_HOST && port->backend_count > 1)
		return err_set(err, ERR_INVALID,
			       "published port %u: mode host is for one container", port->port);
	if (map_get(job->accepted, port_hold_name(port->proto, port->address, port->port, name)))
		return err_set(err, ERR_CONFLICT, "port '%u' is already in use on this host",
			       port->port);
	return port_holds_take(job->net->holds, port->proto, port->address, port->port,
			       PORT_HOLD_PUBLISHED, NULL, err);
}

static void resolve_backends(struct publish_job *job, const struct net_port *port,
			     struct net_plan_port *ret)
{
	struct ip *ips = ARENA_ARRAY(&job->arena, struct ip, port->backend_count);

	*ret = (struct net_plan_port){
		.proto = port->proto, .address = port->address, .port = port->port,
		.target = port->target, .backends = ips
	};
	for (size_t i = 0; i < port->backend_count; i++) {
		struct attachment *attachment = net_find_ready(job->net, port->backends[i]);
		if (!attachment)
			continue;
		attachment->was_backend = true;
		ips[ret->count++] = attachment->ip;
	}
}

static void note_fresh(struct publish_job *job, const struct net_plan_port *port, const char *name)
{
	if (port->proto == NET_UDP && port->count > 0 && !map_get(job->net->udp_open, name))
		job->fresh_udp[job->fresh_count++] = port->port;
}

static void plan_job(struct publish_job *job)
{
	const struct wanted *wanted = job->net->wanted;

	job->ports = ARENA_ARRAY(&job->arena, struct net_plan_port, wanted->count);
	job->refused = ARENA_ARRAY(&job->arena, struct net_refusal, wanted->count);
	job->fresh_udp = ARENA_ARRAY(&job->arena, uint16_t, wanted->count);
	for (size_t i = 0; i < wanted->count; i++) {
		const struct net_port *port = &wanted->ports[i];
		char name[PORT_HOLD_NAME_SIZE];
		struct err err;
		if (check_port(job, port, &err) < 0) {
			job->refused[job->refused_count++] = (struct net_refusal){
				port->proto, port->address, port->port,
				arena_strdup(&job->arena, port->service_id), err
			};
			continue;
		}
		port_hold_name(port->proto, port->address, port->port, name);
		map_put(job->accepted, name, (void *)port);
		resolve_backends(job, port, &job->ports[job->port_count]);
		note_fresh(job, &job->ports[job->port_count++], name);
	}
	job->table = plan_table(job->net, &job->arena, job->ports, job->port_count,
				job->net->instance);
}

/* ---- on a work thread: touches the job and the job's sockets only ---- */

static void forget_udp(struct publish_job *job)
{
	struct netlink_io *io = &job->net->publish_conntrack;
	struct err err;

	if (job->fresh_count == 0 ||
	    (io->fd < 0 && netlink_io_open(io, NETLINK_NETFILTER, &err) < 0))
		return;
	/* Not worth failing for: such a flow finds the rule when its sender has paused for 30 s. */
	conntrack_io_forget_udp(io, job->fresh_udp, job->fresh_count, &err);
}

static void run_job(void *arg)
{
	struct publish_job *job = arg;

	if (job->must_read)
		nft_io_distrust(job->net->nft);
	job->has_failed = nft_io_apply(job->net->nft, job->table, &job->err) < 0;
	if (!job->has_failed)
		forget_udp(job);
}

/* ---- back on the loop ---- */

static bool is_accepted(void *arg, const char *name)
{
	return map_get(((struct publish_job *)arg)->accepted, name) != NULL;
}

static void note_in_force(struct publish_job *job)
{
	struct net *net = job->net;
	char name[PORT_HOLD_NAME_SIZE];

	port_holds_drop_others(net->holds, PORT_HOLD_PUBLISHED, is_accepted, job);
	map_free(net->udp_open);
	net->udp_open = map_new();
	for (size_t i = 0; i < job->port_count; i++) {
		const struct net_plan_port *port = &job->ports[i];
		if (port->proto == NET_UDP && port->count > 0)
			map_put(net->udp_open,
				port_hold_name(NET_UDP, port->address, port->port, name), net);
	}
}

static void tell_waiters(struct publish_job *job)
{
	LIST_EACH(item, &job->waiters) {
		struct publish_waiter *waiter = CONTAINER_OF(item, struct publish_waiter, node);
		if (job->net->is_closed)
			break;
		list_remove(item);
		waiter->fn(waiter->arg, job->refused, job->refused_count,
			   job->has_failed ? &job->err : NULL);
		free(waiter);
	}
}

static void job_free(struct publish_job *job)
{
	free_waiters(&job->waiters);
	map_free(job->accepted);
	arena_fini(&job->arena);
	free(job);
}

static void finish_job(void *arg)
{
	struct publish_job *job = arg;
	struct net *net = job->net;

	net->publish_job_runs = false;
	if (!net->is_closed && !job->has_failed)
		note_in_force(job);
	tell_waiters(job);
	job_free(job);
	net_publish_start(net);
	net_let_go(net);
}

static struct publish_job *job_new(struct net *net)
{
	struct publish_job *job = NEW(struct publish_job);

	job->net = net;
	job->accepted = map_new();
	job->must_read = net->nft_was_touched;
	list_init(&job->waiters);
	arena_init(&job->arena, "net plan", PLAN_ARENA_BYTES);
	plan_job(job);
	return job;
}

static void move_all(struct list *from, struct list *to)
{
	LIST_EACH(item, from) {
		list_remove(item);
		list_add_last(to, item);
	}
}

void net_publish_start(struct net *net)
{
	if (net->is_closed || net->is_purged || net->publish_job_runs || !net->publish_is_due)
		return;
	struct publish_job *job = job_new(net);
	if (!work_submit(net->work, &net->nft, run_job, finish_job, job)) {
		job_free(job);
		net_retry_soon(net);
		return;
	}
	/* The job cannot be back before the loop goes on, so what follows comes in time. */
	move_all(&net->publish_waiters, &job->waiters);
	net->publish_is_due = net->nft_was_touched = false;
	net->publish_job_runs = true;
	net_hold(net);
}

static void start_deferred(void *arg)
{
	struct net *net = arg;

	net->publish_is_scheduled = false;
	net_publish_start(net);
	net_let_go(net);
}

void net_publish_again(struct net *net)
{
	net->publish_is_due = true;
	if (net->publish_is_scheduled)
		return;
	net->publish_is_scheduled = true;
	net_hold(net);
	loop_defer(net->loop, start_deferred, net);
}

/* ---- the door ---- */

static int check_table(const struct net *net, const struct net_port *ports, size_t count,
		       struct err *err)
{
	size_t pairs = 0;

	if (net_can(net, NET_PUBLISH, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		pairs += ports[i].backend_count;
	if (count > NET_PORTS_MAX || pairs > NET_PAIRS_MAX)
		return err_set(
			err, ERR_EXHAUSTED,
			"%zu published ports with %zu backends: at most %d and %d are possible",
			count, pairs, NET_PORTS_MAX, NET_PAIRS_MAX);
	return 0;
}

void net_publish(struct net *net, const struct net_port *ports, size_t count, net_published_fn *fn,
		 void *arg)
{
	struct err err;

	if (check_table(net, ports, count, &err) < 0) {
		net_answer_later(net, (struct net_answer){ .published = fn, .arg = arg }, &err);
		return;
	}
	struct publish_waiter *waiter = NEW(struct publish_waiter);
	waiter->fn = fn;
	waiter->arg = arg;
	list_add_last(&net->publish_waiters, &waiter->node);
	wanted_free(net->wanted);
	net->wanted = copy_table(ports, count);
	net_publish_again(net);
}

int net_reserve_port(struct net *net, enum net_proto proto, struct ip address, uint16_t port,
		     uint16_t *ret_port, struct err *err)
{
	return port_holds_take(net->holds, proto, address, port, PORT_HOLD_RESERVED, ret_port, err);
}

void net_release_port(struct net *net, enum net_proto proto, struct ip address, uint16_t port)
{
	port_holds_drop(net->holds, proto, address, port, PORT_HOLD_RESERVED);
}

/* ---- the end ---- */

struct purge { struct net *net; net_done_fn *fn; void *arg; };

static void purge_run(void *arg)
{
	struct purge *purge = arg;
	char name[NFT_NAME_SIZE];
	struct err err;

	net_plan_table_name(purge->net->instance, name);
	/* What cannot be deleted is said by the removal of the links that follows, which needs the
	 * same right. */
	if (purge->net->nft)
		nft_io_delete_table(purge->net->nft, name, &err);
}

static void purge_done(void *arg)
{
	struct purge *purge = arg;
	struct net *net = purge->net;

	if (!net->is_closed)
		net_legs_purge(net, purge->fn, purge->arg);
	free(purge);
	net_let_go(net);
}

void net_purge(struct net *net, net_done_fn *fn, void *arg)
{
	struct purge *purge = NEW(struct purge);
	struct err err;

	*purge = (struct purge){ net, fn, arg };
	/* In the lane of the publish jobs, and the last of them. */
	if (!work_submit(net->work, &net->nft, purge_run, purge_done, purge)) {
		free(purge);
		err_set(&err, ERR_EXHAUSTED, "too much work is waiting; try again");
		net_answer_later(net, (struct net_answer){ .done = fn, .arg = arg }, &err);
		return;
	}
	net->is_purged = true;
	net_hold(net);
}
