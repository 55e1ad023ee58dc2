#include "base/str.h"
#include "test/unit/pki/tls_help.h"
#include "test/unit/runner.h"

TEST(tls_worker_and_manager_know_each_other_and_talk)
{
	struct test_cluster c;
	struct pair p;

	test_cluster_init(&c);
	pair_init(&p);
	connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
	EXPECT(!tls_write(p.client.stream, "x", 1));
	EXPECT(!tls_peer(p.client.stream));
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	EXPECT_STR(p.server.peer.name.role, "swarm-worker");
	EXPECT_STR(p.server.peer.name.node_id, "workerworkerworkerworkerw");
	EXPECT_STR(p.client.peer.name.node_id, TEST_NODE);
	EXPECT_STR(p.client.peer.name.cluster_id, TEST_CLUSTER);
	EXPECT_STR(tls_peer(p.client.stream)->cert.name.node_id, TEST_NODE);
	EXPECT(tls_write(p.client.stream, "hello", 5) && tls_write(p.client.stream, " there", 6));
	EXPECT(tls_write(p.server.stream, "welcome", 7));
	RUN_UNTIL(p.loop, p.server.got.len == 11 && p.client.got.len == 7);
	EXPECT_STR(buf_text(&p.server.got), "hello there");
	EXPECT_STR(buf_text(&p.client.got), "welcome");

	/* half closed: what the client has said is whole, and the server may go on */
	tls_end(p.client.stream);
	EXPECT(!tls_write(p.client.stream, "x", 1) && !p.client.has_sent);
	RUN_UNTIL(p.loop, p.server.has_ended && p.client.has_sent);
	EXPECT(tls_write(p.server.stream, " back", 5));
	RUN_UNTIL(p.loop, p.client.got.len == 12);
	tls_end(p.server.stream);
	RUN_UNTIL(p.loop, p.client.has_ended);
	run_some(p.loop);
	EXPECT(!p.server.is_gone && !p.client.is_gone);
	pair_fini(&p);
	test_cluster_fini(&c);
}

TEST(tls_joining_node_finds_the_root_by_its_token_on_the_same_connection)
{
	char digest[CA_DIGEST_SIZE];
	struct err err = { 0 };
	struct test_cluster c;
	struct pair p;

	test_cluster_init(&c);
	pair_init(&p);
	EXPECT_INT(ca_digest(root_of(&c.ca), digest, &err), 0);
	connect_pair(&p, c.manager_ctx, c.nobody_ctx, digest);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	EXPECT_STR(p.server.peer.name.node_id, "");
	EXPECT_STR(p.client.peer.name.node_id, TEST_NODE);
	EXPECT_STR(buf_text(&p.client.root), root_of(&c.ca));
	EXPECT(tls_write(p.client.stream, "join", 4));
	RUN_UNTIL(p.loop, p.server.got.len == 4);
	pair_fini(&p);
	test_cluster_fini(&c);
}

static void expect_refused(struct tls_context *server, struct tls_context *client, const char *digest, bool by_server, const char *words)
{
	struct pair p;
	struct end *judge, *judged;

	pair_init(&p);
	connect_pair(&p, server, client, digest);
	judge = by_server ? &p.server : &p.client;
	judged = by_server ? &p.client : &p.server;
	RUN_UNTIL(p.loop, judge->is_gone && judged->is_gone);
	EXPECT(!judge->is_ready);
	EXPECT_INT(judge->end, TLS_REFUSED);
	EXPECT_STR(judge->err.text, words);
	EXPECT_INT(judged->end, TLS_REFUSED);
	EXPECT_STR(judged->err.text, str_ends(words, ": expired") ? "the other side does not accept this node: its certificate has expired: "
								      "let it leave the swarm and join again"
								    : "the other side does not accept this node: access denied");
	pair_fini(&p);
}

TEST(tls_refuses_a_digest_that_is_not_in_the_chain)
{
	char digest[CA_DIGEST_SIZE];
	struct err err = { 0 };
	struct test_ca other;
	struct test_cluster c;

	test_cluster_init(&c);
	test_ca_init(&other);
	EXPECT_INT(ca_digest(root_of(&other), digest, &err), 0);
	expect_refused(c.manager_ctx, c.nobody_ctx, digest, false,
		       "remote CA does not match fingerprint: the join token is of another cluster, or older than its root certificate");
	test_ca_fini(&other);
	test_cluster_fini(&c);
}

TEST(tls_refuses_a_server_that_shows_the_root_without_being_signed_by_it)
{
	char digest[CA_DIGEST_SIZE];
	struct err err = { 0 };
	struct test_cluster c, other;
	struct test_node liar;
	struct tls_context *ctx;

	test_cluster_init(&c);
	test_cluster_init(&other);
	EXPECT_INT(ca_digest(root_of(&c.ca), digest, &err), 0);
	/* its own root verifies it, and the one the token names hangs behind */
	CLEANUP(buf_finip) struct buf roots = BUF_INIT;
	buf_printf(&roots, "%s%s", root_of(&other.ca), root_of(&c.ca));
	test_node_init(&liar, &other.ca, TEST_NODE, true, TEST_CLUSTER, new_year_2026, test_day);
	ctx = test_context(buf_text(&roots), &liar);
	expect_refused(ctx, c.nobody_ctx, digest, false, "certificate of node " TEST_NODE " (swarm-manager): signed by none of the roots of this cluster");
	tls_context_drop(ctx);
	test_node_fini(&liar);
	test_cluster_fini(&other);
	test_cluster_fini(&c);
}

TEST(tls_refuses_certificates_of_another_cluster_on_both_sides)
{
	struct test_cluster c, other;
	static const char manager[] = "certificate of node " TEST_NODE " (swarm-manager): signed by none of the roots of this cluster";

	test_cluster_init(&c);
	test_cluster_init(&other);
	expect_refused(c.manager_ctx, other.worker_ctx, NULL, false, manager);
	/* a client that would take anything: the server refuses */
	char digest[CA_DIGEST_SIZE];
	struct err err = { 0 };
	EXPECT_INT(ca_digest(root_of(&c.ca), digest, &err), 0);
	expect_refused(c.manager_ctx, other.manager_ctx, digest, true, manager);
	test_cluster_fini(&other);
	test_cluster_fini(&c);
}

TEST(tls_refuses_a_worker_that_listens_as_a_manager)
{
	struct test_cluster c;

	test_cluster_init(&c);
	expect_refused(c.worker_ctx, c.worker_ctx, NULL, false, "certificate of node workerworkerworkerworkerw (swarm-worker): not a manager's");
	test_cluster_fini(&c);
}

TEST(tls_expiry_holds_by_agreed_time_and_too_early_is_fine)
{
	struct test_cluster c;
	struct test_node early, late;
	struct tls_context *early_ctx, *late_ctx;
	struct pair p;

	test_cluster_init(&c);
	test_node_init(&early, &c.ca, "earlyearlyearlyearlyearly", false, TEST_CLUSTER, new_year_2026 + 3650 * test_day, test_day);
	test_node_init(&late, &c.ca, "lateelateelateelateelatee", false, TEST_CLUSTER, 0, test_day);
	early_ctx = test_context(root_of(&c.ca), &early);
	late_ctx = test_context(root_of(&c.ca), &late);

	/* nothing is agreed: a certificate of 1970 is as good as any */
	pair_init(&p);
	connect_pair(&p, c.manager_ctx, late_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	EXPECT_INT(p.server.peer.not_after, test_day);
	pair_fini(&p);

	tls_context_agree(c.manager_ctx, new_year_2026);
	tls_context_agree(c.manager_ctx, 0);    /* never back */
	expect_refused(c.manager_ctx, late_ctx, NULL, true, "certificate of node lateelateelateelateelatee (swarm-worker): expired");
	pair_init(&p);
	connect_pair(&p, c.manager_ctx, early_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	EXPECT(p.server.peer.not_before > new_year_2026);
	pair_fini(&p);
	tls_context_drop(early_ctx);
	tls_context_drop(late_ctx);
	test_node_fini(&early);
	test_node_fini(&late);
	test_cluster_fini(&c);
}
