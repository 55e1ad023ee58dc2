/* rpc_inside.h - inside of a connection. Only for the files of this room that end in _io.c.
 *
 * rpc_io: the node; accepting. rpc_conn_io: life of one connection, its frames. rpc_call_io: calls and answers. rpc_dial_io: addresses, one after the
 * other. rpc_ticket_io: tickets, and connections that have become streams.
 *
 * A connection that fails is only marked; its kick timer tells everybody and buries it, in the same round. Whoever calls back out of a connection holds
 * it (busy), so that the callback may close it.
 */
#pragma once
#include "base/ip.h"
#include "base/list.h"
#include "os/listen.h"
#include "os/stream.h"
#include "pki/tls_io.h"
#include "rpc/frame.h"
#include "rpc/rpc_io.h"

#define RPC_ADDRESS_TEXT 300            /* a host name and a port */

struct rpc {
	struct loop *loop;
	struct work *work;
	struct rpc_config cfg;
	struct { rpc_handler_fn *fn; void *arg; } served[RPC_METHOD_MAX + 1];
	struct listener *listener;
	struct list conns;              /* in the order in which they came */
	struct list stillborn;          /* calls that never left */
	struct list tickets, redeeming; /* those made here; those of others */
	struct buf scratch;             /* the frame that is being sent */
};

enum rpc_conn_state {
	RPC_CONN_DIALLING,              /* no socket yet, or one that is connecting */
	RPC_CONN_SHAKING,               /* TLS */
	RPC_CONN_GREETING,              /* the other's first frame is waited for; who has dialled has said his own */
	RPC_CONN_UP,
	RPC_CONN_RAW,                   /* a ticket's bytes; nobody's but ours */
	RPC_CONN_FAILED,                /* to be buried by the kick */
	RPC_CONN_LEAVING,               /* a sentence is on its way; what comes in is thrown away */
	RPC_CONN_GONE,                  /* freed as soon as nobody holds it */
};

struct rpc_conn {
	struct list link;
	struct rpc *rpc;
	enum rpc_conn_state state;
	bool is_accepted;
	bool tells;                     /* FAILED: the other side is told why */
	bool owes_room;
	unsigned busy;

	struct rpc_hooks hooks;
	void *arg;
	struct tls_stream *tls;
	struct frame_parser parser;
	struct buf out;                 /* whole frames that TLS did not take yet */
	size_t out_sent;
	struct timer deadline, kick;
	enum rpc_down reason;
	struct err *failure;

	enum rpc_class class;           /* RPC_ANYONE until the handshake is done */
	struct cert_name peer;
	struct ip ip;                   /* the other side's */
	char address[SOCKET_ADDRESS_SIZE], own_address[SOCKET_ADDRESS_SIZE];
	struct frame_hello hello;

	struct list calls, asks;
	unsigned call_count, ask_count;
	uint32_t last_call;

	struct rpc_dial *dial;          /* until it is up */
	struct rpc_ticket *ticket;      /* being redeemed with it */
	struct stream *pair;            /* RAW: our end */
	bool pair_ended, wire_ended;    /* RAW: no more comes from there */
	bool in_done, out_done;         /* RAW: all that came from the wire, from the pair, is where it belongs */
};

/* --- rpc_conn_io --- */
struct rpc_conn *rpc_conn_new(struct rpc *rpc);
/* The socket, connected, becomes a TLS stream. trust NULL: accepted. */
void rpc_conn_shake(struct rpc_conn *conn, int fd, const struct tls_trust *trust);
void rpc_conn_hold(struct rpc_conn *conn);
void rpc_conn_let_go(struct rpc_conn *conn);
/* Marks it, unless it is over already. A dialled one that is not up yet goes on with its next address. */
void rpc_conn_fail(struct rpc_conn *conn, enum rpc_down reason, const struct err *err);
/* The same, and the other side is told; reason PROTOCOL. */
void rpc_conn_refuse(struct rpc_conn *conn, const struct err *err);
/* False: the queue is full. may_exceed: up to twice its bound will do. */
bool rpc_conn_send(struct rpc_conn *conn, const struct frame *frame, bool may_exceed);
bool rpc_conn_takes(const struct rpc_conn *conn, enum frame_kind kind, size_t size);
/* Takes everything from it and frees it, without a word to its owner. */
void rpc_conn_free(struct rpc_conn *conn);

/* --- rpc_call_io --- */
void rpc_take_call(struct rpc_conn *conn, const struct frame *frame);
void rpc_take_note(struct rpc_conn *conn, const struct frame *frame);
void rpc_take_answer(struct rpc_conn *conn, const struct frame *frame);
void rpc_calls_end(struct rpc_conn *conn, const struct err *err);        /* all under way are told */
void rpc_asks_orphan(struct rpc_conn *conn);
void rpc_stillborn_end(struct rpc *rpc);

/* --- rpc_dial_io --- */
void rpc_dial_step(struct rpc_conn *conn);               /* the next address, or the end */
/* Notes why this address was none; false when it was the last, and then both are what tells most of all failures. */
bool rpc_dial_again(struct rpc_conn *conn, enum rpc_down *reason, struct err *err);
void rpc_dial_free(struct rpc_dial *dial);

/* --- rpc_ticket_io --- */
void rpc_ticket_greet(struct rpc_conn *conn);            /* redeeming: the first frame */
void rpc_take_ticket(struct rpc_conn *conn, const struct frame *frame);
size_t rpc_raw_bytes(struct rpc_conn *conn, const uint8_t *bytes, size_t size);
void rpc_raw_room(struct rpc_conn *conn);
void rpc_raw_ended(struct rpc_conn *conn, bool is_dead); /* the other node has ended its writing, or all */
void rpc_raw_sent(struct rpc_conn *conn);                /* and here ours has been ended */
void rpc_tickets_end(struct rpc *rpc, bool made_only);   /* made_only: those made here, not those being redeemed */
