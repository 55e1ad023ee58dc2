/* peers_internal.h - what peers_io.c and peer_streams_io.c share. Nobody else includes it. */
#pragma once
#include "base/list.h"
#include "base/rng.h"
#include "replica/peers_io.h"

enum { PEERS_MAX = 2 * RAFT_MEMBERS_MAX };

struct peer {
	struct peers *peers;
	raft_id id;
	char node_id[ID_SIZE];
	char address[PEERS_ADDRESS_SIZE];       /* "": not known */
	char in_view[PEERS_ADDRESS_SIZE];       /* what the view said last: it counts when it says something else */
	bool is_member;
	struct rpc_conn *dialled, *accepted;
	bool is_dialled_up;
	enum raft_peer_state state;             /* as told */
	enum rpc_down worst;                    /* of what ended its connections since it was up */
	struct timer redial;
	msec pause;
};

struct outgoing;
struct peers {
	struct loop *loop;
	struct rpc *rpc;
	struct replica *replica;
	void (*on_outlived)(void *arg);
	void *arg;
	struct rng rng;
	char own_address[PEERS_ADDRESS_SIZE];
	struct peer *items[PEERS_MAX];
	size_t count;

	/* the snapshot that is being fetched, and those that go out */
	struct rpc_call *asking;
	struct rpc_ticket *redeeming;
	struct stream *incoming;
	uint64_t ticket;
	raft_id fetched_from;
	struct list outgoing;
};

struct peer *peers_find(struct peers *peers, raft_id id);                /* NULL */
struct rpc_conn *peer_conn(const struct peer *peer);     /* NULL */

/* peer_streams_io.c */
void peers_fetch(void *peers, raft_id from, const char *node_id, uint64_t ticket);
void peers_serve_snapshot(void *peers, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size);
void peers_close_streams(struct peers *peers);
