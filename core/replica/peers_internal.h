/* peers_internal.h - what peers_io.c, peer_dial_io.c and peer_streams_io.c share. Nobody else includes it. */
#pragma once
#include "base/list.h"
#include "replica/peers_io.h"

enum { PEERS_MAX = 2 * RAFT_MEMBERS_MAX, PEER_ATTEMPTS = 8 };

struct peer {
	struct peers *peers;
	raft_id id;
	char node_id[ID_SIZE];
	char address[PEERS_ADDRESS_SIZE];       /* "": not known */
	char in_view[PEERS_ADDRESS_SIZE];       /* what the view said last: it counts when it says something else */
	bool is_member;
	struct rpc_conn *dialled, *accepted;    /* up; NULL */
	struct rpc_conn *current;               /* the one of them that messages take; NULL: neither is there */
	enum raft_peer_state state;             /* as told */
	enum rpc_down worst;                    /* of what ended its connections since it was up */

	/* attempts, the oldest first, beside the connection that they would take the place of; each soon followed by another one */
	struct rpc_conn *attempts[PEER_ATTEMPTS];
	size_t attempt_count;
	msec stagger;
	struct timer next;

	/* a question that is on its way */
	bool is_asked;
	msec asked_at;
	unsigned doubts;                        /* connections that came up since it was heard last */
	struct timer mute;
};

struct outgoing;
struct peers {
	struct loop *loop;
	struct rpc *rpc;
	struct replica *replica;
	void (*on_outlived)(void *arg);
	void (*on_linked)(void *arg, raft_id id);
	bool (*is_manager)(void *arg, const char *node_id);
	void *arg;
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

struct peer *peers_find(const struct peers *peers, raft_id id);                /* NULL */
void peers_say_hello(const struct peers *peers, struct rpc_conn *conn);
void peers_forget(struct peer *peer);
int peers_check(const struct peers *peers, const char *node_id, struct err *err);        /* ERR_DENIED for who is no manager */

/* peer_dial_io.c: one peer's connections */
void peer_init(struct peer *peer);
void peer_fini(struct peer *peer);
void peer_hang_up(struct peer *peer);                    /* all of them, and nothing is dialled */
/* It has that address now: dialled at once, unless it is where it was. */
void peer_set_address(struct peer *peer, const char *address);
void peer_dial_now(struct peer *peer);                   /* soon, from the loop */
void peer_stop_dialling(struct peer *peer);              /* it is no member any more */
void peer_take_accepted(struct peer *peer, struct rpc_conn *conn);
void peer_is_asked(struct peer *peer);                   /* a question has been given to its connection */
void peer_is_heard(struct peer *peer, struct rpc_conn *conn);

/* peer_streams_io.c */
void peers_fetch(void *peers, raft_id from, const char *node_id, uint64_t ticket);
void peers_serve_snapshot(void *peers, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size);
void peers_close_streams(struct peers *peers);
