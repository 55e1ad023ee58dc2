/* This node as a manager: the port it listens on, the manager that runs, what it tells of itself. */
#include "base/str.h"
#include "node/host_facts_io.h"
#include "node/node_internal.h"
#include "os/log.h"

enum { LISTEN_AGAIN_MS = 1000 };

/* ---- where others reach it --------------------------------------------------------------------------------------- */

int swarm_listen_now(struct host *host, struct err *err)
{
	if (host->swarm.is_listening)
		return 0;
	if (rpc_listen(host->swarm.rpc, host->swarm.listen, err) < 0)
		return err_wrap(err, "manager stopped: failed to listen on remote API address");
	host->swarm.is_listening = true;
	beacon_reset(host);
	return 0;
}

void swarm_listen(struct host *host)
{
	struct err err;

	if (swarm_listen_now(host, &err) == 0)
		return;
	log_error("swarm: %s; other nodes do not reach this manager", err.text);
	timer_set_in(&host->swarm.listen_again, LISTEN_AGAIN_MS);
}

void swarm_listen_again(void *arg)
{
	struct host *host = arg;

	if (host->swarm.manager)
		swarm_listen(host);
}

/* ---- what it does and says --------------------------------------------------------------------------------------- */

static void on_assign(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count,
		      bool is_complete)
{
	struct host *host = arg;

	agent_assign(host->agent, items, count, removed, removed_count, is_complete);
	if (!is_complete)
		return;
	swarm_close_client(host);       /* from here on it is its own manager's */
	if (host->swarm.is_mending)
		log_info("swarm: this manager serves again");
	host->swarm.is_mending = false;
	agent_report_all(host->agent);
	swarm_describe_manager(host);   /* nobody else does any more */
	swarm_follow_lock(host);
	post_set_renewal(host);         /* the calendar is known now */
	post_look(host);
}

void swarm_learn_role(struct host *host)
{
	const struct manager *manager = host->swarm.manager;
	const struct node *self = manager ? view_node(manager_view(manager), host->node_id) : NULL;

	if (self)
		host->swarm.wanted = self->spec.role;
}

static void on_applied(void *arg, const struct applied *applied)
{
	struct host *host = arg;
	bool is_about_us = false, is_about_cluster = false;

	if (host->api)
		api_on_applied(host->api, applied);
	for (size_t i = 0; i < applied->event_count; i++) {
		is_about_cluster = is_about_cluster || applied->events[i].kind == KIND_CLUSTER;
		is_about_us = is_about_us || (applied->events[i].kind == KIND_NODE && str_eq(applied->events[i].id, host->node_id));
	}
	if (is_about_cluster)
		swarm_follow_lock(host);        /* before whoever changed it is answered */
	if (is_about_us || is_about_cluster)
		post_look(host);
}

static void on_stopped(void *arg, const struct err *err)
{
	if (mend_can(arg, err))
		mend_begin(arg, err);
	else
		log_error("cluster state: %s; writes are refused, containers go on", err->text);
}

/* It may lead others that were left behind with it, so nothing but a human ends it. */
static void on_outlived(void *arg)
{
	struct host *host = arg;
	struct err err;

	err_set(&err, ERR_DENIED, SWARM_OUTLIVED);
	if (!str_eq(err.text, host->swarm.trouble.text))
		log_error("swarm: %s", err.text);
	host->swarm.trouble = err;
}

int swarm_open_manager(struct host *host, struct err *err)
{
	const struct manager_hooks hooks = { on_assign, on_applied, on_stopped, swarm_on_stream, on_outlived, host };
	struct swarm *swarm = &host->swarm;

	if (manager_open(host->loop, host->store, swarm->rpc, host->node_id, swarm->advertise, swarm->has_key ? &swarm->key : NULL, &hooks,
			 &swarm->manager, err) < 0)
		return -1;
	post_begin_doubt(host);
	for (size_t i = 0; i < swarm->managers.count; i++)
		manager_hint(swarm->manager, swarm->managers.items[i].node_id, swarm->managers.items[i].address);
	give_serve(host, true);
	return 0;
}

/* Whoever waits for it is told from within, and must find none. */
void swarm_close_manager(struct host *host)
{
	struct swarm *swarm = &host->swarm;
	struct manager *manager = swarm->manager;

	swarm->manager = NULL;
	beacon_reset(host);
	give_serve(host, false);
	manager_close(manager);
	rpc_unlisten(swarm->rpc);
	swarm->is_listening = false;
}

struct manager *swarm_manager(const struct host *host)
{
	struct manager *manager = host->swarm.manager;
	return manager && manager_is_founded(manager) ? manager : NULL;
}

void swarm_describe(struct host *host, struct arena *arena, struct node_description *ret)
{
	host_description(&host->facts, arena, ret);
	ret->tls = swarm_own_trust(host);
}

void swarm_describe_manager(struct host *host)
{
	struct node_description description;
	struct arena arena;

	arena_init(&arena, "description", DESCRIPTION_BYTES_MAX);
	swarm_describe(host, &arena, &description);
	manager_describe_node(host->swarm.manager, &description, host->swarm.advertise);
	arena_fini(&arena);
}

void swarm_tell_certificate(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	if (swarm_manager(host))
		swarm_describe_manager(host);
	else if (swarm->client && !cert_name_is_manager(&swarm->identity.facts.name))
		dispatch_client_renew(swarm->client);
}
