/* peer_dial_io.c - the connections to one other manager: when to dial, and which one messages take.
 *
 * TCP is a poor judge of a wire. What it lost it sends again after 0.2 s, 0.4 s, 0.8 s …, a first SYN after a whole second (RFC 6298), so a
 * wire that was off for half a second now and then may carry nothing for ten, and no connection has ended. So questions are watched: when one has had no
 * answer for E/2, a new connection is tried beside the old one, and another one beside that soon after (staggered attempts, as RFC 8305 has
 * them for addresses), until one is up or the old one says something. Where new ones come up and nobody answers all the same, the wire is not to
 * blame: each is waited for twice as long.
 */
#include "base/panic.h"
#include "base/str.h"
#include "os/log.h"
#include "pki/cert.h"
#include "pki/tls_io.h"
#include "replica/peers_internal.h"

enum {
	AGAIN_MS = 20,                  /* what was up is dialled again */
	TURNED_AWAY_MS = 1000,          /* who was turned away asks again, and will be told the same */
	DOUBTS_MAX = 5,                 /* E/2 becomes 16 E */
};

/* --- what raft hears of it ------------------------------------------------------------------------- */

/* Messages take this connection. A new one is told too: what is on its way in the old one may never come. */
static void use(struct peer *peer, struct rpc_conn *conn)
{
	bool is_new = conn && conn != peer->current;
	bool has_died = peer->worst == RPC_DOWN_REFUSED || peer->worst == RPC_DOWN_RESET;
	enum raft_peer_state state = conn ? RAFT_PEER_UP : has_died ? RAFT_PEER_LOST : RAFT_PEER_SILENT;

	peer->current = conn;
	if (!is_new && state == peer->state)
		return;
	peer->is_asked = false;
	peer->state = state;
	if (is_new && peer->peers->on_linked)
		peer->peers->on_linked(peer->peers->arg, peer->id);
	replica_peer(peer->peers->replica, peer->id, state);
}

static void use_what_is_left(struct peer *peer)
{
	if (!peer->current || (peer->current != peer->dialled && peer->current != peer->accepted))
		use(peer, peer->dialled ? peer->dialled : peer->accepted);
}

/* --- questions without an answer -------------------------------------------------------------------- */

/* Nothing, while the log cannot be written. */
static msec election_ms(const struct peer *peer)
{
	return MAX(replica_status(peer->peers->replica).election_ms, (msec)RAFT_ELECTION_MIN_MS);
}

static msec mute_at(const struct peer *peer)
{
	return peer->asked_at + (election_ms(peer) / 2 << peer->doubts);
}

static bool is_mute(const struct peer *peer)
{
	return peer->is_asked && loop_now(peer->peers->loop) >= mute_at(peer);
}

void peer_is_asked(struct peer *peer)
{
	if (peer->is_asked)
		return;
	peer->is_asked = true;
	peer->asked_at = loop_now(peer->peers->loop);
	timer_set(&peer->mute, mute_at(peer));
}

static void give_up_attempts(struct peer *peer)
{
	while (peer->attempt_count > 0)
		rpc_close(peer->attempts[--peer->attempt_count]);
	timer_cancel(&peer->next);
}

void peer_is_heard(struct peer *peer, struct rpc_conn *conn)
{
	if (is_mute(peer))
		use(peer, conn);
	peer->is_asked = false;
	peer->doubts = 0;
	if (peer->dialled)
		give_up_attempts(peer);
}

/* --- dialling ----------------------------------------------------------------------------------------- */

static bool is_wanted(const struct peer *peer)
{
	return peer->is_member && peer->address[0] && (!peer->dialled || is_mute(peer));
}

static void begin_dialling(struct peer *peer, msec delay)
{
	peer->stagger = election_ms(peer) / 2;
	timer_set_in(&peer->next, delay);
}

static void remove_attempt(struct peer *peer, const struct rpc_conn *conn)
{
	size_t kept = 0;

	for (size_t i = 0; i < peer->attempt_count; i++)
		if (peer->attempts[i] != conn)
			peer->attempts[kept++] = peer->attempts[i];
	peer->attempt_count = kept;
}

static void attempt_failed(struct peer *peer, const struct rpc_conn *conn, enum rpc_down reason)
{
	remove_attempt(peer, conn);
	if (reason >= RPC_DOWN_TLS)
		timer_set_in(&peer->next, TURNED_AWAY_MS);
	if (reason != RPC_DOWN_REFUSED)
		return;
	rpc_close(peer->dialled);       /* of a process that is not there any more */
	peer->dialled = NULL;
}

static void dialled_is_gone(struct peer *peer)
{
	peer->dialled = NULL;
	if (peer->is_member && peer->attempt_count == 0)
		begin_dialling(peer, AGAIN_MS);
}

static void on_down(void *arg, struct rpc_conn *conn, enum rpc_down reason, const struct err *err)
{
	struct peer *peer = arg;

	if (reason >= RPC_DOWN_TLS && conn != peer->accepted && peer->state)
		log_warn("manager %s at %s: %s", peer->node_id, peer->address, err->text);
	peer->worst = reason;
	if (conn == peer->accepted)
		peer->accepted = NULL;
	else if (conn == peer->dialled)
		dialled_is_gone(peer);
	else
		attempt_failed(peer, conn, reason);
	use_what_is_left(peer);
	if (!peer->is_member && !peer->dialled && !peer->accepted)
		peers_forget(peer);
}

static void on_up(void *arg, struct rpc_conn *conn)
{
	struct peer *peer = arg;
	const struct cert_name *name = rpc_conn_peer(conn);
	struct rpc_conn *old = peer->dialled;

	remove_attempt(peer, conn);
	if (!name || !str_eq(name->node_id, peer->node_id)) {
		rpc_close(conn);        /* somebody else lives at that address now */
		return;
	}
	give_up_attempts(peer);
	peer->dialled = conn;
	peer->doubts = MIN(peer->doubts + 1, (unsigned)DOUBTS_MAX);
	peers_say_hello(peer->peers, conn);
	use(peer, conn);
	rpc_close(old);
}

static void dial(struct peer *peer)
{
	static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down };
	static const struct tls_trust trust = { 0 };

	if (peer->attempt_count == PEER_ATTEMPTS) {
		rpc_close(peer->attempts[0]);
		remove_attempt(peer, peer->attempts[0]);
		peer->worst = RPC_DOWN_TIMEOUT;
		use_what_is_left(peer);
	}
	peer->attempts[peer->attempt_count++] = rpc_dial(peer->peers->rpc, peer->address, &trust, &hooks, peer);
	timer_set_in(&peer->next, peer->stagger);
	peer->stagger = MIN(peer->stagger * 5 / 4, election_ms(peer));
}

static void on_next(void *arg)
{
	struct peer *peer = arg;

	if (is_wanted(peer))
		dial(peer);
	else
		give_up_attempts(peer);
}

static void on_mute(void *arg)
{
	struct peer *peer = arg;

	if (!peer->is_asked)
		return;
	if (!is_mute(peer))
		timer_set(&peer->mute, mute_at(peer));  /* E has grown */
	else if (peer->attempt_count == 0)
		begin_dialling(peer, 0);
}

/* --- from outside ---------------------------------------------------------------------------------------- */

void peer_init(struct peer *peer)
{
	timer_init(&peer->next, peer->peers->loop, on_next, peer);
	timer_init(&peer->mute, peer->peers->loop, on_mute, peer);
}

void peer_dial_now(struct peer *peer)
{
	begin_dialling(peer, 0);
}

void peer_stop_dialling(struct peer *peer)
{
	give_up_attempts(peer);
	rpc_close(peer->dialled);
	peer->dialled = NULL;
	use_what_is_left(peer);
}

void peer_hang_up(struct peer *peer)
{
	rpc_close(peer->accepted);
	peer->accepted = NULL;
	peer->worst = RPC_DOWN_TIMEOUT;
	peer_stop_dialling(peer);
}

void peer_fini(struct peer *peer)
{
	timer_cancel(&peer->next);
	timer_cancel(&peer->mute);
	give_up_attempts(peer);
	rpc_close(peer->dialled);
	rpc_close(peer->accepted);
}

void peer_set_address(struct peer *peer, const char *address)
{
	if (str_eq(peer->address, address) || !str_copy(peer->address, sizeof(peer->address), address))
		return;
	peer_stop_dialling(peer);       /* it goes to where it was */
	peer_dial_now(peer);
}

void peer_take_accepted(struct peer *peer, struct rpc_conn *conn)
{
	static const struct rpc_hooks hooks = { .on_down = on_down };
	struct rpc_conn *old = peer->accepted;

	peer->accepted = conn;
	rpc_conn_watch(conn, &hooks, peer);
	use(peer, conn);
	rpc_close(old);
}
