/* tls_help.h - two ends of a TLS connection over a socket pair, a cluster's contexts, and waiting for what they are told. */
#pragma once
#include "base/panic.h"
#include "test/unit/pki/pki_help.h"

/* One end of a connection, and all that it was told. */
struct end {
	struct tls_stream *stream;
	struct cert_facts peer;
	struct buf got, root;
	bool is_ready, has_ended, is_gone, has_room, has_sent;
	enum tls_end end;
	struct err err;
	size_t take;                     /* of each on_bytes; 0 is all */
};
struct pair {
	struct loop *loop;
	struct work *work;
	struct end server, client;
};
extern const struct tls_hooks end_hooks;
void end_fini(struct end *end);
void pair_init(struct pair *pair);
void pair_fini(struct pair *pair);
void connect_pair(struct pair *pair, struct tls_context *server, struct tls_context *client, const char *digest);
/* A server of this context whose other end is a plain socket, non-blocking; the test closes it. */
int connect_stranger(struct pair *pair, struct tls_context *server);

/* A cluster with a manager and a worker. */
struct test_cluster {
	struct test_ca ca;
	struct test_node manager, worker;
	struct tls_context *manager_ctx, *worker_ctx, *nobody_ctx;
};
void test_cluster_init(struct test_cluster *c);
void test_cluster_fini(struct test_cluster *c);
const char *root_of(const struct test_ca *ca);

/* Runs the loop until it is so, at most a minute. */
#define RUN_UNTIL(loop, cond) do { \
		msec until = loop_now(loop) + 60000; \
		while (!(cond) && loop_now(loop) < until) \
			loop_run_once(loop, 100); \
		EXPECT(cond); \
	} while (0)
/* For what must not happen: some rounds with nothing else to wait for. */
void run_some(struct loop *loop);
