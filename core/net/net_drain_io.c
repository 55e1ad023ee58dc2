/* net_drain_io.c - waits until the connections to containers that leave have ended.
 *
 * The kernel would tell of ends by itself, but only for connections that began while somebody
 * listened for such events (since 5.18, nf_conntrack_events = 2), and listening all the time costs
 * each connection of a busy host. So the table is looked at: one filtered dump for all drains, at
 * pauses that grow from 5 to 50 ms, and nothing while no drain waits.
 */
#include <linux/netlink.h>
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "net/conntrack_io.h"
#include "net/net_inside.h"

#define PAUSE_MIN_MS 5
#define PAUSE_MAX_MS 50

struct drain {
	struct list node;
	struct ip ip;
	msec deadline;
	bool is_watched;                 /* the look under way covers it */
	net_done_fn *fn;
	void *arg;
};
struct drain_job {
	struct net *net;
	struct conntrack_target *targets;
	size_t count;
	bool has_failed;
	struct err err;
};

static struct drain *drain_of(struct list *node)
{
	return CONTAINER_OF(node, struct drain, node);
}

static void on_timer(void *arg)
{
	net_drain_start(arg);
}

void net_drain_init(struct net *net)
{
	list_init(&net->drains);
	timer_init(&net->drain_timer, net->loop, on_timer, net);
}

void net_drain_fini(struct net *net)
{
	LIST_EACH(item, &net->drains) {
		list_remove(item);
		free(drain_of(item));
	}
}

/* ---- on a work thread ---- */

static void run_job(void *arg)
{
	struct drain_job *job = arg;
	struct netlink_io *io = &job->net->drain_conntrack;

	if (io->fd < 0 && netlink_io_open(io, NETLINK_NETFILTER, &job->err) < 0)
		job->has_failed = true;
	else
		job->has_failed = conntrack_io_scan(io, job->targets, job->count, &job->err) < 0;
}

/* ---- back on the loop ---- */

static size_t live_count_of(const struct drain_job *job, struct ip ip)
{
	size_t count = 0;

	/* Drained twice at once, an address stands there twice and is counted at one of them. */
	for (size_t i = 0; i < job->count; i++)
		if (ip_eq(job->targets[i].ip, ip))
			count += job->targets[i].live_count;
	return count;
}

/* Moves what is over to another list first: a callback may drain, detach or close. When to look for
 * the others: after the pause, or when the first of them has waited long enough. */
static msec collect_done(struct drain_job *job, struct list *ret_over)
{
	struct net *net = job->net;
	msec now = loop_now(net->loop), next = now + net->drain_pause;

	LIST_EACH(item, &net->drains) {
		struct drain *drain = drain_of(item);
		bool is_empty = drain->is_watched &&
				(job->has_failed || live_count_of(job, drain->ip) == 0);
		if (is_empty || now >= drain->deadline) {
			list_remove(item);
			list_add_last(ret_over, item);
		} else {
			next = MIN(next, drain->deadline);
		}
	}
	return next;
}

static void tell(struct net *net, struct list *over, const struct err *err)
{
	while (!list_is_empty(over)) {
		struct drain *drain = drain_of(over->next);
		list_remove(&drain->node);
		if (!net->is_closed)
			drain->fn(drain->arg, err);
		free(drain);
	}
}

static void finish_job(void *arg)
{
	struct drain_job *job = arg;
	struct net *net = job->net;
	struct list over;

	list_init(&over);
	net->drain_job_runs = false;
	msec next = collect_done(job, &over);
	/* Before the callbacks: they may drain more, which looks sooner, or close. */
	if (!net->is_closed && !list_is_empty(&net->drains)) {
		timer_set(&net->drain_timer, next);
		net->drain_pause = MIN(net->drain_pause * 3 / 2, PAUSE_MAX_MS);
	}
	tell(net, &over, job->has_failed ? &job->err : NULL);
	free(job->targets);
	free(job);
	net_let_go(net);
}

static struct drain_job *job_new(struct net *net)
{
	struct drain_job *job = NEW(struct drain_job);
	size_t count = 0;

	LIST_EACH(item, &net->drains) {
		drain_of(item)->is_watched = true;
		count++;
	}
	job->net = net;
	job->targets = NEW_ARRAY(struct conntrack_target, MAX(count, (size_t)1));
	LIST_EACH(item, &net->drains)
		job->targets[job->count++].ip = drain_of(item)->ip;
	return job;
}

void net_drain_start(struct net *net)
{
	if (net->is_closed || net->drain_job_runs || list_is_empty(&net->drains))
		return;
	struct drain_job *job = job_new(net);
	if (!work_submit(net->work, NULL, run_job, finish_job, job)) {
		free(job->targets);
		free(job);
		net_retry_soon(net);
		return;
	}
	net->drain_job_runs = true;
	net_hold(net);
}

void net_drain(struct net *net, const char *id, msec wait_max, net_done_fn *fn, void *arg)
{
	struct attachment *attachment = map_get(net->attachments, id);

	if (!attachment || !attachment->was_backend || net->missing[NET_PUBLISH].code) {
		net_answer_later(net, (struct net_answer){ .done = fn, .arg = arg }, NULL);
		return;
	}
	struct drain *drain = NEW(struct drain);
	*drain = (struct drain){ .ip = attachment->ip,
				 .deadline = loop_now(net->loop) + wait_max,
				 .fn = fn,
				 .arg = arg };
	list_add_last(&net->drains, &drain->node);
	net->drain_pause = PAUSE_MIN_MS;
	/* At the end of this round, with all that leave in it. */
	timer_set(&net->drain_timer, loop_now(net->loop));
}
