/* peers_io.h - the other managers, over rpc: a replica's transport.
 *
 * Dials every member at the address that the view has for its node, or that it gave itself when it dialled us, again and again for as
 * long as it is a member, and also while it is connected and does not answer (peer_dial_io.c). Each of two managers may have dialled the other;
 * messages take the newer connection. What ends a connection is told to raft: reset or refused means that a process died, anything else that
 * who knows. Snapshots come as a ticket's stream, beside the messages.
 *
 * Whoever was given up when the cluster was made anew is told so, and not listened to.
 *
 * Serves RPC_RAFT and RPC_SNAPSHOT. Opened behind the replica, closed before it.
 */
#pragma once
#include "replica/replica.h"
#include "rpc/rpc_io.h"

struct peers;
enum { PEERS_ADDRESS_SIZE = 300 };
struct peers_config {
	struct loop *loop;
	struct rpc *rpc;
	struct replica *replica;
	/* Where this manager is reached, "10.0.0.5:2377": told to those that are dialled. "": they find out by themselves. */
	const char *own_address;
	/* A manager of a later generation of the cluster: it has gone on without this one (replica_refound). May be NULL. */
	void (*on_outlived)(void *arg);
	/* Messages to that member take another connection from now on (peers_conn); calls under way on the one before may be answered late, or never. From
	 * inside calls of peers: to be thought about later. May be NULL. */
	void (*on_linked)(void *arg, raft_id id);
	/* Is that node a manager, whatever its certificate says? Who is none is not listened to, nor given a snapshot. NULL: all are. */
	bool (*is_manager)(void *arg, const char *node_id);
	void *arg;
};
struct peers *peers_open(const struct peers_config *cfg);
void peers_close(struct peers *peers);          /* NULL is welcome */
/* Where that node listens, before the view says so: for one that is about to join, or a leader that lets it in. */
void peers_hint(struct peers *peers, const char *node_id, const char *address);
/* The connection to that member, for calls; NULL: it is not connected. */
struct rpc_conn *peers_conn(const struct peers *peers, raft_id id);
/* All that are connected: for (size_t at = 0; (conn = peers_next(peers, &at)); ) */
struct rpc_conn *peers_next(const struct peers *peers, size_t *at);
/* The same from itself: newer than the view, until that says something else. Nothing when it is connected. */
void peers_seen_at(struct peers *peers, const char *node_id, const char *address);
/* This manager has another address now: all connections begin anew. */
void peers_set_own_address(struct peers *peers, const char *address);
/* Addresses in the view may have changed: look again. */
void peers_look(struct peers *peers);
