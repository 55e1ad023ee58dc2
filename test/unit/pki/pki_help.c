#include "test/unit/pki/pki_help.h"

#include "pki/tls_internal.h"

#include "test/unit/runner.h"

const nsec new_year_2026 = 1767225600000000000, test_day = 86400000000000;

void test_ca_init(struct test_ca *ca)
{
	struct err err = { 0 };

	*ca = (struct test_ca){ 0 };
	EXPECT_INT(ca_root_new(new_year_2026, &ca->root, &err), 0);
}

void test_ca_fini(struct test_ca *ca)
{
	ca_root_fini(&ca->root);
	buf_fini(&ca->cross);
}

void test_node_init(struct test_node *node, const struct test_ca *ca, const char *node_id, bool is_manager, const char *cluster_id, nsec wall, nsec life)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	struct ca_signer signer = { buf_text(&ca->root.cert_pem), buf_text(&ca->root.key_pem), ca->cross.len ? buf_text(&ca->cross) : NULL };
	struct err err = { 0 };

	*node = (struct test_node){ 0 };
	EXPECT(cert_name_make(node_id, is_manager, cluster_id, &node->name));
	EXPECT_INT(cert_key_new(&node->key, &err), 0);
	EXPECT_INT(cert_request_new(buf_text(&node->key), NULL, &request, &err), 0);
	EXPECT_INT(ca_sign(&signer, buf_text(&request), &node->name, wall, life, &node->chain, &err), 0);
}

void test_node_fini(struct test_node *node)
{
	seal_wipe(&node->key);
	buf_fini(&node->chain);
}

struct tls_context *test_context(const char *roots_pem, const struct test_node *node)
{
	struct tls_context *ctx = NULL;
	struct err err = { 0 };

	EXPECT_INT(tls_context_new(roots_pem, node ? buf_text(&node->chain) : NULL, node ? buf_text(&node->key) : NULL, &ctx, &err), 0);
	if (ctx)
		ctx->handshake_ms = 120000;    /* a machine that others use, too; who tests the bound sets its own */
	return ctx;
}
