#include "replica/peers_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/log.h"
#include "pki/cert.h"
#include "pki/tls_io.h"

enum { HELLO = 0 };

struct peer *peers_find(const struct peers *peers, raft_id id)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i]->id == id)
			return peers->items[i];
	return NULL;
}

static struct peer *find_by_conn(struct peers *peers, const struct rpc_conn *conn)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i]->dialled == conn || peers->items[i]->accepted == conn)
			return peers->items[i];
	return NULL;
}

struct rpc_conn *peers_conn(const struct peers *peers, raft_id id)
{
	const struct peer *peer = peers_find(peers, id);

	return peer ? peer->current : NULL;
}

struct rpc_conn *peers_next(const struct peers *peers, size_t *at)
{
	while (*at < peers->count) {
		struct rpc_conn *conn = peers->items[(*at)++]->current;
		if (conn)
			return conn;
	}
	return NULL;
}

/* Of the cluster, as far as this manager has come. */
static uint64_t generation(const struct peers *peers)
{
	const struct cluster *cluster = view_cluster(replica_view(peers->replica));

	return cluster ? cluster->generation : 0;
}

void peers_say_hello(const struct peers *peers, struct rpc_conn *conn)
{
	CLEANUP(buf_finip) struct buf hello = BUF_INIT;

	put_u8(&hello, HELLO);
	put_u64(&hello, replica_status(peers->replica).self);
	put_str(&hello, peers->own_address);
	put_varint(&hello, generation(peers));
	rpc_note(conn, RPC_RAFT, hello.data, hello.len);
}

static void forget_at(struct peers *peers, size_t at)
{
	struct peer *peer = peers->items[at];

	peers->items[at] = peers->items[--peers->count];
	peer_fini(peer);
	free(peer);
}

void peers_forget(struct peer *peer)
{
	struct peers *peers = peer->peers;
	size_t at = 0;

	while (peers->items[at] != peer)
		at++;
	forget_at(peers, at);
}

static const char *address_in_view(const struct peer *peer)
{
	const struct node *node = view_node(replica_view(peer->peers->replica), peer->node_id);
	const char *address = node && node->manager ? node->manager->address : NULL;

	return address && address[0] ? address : NULL;
}

/* --- who they are ---------------------------------------------------------------------------------- */

/* One that no configuration names yet, or any more, is kept while it is connected. */
static struct peer *take(struct peers *peers, raft_id id, const char *node_id)
{
	struct peer *peer = peers_find(peers, id);

	if (peer || peers->count == PEERS_MAX)
		return peer;
	peer = NEW(struct peer);
	peer->peers = peers;
	peer->id = id;
	str_copy(peer->node_id, sizeof(peer->node_id), node_id);
	peer_init(peer);
	peers->items[peers->count++] = peer;
	return peer;
}

void peers_look(struct peers *peers)
{
	for (size_t i = 0; i < peers->count; i++) {
		const char *address = address_in_view(peers->items[i]);
		if (!address || str_eq(peers->items[i]->in_view, address) ||
		    !str_copy(peers->items[i]->in_view, sizeof(peers->items[i]->in_view), address))
			continue;
		peer_set_address(peers->items[i], address);
	}
}

static void be_no_member(struct peer *peer)
{
	peer->is_member = false;
	peer_stop_dialling(peer);
	if (!peer->accepted)
		peers_forget(peer);
}

static void on_members(void *arg)
{
	struct peers *peers = arg;
	struct replica_status status = replica_status(peers->replica);

	for (size_t i = 0; i < status.config->count; i++) {
		const struct raft_member *member = &status.config->members[i];
		struct peer *peer = member->id == status.self ? NULL : take(peers, member->id, member->node_id);
		if (!peer || peer->is_member)
			continue;
		peer->is_member = true;
		peer_dial_now(peer);
	}
	for (size_t i = peers->count; i-- > 0;)
		if (peers->items[i]->is_member && !raft_membership_find(status.config, peers->items[i]->id))
			be_no_member(peers->items[i]);
	peers_look(peers);
}

void peers_hint(struct peers *peers, const char *node_id, const char *address)
{
	for (size_t i = 0; i < peers->count; i++)
		if (str_eq(peers->items[i]->node_id, node_id) && !address_in_view(peers->items[i]))
			peer_set_address(peers->items[i], address);
}

void peers_seen_at(struct peers *peers, const char *node_id, const char *address)
{
	for (size_t i = 0; i < peers->count; i++)
		if (str_eq(peers->items[i]->node_id, node_id) && !peers->items[i]->current)
			peer_set_address(peers->items[i], address);
}

void peers_set_own_address(struct peers *peers, const char *address)
{
	str_copy(peers->own_address, sizeof(peers->own_address), address);
	for (size_t i = peers->count; i-- > 0;) {
		struct peer *peer = peers->items[i];

		peer_hang_up(peer);
		if (peer->is_member)
			peer_dial_now(peer);
		else
			forget_at(peers, i);
	}
}

/* --- messages -------------------------------------------------------------------------------------- */

static void send(void *arg, raft_id to, const char *node_id UNUSED, const void *bytes, size_t size, bool is_question)
{
	struct peer *peer = peers_find(arg, to);

	if (!peer || !peer->current)
		return;
	rpc_note(peer->current, RPC_RAFT, bytes, size); /* full: raft sends it again */
	if (is_question)
		peer_is_asked(peer);
}

struct hello { raft_id id; char address[PEERS_ADDRESS_SIZE]; uint64_t generation; };

static int read_hello(struct reader in, struct hello *ret, struct err *err)
{
	size_t length;
	const uint8_t *address;

	*ret = (struct hello){ .id = get_u64(&in) };
	address = get_bytes(&in, &length);
	if (in.failed || ret->id == 0 || length >= PEERS_ADDRESS_SIZE)
		return err_set(err, ERR_INVALID, "a manager's greeting that is none");
	memcpy(ret->address, address, length);
	if (in.at < in.end)             /* older ones do not say it */
		ret->generation = get_varint(&in);
	return in.failed ? err_set(err, ERR_INVALID, "a manager's greeting that is none") : 0;
}

/* One of us has been left behind when the cluster was made anew. A manager that knows nothing yet is of no generation. */
static bool is_of_another(struct peers *peers, struct rpc_conn *conn, const char *node_id, const struct hello *hello)
{
	uint64_t ours = generation(peers);

	if (hello->generation == ours || !view_cluster(replica_view(peers->replica)))
		return false;
	if (hello->generation > ours) {
		if (peers->on_outlived && !raft_membership_find(replica_status(peers->replica).config, hello->id))
			peers->on_outlived(peers->arg);
		return false;
	}
	if (raft_membership_find(replica_status(peers->replica).config, hello->id))
		return false;           /* it has joined, and the state is on its way to it */
	log_debug("manager %s: of before the swarm was made anew", node_id);
	peers_say_hello(peers, conn);
	return true;
}

/* Who has dialled us, and where it can be dialled. A newer connection takes the place of an older one. */
static int take_hello(struct peers *peers, struct rpc_conn *conn, const char *node_id, struct reader in, struct err *err)
{
	struct hello hello;

	if (read_hello(in, &hello, err) < 0)
		return -1;
	if (hello.id == replica_status(peers->replica).self)
		return err_set(err, ERR_INVALID, "a manager's greeting that is none");
	if (is_of_another(peers, conn, node_id, &hello))
		return 0;
	const struct peer *owner = find_by_conn(peers, conn);
	if (owner && (conn == owner->dialled || owner->id != hello.id))
		return 0;               /* the answer to ours; under another id it is somebody new at an old place */
	struct peer *peer = take(peers, hello.id, node_id);
	if (!peer)
		return err_set(err, ERR_EXHAUSTED, "%d managers are connected already", PEERS_MAX);
	if (!str_eq(peer->node_id, node_id))
		return err_set(err, ERR_DENIED, "node %s is not manager %llx", node_id, (unsigned long long)hello.id);
	if (hello.address[0])
		peer_set_address(peer, hello.address);
	if (conn == peer->accepted)
		return 0;
	peers_say_hello(peers, conn);
	peer_take_accepted(peer, conn);
	return 0;
}

static bool is_leader(const struct peers *peers, const char *node_id)
{
	const struct peer *leader = peers_find(peers, replica_status(peers->replica).leader);

	return leader && str_eq(leader->node_id, node_id);
}

/* A node that was demoted has a manager's certificate until it expires. A leader that the view does not know yet brings what makes it known. */
int peers_check(const struct peers *peers, const char *node_id, struct err *err)
{
	if (!peers->is_manager || peers->is_manager(peers->arg, node_id) || is_leader(peers, node_id))
		return 0;
	return err_set(err, ERR_DENIED, "node %s is no manager of this swarm", node_id);
}

/* What is asked for with a greeting is told to anybody: who was given up has to hear of it. */
static void on_message(void *arg, struct rpc_conn *conn, struct rpc_ask *ask UNUSED, const void *body, size_t size)
{
	struct peers *peers = arg;
	const char *node_id = rpc_conn_peer(conn)->node_id;
	struct reader in = reader_of(body, size);
	struct err err;
	int got;

	if (size > 0 && ((const uint8_t *)body)[0] == HELLO) {
		get_u8(&in);
		got = take_hello(peers, conn, node_id, in, &err);
	} else {
		struct peer *peer = find_by_conn(peers, conn);
		if (peer)
			peer_is_heard(peer, conn);
		if (peers_check(peers, node_id, &err) < 0) {
			log_debug("manager %s: %s", node_id, err.text);         /* on its way to be none, it says much */
			return;
		}
		got = replica_receive(peers->replica, node_id, body, size, &err);
	}
	if (got < 0)
		log_warn("manager %s: %s", node_id, err.text);
}

/* --- beginning and end ----------------------------------------------------------------------------- */

struct peers *peers_open(const struct peers_config *cfg)
{
	struct peers *peers = NEW(struct peers);

	peers->loop = cfg->loop;
	peers->rpc = cfg->rpc;
	peers->replica = cfg->replica;
	peers->on_outlived = cfg->on_outlived;
	peers->on_linked = cfg->on_linked;
	peers->is_manager = cfg->is_manager;
	peers->arg = cfg->arg;
	check(str_copy(peers->own_address, sizeof(peers->own_address), cfg->own_address));
	list_init(&peers->outgoing);
	rpc_serve(peers->rpc, RPC_RAFT, on_message, peers);
	rpc_serve(peers->rpc, RPC_SNAPSHOT, peers_serve_snapshot, peers);
	replica_connect(peers->replica, &(struct replica_transport){ send, peers_fetch, on_members, peers });
	on_members(peers);
	return peers;
}

void peers_close(struct peers *peers)
{
	if (!peers)
		return;
	replica_connect(peers->replica, NULL);
	rpc_serve(peers->rpc, RPC_RAFT, NULL, NULL);
	rpc_serve(peers->rpc, RPC_SNAPSHOT, NULL, NULL);
	peers_close_streams(peers);
	while (peers->count > 0)
		forget_at(peers, peers->count - 1);
	free(peers);
}
