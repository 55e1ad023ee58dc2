#include "test/unit/pki/tls_help.h"

#include <sys/socket.h>

#include "test/unit/runner.h"

static void on_ready(void *arg, const struct tls_peer *peer)
{
	struct end *end = arg;

	EXPECT(!end->is_ready);
	end->is_ready = true;
	end->peer = peer->cert;
	if (peer->root_pem)
		buf_add_str(&end->root, peer->root_pem);
}

static size_t on_bytes(void *arg, const uint8_t *bytes, size_t size)
{
	struct end *end = arg;
	size_t take = end->take ? MIN(end->take, size) : size;

	EXPECT(end->is_ready && !end->is_gone);
	buf_add(&end->got, bytes, take);
	return take;
}

static void on_room(void *arg)
{
	((struct end *)arg)->has_room = true;
}

static void on_end(void *arg, enum tls_end why, const struct err *err)
{
	struct end *end = arg;

	EXPECT(!end->is_gone);
	EXPECT((why == TLS_ENDED) == !err);
	if (!err) {
		end->has_ended = true;
		return;
	}
	end->is_gone = true;
	end->end = why;
	end->err = *err;
}

static void on_sent(void *arg)
{
	struct end *end = arg;

	EXPECT(!end->has_sent && tls_queued(end->stream) == 0);
	end->has_sent = true;
}

const struct tls_hooks end_hooks = { on_ready, on_bytes, on_room, on_end, on_sent };

void pair_init(struct pair *pair)
{
	*pair = (struct pair){ .loop = loop_new() };
	pair->work = work_new(pair->loop, 3);
}

void end_fini(struct end *end)
{
	tls_free(end->stream);
	buf_fini(&end->got);
	buf_fini(&end->root);
	*end = (struct end){ 0 };
}

void pair_fini(struct pair *pair)
{
	end_fini(&pair->server);
	end_fini(&pair->client);
	work_free(pair->work);
	loop_free(pair->loop);
}

void connect_pair(struct pair *pair, struct tls_context *server, struct tls_context *client, const char *digest)
{
	int fds[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	pair->server.stream = tls_accept(pair->loop, pair->work, server, fds[0], &end_hooks, &pair->server);
	pair->client.stream = tls_connect(pair->loop, pair->work, client, fds[1], (struct tls_trust){ digest }, &end_hooks, &pair->client);
}

int connect_stranger(struct pair *pair, struct tls_context *server)
{
	int fds[2];

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	pair->server.stream = tls_accept(pair->loop, pair->work, server, fds[0], &end_hooks, &pair->server);
	return fds[1];
}

void run_some(struct loop *loop)
{
	for (int i = 0; i < 10; i++)
		loop_run_once(loop, 5);
}

const char *root_of(const struct test_ca *ca)
{
	return buf_text(&ca->root.cert_pem);
}

void test_cluster_init(struct test_cluster *c)
{
	test_ca_init(&c->ca);
	test_node_init(&c->manager, &c->ca, TEST_NODE, true, TEST_CLUSTER, new_year_2026, 90 * test_day);
	test_node_init(&c->worker, &c->ca, "workerworkerworkerworkerw", false, TEST_CLUSTER, new_year_2026, 90 * test_day);
	c->manager_ctx = test_context(root_of(&c->ca), &c->manager);
	c->worker_ctx = test_context(root_of(&c->ca), &c->worker);
	c->nobody_ctx = test_context(NULL, NULL);
}

void test_cluster_fini(struct test_cluster *c)
{
	tls_context_drop(c->manager_ctx);
	tls_context_drop(c->worker_ctx);
	tls_context_drop(c->nobody_ctx);
	test_node_fini(&c->worker);
	test_node_fini(&c->manager);
	test_ca_fini(&c->ca);
}
