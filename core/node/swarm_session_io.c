/* This node as a worker: its session with a manager. */
#include "base/str.h"
#include "node/node_internal.h"
#include "os/clock.h"
#include "os/log.h"

static void describe_session(void *arg, struct arena *arena, struct session_ask *ret)
{
	struct host *host = arg;

	swarm_describe(host, arena, &ret->description);
	ret->address = host->swarm.advertise;
	ret->clock = clock_wall_ns();
}

static void on_session_assign(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count,
			      bool is_complete)
{
	struct host *host = arg;
	agent_assign(host->agent, items, count, removed, removed_count, is_complete);
	if (is_complete)
		agent_report_all(host->agent);
}

static void on_session_open(void *arg)
{
	struct host *host = arg;

	host->swarm.trouble.code = 0;
	if (host->swarm.changing && host->swarm.changing->is_join && !host->swarm.manager)
		change_end(host, NULL);
}

static void on_news(void *arg, const struct session_news *news)
{
	struct host *host = arg;

	if (news->calendar > 0)
		swarm_take_times(host, news);
	host->swarm.wanted = news->role;
	host->swarm.must_renew = !str_is_empty(news->tls.trust_root) && !swarm_has_trust(host, &news->tls);
	if (news->managers.count)
		swarm_keep_managers(host, &news->managers, news->generation);
	post_look(host);
}

static void on_trouble(void *arg, const struct err *err)
{
	struct swarm *swarm = &((struct host *)arg)->swarm;

	/* nothing here mends that: said once, and not with every attempt */
	if (err->code == ERR_DENIED && swarm->trouble.code != ERR_DENIED)
		log_error("swarm: %s", err->text);
	swarm->trouble = *err;
}

void swarm_open_client(struct host *host)
{
	const struct dispatch_client_hooks hooks = { describe_session, on_session_assign, on_session_open, on_news, on_trouble, host };

	host->swarm.client = dispatch_client_new(host->loop, host->swarm.rpc, host->node_id, &hooks);
	dispatch_client_set_managers(host->swarm.client, &host->swarm.managers, host->swarm.generation);
}

static void free_client(void *arg)
{
	dispatch_client_free(arg);
}

/* It may be on the stack: what it has heard may be why it is closed. */
void swarm_close_client(struct host *host)
{
	struct dispatch_client *client = host->swarm.client;

	host->swarm.client = NULL;
	if (client)
		loop_defer(host->loop, free_client, client);
}
