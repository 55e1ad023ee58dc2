/* What this node is in a cluster: going on with it after a start, and what people are told. */
#include "base/str.h"
#include "node/node_internal.h"
#include "os/entropy.h"
#include "os/log.h"
#include "pki/unlock_key.h"

static struct tls_context *context(void *arg)
{
	struct host *host = arg;

	tls_context_agree(host->swarm.tls, swarm_calendar(host));
	return host->swarm.tls;
}

/* A node that was removed has a good certificate still. Who does not know the cluster yet cannot tell, nor who hears of no leader: a manager that
 * was cut off may have to listen to one that came meanwhile. */
static int admit(void *arg, const struct cert_name *peer, struct err *err)
{
	const struct manager *manager = swarm_manager(arg);

	if (!manager || manager_staleness(manager) || view_node(manager_view(manager), peer->node_id))
		return 0;
	return err_set(err, ERR_DENIED, "node %s is not in this swarm, or was removed from it", peer->node_id);
}

bool swarm_is_alone(void *arg)
{
	const struct host *host = arg;
	const struct swarm *swarm = &host->swarm;

	if (swarm->client)
		return !dispatch_client_is_led(swarm->client);
	return host->node_id[0] && (!swarm->manager || !manager_has_leader(swarm->manager));
}

void swarm_report(struct host *host, const struct task_status *status)
{
	if (host->swarm.client)
		dispatch_client_report(host->swarm.client, status);
	else if (host->swarm.manager)
		manager_report(host->swarm.manager, status);
}

/* ---- what people are told ---------------------------------------------------------------------------------------- */

void swarm_facts(void *arg, struct api_swarm_facts *ret)
{
	static struct arena arena;      /* until the next call */
	struct host *host = arg;
	const struct swarm *swarm = &host->swarm;
	const struct manager *manager = swarm_manager(host);
	bool is_joining = swarm->changing && swarm->changing->is_join;

	if (arena.name)
		arena_fini(&arena);
	arena_init(&arena, "swarm facts", MANAGERS_BYTES_MAX);
	*ret = (struct api_swarm_facts){ .state = "inactive", .error = "", .node_id = "", .address = "", .clock_trouble = swarm->clock_trouble };
	if (!host->node_id[0] && !is_joining)
		return;
	if (swarm->is_locked) {
		ret->state = "locked";
		ret->error = UNLOCK_NEEDED;
		return;
	}
	ret->state = is_joining ? "pending" : "active";
	ret->node_id = host->node_id;
	ret->address = swarm->address;
	ret->managers = swarm->managers;
	if (manager) {
		CLEANUP(buf_finip) struct buf skew = BUF_INIT;

		dispatcher_managers(manager_view(manager), &arena, &ret->managers);
		manager_clock_skew(manager, &skew);
		ret->clock_trouble = arena_strdup(&arena, buf_text(&skew));
	}
	ret->is_mending = swarm->is_mending;
	if (swarm->trouble.code && (swarm->client || swarm->trouble.code == ERR_DENIED))
		ret->error = swarm->trouble.text;
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

/* A crash between the founding's first step and its entry: there is nothing in it that anybody was told of. */
static int wipe_unfounded(struct host *host, struct err *err)
{
	log_warn("an interrupted init is undone");
	swarm_close_manager(host);
	return store_cluster_wipe(host->store, err) < 0 ? -1 : swarm_forget(host, err);
}

static void adopt_old_addresses(struct host *host)
{
	const struct node *self = view_node(manager_view(host->swarm.manager), host->node_id);
	struct err err;

	if (host->swarm.listen[0] || !self || !self->manager)
		return;
	if (swarm_set_address(host, "0.0.0.0:2377", self->manager->address, &err) < 0)
		log_warn("node.db: %s", err.text);
}

int swarm_go_on(struct host *host, bool has_identity, struct err *err)
{
	if (!host->node_id[0])
		return err_set(err, ERR_IO, "node.db does not say which node this is, though raft.db holds a cluster: was node.db removed?");
	if (swarm_open_manager(host, err) < 0 && mend_can(host, err)) {
		swarm_learn_address(host, host->swarm.advertise);
		host->swarm.wanted = ROLE_MANAGER;
		mend_begin(host, err);
		return 0;
	}
	if (!host->swarm.manager)
		return -1;
	if (!has_identity && !manager_is_founded(host->swarm.manager))
		return wipe_unfounded(host, err);
	if (!has_identity && swarm_certify(host, err) < 0)
		return err_wrap(err, "certificate of this node");
	host->swarm.wanted = ROLE_MANAGER;
	if (manager_is_founded(host->swarm.manager)) {
		adopt_old_addresses(host);
		swarm_learn_role(host);
	}
	swarm_learn_address(host, host->swarm.advertise);
	swarm_listen(host);
	swarm_describe_manager(host);
	post_seek_membership(host);
	return 0;
}

/* The keys are open. */
static int go_on(struct host *host, struct err *err)
{
	struct swarm *swarm = &host->swarm;
	bool has_identity;

	if (swarm_load_identity(host, &has_identity, err) < 0)
		return -1;
	if (replica_exists(host->store))
		return swarm_go_on(host, has_identity, err);
	if (has_identity && host->node_id[0]) {
		swarm_learn_address(host, swarm->advertise);
		swarm->wanted = ROLE_WORKER;
		swarm_open_client(host);
		return 0;
	}
	/* Tasks of a cluster this node has left must not come back. */
	agent_assign(host->agent, NULL, 0, NULL, 0, true);
	return has_identity || host->node_id[0] || swarm->has_key ? swarm_forget(host, err) : 0;
}

int swarm_open(struct host *host, struct err *err)
{
	struct swarm *swarm = &host->swarm;
	const struct rpc_config config = { .context = context, .admit = admit, .arg = host, .format_level = FORMAT_LEVEL,
					   .limits = RPC_LIMITS_DEFAULT };
	uint64_t seed;

	entropy_fill(&seed, sizeof seed);
	rng_seed(&swarm->rng, seed);
	timer_init(&swarm->listen_again, host->loop, swarm_listen_again, host);
	post_open(host);
	beacon_open(host);
	reach_open(host);
	swarm->rpc = rpc_new(host->loop, host->work, &config);
	swarm_open_door(host);
	if (swarm_use_no_identity(host, err) < 0)
		return -1;
	if (swarm_load_cluster_key(host, NULL, err) == 0)
		return go_on(host, err);
	if (err->code != ERR_UNAVAILABLE)
		return -1;
	if (swarm_needs_no_key(host)) {
		swarm_end_manager(host);
		return go_on(host, err);
	}
	swarm->is_locked = true;
	log_warn("swarm: locked; tasks that run go on, and nothing else until `swarmbox swarm unlock`");
	return 0;
}

int swarm_unlock(void *arg, const struct seal_key *lock, struct err *err)
{
	struct host *host = arg;
	struct swarm *swarm = &host->swarm;

	if (swarm_load_cluster_key(host, lock, err) < 0)
		return -1;
	swarm->is_locked = false;
	if (go_on(host, err) == 0) {
		log_info("swarm: unlocked");
		return 0;
	}
	swarm_close_manager(host);
	swarm_drop_cluster_key(host);
	swarm->is_locked = true;
	return err_wrap(err, "swarm component could not be started");
}

void swarm_close(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	wishes_drop(host);
	if (!swarm->rpc)
		return;
	post_close(host);
	beacon_close(host);
	reach_close(host);
	seek_close(host);
	join_drop(host);
	change_drop(host);
	timer_cancel(&swarm->listen_again);
	swarm_close_manager(host);
	dispatch_client_free(swarm->client);
	swarm->client = NULL;
	rpc_free(swarm->rpc);
	swarm->rpc = NULL;
	door_close(swarm->door);
	swarm->door = NULL;
	tls_context_drop(swarm->tls);
	identity_fini(&swarm->identity);
	swarm_drop_cluster_key(host);
	buf_fini(&swarm->issuer_subject);
	buf_fini(&swarm->issuer_key);
}
