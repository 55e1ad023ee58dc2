/* rpc_io.h - calls, notes and streams between the nodes of a cluster: frames over TLS, both ways on each connection.
 *
 * A struct rpc is a node's mouth and ears: it listens, dials, and knows who serves which method (rpc_methods.h). A connection is symmetric: as soon as it
 * is up (handshake done, both have said hello) either side calls and notes, whoever dialled. What the other side may ask is decided by its certificate
 * before a handler sees a byte.
 *
 * Everything runs on the loop's thread. Callbacks come from the loop, never from within a call of one's own (rpc_close and rpc_free excepted, see there),
 * and may free what they like: connections, calls, tickets; but not the struct rpc. Every queue has a bound; whoever meets it is told, and nothing waits
 * without a deadline. What a stranger sends ends, at worst, his own connection.
 */
#pragma once
#include "os/loop.h"
#include "os/work.h"
#include "rpc/rpc_methods.h"

struct cert_name;
struct tls_context;
struct tls_trust;
struct rpc;
struct rpc_conn;
struct rpc_call;
struct rpc_ask;
struct rpc_ticket;

/* --- a node --- */

#define RPC_PORT 2377           /* where an address names none */

struct rpc_limits {
	unsigned connections;           /* accepted, at a time */
	unsigned strangers;             /* of them, those that have not shown a certificate (yet); when there are more, crowd.h says who goes */
	msec hello_ms;                  /* from a connection accepted to its hello, or to the answer to ours: else closed */
	msec stranger_ms;               /* how long one without a certificate may stay */
	msec connect_ms;                /* for each address tried */
	msec stalled_ms;                /* the other side takes nothing of what is queued for it */
	unsigned tickets_per_node;      /* waiting or streaming */
	msec ticket_ms;                 /* until a ticket is redeemed */
};
#define RPC_LIMITS_DEFAULT \
	{ .connections = 1024, .strangers = 256, .hello_ms = 10000, .stranger_ms = 60000, .connect_ms = 2500, \
	  .stalled_ms = 10000, .tickets_per_node = 64, .ticket_ms = 10000 }

struct rpc_config {
	/* What to show and whom to trust, asked for at each new connection; those that live keep what they had. Not NULL; borrowed. */
	struct tls_context *(*context)(void *arg);
	/* May this node, whose certificate is good, be connected with us? -1 says why not; the other side gets the sentence. May be NULL. */
	int (*admit)(void *arg, const struct cert_name *peer, struct err *err);
	void *arg;
	uint32_t format_level;          /* told to the others, see rpc_conn_format_level */
	struct rpc_limits limits;
};
struct rpc *rpc_new(struct loop *loop, struct work *work, const struct rpc_config *cfg);
/* Closes everything as rpc_close does, tickets and their streams too. NULL is welcome. */
void rpc_free(struct rpc *rpc);

/* Who answers this method, on accepted and on dialled connections alike. NULL: nobody any more; callers get ERR_UNAVAILABLE.
 * ask: what to answer to; NULL for a method that is noted. body lives as long as the call of the handler. */
typedef void rpc_handler_fn(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size);
void rpc_serve(struct rpc *rpc, enum rpc_method method, rpc_handler_fn *handler, void *arg);

/* "10.0.0.5:2377", "[::]:2377"; names are not looked up. One address at a time: listening again moves there. */
int rpc_listen(struct rpc *rpc, const char *address, struct err *err);
/* No more connections are accepted, and the accepted ones are closed as by rpc_close, tickets too. */
void rpc_unlisten(struct rpc *rpc);
uint16_t rpc_port(const struct rpc *rpc);                /* 0 when not listening */

/* --- a connection --- */

/* Why it is gone; in ascending order of how much it tells. */
enum rpc_down {
	RPC_DOWN_TIMEOUT,       /* silence, no route, no such name: who knows */
	RPC_DOWN_REFUSED,       /* nobody listens there: no process */
	RPC_DOWN_RESET,         /* the other side has ended it, or died */
	RPC_DOWN_TLS,           /* a certificate, a token's digest, a handshake: the error says what */
	RPC_DOWN_PROTOCOL,      /* one side said what the other does not take, or was turned away with a sentence, which is the error */
};

/* Each may be NULL. */
struct rpc_hooks {
	void (*on_up)(void *arg, struct rpc_conn *conn);
	/* Last. Before it every call under way has been told the same error. conn is dead behind it. */
	void (*on_down)(void *arg, struct rpc_conn *conn, enum rpc_down reason, const struct err *err);
	/* A note was refused because the queue was full; now there is room. */
	void (*on_room)(void *arg, struct rpc_conn *conn);
};

/* Dials "host:port", or several of them separated by commas, one after the other until one is up; names are looked up off the loop. Never fails at once:
 * on_down tells. It does not dial again: whoever wants to, does it in on_down or later. */
struct rpc_conn *rpc_dial(struct rpc *rpc, const char *addresses, const struct tls_trust *trust, const struct rpc_hooks *hooks, void *arg);
/* Ends it without an on_down. Calls under way are told ERR_UNAVAILABLE from within; what was queued is lost. NULL is welcome. */
void rpc_close(struct rpc_conn *conn);
/* The same, but the other side learns this sentence (its on_down: PROTOCOL). */
void rpc_turn_away(struct rpc_conn *conn, const struct err *err);
/* For accepted connections, which nobody watches: usually by the handler of the method that makes it somebody's. */
void rpc_conn_watch(struct rpc_conn *conn, const struct rpc_hooks *hooks, void *arg);

/* What is below holds while the connection is up. */
bool rpc_conn_is_up(const struct rpc_conn *conn);
const struct cert_name *rpc_conn_peer(const struct rpc_conn *conn);      /* NULL: it showed no certificate */
enum rpc_class rpc_conn_class(const struct rpc_conn *conn);
const char *rpc_conn_root_pem(const struct rpc_conn *conn);              /* dialled with a token's digest: the root that it names; else NULL */
const char *rpc_conn_address(const struct rpc_conn *conn);               /* "10.0.0.7:41234", the other side's */
const char *rpc_conn_own_address(const struct rpc_conn *conn);           /* ours, as this connection uses it */
uint32_t rpc_conn_format_level(const struct rpc_conn *conn);
const char *rpc_conn_version(const struct rpc_conn *conn);               /* "0.1.0" */

/* --- asking --- */

/* Either the answer's bytes or err is NULL. body lives as long as the call of done. */
typedef void rpc_done_fn(void *arg, const void *body, size_t size, const struct err *err);
/* done is called once, later, whatever happens: the other side's answer or error (code and sentence as it set them), ERR_UNAVAILABLE after timeout_ms or
 * when the connection goes or is not up, ERR_EXHAUSTED when too much is queued or under way. Then the handle is dead. */
struct rpc_call *rpc_call(struct rpc_conn *conn, enum rpc_method method, const void *body, size_t size, msec timeout_ms, rpc_done_fn *done, void *arg);
void rpc_call_forget(struct rpc_call *call);             /* done will not be called; the answer is dropped. NULL is welcome */
/* False: not up, queue full (on_room will tell), or longer than the other side takes. Notes and calls arrive in the order they were made. */
bool rpc_note(struct rpc_conn *conn, enum rpc_method method, const void *body, size_t size);
size_t rpc_conn_queued(const struct rpc_conn *conn);     /* bytes that wait for the other side */

/* Each ask is answered exactly once, at once or much later; if the connection has gone meanwhile the answer is dropped. */
void rpc_reply(struct rpc_ask *ask, const void *body, size_t size);
void rpc_reply_error(struct rpc_ask *ask, const struct err *err);
struct rpc_conn *rpc_ask_conn(const struct rpc_ask *ask);        /* NULL: gone */

/* --- tickets: "call me back" ---
 *
 * Who can be dialled (a manager) makes a ticket for a node and sends it along in a call; that node redeems it with a connection of its own, which then is
 * one plain byte stream. Both get a socket (AF_UNIX, stream, blocking, close-on-exec) that behaves like the other's end of a socketpair: flow control,
 * shutdown(SHUT_WR) arrives as an end of file while the other direction goes on, closing arrives as end and reset. */
#define RPC_TICKET_BYTES 16
/* fd, which is the callee's from now on, or -1 and why. */
typedef void rpc_stream_fn(void *arg, int fd, const struct err *err);
/* NULL: ERR_EXHAUSTED. done is called once, within ticket_ms; then the handle is dead. */
struct rpc_ticket *rpc_ticket_new(struct rpc *rpc, const char *node_id, uint8_t ret_ticket[RPC_TICKET_BYTES], rpc_stream_fn *done, void *arg,
				  struct err *err);
/* addresses and trust as for rpc_dial. */
struct rpc_ticket *rpc_ticket_redeem(struct rpc *rpc, const char *addresses, const struct tls_trust *trust, const uint8_t ticket[RPC_TICKET_BYTES],
				     rpc_stream_fn *done, void *arg);
void rpc_ticket_forget(struct rpc_ticket *ticket);       /* done will not be called. NULL is welcome */
/* That node is known to be gone: its streams end here as if it had reset them. Where it falls silent on a connection with us it happens by itself. */
void rpc_end_streams(struct rpc *rpc, const char *node_id);
