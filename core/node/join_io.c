/* Join: a key, a request for a certificate with the token to a manager whose root the token names, and then this node is one of them. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "node/address_io.h"
#include "node/node_internal.h"
#include "os/log.h"
#include "pki/join_token.h"

enum { JOIN_ARENA_MAX = 4 << 20, JOIN_MS = 20000, ISSUE_MS = 15000, LOOK_MS = 20 };

struct joining { struct host *host; struct buf key; struct reach reach; };

static void joining_free(struct joining *j)
{
	seal_wipe(&j->key);
	free(j);
}

/* ---- from the answer on this node is in the cluster -------------------------------------------------------------- */

/* The answer to people waits at most so long; joining goes on. */
static void look(void *arg)
{
	struct changing *changing = arg;
	struct host *host = changing->host;
	struct err err;

	if (swarm_manager(host) && manager_is_current(host->swarm.manager)) {
		log_info("swarm: joined as a manager, this node is %s", host->node_id);
		change_end(host, NULL);
		return;
	}
	if (changing->done && loop_now(host->loop) >= changing->give_up_at) {
		err_set(&err, ERR_UNAVAILABLE, "Timeout was reached before node joined. The attempt to join the swarm will continue in the "
			"background. Use the \"docker info\" command to see the current swarm status of your node.");
		change_answer(host, &err);
	}
	timer_set_in(&changing->deadline, changing->done ? LOOK_MS : 50 * LOOK_MS);
}

static int start_manager(struct host *host, struct err *err)
{
	if (swarm_listen_now(host, err) < 0 ||
	    replica_join(host->store, host->swarm.identity.facts.name.cluster_id, host->node_id, replica_new_id(), err) < 0 ||
	    swarm_open_manager(host, err) < 0)
		return -1;
	post_seek_membership(host);
	return 0;
}

static void undo(struct host *host)
{
	struct err err;

	swarm_close_manager(host);
	if (store_cluster_wipe(host->store, &err) < 0 || swarm_forget(host, &err) < 0)
		log_error("undo of a failed join: %s", err.text);
}

static int become_node(struct joining *j, const struct join_answer *answer, struct err *err)
{
	struct host *host = j->host;

	str_copy(host->node_id, sizeof host->node_id, answer->node_id);
	if (swarm_take_cluster_key(host, &answer->cluster_key, &answer->lock, err) < 0 ||
	    swarm_set_identity(host, answer->roots ? answer->roots : "", answer->cert ? answer->cert : "", &j->key, err) < 0)
		return -1;
	if (!str_eq(host->swarm.identity.facts.name.node_id, host->node_id))
		return err_set(err, ERR_INVALID, "the manager's answer names one node and its certificate another");
	if (node_set(host, "node_id", host->node_id, err) < 0 || reach_set(host, &j->reach, err) < 0)
		return -1;
	swarm_keep_managers(host, &answer->managers, answer->generation);
	host->swarm.wanted = answer->role;
	if (answer->role == ROLE_MANAGER)
		return start_manager(host, err);
	log_info("swarm: joined as a worker, this node is %s", host->node_id);
	swarm_open_client(host);
	return 0;
}

static void use_answer(struct joining *j, const void *body, size_t size, const char *own_address, struct err *err)
{
	struct host *host = j->host;
	struct join_answer answer;
	struct arena arena;
	struct ip own;
	int got;

	if (!j->reach.advertise[0] && ip_parse(own_address, &own) == 0)
		address_format(own, j->reach.listen_port, j->reach.advertise);
	arena_init(&arena, "join", JOIN_ARENA_MAX);
	got = dispatch_read(&join_answer_shape, body, size, &arena, &answer, err);
	if (got == 0)
		got = become_node(j, &answer, err);
	arena_fini(&arena);
	if (got == 0) {
		timer_set_in(&host->swarm.changing->deadline, LOOK_MS);
		return;
	}
	undo(host);
	change_end(host, err);
}

static void answered(void *arg, const void *body, size_t size, const char *own_address, const struct err *failure)
{
	struct joining *j = arg;
	struct host *host = j->host;
	struct err err;

	host->swarm.errand = NULL;
	host->swarm.joining = NULL;
	if (failure)
		change_end(host, failure);
	else
		use_answer(j, body, size, own_address, &err);
	joining_free(j);
}

/* ---- what is asked ----------------------------------------------------------------------------------------------- */

static int list_remotes(const struct api_swarm_join *join, struct arena *arena, const char **ret, struct err *err)
{
	*ret = "";
	for (size_t i = 0; i < join->remote_count; i++) {
		char host[256];
		uint16_t port;

		if (hostport_parse(join->remotes[i], CLUSTER_PORT, host, &port, err) < 0 || !host[0])
			return err_set(err, ERR_INVALID, "invalid remote address '%.200s': it must be HOST:PORT", join->remotes[i]);
		*ret = arena_printf(arena, strchr(host, ':') ? "%s%s[%s]:%u" : "%s%s%s:%u", *ret, i ? "," : "", host, port);
	}
	return 0;
}

static int ask(struct joining *j, const struct api_swarm_join *join, const char *digest, struct arena *arena, struct err *err)
{
	struct host *host = j->host;
	CLEANUP(buf_finip) struct buf request = BUF_INIT, body = BUF_INIT;
	struct join_ask said = { .token = (char *)(uintptr_t)join->token, .availability = join->availability };
	const char *remotes;

	if (list_remotes(join, arena, &remotes, err) < 0 || cert_key_new(&j->key, err) < 0 ||
	    cert_request_new(buf_text(&j->key), NULL, &request, err) < 0)
		return -1;
	said.csr = (char *)(uintptr_t)buf_text(&request);
	said.address = j->reach.advertise[0] ? j->reach.advertise : arena_printf(arena, "0.0.0.0:%u", j->reach.listen_port);
	swarm_describe(host, arena, &said.description);
	dispatch_write(&join_ask_shape, &said, &body);
	host->swarm.joining = j;
	host->swarm.errand = errand_new(host->loop, host->swarm.rpc, remotes, digest, RPC_ISSUE, &body, ISSUE_MS, answered, j);
	return 0;
}

static int start(struct host *host, const struct api_swarm_join *join, struct err *err)
{
	struct joining *j = NEW(struct joining);
	char digest[CA_DIGEST_SIZE];
	struct arena arena;
	int got;

	j->host = host;
	arena_init(&arena, "join", JOIN_ARENA_MAX);
	got = join_token_parse(join->token, digest, err) < 0 ||
		      reach_choose(host, join->listen_addr, join->advertise_addr, join->data_path_addr, false, &j->reach, err) < 0 || ask(j, join, digest, &arena, err) < 0 ? -1 : 0;
	arena_fini(&arena);
	if (got < 0)
		joining_free(j);
	return got;
}

void join_drop(struct host *host)
{
	if (host->swarm.joining)
		joining_free(host->swarm.joining);
	host->swarm.joining = NULL;
}

void swarm_join(void *arg, const struct api_swarm_join *join, api_swarm_done_fn *done, void *done_arg)
{
	struct host *host = arg;
	struct err err;

	if (host->node_id[0] && change_may_begin(host)) {
		err_set(&err, ERR_UNAVAILABLE, "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join "
			"another one.");
		change_refuse(host, done, done_arg, &err);
		return;
	}
	if (!change_begin(host, done, done_arg))
		return;
	if (start(host, join, &err) < 0) {
		change_drop(host);
		change_refuse(host, done, done_arg, &err);
		return;
	}
	host->swarm.changing->is_join = true;
	host->swarm.changing->give_up_at = loop_now(host->loop) + JOIN_MS;
	timer_init(&host->swarm.changing->deadline, host->loop, look, host->swarm.changing);
}
