/* Init and leave: what changes a node from being in no swarm to being in one, and back. One change at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "node/node_internal.h"
#include "os/entropy.h"
#include "os/log.h"
#include "pki/seal.h"

enum { LEAVE_MS = 20000, LEAVING_CALL_MS = 2000 };

/* ---- one change -------------------------------------------------------------------------------------------------- */

/* Answered from the loop, as every verb is. */
struct refusal { api_swarm_done_fn *done; void *arg; struct err err; };

static void tell_refusal(void *arg)
{
	struct refusal *refusal = arg;

	refusal->done(refusal->arg, "", &refusal->err);
	free(refusal);
}

void change_refuse(struct host *host, api_swarm_done_fn *done, void *arg, const struct err *err)
{
	struct refusal *refusal = NEW(struct refusal);

	*refusal = (struct refusal){ done, arg, *err };
	loop_defer(host->loop, tell_refusal, refusal);
}

static void nothing(void *arg UNUSED)
{
}

bool change_may_begin(const struct host *host)
{
	const struct changing *changing = host->swarm.changing;

	return !changing || (changing->is_join && !changing->done && host->node_id[0]);
}

bool change_begin(struct host *host, api_swarm_done_fn *done, void *arg)
{
	struct changing *changing;
	struct err err;

	if (!change_may_begin(host)) {
		err_set(&err, ERR_UNAVAILABLE, "another init, join or leave of this node is under way: try again in a moment");
		change_refuse(host, done, arg, &err);
		return false;
	}
	change_drop(host);
	host->swarm.changing = changing = NEW(struct changing);
	*changing = (struct changing){ .host = host, .done = done, .arg = arg };
	timer_init(&changing->deadline, host->loop, nothing, changing);
	return true;
}

void change_answer(struct host *host, const struct err *err)
{
	struct changing *changing = host->swarm.changing;
	api_swarm_done_fn *done = changing->done;

	changing->done = NULL;
	if (done)
		done(changing->arg, host->node_id, err);
}

void change_drop(struct host *host)
{
	struct changing *changing = host->swarm.changing;

	host->swarm.changing = NULL;
	if (changing)
		timer_cancel(&changing->deadline);
	free(changing);
}

void change_end(struct host *host, const struct err *err)
{
	struct changing told = *host->swarm.changing;

	change_drop(host);
	if (told.done)
		told.done(told.arg, host->node_id, err);
}

/* ---- init -------------------------------------------------------------------------------------------------------- */

static void undo_init(struct host *host)
{
	struct err err;

	swarm_close_manager(host);
	if (store_cluster_wipe(host->store, &err) < 0 || swarm_forget(host, &err) < 0)
		log_error("undo of a failed init: %s", err.text);
}

static void founded(void *arg, uint64_t index UNUSED, const struct err *failure)
{
	struct host *host = arg;
	struct err err;

	if (!host->swarm.changing)      /* the node is being closed */
		return;
	if (failure)
		err = *failure;
	else if (swarm_certify(host, &err) == 0 && swarm_listen_now(host, &err) == 0) {
		swarm_follow_lock(host);
		log_info("swarm: founded, this node is %s", host->node_id);
		change_end(host, NULL);
		return;
	}
	undo_init(host);
	change_end(host, &err);
}

static int check_init(const struct host *host, struct err *err)
{
	if (host->node_id[0])
		return err_set(err, ERR_UNAVAILABLE, "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and "
			       "join another one.");
	return 0;
}

static int start_cluster(struct host *host, const struct api_swarm_init *init, struct err *err)
{
	struct arena arena;
	struct node_description description;
	struct reach reach;
	char cluster_id[ID_SIZE];

	if (reach_choose(host, init->listen_addr, init->advertise_addr, init->data_path_addr, true, &reach, err) < 0)
		return -1;
	entropy_id(host->node_id);
	entropy_id(cluster_id);
	host->swarm.wanted = ROLE_MANAGER;
	if (node_set(host, "node_id", host->node_id, err) < 0 ||
	    reach_set(host, &reach, err) < 0 ||
	    swarm_make_cluster_key(host, err) < 0 || replica_bootstrap(host->store, cluster_id, host->node_id, err) < 0 || swarm_open_manager(host, err) < 0)
		return -1;
	arena_init(&arena, "description", DESCRIPTION_BYTES_MAX);
	swarm_describe(host, &arena, &description);
	manager_found(host->swarm.manager, &(struct manager_init){
		.node_id = host->node_id, .advertise_addr = reach.advertise, .spec = init->spec, .description = &description,
		.availability = init->availability, .address_pools = init->address_pools, .pool_count = init->pool_count,
		.subnet_size = init->subnet_size, .data_path_port = init->data_path_port }, founded, host);
	arena_fini(&arena);
	return 0;
}

void swarm_init(void *arg, const struct api_swarm_init *init, api_swarm_done_fn *done, void *done_arg)
{
	struct host *host = arg;
	struct err err;

	if (init->backup || (init->force_new_cluster && host->node_id[0])) {
		refound(host, init, done, done_arg);
		return;
	}
	if (change_may_begin(host) && check_init(host, &err) < 0) {
		change_refuse(host, done, done_arg, &err);
		return;
	}
	if (!change_begin(host, done, done_arg))
		return;
	if (start_cluster(host, init, &err) < 0) {
		undo_init(host);
		change_drop(host);
		change_refuse(host, done, done_arg, &err);
	}
}

/* ---- leave ------------------------------------------------------------------------------------------------------- */

static void left(void *arg)
{
	struct host *host = arg;
	struct err err;

	if (store_cluster_wipe(host->store, &err) < 0 || swarm_forget(host, &err) < 0) {
		log_error("leave: %s", err.text);
		change_end(host, &err);
		return;
	}
	log_info("swarm: left");
	change_end(host, NULL);
}

/* Manager and session go first, so that nothing replaces the tasks that are being ended. */
static void take_down(struct host *host)
{
	post_close(host);
	swarm_close_manager(host);
	swarm_close_client(host);
	agent_stop_all(host->agent, AGENT_FORGET_TASKS, left, host);
}

static void said_goodbye(void *arg, const void *body UNUSED, size_t size UNUSED, const struct err *err UNUSED)
{
	struct host *host = arg;

	/* the connection may be closed because the node is */
	if (host->swarm.changing && host->swarm.client)
		take_down(host);
}

static void leave_as_worker(struct host *host)
{
	struct rpc_conn *conn = host->swarm.client ? dispatch_client_goodbye_conn(host->swarm.client) : NULL;

	if (conn)
		rpc_call(conn, RPC_LEAVING, "", 0, LEAVING_CALL_MS, said_goodbye, host);
	else
		take_down(host);
}

/* A manager that may be spared is demoted first, and leaves as the worker that it then is. */
static void look_whether_worker(void *arg)
{
	struct changing *changing = arg;
	struct host *host = changing->host;
	struct err err;

	if (!host->swarm.manager && host->swarm.client && dispatch_client_conn(host->swarm.client)) {
		leave_as_worker(host);
	} else if (loop_now(host->loop) < changing->give_up_at) {
		timer_set_in(&changing->deadline, 50);
	} else {
		err_set(&err, ERR_UNAVAILABLE, "this node is demoted, but has not become a worker in time: try again, or use `--force`");
		change_end(host, &err);
	}
}

static void demoted(void *arg, const char *id UNUSED, uint64_t index UNUSED, const struct err *err)
{
	struct host *host = arg;
	struct changing *changing = host->swarm.changing;

	if (!changing)
		return;
	if (err) {
		change_end(host, err);
		return;
	}
	changing->give_up_at = loop_now(host->loop) + LEAVE_MS;
	timer_init(&changing->deadline, host->loop, look_whether_worker, changing);
	timer_set_in(&changing->deadline, 0);
}

static int check_leave(const struct host *host, bool force, struct err *err)
{
	struct roster roster;

	if (!host->node_id[0])
		return err_set(err, ERR_UNAVAILABLE, "This node is not part of a swarm");
	if (force)
		return 0;
	if (host->swarm.is_locked)
		return err_set(err, ERR_UNAVAILABLE, "Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.");
	if (!host->swarm.manager)
		return 0;
	manager_roster(host->swarm.manager, &roster);
	return roster_check_leave(&roster, host->node_id, err);
}

void swarm_leave(void *arg, bool force, api_swarm_done_fn *done, void *done_arg)
{
	struct host *host = arg;
	struct err err;

	if (check_leave(host, force, &err) < 0) {
		change_refuse(host, done, done_arg, &err);
		return;
	}
	if (!change_begin(host, done, done_arg))
		return;
	if (swarm_manager(host) && !force)
		control_node_demote(host->swarm.manager, host->node_id, demoted, host);
	else if (host->swarm.manager)
		take_down(host);
	else
		leave_as_worker(host);
}
