/* What this node is in a cluster: going on after a start, init, leave. One change at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/panic.h"
#include "base/str.h"
#include "node/address_io.h"
#include "node/host_facts_io.h"
#include "node/node_internal.h"
#include "os/entropy.h"

enum { CLUSTER_PORT = 2377, DESCRIPTION_BYTES_MAX = 1 << 20 };

/* Somebody waits for an init or a leave. */
struct changing { struct host *host; api_swarm_done_fn *done; void *arg; };

static void finish_change(struct host *host, const struct err *err)
{
	struct changing *changing = host->changing;

	host->changing = NULL;
	changing->done(changing->arg, host->node_id, err);
	free(changing);
}

/* Answered from the loop, as every verb is. */
struct refusal { api_swarm_done_fn *done; void *arg; struct err err; };

static void tell_refusal(void *arg)
{
	struct refusal *refusal = arg;

	refusal->done(refusal->arg, "", &refusal->err);
	free(refusal);
}

static void refuse(struct host *host, api_swarm_done_fn *done, void *arg, const struct err *err)
{
	struct refusal *refusal = NEW(struct refusal);

	*refusal = (struct refusal){ done, arg, *err };
	loop_defer(host->loop, tell_refusal, refusal);
}

static bool begin_change(struct host *host, api_swarm_done_fn *done, void *arg)
{
	struct err err;

	if (host->changing) {
		err_set(&err, ERR_UNAVAILABLE, "another init or leave of this node is under way: try again in a moment");
		refuse(host, done, arg, &err);
		return false;
	}
	host->changing = NEW(struct changing);
	*host->changing = (struct changing){ host, done, arg };
	return true;
}

/* ---- the manager's hooks ----------------------------------------------------------------------------------------- */

static void on_assign(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count,
		      bool is_complete)
{
	struct host *host = arg;

	agent_assign(host->agent, items, count, removed, removed_count, is_complete);
	if (is_complete)
		agent_report_all(host->agent);
}

static void on_applied(void *arg, const struct applied *applied)
{
	struct host *host = arg;

	if (host->api)
		api_on_applied(host->api, applied);
}

static void on_stopped(void *arg, const struct err *err)
{
	(void)arg;
	log_error("cluster state: %s; writes are refused, containers go on", err->text);
}

static int open_manager(struct host *host, struct err *err)
{
	struct manager_hooks hooks = { on_assign, on_applied, on_stopped, host };
	return manager_open(host->loop, host->store, host->node_id, &hooks, &host->manager, err);
}

static void describe(struct host *host)
{
	struct arena arena;
	struct node_description description;

	arena_init(&arena, "description", DESCRIPTION_BYTES_MAX);
	host_description(&host->facts, &arena, &description);
	manager_describe_node(host->manager, &description);
	arena_fini(&arena);
}

static void learn_address(struct host *host)
{
	const struct node *self = view_node(manager_view(host->manager), host->node_id);

	if (self)
		str_copy(host->address, sizeof host->address, self->status.address);
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

/* A crash between the founding's first step and its entry: there is nothing in it that anybody was told of. */
static int wipe_unfounded(struct host *host, struct err *err)
{
	log_warn("an interrupted init is undone");
	manager_close(host->manager);
	host->manager = NULL;
	host->node_id[0] = 0;
	return store_cluster_wipe(host->store, err) < 0 ? -1 : node_set(host, "node_id", NULL, err);
}

int swarm_open(struct host *host, struct err *err)
{
	if (!replica_exists(host->store)) {
		/* Tasks of a cluster this node has left must not come back. */
		agent_assign(host->agent, NULL, 0, NULL, 0, true);
		host->node_id[0] = 0;
		return 0;
	}
	if (!host->node_id[0])
		return err_set(err, ERR_IO, "node.db does not say which node this is, though raft.db holds a cluster: was node.db removed?");
	if (open_manager(host, err) < 0)
		return -1;
	if (!manager_is_founded(host->manager))
		return wipe_unfounded(host, err);
	learn_address(host);
	describe(host);
	return 0;
}

/* ---- init -------------------------------------------------------------------------------------------------------- */

static void undo_init(struct host *host)
{
	struct err err;

	manager_close(host->manager);
	host->manager = NULL;
	host->node_id[0] = host->address[0] = 0;
	if (store_cluster_wipe(host->store, &err) < 0)
		log_error("undo of a failed init: %s", err.text);
}

static void founded(void *arg, uint64_t index, const struct err *err)
{
	struct host *host = arg;
	struct err failure;

	(void)index;
	if (!err) {
		log_info("swarm: founded, this node is %s", host->node_id);
		finish_change(host, NULL);
		return;
	}
	failure = *err;
	undo_init(host);
	finish_change(host, &failure);
}

static int check_init(const struct host *host, const struct api_swarm_init *init, struct err *err)
{
	if (host->manager)
		return err_set(err, ERR_UNAVAILABLE, "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and "
			       "join another one.");
	if (init->force_new_cluster)
		return err_set(err, ERR_UNSUPPORTED, "--force-new-cluster is not supported by swarmbox yet");
	if (init->spec->encryption.auto_lock)
		return err_set(err, ERR_UNSUPPORTED, "--autolock is not supported by swarmbox yet");
	return 0;
}

static int start_cluster(struct host *host, const struct api_swarm_init *init, struct err *err)
{
	struct arena arena;
	struct node_description description;
	char cluster_id[ID_SIZE], ip_text[IP_TEXT_SIZE], address[80];
	struct ip ip, listen_ip;
	uint16_t port, listen_port;
	const char *listen = str_is_empty(init->listen_addr) ? host->settings->listen_addr : init->listen_addr;
	const char *advertise = str_is_empty(init->advertise_addr) ? host->settings->advertise_addr : init->advertise_addr;

	if (address_parse_listen(listen, CLUSTER_PORT, &listen_ip, &listen_port, err) < 0 ||
	    address_choose(advertise, listen_port, &ip, &port, err) < 0)
		return -1;
	entropy_id(host->node_id);
	entropy_id(cluster_id);
	if (node_set(host, "node_id", host->node_id, err) < 0 ||
	    replica_bootstrap(host->store, cluster_id, host->node_id, err) < 0 || open_manager(host, err) < 0)
		return -1;
	str_copy(host->address, sizeof host->address, ip_format(ip, ip_text));
	snprintf(address, sizeof address, ip.family == 6 ? "[%s]:%u" : "%s:%u", ip_text, port);
	arena_init(&arena, "description", DESCRIPTION_BYTES_MAX);
	host_description(&host->facts, &arena, &description);
	manager_found(host->manager, &(struct manager_init){
		.node_id = host->node_id, .advertise_addr = address, .spec = init->spec, .description = &description,
		.availability = init->availability, .address_pools = init->address_pools, .pool_count = init->pool_count,
		.subnet_size = init->subnet_size, .data_path_port = init->data_path_port }, founded, host);
	arena_fini(&arena);
	return 0;
}

void swarm_init(void *arg, const struct api_swarm_init *init, api_swarm_done_fn *done, void *done_arg)
{
	struct host *host = arg;
	struct err err;

	if (check_init(host, init, &err) < 0) {
		refuse(host, done, done_arg, &err);
		return;
	}
	if (!begin_change(host, done, done_arg))
		return;
	if (start_cluster(host, init, &err) < 0) {
		struct changing *changing = host->changing;

		undo_init(host);
		host->changing = NULL;
		refuse(host, changing->done, changing->arg, &err);
		free(changing);
	}
}

/* ---- leave ------------------------------------------------------------------------------------------------------- */

static void left(void *arg)
{
	struct host *host = arg;
	struct err err;

	if (store_cluster_wipe(host->store, &err) < 0 || node_set(host, "node_id", NULL, &err) < 0) {
		log_error("leave: %s", err.text);
		finish_change(host, &err);
		return;
	}
	log_info("swarm: left");
	host->node_id[0] = host->address[0] = 0;
	finish_change(host, NULL);
}

/* The manager goes first, so that nothing replaces the tasks that are being ended. */
void swarm_leave(void *arg, bool force, api_swarm_done_fn *done, void *done_arg)
{
	struct host *host = arg;
	struct manager *manager = host->manager;
	struct err err;

	if (!manager) {
		err_set(&err, ERR_UNAVAILABLE, "This node is not part of a swarm");
		refuse(host, done, done_arg, &err);
		return;
	}
	if (!force) {
		err_set(&err, ERR_UNAVAILABLE, "You are attempting to leave the swarm on a node that is participating as a manager. Removing "
			"the last manager erases all current state of the swarm. Use `--force` to ignore this message. ");
		refuse(host, done, done_arg, &err);
		return;
	}
	if (!begin_change(host, done, done_arg))
		return;
	host->manager = NULL;
	manager_close(manager);
	agent_stop_all(host->agent, AGENT_FORGET_TASKS, left, host);
}

void swarm_close(struct host *host)
{
	manager_close(host->manager);
	host->manager = NULL;
	free(host->changing);
	host->changing = NULL;
}
