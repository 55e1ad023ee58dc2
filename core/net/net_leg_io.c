/* net_leg_io.c - attachments: who has which address, and the queue of legs to make and to remove.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "net/conntrack_io.h"
#include "net/leg_io.h"
#include "net/net_inside.h"
#include "os/file.h"

/* In the order in which a job does them. A sweep comes before the attachments, which may give an id
 * that it clears away a new leg of the same name. A removal comes last, for nobody waits for it to
 * start something; no id is in both, unless it was attached and detached at once. */
enum leg_op_kind { LEG_SWEEP, LEG_LOOPBACK, LEG_ATTACH, LEG_DETACH, LEG_PURGE };
#define LEG_KINDS (LEG_PURGE + 1)
struct leg_op {
	struct list node;
	enum leg_op_kind kind;
	char id[NET_ID_SIZE];
	struct leg leg;                          /* ATTACH */
	int netns_fd;                            /* ATTACH, LOOPBACK: ours */
	char (*links)[IF_NAMESIZE];              /* DETACH, SWEEP: to remove */
	struct conntrack_target *targets; /* DETACH, SWEEP: addresses whose connections to forget */
	size_t link_count, target_count;
	net_attached_fn *attached;
	net_done_fn *done;
	void *arg;
	bool has_failed;
	struct err err;
};
/* All that had been asked for when it started. */
struct leg_job { struct net *net; struct list ops; };

/* ---- lifetime ---- */

void net_legs_init(struct net *net)
{
	net->attachments = map_new();
	net->leftovers = map_new();
	list_init(&net->leg_ops);
}

static void op_free(struct leg_op *op)
{
	fd_closep(&op->netns_fd);
	free(op->links);
	free(op->targets);
	free(op);
}

static void free_ops(struct list *ops)
{
	LIST_EACH(item, ops) {
		list_remove(item);
		op_free(CONTAINER_OF(item, struct leg_op, node));
	}
}

static void free_values(struct map *map)
{
	const char *key;
	void *value;

	for (size_t at = 0; map_next(map, &at, &key, &value);)
		free(value);
	map_free(map);
}

void net_legs_fini(struct net *net)
{
	free_ops(&net->leg_ops);
	free_values(net->attachments);
	free_values(net->leftovers);
}

/* ---- on a work thread: touches the job and the job's sockets only ---- */

static void doom(struct net *net, struct leg_op *op, struct buf *targets)
{
	uint32_t group = net_plan_doom_group(net->instance);

	buf_add(targets, op->targets, op->target_count * sizeof(*op->targets));
	for (size_t i = 0; i < op->link_count; i++)
		op->has_failed |= leg_doom(&net->route, group, op->links[i], &op->err) < 0;
}

/* Not worth failing for: entries end by themselves. */
static void forget_connections(struct net *net, struct buf *targets)
{
	struct conntrack_target *items = (struct conntrack_target *)(void *)targets->data;
	struct err err;

	if (targets->len == 0 ||
	    (net->leg_conntrack.fd < 0 &&
	     netlink_io_open(&net->leg_conntrack, NETLINK_NETFILTER, &err) < 0))
		return;
	conntrack_io_scan(&net->leg_conntrack, items, targets->len / sizeof(*items), &err);
}

static void fail_all(struct leg_job *job, enum leg_op_kind kind, const struct err *err)
{
	LIST_EACH(item, &job->ops) {
		struct leg_op *op = CONTAINER_OF(item, struct leg_op, node);
		if (op->kind != kind || op->has_failed)
			continue;
		op->has_failed = true;
		op->err = *err;
	}
}

/* All of a kind together: the kernel waits once for the end of many links. */
static void remove_all(struct leg_job *job, enum leg_op_kind kind)
{
	CLEANUP(buf_finip) struct buf targets = BUF_INIT;
	uint32_t group = net_plan_doom_group(job->net->instance);
	size_t link_count = 0;
	struct err err;

	LIST_EACH(item, &job->ops) {
		struct leg_op *op = CONTAINER_OF(item, struct leg_op, node);
		if (op->kind != kind)
			continue;
		doom(job->net, op, &targets);
		link_count += op->link_count;
	}
	forget_connections(job->net, &targets);
	if (link_count > 0 && leg_end_doomed(&job->net->route, group, &err) < 0)
		fail_all(job, kind, &err);
}

static void make_all(struct leg_job *job, enum leg_op_kind kind)
{
	LIST_EACH(item, &job->ops) {
		struct leg_op *op = CONTAINER_OF(item, struct leg_op, node);
		if (op->kind != kind)
			continue;
		if (kind == LEG_ATTACH)
			op->has_failed = leg_make(&job->net->route, &op->leg, op->netns_fd,
						  &op->err) < 0;
		else
			op->has_failed = leg_loopback(op->netns_fd, &op->err) < 0;
	}
}

static void run_job(void *arg)
{
	struct leg_job *job = arg;

	for (enum leg_op_kind kind = 0; kind < LEG_KINDS; kind++) {
		if (kind == LEG_ATTACH || kind == LEG_LOOPBACK)
			make_all(job, kind);
		else
			remove_all(job, kind);
	}
}

/* ---- back on the loop ---- */

static void drop_attachment(struct net *net, struct attachment *attachment)
{
	ipam_give_back(net->ipam, attachment->ip);
	map_remove(net->attachments, attachment->id);
	free(attachment);
}

static void finish_attach(struct net *net, struct leg_op *op)
{
	struct attachment *attachment = map_get(net->attachments, op->id);
	struct ip ip = attachment->ip;

	/* A net_detach may wait behind us; then the attachment is its. */
	if (attachment->state == ATTACHMENT_MAKING) {
		if (op->has_failed)
			drop_attachment(net, attachment);
		else
			attachment->state = ATTACHMENT_READY;
	}
	op->attached(op->arg, ip, op->has_failed ? &op->err : NULL);
}

/* A leg that could not be removed keeps its address: nobody else may get it. It can be tried again.
 */
static void finish_detach(struct net *net, struct leg_op *op)
{
	struct attachment *attachment = map_get(net->attachments, op->id);

	if (op->has_failed)
		attachment->state = ATTACHMENT_READY;
	else
		drop_attachment(net, attachment);
}

static void finish_op(struct net *net, struct leg_op *op)
{
	switch (op->kind) {
	case LEG_ATTACH:
		finish_attach(net, op);
		return;
	case LEG_DETACH:
		finish_detach(net, op);
		break;
	case LEG_SWEEP:
		for (size_t i = 0; !op->has_failed && i < op->target_count; i++)
			ipam_give_back(net->ipam, op->targets[i].ip);
		break;
	case LEG_LOOPBACK:
	case LEG_PURGE:
		break;
	}
	op->done(op->arg, op->has_failed ? &op->err : NULL);
}

static void finish_job(void *arg)
{
	struct leg_job *job = arg;
	struct net *net = job->net;

	net->leg_job_runs = false;
	LIST_EACH(item, &job->ops) {
		struct leg_op *op = CONTAINER_OF(item, struct leg_op, node);
		list_remove(item);
		if (!net->is_closed)
			finish_op(net, op);
		op_free(op);
	}
	free(job);
	net_legs_start(net);
	net_let_go(net);
}

static void start_deferred(void *arg)
{
	struct net *net = arg;

	net->leg_job_runs = false;
	net_legs_start(net);
	net_let_go(net);
}

static struct leg_job *take_ops(struct net *net)
{
	struct leg_job *job = NEW(struct leg_job);

	job->net = net;
	list_init(&job->ops);
	LIST_EACH(item, &net->leg_ops) {
		list_remove(item);
		list_add_last(&job->ops, item);
	}
	return job;
}

void net_legs_start(struct net *net)
{
	if (net->is_closed || net->leg_job_runs || list_is_empty(&net->leg_ops))
		return;
	net->leg_job_runs = true;
	net_hold(net);

	struct leg_job *job = take_ops(net);
	if (work_submit(net->work, NULL, run_job, finish_job, job))
		return;
	LIST_EACH(item, &job->ops) {
		list_remove(item);
		list_add_last(&net->leg_ops, item);
	}
	free(job);
	net->leg_job_runs = false;
	net_retry_soon(net);
	net_let_go(net);
}

/* Everything asked for in one round of the loop is one job. */
static void submit(struct net *net, struct leg_op *op)
{
	list_add_last(&net->leg_ops, &op->node);
	if (net->leg_job_runs)
		return;
	net->leg_job_runs = true;
	net_hold(net);
	loop_defer(net->loop, start_deferred, net);
}

static struct leg_op *op_new(enum leg_op_kind kind, net_done_fn *done, void *arg)
{
	struct leg_op *op = NEW(struct leg_op);

	op->kind = kind;
	op->netns_fd = -1;
	op->done = done;
	op->arg = arg;
	return op;
}

static int dup_netns(int fd, int *ret_fd, struct err *err)
{
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret_fd < 0 ? err_sys(err, "duplicate the network namespace's descriptor") : 0;
}

/* ---- attaching ---- */

static int take_address(struct net *net, struct ip exact, struct ip *ret_ip, struct err *err)
{
	if (exact.family == 0)
		return ipam_take(net->ipam, ret_ip, err);
	*ret_ip = exact;
	return ipam_take_exact(net->ipam, exact, err);
}

static void drop_leftover(struct net *net, const char *key, struct leftover *leftover)
{
	if (leftover->ip.family)
		ipam_give_back(net->ipam, leftover->ip);
	map_remove(net->leftovers, key);
	free(leftover);
}

/* leg_make replaces a leg of the same id that an agent before us left. */
static void forget_leftover(struct net *net, const char *id)
{
	struct leftover *leftover = map_get(net->leftovers, id);

	if (leftover)
		drop_leftover(net, id, leftover);
}

static struct leg leg_of(const struct net *net, const char *id, struct ip ip)
{
	struct leg leg = {
		.bridge_index = net->plan.index,
		.doom_group = net_plan_doom_group(net->instance),
		.mtu = net->plan.mtu,
		.address = { ip, net->plan.subnet.prefix },
		.gateway = net->plan.gateway,
	};

	net_plan_leg_name(net->instance, id, leg.name);
	net_plan_leg_alias(net->instance, id, ip, leg.alias);
	return leg;
}

static int begin_attach(struct net *net, const char *id, int netns_fd, struct ip exact,
			struct leg_op *op, struct err *err)
{
	struct ip ip;

	if (net_can(net, NET_ATTACH, err) < 0)
		return -1;
	if (!net_plan_is_id(id))
		return err_set(err, ERR_INVALID, "attachment '%s': not an id", id ? id : "");
	if (map_get(net->attachments, id))
		return err_set(err, ERR_CONFLICT, "attachment '%s': attached already", id);
	forget_leftover(net, id);
	if (dup_netns(netns_fd, &op->netns_fd, err) < 0 || take_address(net, exact, &ip, err) < 0)
		return -1;

	struct attachment *attachment = NEW(struct attachment);
	*attachment = (struct attachment){ .ip = ip, .state = ATTACHMENT_MAKING };
	str_copy(attachment->id, sizeof(attachment->id), id);
	str_copy(op->id, sizeof(op->id), id);
	map_put(net->attachments, id, attachment);
	op->leg = leg_of(net, id, ip);
	return 0;
}

void net_attach(struct net *net, const char *id, int netns_fd, struct ip exact, net_attached_fn *fn,
		void *arg)
{
	struct leg_op *op = op_new(LEG_ATTACH, NULL, arg);
	struct err err;

	op->attached = fn;
	if (begin_attach(net, id, netns_fd, exact, op, &err) == 0) {
		submit(net, op);
		return;
	}
	op_free(op);
	net_answer_later(net, (struct net_answer){ .attached = fn, .arg = arg }, &err);
}

int net_adopt(struct net *net, const char *id, struct ip *ret_ip, struct err *err)
{
	struct leftover *leftover = map_get(net->leftovers, id);

	if (map_get(net->attachments, id))
		return err_set(err, ERR_CONFLICT, "attachment '%s': attached already", id);
	if (!leftover || leftover->ip.family == 0)
		return err_set(err, ERR_NOT_FOUND, "attachment '%s': no link of it is left", id);

	struct attachment *attachment = NEW(struct attachment);
	*attachment = (struct attachment){ .ip = leftover->ip,
					   .state = ATTACHMENT_READY,
					   .was_backend = true };
	str_copy(attachment->id, sizeof(attachment->id), id);
	map_put(net->attachments, id, attachment);
	map_remove(net->leftovers, id);
	free(leftover);
	*ret_ip = attachment->ip;
	return 0;
}

struct attachment *net_find_ready(const struct net *net, const char *id)
{
	struct attachment *attachment = map_get(net->attachments, id);

	return attachment && attachment->state == ATTACHMENT_READY ? attachment : NULL;
}

void net_loopback(struct net *net, int netns_fd, net_done_fn *fn, void *arg)
{
	struct leg_op *op = op_new(LEG_LOOPBACK, fn, arg);
	struct err err;

	if (dup_netns(netns_fd, &op->netns_fd, &err) == 0) {
		submit(net, op);
		return;
	}
	op_free(op);
	net_answer_later(net, (struct net_answer){ .done = fn, .arg = arg }, &err);
}

/* ---- detaching ---- */

static void reserve_lists(struct leg_op *op, size_t count)
{
	op->links = mem_new(MAX(count, (size_t)1), sizeof(*op->links));
	op->targets = NEW_ARRAY(struct conntrack_target, MAX(count, (size_t)1));
}

static void add_target(struct leg_op *op, struct ip ip)
{
	op->targets[op->target_count++] = (struct conntrack_target){ .ip = ip, .forget_all = true };
}

void net_detach(struct net *net, const char *id, net_done_fn *fn, void *arg)
{
	struct attachment *attachment = map_get(net->attachments, id);

	if (!attachment || attachment->state == ATTACHMENT_GOING) {
		net_answer_later(net, (struct net_answer){ .done = fn, .arg = arg }, NULL);
		return;
	}
	struct leg_op *op = op_new(LEG_DETACH, fn, arg);
	str_copy(op->id, sizeof(op->id), id);
	reserve_lists(op, 1);
	net_plan_leg_name(net->instance, id, op->links[op->link_count++]);
	if (attachment->was_backend)
		add_target(op, attachment->ip);
	attachment->state = ATTACHMENT_GOING;
	if (net_publish_names(net, id))
		net_publish_again(net);
	submit(net, op);
}

/* ---- after a crash ---- */

/* A half-made leg, one that was about to be removed, a second one with the same address, or one
 * outside the range is only good for sweeping. */
static bool can_be_adopted(struct net *net, const struct link *link, char ret_id[NET_ID_SIZE],
			   struct ip *ret_ip)
{
	struct err err;

	return link->group != net_plan_doom_group(net->instance) &&
	       net_plan_read_alias(net->instance, link->alias, ret_id, ret_ip) &&
	       ipam_take_exact(net->ipam, *ret_ip, &err) == 0;
}

void net_legs_recover(struct net *net, const struct reality *reality)
{
	for (size_t i = 0; i < reality->link_count; i++) {
		const struct link *link = &reality->links[i];
		char id[NET_ID_SIZE];

		if (link->master != net->plan.index || !net_plan_is_leg_name(link->name))
			continue;
		struct leftover *leftover = NEW(struct leftover);
		str_copy(leftover->link, sizeof(leftover->link), link->name);
		if (!can_be_adopted(net, link, id, &leftover->ip)) {
			str_copy(id, sizeof(id), link->name);
			leftover->ip = (struct ip){ 0 };
		}
		free(map_put(net->leftovers, id, leftover));
	}
}

static struct leg_op *sweep_op(struct net *net, size_t more, net_done_fn *fn, void *arg)
{
	struct leg_op *op = op_new(LEG_SWEEP, fn, arg);
	const char *key;
	void *value;

	reserve_lists(op, map_count(net->leftovers) + more);
	for (size_t at = 0; map_next(net->leftovers, &at, &key, &value);) {
		struct leftover *leftover = value;
		memcpy(op->links[op->link_count++], leftover->link, IF_NAMESIZE);
		if (leftover->ip.family)
			add_target(op, leftover->ip);
		map_remove(net->leftovers, key);
		free(leftover);
	}
	return op;
}

void net_sweep(struct net *net, net_done_fn *fn, void *arg)
{
	submit(net, sweep_op(net, 0, fn, arg));
}

/* The bridge last: a port of it would become a link that nobody knows. */
void net_legs_purge(struct net *net, net_done_fn *fn, void *arg)
{
	struct leg_op *op = sweep_op(net, map_count(net->attachments) + 1, fn, arg);
	const char *id;
	void *value;

	op->kind = LEG_PURGE;
	for (size_t at = 0; map_next(net->attachments, &at, &id, &value);)
		net_plan_leg_name(net->instance, id, op->links[op->link_count++]);
	if (net->plan.is_ours && net->plan.index)
		str_copy(op->links[op->link_count++], IF_NAMESIZE, net->bridge);
	submit(net, op);
}
