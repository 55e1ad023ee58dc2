/* What other nodes call: ISSUE and RENEW (certificates), SECRET (what their tasks have to have), MEMBER (a manager wants to be one of raft's), VERB and REPORT (of followers). */
#include <stdlib.h>

#include "base/ip.h"
#include "base/panic.h"
#include "base/str.h"
#include "manager/manager_internal.h"
#include "manager/trust.h"
#include "os/entropy.h"
#include "os/listen.h"
#include "os/log.h"
#include "pki/ca.h"
#include "pki/cert.h"
#include "pki/join_token.h"
#include "rpc/frame.h"

#define TOO_LATE "this comes too late: it was said in another reign, or something later was said since"
enum { CALL_ARENA_MAX = 64 << 20, MEMBER_CALL_MS = 10000 };

static const char *peer_of(const struct rpc_conn *conn)
{
	const struct cert_name *peer = rpc_conn_peer(conn);

	return peer ? peer->node_id : "";
}

bool manager_is_manager(const struct manager *m, const char *node_id)
{
	const struct node *node = view_node(manager_view(m), node_id);
	struct roster roster;

	if (node && node->spec.role == ROLE_MANAGER)
		return true;
	manager_roster(m, &roster);
	return roster_find(&roster, node_id);
}

/* A node that was demoted has a manager's certificate until it expires. */
int manager_admits(const struct manager *m, const struct rpc_conn *conn, struct err *err)
{
	if (manager_is_manager(m, peer_of(conn)))
		return 0;
	return err_set(err, ERR_DENIED, "node %s is no manager of this swarm", peer_of(conn));
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */

static int sign(struct manager *m, const char *node_id, bool is_manager, const char *request_pem, struct buf *ret_chain_pem, struct err *err)
{
	const struct cluster *cluster = view_cluster(manager_view(m));
	CLEANUP(seal_wipe) struct buf key_pem = BUF_INIT;
	struct ca_signer signer;
	struct cert_name name;

	if (!cluster)
		return err_set(err, ERR_UNAVAILABLE, "this manager does not know the cluster yet");
	if (str_is_empty(request_pem) || !cert_name_make(node_id, is_manager, replica_cluster_id(m->replica), &name))
		return err_set(err, ERR_INVALID, "no request for a certificate");
	if (trust_signer(cluster, manager_key(m), &key_pem, &signer, err) < 0)
		return -1;
	return ca_sign(&signer, request_pem, &name, manager_calendar(m), cluster->spec.ca.cert_expiry_ns, ret_chain_pem, err);
}

int manager_sign(struct manager *m, const char *node_id, const char *request_pem, struct buf *ret_chain_pem, struct err *err)
{
	const struct node *node = view_node(manager_view(m), node_id);
	struct roster roster;

	if (!node)
		return err_set(err, ERR_NOT_FOUND, "node %s not found", node_id);
	manager_roster(m, &roster);
	if (node->spec.role == ROLE_WORKER && roster_find(&roster, node_id))
		return err_set(err, ERR_UNAVAILABLE, "node %s is a manager still", node_id);
	return sign(m, node_id, node->spec.role == ROLE_MANAGER, request_pem, ret_chain_pem, err);
}

/* The key that opens secrets goes with the certificate of a manager, and with no other; and so does what locks it on that manager's disk. */
static struct bytes key_for(struct manager *m, int role, struct seal_key *lock, struct bytes *ret_lock)
{
	struct err unused;

	*ret_lock = (struct bytes){ 0 };
	if (role != ROLE_MANAGER || !m->has_seal)
		return (struct bytes){ 0 };
	if (manager_lock(m, lock, &unused) > 0)
		*ret_lock = (struct bytes){ lock->bytes, SEAL_KEY_SIZE };
	return (struct bytes){ m->seal.bytes, SEAL_KEY_SIZE };
}

struct renewing { struct manager *manager; struct rpc_ask *ask; struct buf request; char node_id[ID_SIZE]; };

static void give_certificate(struct manager *m, struct rpc_ask *ask, const char *node_id, const char *request_pem)
{
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;
	CLEANUP(seal_wipe) struct buf out = BUF_INIT;
	struct renew_answer answer = { 0 };
	struct seal_key lock = { { 0 } };
	struct arena arena;
	struct err err;

	if (manager_sign(m, node_id, request_pem, &chain, &err) < 0) {
		rpc_reply_error(ask, &err);
		return;
	}
	arena_init(&arena, "renew", CALL_ARENA_MAX);
	answer.role = view_node(manager_view(m), node_id)->spec.role;
	answer.cert = (char *)(uintptr_t)buf_text(&chain);
	answer.cluster_key = key_for(m, answer.role, &lock, &answer.lock);
	answer.roots = trust_roots(view_cluster(manager_view(m)), &arena);
	dispatch_write(&renew_answer_shape, &answer, &out);
	rpc_reply(ask, out.data, out.len);
	seal_key_forget(&lock);
	arena_fini(&arena);
}

static void is_certain(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct renewing *r = arg;

	if (err)
		rpc_reply_error(r->ask, err);
	else
		give_certificate(r->manager, r->ask, r->node_id, buf_text(&r->request));
	buf_fini(&r->request);
	free(r);
}

/* A manager without a leader asks whether it is one still. It gives up its copy of the log when it is none, so that must be certain. */
static int check_doubt(struct manager *m, const struct renew_ask *renew, const char *node_id, struct err *err)
{
	const struct node *node = view_node(manager_view(m), node_id);

	if (!manager_is_founded(m) || !node)
		return err_set(err, ERR_UNAVAILABLE, "this manager knows nothing of node %s", node_id);
	if (renew->generation < view_cluster(manager_view(m))->generation)
		return err_set(err, ERR_DENIED, SWARM_OUTLIVED);
	return node->spec.role == ROLE_WORKER ? 0 : err_set(err, ERR_CONFLICT, "node %s is a manager", node_id);
}

static void on_renew(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct manager *m = arg;
	struct renew_ask renew;
	struct renewing *r;
	struct arena arena;
	struct err err;

	arena_init(&arena, "renew", CALL_ARENA_MAX);
	if (dispatch_read(&renew_ask_shape, body, size, &arena, &renew, &err) < 0 ||
	    (renew.is_manager && check_doubt(m, &renew, peer_of(conn), &err) < 0)) {
		rpc_reply_error(ask, &err);
	} else if (!renew.is_manager) {
		give_certificate(m, ask, peer_of(conn), renew.csr);
	} else {
		r = NEW(struct renewing);
		*r = (struct renewing){ .manager = m, .ask = ask };
		str_copy(r->node_id, sizeof r->node_id, peer_of(conn));
		buf_add_str(&r->request, renew.csr ? renew.csr : "");
		replica_read(m->replica, is_certain, r);
	}
	arena_fini(&arena);
}

/* ---- a new node -------------------------------------------------------------------------------------------------- */

struct issuing { struct manager *manager; struct rpc_ask *ask; struct buf request; };

static void issue(struct issuing *i, const char *node_id)
{
	struct manager *m = i->manager;
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;
	CLEANUP(seal_wipe) struct buf out = BUF_INIT;
	struct seal_key lock = { { 0 } };
	const struct node *node = view_node(manager_view(m), node_id);
	struct join_answer answer = { .node_id = (char *)(uintptr_t)node_id };
	struct arena arena;
	struct err err;

	if (!node) {
		err_set(&err, ERR_UNAVAILABLE, "this manager does not know of node %s yet", node_id);
		rpc_reply_error(i->ask, &err);
		return;
	}
	if (sign(m, node_id, node->spec.role == ROLE_MANAGER, buf_text(&i->request), &chain, &err) < 0) {
		rpc_reply_error(i->ask, &err);
		return;
	}
	arena_init(&arena, "join", CALL_ARENA_MAX);
	answer.cluster_id = (char *)(uintptr_t)replica_cluster_id(m->replica);
	answer.role = node->spec.role;
	answer.cert = (char *)(uintptr_t)buf_text(&chain);
	answer.cluster_key = key_for(m, answer.role, &lock, &answer.lock);
	answer.roots = trust_roots(view_cluster(manager_view(m)), &arena);
	dispatcher_managers(manager_view(m), &arena, &answer.managers);
	answer.generation = view_cluster(manager_view(m))->generation;
	dispatch_write(&join_answer_shape, &answer, &out);
	rpc_reply(i->ask, out.data, out.len);
	seal_key_forget(&lock);
	arena_fini(&arena);
}

static void joined(void *arg, const char *node_id, uint64_t index UNUSED, const struct err *err)
{
	struct issuing *i = arg;

	if (err) {
		rpc_reply_error(i->ask, err);
	} else {
		log_info("swarm: node %s has joined", node_id);
		issue(i, node_id);
	}
	buf_fini(&i->request);
	free(i);
}

/* "0.0.0.0:2377" is what a node says that does not know how others see it. */
static char *seen_address(const char *address, const struct rpc_conn *conn, struct arena *arena)
{
	char host[256], seen[SOCKET_ADDRESS_SIZE];
	uint16_t port = 0, peer_port;
	struct ip ip;
	struct err err;

	if (hostport_parse(address ? address : "", 2377, host, &port, &err) == 0 && ip_parse(host, &ip) == 0 && !ip_eq(ip, ip4(0, 0, 0, 0)))
		return arena_strdup(arena, address);
	if (hostport_parse(rpc_conn_address(conn), 0, host, &peer_port, &err) < 0 || ip_parse(host, &ip) < 0)
		return arena_strdup(arena, address);
	return arena_strdup(arena, socket_address_format(ip, port ? port : 2377, seen));
}

/* Nothing is written for a request that could not be signed. */
static int check_join(struct manager *m, const struct join_ask *join, struct err *err)
{
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;
	char nobody[ID_SIZE];

	if (!manager_is_current(m))
		return err_set(err, ERR_UNAVAILABLE, "this manager is not up to date yet: try again in a moment, or ask another one");
	if (str_is_empty(join->token))
		return err_set(err, ERR_INVALID, JOIN_TOKEN_REFUSED);
	entropy_id(nobody);
	return sign(m, nobody, false, join->csr, &chain, err);
}

static void on_issue(void *arg, struct rpc_conn *conn, struct rpc_ask *rpc_ask, const void *body, size_t size)
{
	struct manager *m = arg;
	struct issuing *issuing;
	struct join_ask join;
	struct arena arena;
	struct ask *ask;
	char id[ID_SIZE];
	struct err err;

	arena_init(&arena, "join", CALL_ARENA_MAX);
	if (dispatch_read(&join_ask_shape, body, size, &arena, &join, &err) < 0 || check_join(m, &join, &err) < 0) {
		rpc_reply_error(rpc_ask, &err);
		arena_fini(&arena);
		return;
	}
	issuing = NEW(struct issuing);
	issuing->manager = m;
	issuing->ask = rpc_ask;
	buf_add_str(&issuing->request, join.csr);
	entropy_id(id);
	ask = ask_new(m, VERB_NODE_JOIN, id, joined, issuing);
	ask->verb.token = arena_strdup(&ask->arena, join.token);
	ask->verb.address = seen_address(join.address, conn, &ask->arena);
	ask->verb.node.availability = join.availability;
	shape_copy(&node_description_shape, &join.description, &ask->arena, &ask->verb.description);
	describe_tidy(&ask->verb.description);
	arena_fini(&arena);
	ask_begin(ask);
}

/* ---- a new manager ----------------------------------------------------------------------------------------------- */

struct admitting { struct manager *manager; struct rpc_ask *ask; uint64_t raft_id; };

static void reply(struct rpc_ask *ask, const struct err *err)
{
	if (err)
		rpc_reply_error(ask, err);
	else
		rpc_reply(ask, "", 0);
}

static void admitted(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct admitting *a = arg;

	reply(a->ask, err);
	free(a);
}

/* Its address stands in the state: the leader can reach it as soon as it is a member. */
static void addressed(void *arg, const char *node_id, uint64_t index, const struct err *err)
{
	struct admitting *a = arg;
	const struct roster_member *member;
	struct roster roster;

	if (err || !a->manager->replica) {
		admitted(a, index, err);
		return;
	}
	peers_look(a->manager->peers);
	manager_roster(a->manager, &roster);
	member = roster_find(&roster, node_id);
	if (member && member->raft_id == a->raft_id)
		admitted(a, index, NULL);
	else if (member)                /* what it was before it lost its state: out, and then it asks again */
		replica_remove(a->manager->replica, member->raft_id, admitted, a);
	else
		replica_add_learner(a->manager->replica, a->raft_id, node_id, admitted, a);
}

static void handed_on(void *arg, const void *body, size_t size, const struct err *err)
{
	if (err)
		rpc_reply_error(arg, err);
	else
		rpc_reply(arg, body, size);
}

static void hand_on(struct manager *m, struct rpc_ask *ask, const struct member_ask *member)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct err err;

	if (!to_leader_is_there(m)) {
		err_set(&err, ERR_UNAVAILABLE, "the swarm has no leader at the moment");
		rpc_reply_error(ask, &err);
		return;
	}
	dispatch_write(&member_ask_shape, member, &body);
	to_leader_call(m, RPC_MEMBER, &body, MEMBER_CALL_MS, handed_on, ask);
}

static void on_member(void *arg, struct rpc_conn *conn, struct rpc_ask *rpc_ask, const void *body, size_t size)
{
	struct manager *m = arg;
	struct admitting *admitting;
	struct member_ask member;
	struct arena arena;
	struct ask *ask;
	struct err err;

	arena_init(&arena, "member", CALL_ARENA_MAX);
	if (manager_admits(m, conn, &err) < 0 || dispatch_read(&member_ask_shape, body, size, &arena, &member, &err) < 0) {
		rpc_reply_error(rpc_ask, &err);
	} else if (!replica_is_leader(m->replica) && !str_is_empty(member.node_id)) {
		/* whoever handed it on took us for the leader: it would come to us under his name */
		err_set(&err, ERR_UNAVAILABLE, "this manager is not the leader");
		rpc_reply_error(rpc_ask, &err);
	} else if (!replica_is_leader(m->replica)) {
		member.node_id = arena_strdup(&arena, peer_of(conn));
		hand_on(m, rpc_ask, &member);
	} else {
		admitting = NEW(struct admitting);
		*admitting = (struct admitting){ m, rpc_ask, member.raft_id };
		ask = ask_new(m, VERB_MANAGER_ADDRESS, str_is_empty(member.node_id) ? peer_of(conn) : member.node_id, addressed, admitting);
		ask->verb.address = seen_address(member.address, conn, &ask->arena);
		ask->is_local = true;
		ask_begin(ask);
	}
	arena_fini(&arena);
}

/* ---- followers --------------------------------------------------------------------------------------------------- */

static int must_lead(const struct manager *m, const struct rpc_conn *conn, struct err *err)
{
	if (!replica_is_leader(m->replica))
		return err_set(err, ERR_UNAVAILABLE, "this manager is not the leader");
	return manager_admits(m, conn, err);
}

static void verb_done(void *arg, const char *id, uint64_t index, const struct err *err)
{
	const struct ask *ask = arg;
	CLEANUP(buf_finip) struct buf out = BUF_INIT, refusal = BUF_INIT;
	struct verb_answer answer = { .id = (char *)(uintptr_t)id, .index = index };

	if (err && !ask->is_refused) {
		rpc_reply_error(ask->asked, err);
		return;
	}
	if (err) {
		frame_err_encode(err, &refusal);
		answer.refusal = (struct bytes){ (uint8_t *)refusal.data, refusal.len };
	}
	dispatch_write(&verb_answer_shape, &answer, &out);
	rpc_reply(ask->asked, out.data, out.len);
}

static void on_verb(void *arg, struct rpc_conn *conn, struct rpc_ask *rpc_ask, const void *body, size_t size)
{
	struct manager *m = arg;
	struct ask *ask;
	struct err err;

	if (must_lead(m, conn, &err) < 0) {
		rpc_reply_error(rpc_ask, &err);
		return;
	}
	ask = ask_new(m, VERB_NONE, "", verb_done, NULL);
	ask->arg = ask;
	ask->asked = rpc_ask;
	ask->is_local = true;
	if (dispatch_read(&verb_shape, body, size, &ask->arena, &ask->verb, &err) < 0) {
		ask_refuse(ask, &err);
	} else if (!lead_takes(m, peer_of(conn), &ask->verb.told)) {
		err_set(&err, ERR_UNAVAILABLE, TOO_LATE);       /* who still waits for it brings it again */
		ask_refuse(ask, &err);
	} else {
		ask_begin(ask);
	}
}

struct hearing { struct manager *manager; struct rpc_ask *ask; };

static void answer_tidings(struct manager *m, struct rpc_ask *ask)
{
	struct tidings_answer answer = { .clock = lead_clock(m) };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	dispatch_write(&tidings_answer_shape, &answer, &out);
	rpc_reply(ask, out.data, out.len);
}

static void statuses_written(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct hearing *hearing = arg;

	if (err)
		rpc_reply_error(hearing->ask, err);
	else
		answer_tidings(hearing->manager, hearing->ask);
	free(hearing);
}

/* Whoever goes is not asked what it holds. */
static bool is_goodbye(const struct tidings *tidings, const char *peer)
{
	const struct sighting *only = tidings->sightings.items;

	return tidings->sightings.count == 1 && only->sight >= SIGHT_AWAY && str_eq(only->node_id, peer);
}

static void on_report(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct manager *m = arg;
	struct tidings tidings;
	struct hearing *hearing;
	struct arena arena;
	struct err err;

	arena_init(&arena, "tidings", CALL_ARENA_MAX);
	if (must_lead(m, conn, &err) < 0 || dispatch_read(&tidings_shape, body, size, &arena, &tidings, &err) < 0) {
		rpc_reply_error(ask, &err);
		arena_fini(&arena);
		return;
	}
	if (!lead_takes(m, peer_of(conn), &tidings.told)) {
		err_set(&err, ERR_STALE, TOO_LATE);
		rpc_reply_error(ask, &err);
		arena_fini(&arena);
		return;
	}
	if (!tidings.is_complete && !is_goodbye(&tidings, peer_of(conn)) && !lead_knows(m, peer_of(conn))) {
		err_set(&err, ERR_STALE, "this leader has lost sight of you: tell it everything");
		rpc_reply_error(ask, &err);
		arena_fini(&arena);
		return;
	}
	lead_heard(m, peer_of(conn), tidings.clock);
	for (size_t i = 0; i < tidings.sightings.count; i++) {
		const struct sighting *item = &tidings.sightings.items[i];

		lead_sight(m, item->node_id, item->sight, (msec)MIN(item->grace_ms, (uint64_t)BEATS_GRACE_MAX_MS), peer_of(conn));
	}
	if (tidings.is_complete)
		lead_sees_only(m, peer_of(conn), &tidings);
	if (tidings.statuses.count) {
		hearing = NEW(struct hearing);
		*hearing = (struct hearing){ m, ask };
		reports_take(m, tidings.statuses.items, tidings.statuses.count, statuses_written, hearing);
	} else {
		answer_tidings(m, ask);
	}
	arena_fini(&arena);
}

/* ---- secrets ----------------------------------------------------------------------------------------------------- */

static void reply_piece(struct rpc_ask *ask, const struct buf *whole, uint64_t offset)
{
	struct secret_piece piece = { .size = whole->len };
	struct buf out = BUF_INIT;

	if (offset < whole->len)
		piece.bytes = (struct bytes){ (uint8_t *)whole->data + offset, MIN(whole->len - offset, (size_t)SECRET_PIECE_MAX) };
	dispatch_write(&secret_piece_shape, &piece, &out);
	rpc_reply(ask, out.data, out.len);
	seal_wipe(&out);
}

static void on_secret(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct manager *m = arg;
	CLEANUP(seal_wipe) struct buf whole = BUF_INIT;
	struct secret_ask said;
	struct arena arena;
	struct err err;

	arena_init(&arena, "secret", CALL_ARENA_MAX);
	if (dispatch_read(&secret_ask_shape, body, size, &arena, &said, &err) < 0 ||
	    manager_secret_for_task(m, peer_of(conn), said.task_id, said.is_config, said.id, &whole, &err) < 0)
		rpc_reply_error(ask, &err);
	else
		reply_piece(ask, &whole, said.offset);
	arena_fini(&arena);
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

static const struct { enum rpc_method method; rpc_handler_fn *handler; } served[] = {
	{ RPC_ISSUE, on_issue }, { RPC_RENEW, on_renew }, { RPC_MEMBER, on_member }, { RPC_VERB, on_verb }, { RPC_REPORT, on_report },
	{ RPC_SECRET, on_secret },
};

void serve_open(struct manager *m)
{
	for (size_t i = 0; i < ARRAY_COUNT(served); i++)
		rpc_serve(m->rpc, served[i].method, served[i].handler, m);
}

void serve_close(struct manager *m)
{
	for (size_t i = 0; i < ARRAY_COUNT(served); i++)
		rpc_serve(m->rpc, served[i].method, NULL, NULL);
}
