#include <string.h>

#include "base/str.h"
#include "test/unit/pki/pki_help.h"
#include "test/unit/runner.h"

static struct ca_signer signer_of(const struct test_ca *ca)
{
	return (struct ca_signer){ buf_text(&ca->root.cert_pem), buf_text(&ca->root.key_pem), ca->cross.len ? buf_text(&ca->cross) : NULL };
}

TEST(cert_tells_node_role_cluster_and_dates)
{
	struct test_ca ca;
	struct test_node node;
	struct cert_facts facts;
	struct err err = { 0 };

	test_ca_init(&ca);
	test_node_init(&node, &ca, TEST_NODE, true, TEST_CLUSTER, new_year_2026, 90 * test_day);
	EXPECT_INT(cert_verify(buf_text(&ca.root.cert_pem), buf_text(&node.chain), 0, &facts, &err), 0);
	EXPECT_STR(facts.name.node_id, TEST_NODE);
	EXPECT_STR(facts.name.role, "swarm-manager");
	EXPECT_STR(facts.name.cluster_id, TEST_CLUSTER);
	EXPECT(cert_name_is_manager(&facts.name));
	EXPECT_INT(facts.not_before, new_year_2026 - test_day / 24);
	EXPECT_INT(facts.not_after, new_year_2026 + 90 * test_day);
	EXPECT_INT(cert_read(buf_text(&node.chain), &facts, &err), 0);
	EXPECT(cert_is_of_key(buf_text(&node.chain), buf_text(&node.key)));
	EXPECT(!cert_is_of_key(buf_text(&node.chain), buf_text(&ca.root.key_pem)));
	test_node_fini(&node);
	test_ca_fini(&ca);
}

TEST(no_certificate_outlives_the_root_however_long_it_is_to_last)
{
	const nsec lives[] = { INT64_MAX, 200 * 365 * test_day, 21 * 365 * test_day };
	struct test_ca ca;
	struct err err = { 0 };

	test_ca_init(&ca);
	for (size_t i = 0; i < ARRAY_COUNT(lives); i++) {
		struct test_node node;
		struct cert_facts facts;

		test_node_init(&node, &ca, TEST_NODE, false, TEST_CLUSTER, new_year_2026, lives[i]);
		EXPECT_INT(cert_verify(buf_text(&ca.root.cert_pem), buf_text(&node.chain), new_year_2026, &facts, &err), 0);
		EXPECT_INT(facts.not_after, ca.root.not_after);
		test_node_fini(&node);
	}
	test_ca_fini(&ca);
}

TEST(cert_names_are_made_of_ids_and_a_role)
{
	struct cert_name name;

	EXPECT(cert_name_make(TEST_NODE, false, TEST_CLUSTER, &name));
	EXPECT_STR(name.role, "swarm-worker");
	EXPECT(!cert_name_make("short", false, TEST_CLUSTER, &name));
	EXPECT(!cert_name_make(TEST_NODE ",OU=x", false, TEST_CLUSTER, &name));
	EXPECT(!cert_name_make(TEST_NODE, false, "", &name));
}

TEST(cert_of_another_cluster_is_refused_by_its_root)
{
	struct test_ca ca, other;
	struct test_node node;
	struct cert_facts facts;
	struct err err = { 0 };

	test_ca_init(&ca);
	test_ca_init(&other);
	test_node_init(&node, &other, TEST_NODE, true, TEST_CLUSTER, new_year_2026, 90 * test_day);
	EXPECT_INT(cert_verify(buf_text(&ca.root.cert_pem), buf_text(&node.chain), 0, &facts, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_STR(err.text, "certificate of node " TEST_NODE " (swarm-manager): signed by none of the roots of this cluster");
	test_node_fini(&node);
	test_ca_fini(&other);
	test_ca_fini(&ca);
}

TEST(cert_expires_by_the_agreed_time_alone)
{
	struct test_ca ca;
	struct test_node node;
	struct cert_facts facts;
	struct err err = { 0 };
	const char *root;

	test_ca_init(&ca);
	root = buf_text(&ca.root.cert_pem);
	test_node_init(&node, &ca, TEST_NODE, false, TEST_CLUSTER, 0, test_day);        /* until 1970-01-02 */
	EXPECT_INT(cert_verify(root, buf_text(&node.chain), 0, &facts, &err), 0);
	EXPECT_INT(cert_verify(root, buf_text(&node.chain), test_day, &facts, &err), 0);
	EXPECT_INT(cert_verify(root, buf_text(&node.chain), test_day + 1000000000, &facts, &err), -1);
	EXPECT_STR(err.text, "certificate of node " TEST_NODE " (swarm-worker): expired");
	test_node_fini(&node);
	/* Signed by a clock that is years ahead: not valid yet, and accepted. */
	test_node_init(&node, &ca, TEST_NODE, false, TEST_CLUSTER, new_year_2026 + 9 * 365 * test_day, test_day);
	EXPECT_INT(cert_verify(root, buf_text(&node.chain), new_year_2026, &facts, &err), 0);
	test_node_fini(&node);
	test_ca_fini(&ca);
}

TEST(a_request_for_another_name_is_refused_naming_it)
{
	static const char other[] = "otherotherotherotherother";
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct { struct cert_name wish; const char *words; } cases[3];
	struct test_ca ca;
	struct cert_name mine;
	struct buf key = BUF_INIT;
	struct err err = { 0 };

	test_ca_init(&ca);
	struct ca_signer signer = signer_of(&ca);
	EXPECT(cert_name_make(TEST_NODE, false, TEST_CLUSTER, &mine));
	EXPECT(cert_name_make(TEST_NODE, true, TEST_CLUSTER, &cases[0].wish));
	cases[0].words = "certificate request: asks for role swarm-manager, may have swarm-worker";
	EXPECT(cert_name_make(other, false, TEST_CLUSTER, &cases[1].wish));
	cases[1].words = "certificate request: asks for node otherotherotherotherother, may have " TEST_NODE;
	EXPECT(cert_name_make(TEST_NODE, false, other, &cases[2].wish));
	cases[2].words = "certificate request: asks for cluster otherotherotherotherother, may have " TEST_CLUSTER;
	EXPECT_INT(cert_key_new(&key, &err), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(buf_finip) struct buf request = BUF_INIT;
		EXPECT_INT(cert_request_new(buf_text(&key), &cases[i].wish, &request, &err), 0);
		EXPECT_INT(ca_sign(&signer, buf_text(&request), &mine, new_year_2026, test_day, &out, &err), -1);
		EXPECT_INT(err.code, ERR_DENIED);
		EXPECT_STR(err.text, cases[i].words);
	}
	EXPECT_INT(out.len, 0);
	/* its own name is fine: that is a renewal */
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	EXPECT_INT(cert_request_new(buf_text(&key), &mine, &request, &err), 0);
	EXPECT_INT(ca_sign(&signer, buf_text(&request), &mine, new_year_2026, test_day, &out, &err), 0);
	seal_wipe(&key);
	test_ca_fini(&ca);
}

/* Flips one byte in the middle of the base64 of a PEM text. */
static void damage(struct buf *pem, size_t from_end)
{
	char *at = pem->data + pem->len - from_end;

	*at = *at == 'A' ? 'B' : 'A';
}

TEST(a_request_without_proof_of_possession_is_refused)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct test_ca ca;
	struct cert_name mine;
	struct buf key = BUF_INIT;
	struct err err = { 0 };

	test_ca_init(&ca);
	struct ca_signer signer = signer_of(&ca);
	EXPECT(cert_name_make(TEST_NODE, false, TEST_CLUSTER, &mine));
	EXPECT_INT(cert_key_new(&key, &err), 0);
	EXPECT_INT(cert_request_new(buf_text(&key), NULL, &request, &err), 0);
	damage(&request, strlen("xxxxxxxxxxxxxx\n-----END CERTIFICATE REQUEST-----\n"));        /* within the signature */
	EXPECT_INT(ca_sign(&signer, buf_text(&request), &mine, new_year_2026, test_day, &out, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_STR(err.text, "certificate request: not signed with SHA-256 and the key that it is for");
	EXPECT_INT(ca_sign(&signer, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", &mine, new_year_2026, test_day, &out, &err), -1);
	EXPECT(str_starts(err.text, "certificate request: "));
	EXPECT_INT(ca_sign(&signer, "", &mine, new_year_2026, test_day, &out, &err), -1);
	seal_wipe(&key);
	test_ca_fini(&ca);
}

TEST(a_node_cannot_sign_for_others)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;
	struct test_ca ca;
	struct test_node worker;
	struct cert_name wish;
	struct buf key = BUF_INIT;
	struct cert_facts facts;
	struct err err = { 0 };

	test_ca_init(&ca);
	test_node_init(&worker, &ca, TEST_NODE, false, TEST_CLUSTER, new_year_2026, test_day);
	EXPECT(cert_name_make(TEST_NODE, true, TEST_CLUSTER, &wish));
	EXPECT_INT(cert_key_new(&key, &err), 0);
	EXPECT_INT(cert_request_new(buf_text(&key), NULL, &request, &err), 0);
	/* ca_sign itself refuses a signer that may not sign... */
	struct ca_signer signer = { buf_text(&worker.chain), buf_text(&worker.key), NULL };
	EXPECT_INT(ca_sign(&signer, buf_text(&request), &wish, new_year_2026, test_day, &chain, &err), -1);
	/* ...and a chain through a node's certificate leads nowhere. */
	buf_add_str(&chain, buf_text(&worker.chain));
	buf_add_str(&chain, buf_text(&worker.chain));
	EXPECT_INT(cert_verify(buf_text(&ca.root.cert_pem), buf_text(&chain), 0, &facts, &err), 0);
	EXPECT(!cert_name_is_manager(&facts.name));
	seal_wipe(&key);
	test_node_fini(&worker);
	test_ca_fini(&ca);
}

TEST(a_root_that_was_replaced_and_its_successor_are_both_accepted)
{
	CLEANUP(buf_finip) struct buf both = BUF_INIT;
	CLEANUP(buf_finip) struct buf subject = BUF_INIT;
	CLEANUP(buf_finip) struct buf public_key = BUF_INIT;
	struct test_ca old, new;
	struct test_node before, after;
	struct cert_facts facts;
	struct err err = { 0 };

	test_ca_init(&old);
	test_ca_init(&new);
	struct ca_signer old_signer = signer_of(&old);
	EXPECT_INT(ca_cross_sign(&old_signer, buf_text(&new.root.cert_pem), new_year_2026, &new.cross, &err), 0);
	test_node_init(&before, &old, TEST_NODE, true, TEST_CLUSTER, new_year_2026, test_day);
	test_node_init(&after, &new, TEST_NODE, true, TEST_CLUSTER, new_year_2026, test_day);
	/* who knows the old root alone, the new one alone, both */
	EXPECT_INT(cert_verify(buf_text(&old.root.cert_pem), buf_text(&after.chain), 0, &facts, &err), 0);
	EXPECT_INT(cert_verify(buf_text(&new.root.cert_pem), buf_text(&after.chain), 0, &facts, &err), 0);
	EXPECT_INT(cert_verify(buf_text(&new.root.cert_pem), buf_text(&before.chain), 0, &facts, &err), -1);
	buf_printf(&both, "%s%s", buf_text(&old.root.cert_pem), buf_text(&new.root.cert_pem));
	EXPECT_INT(cert_verify(buf_text(&both), buf_text(&before.chain), 0, &facts, &err), 0);
	EXPECT_INT(cert_verify(buf_text(&both), buf_text(&after.chain), 0, &facts, &err), 0);

	EXPECT_INT(ca_issuer(buf_text(&both), buf_text(&before.chain), &subject, &public_key, &err), 0);
	EXPECT_STR(buf_text(&public_key), buf_text(&old.root.public_key));
	buf_clear(&public_key);
	buf_clear(&subject);
	EXPECT_INT(ca_issuer(buf_text(&both), buf_text(&after.chain), &subject, &public_key, &err), 0);
	EXPECT_STR(buf_text(&public_key), buf_text(&new.root.public_key));
	EXPECT_STR(buf_text(&subject), buf_text(&new.root.subject));
	test_node_fini(&after);
	test_node_fini(&before);
	test_ca_fini(&new);
	test_ca_fini(&old);
}

TEST(a_root_that_somebody_brings_is_checked)
{
	struct test_ca ca, other;
	struct test_node node;
	struct ca_root root;
	struct err err = { 0 };

	test_ca_init(&ca);
	test_ca_init(&other);
	test_node_init(&node, &ca, TEST_NODE, true, TEST_CLUSTER, new_year_2026, test_day);
	EXPECT_INT(ca_root_take(buf_text(&ca.root.cert_pem), buf_text(&ca.root.key_pem), &root, &err), 0);
	EXPECT_STR(buf_text(&root.public_key), buf_text(&ca.root.public_key));
	ca_root_fini(&root);
	EXPECT_INT(ca_root_take(buf_text(&ca.root.cert_pem), buf_text(&other.root.key_pem), &root, &err), -1);
	EXPECT_STR(err.text, "root certificate: its key is another one");
	EXPECT_INT(ca_root_take(buf_text(&node.chain), buf_text(&node.key), &root, &err), -1);
	EXPECT_STR(err.text, "root certificate: must be a single one that may sign others");
	EXPECT_INT(ca_root_take("", buf_text(&node.key), &root, &err), -1);
	EXPECT_INT(ca_root_take(buf_text(&ca.root.cert_pem), "", &root, &err), -1);
	test_node_fini(&node);
	test_ca_fini(&other);
	test_ca_fini(&ca);
}
