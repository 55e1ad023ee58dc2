#include "replica/peers_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/entropy.h"
#include "os/log.h"
#include "pki/cert.h"
#include "pki/tls_io.h"

enum { PAUSE_MIN_MS = 20, PAUSE_MAX_MS = 1000, HELLO = 0 };

struct peer *peers_find(struct peers *peers, raft_id id)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->items[i]->id == id)
			return peers->items[i];
	return NULL;
}

struct rpc_conn *peer_conn(const struct peer *peer)
{
	return peer->is_dialled_up ? peer->dialled : peer->accepted;
}

struct rpc_conn *peers_next(const struct peers *peers, size_t *at)
{
	while (*at < peers->count) {
		struct rpc_conn *conn = peer_conn(peers->items[(*at)++]);
		if (conn)
			return conn;
	}
	return NULL;
}

/* --- what raft hears of a connection -------------------------------------------------------------- */

static enum raft_peer_state state_of(const struct peer *peer)
{
	if (peer_conn(peer))
		return RAFT_PEER_UP;
	return peer->worst == RPC_DOWN_REFUSED || peer->worst == RPC_DOWN_RESET ? RAFT_PEER_LOST : RAFT_PEER_SILENT;
}

static void tell(struct peer *peer)
{
	enum raft_peer_state state = state_of(peer);

	if (state == peer->state)
		return;
	peer->state = state;
	replica_peer(peer->peers->replica, peer->id, state);
}

/* Of the cluster, as far as this manager has come. */
static uint64_t generation(const struct peers *peers)
{
	const struct cluster *cluster = view_cluster(replica_view(peers->replica));

	return cluster ? cluster->generation : 0;
}

static void say_hello(const struct peers *peers, struct rpc_conn *conn)
{
	CLEANUP(buf_finip) struct buf hello = BUF_INIT;

	put_u8(&hello, HELLO);
	put_u64(&hello, replica_status(peers->replica).self);
	put_str(&hello, peers->own_address);
	put_varint(&hello, generation(peers));
	rpc_note(conn, RPC_RAFT, hello.data, hello.len);
}

/* --- dialling -------------------------------------------------------------------------------------- */

static void dial_later(struct peer *peer)
{
	if (!peer->is_member || peer->dialled)
		return;
	timer_set_in(&peer->redial, peer->pause / 2 + (msec)rng_below(&peer->peers->rng, (uint64_t)peer->pause));
	peer->pause = MIN(peer->pause * 2, (msec)PAUSE_MAX_MS);
}

static void on_up(void *arg, struct rpc_conn *conn)
{
	struct peer *peer = arg;
	const struct cert_name *name = rpc_conn_peer(conn);

	if (!name || !str_eq(name->node_id, peer->node_id)) {
		/* somebody else lives at that address now */
		rpc_close(conn);
		peer->dialled = NULL;
		dial_later(peer);
		return;
	}
	peer->is_dialled_up = true;
	peer->pause = PAUSE_MIN_MS;
	say_hello(peer->peers, conn);
	tell(peer);
}

static void forget_at(struct peers *peers, size_t at)
{
	struct peer *peer = peers->items[at];

	peers->items[at] = peers->items[--peers->count];
	timer_cancel(&peer->redial);
	rpc_close(peer->dialled);
	rpc_close(peer->accepted);
	free(peer);
}

static void forget(struct peer *peer)
{
	struct peers *peers = peer->peers;
	size_t at = 0;

	while (peers->items[at] != peer)
		at++;
	forget_at(peers, at);
}

static void on_down(void *arg, struct rpc_conn *conn, enum rpc_down reason, const struct err *err)
{
	struct peer *peer = arg;

	if (conn == peer->dialled) {
		if (reason >= RPC_DOWN_TLS && peer->state)
			log_warn("manager %s at %s: %s", peer->node_id, peer->address, err->text);
		peer->dialled = NULL;
		peer->is_dialled_up = false;
	} else {
		peer->accepted = NULL;
	}
	peer->worst = reason;
	tell(peer);
	dial_later(peer);
	if (!peer->is_member && !peer->dialled && !peer->accepted)
		forget(peer);
}

static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down };

static const char *address_in_view(const struct peer *peer)
{
	const struct node *node = view_node(replica_view(peer->peers->replica), peer->node_id);
	const char *address = node && node->manager ? node->manager->address : NULL;

	return address && address[0] ? address : NULL;
}

static void set_address(struct peer *peer, const char *address)
{
	if (str_eq(peer->address, address) || !str_copy(peer->address, sizeof(peer->address), address))
		return;
	rpc_close(peer->dialled);       /* it goes to where it was */
	peer->dialled = NULL;
	peer->is_dialled_up = false;
	tell(peer);
	peer->pause = PAUSE_MIN_MS;
	timer_set_in(&peer->redial, 0);
}

static void dial(void *arg)
{
	struct peer *peer = arg;
	const struct tls_trust trust = { 0 };

	if (peer->dialled || !peer->is_member)
		return;
	if (peer->address[0])
		peer->dialled = rpc_dial(peer->peers->rpc, peer->address, &trust, &hooks, peer);
	else
		dial_later(peer);
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
	peer->pause = PAUSE_MIN_MS;
	str_copy(peer->node_id, sizeof(peer->node_id), node_id);
	timer_init(&peer->redial, peers->loop, dial, peer);
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
		set_address(peers->items[i], address);
	}
}

static void be_no_member(struct peer *peer)
{
	peer->is_member = false;
	rpc_close(peer->dialled);
	peer->dialled = NULL;
	peer->is_dialled_up = false;
	if (!peer->accepted)
		forget(peer);
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
		timer_set_in(&peer->redial, 0);
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
			set_address(peers->items[i], address);
}

void peers_seen_at(struct peers *peers, const char *node_id, const char *address)
{
	for (size_t i = 0; i < peers->count; i++)
		if (str_eq(peers->items[i]->node_id, node_id) && !peer_conn(peers->items[i]))
			set_address(peers->items[i], address);
}

void peers_set_own_address(struct peers *peers, const char *address)
{
	str_copy(peers->own_address, sizeof(peers->own_address), address);
	for (size_t i = peers->count; i-- > 0;) {
		struct peer *peer = peers->items[i];

		if (!peer->is_member) {
			forget_at(peers, i);
			continue;
		}
		rpc_close(peer->dialled);
		rpc_close(peer->accepted);
		peer->dialled = peer->accepted = NULL;
		peer->is_dialled_up = false;
		peer->worst = RPC_DOWN_TIMEOUT;
		tell(peer);
		peer->pause = PAUSE_MIN_MS;
		timer_set_in(&peer->redial, 0);
	}
}

/* --- messages -------------------------------------------------------------------------------------- */

static void send(void *arg, raft_id to, const char *node_id UNUSED, const void *bytes, size_t size)
{
	struct peer *peer = peers_find(arg, to);
	struct rpc_conn *conn = peer ? peer_conn(peer) : NULL;

	if (conn)
		rpc_note(conn, RPC_RAFT, bytes, size); /* full: raft sends it again */
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
	say_hello(peers, conn);
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
	for (size_t i = 0; i < peers->count; i++)       /* the answer to ours; under another id it is somebody new at an old place */
		if (conn == peers->items[i]->dialled || (conn == peers->items[i]->accepted && peers->items[i]->id != hello.id))
			return 0;
	struct peer *peer = take(peers, hello.id, node_id);
	if (!peer)
		return err_set(err, ERR_EXHAUSTED, "%d managers are connected already", PEERS_MAX);
	if (!str_eq(peer->node_id, node_id))
		return err_set(err, ERR_DENIED, "node %s is not manager %llx", node_id, (unsigned long long)hello.id);
	if (hello.address[0])
		set_address(peer, hello.address);
	if (conn == peer->accepted)
		return 0;
	rpc_close(peer->accepted);
	peer->accepted = conn;
	rpc_conn_watch(conn, &hooks, peer);
	say_hello(peers, conn);
	tell(peer);
	return 0;
}

static void on_message(void *arg, struct rpc_conn *conn, struct rpc_ask *ask UNUSED, const void *body, size_t size)
{
	const char *node_id = rpc_conn_peer(conn)->node_id;
	struct reader in = reader_of(body, size);
	struct err err;
	int got;

	if (size > 0 && ((const uint8_t *)body)[0] == HELLO) {
		get_u8(&in);
		got = take_hello(arg, conn, node_id, in, &err);
	} else {
		got = replica_receive(((struct peers *)arg)->replica, node_id, body, size, &err);
	}
	if (got < 0)
		log_warn("manager %s: %s", node_id, err.text);
}

/* --- beginning and end ----------------------------------------------------------------------------- */

struct peers *peers_open(const struct peers_config *cfg)
{
	struct peers *peers = NEW(struct peers);
	uint64_t seed;

	peers->loop = cfg->loop;
	peers->rpc = cfg->rpc;
	peers->replica = cfg->replica;
	peers->on_outlived = cfg->on_outlived;
	peers->arg = cfg->arg;
	check(str_copy(peers->own_address, sizeof(peers->own_address), cfg->own_address));
	entropy_fill(&seed, sizeof(seed));
	rng_seed(&peers->rng, seed);
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
