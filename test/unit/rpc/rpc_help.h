/* rpc_help.h - a cluster of a few nodes in one process, over loopback sockets, and hands that speak TLS or nothing at all. */
#pragma once
#include "pki/tls_io.h"
#include "rpc/frame.h"
#include "rpc/rpc_io.h"
#include "test/unit/pki/pki_help.h"

#define TEST_WORKER "workerworkerworkerworkerw"
#define TEST_OTHER  "otherotherotherotherother"

/* How long anything that is certain to come is waited for. */
enum { RPC_HELP_WAIT_MS = 60000 };

/* A node, and all that it was told. */
struct speaker {
	struct net *net;
	struct rpc *rpc;
	struct tls_context *ctx;
	struct rpc_conn *conn;          /* the one it dialled, while it is there */
	struct rpc_conn *met;           /* whoever asked last */
	struct buf story;               /* "up ", "down(RESET, sentence) ", "note(x) ", "room " ... */
	struct rpc_ask *parked;
	unsigned asked, noted, rooms, downs;
	size_t noted_bytes;
	bool closes_on_up, closes_in_handler, closes_on_room, admits_nobody;
	enum rpc_down reason;
	struct err err;
};
struct answer { unsigned count; bool failed; struct err err; struct buf body; struct rpc_conn *closes; };

struct net {
	struct loop *loop;
	struct work *work;
	struct test_ca ca, other_ca;
	struct test_node papers[3], foreign;
	struct speaker manager, worker, other;      /* other: a second manager */
};

/* limits NULL: the usual ones with more patience, for all of them. The manager listens. */
void net_init(struct net *net, const struct rpc_limits *limits);
void net_fini(struct net *net);
struct tls_context *net_stranger(struct net *net);
/* A node of its own: ctx becomes its. */
void node_init(struct net *net, struct speaker *node, struct tls_context *ctx, const struct rpc_limits *limits);
void node_fini(struct speaker *node);

const char *net_address(const struct net *net, char ret_text[32]);       /* the manager's */
extern const struct rpc_hooks node_hooks;
/* Dials the manager; up when it returns. */
void node_dial(struct speaker *node);
/* As it is, to any address. */
void node_dial_to(struct speaker *node, const char *addresses, const char *digest);
void expect_story(struct speaker *node, const char *want);

void on_answer(void *arg, const void *body, size_t size, const struct err *err);
void answer_fini(struct answer *answer);
void expect_body(struct answer *answer, const char *want);               /* and forgets it */
void expect_error(struct answer *answer, enum err_code code, const char *want);

/* A connected socket that says nothing by itself; blocking. */
int hand_connect(const struct net *net);
int hand_connect_from(const struct net *net, uint8_t host);              /* 127.0.0.HOST */
/* A TLS connection without rpc behind it. */
struct hand {
	struct net *net;
	struct tls_stream *tls;
	struct frame_parser parser;
	struct buf got;                 /* bytes behind the frames read so far */
	bool ready, ended;
	bool deaf;
};
/* Ready when it returns, also where a slow handshake is hung up on: it dials again. ctx is borrowed. */
void hand_open(struct net *net, struct hand *hand, struct tls_context *ctx);
void hand_close(struct hand *hand);
void hand_say(struct hand *hand, enum frame_kind kind, unsigned method, uint32_t call, const void *body, size_t size);
void hand_greet(struct hand *hand);                                              /* our half of it */
void hand_hello(struct hand *hand);                                              /* both halves */
/* The next frame, waited for; kind 0 when the connection has ended. Valid until the next call. */
struct frame hand_hear(struct hand *hand);

/* Runs the loop until it is so, at most a minute. */
#define RUN_UNTIL(net, cond) do { \
		msec until_ = loop_now((net)->loop) + RPC_HELP_WAIT_MS; \
		while (!(cond) && loop_now((net)->loop) < until_) \
			loop_run_once((net)->loop, 100); \
		EXPECT(cond); \
	} while (0)
/* For what must not happen. */
void run_some(struct net *net);
