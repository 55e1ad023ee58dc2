/* Every text that comes from outside and that pki reads: tokens, keys, requests, certificates, key files. The first byte says as what.
 * Whatever is accepted has the properties that its reader relies on. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "pki/ca.h"
#include "pki/identity_internal.h"
#include "pki/join_token.h"
#include "pki/unlock_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static struct ca_root root;
static struct cert_name name;

static void start(void)
{
	struct err err;

	if (root.cert_pem.len)
		return;
	check(ca_root_new(1767225600000000000, &root, &err) == 0);
	check(cert_name_make("nodenodenodenodenodenoden", false, "clusterclusterclusterclus", &name));
}

static void try_token(const char *text)
{
	char digest[CA_DIGEST_SIZE];
	struct err err;

	if (join_token_parse(text, digest, &err) < 0)
		return;
	check(strlen(digest) == 50 && strlen(text) == 85 && join_token_matches(text, text));
}

static void try_unlock_key(const char *text)
{
	struct seal_key key, again;
	char back[UNLOCK_KEY_SIZE];
	struct err err;

	if (unlock_key_parse(text, &key, &err) < 0)
		return;
	unlock_key_format(&key, back);
	check(unlock_key_parse(back, &again, &err) == 0 && memcmp(&key, &again, sizeof(key)) == 0);
}

static void try_certificate(const char *text)
{
	CLEANUP(buf_finip) struct buf subject = BUF_INIT;
	CLEANUP(buf_finip) struct buf public_key = BUF_INIT;
	struct cert_facts facts;
	char digest[CA_DIGEST_SIZE];
	struct err err;

	if (cert_read(text, &facts, &err) == 0)
		check(id_is_valid(facts.name.node_id) && id_is_valid(facts.name.cluster_id) && facts.not_before >= 0);
	/* signed by nobody here */
	check(cert_verify(buf_text(&root.cert_pem), text, 0, &facts, &err) < 0);
	cert_verify(text, buf_text(&root.cert_pem), 0, &facts, &err);
	ca_digest(text, digest, &err);
	ca_issuer(text, text, &subject, &public_key, &err);
}

static void try_request(const char *text)
{
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;
	struct ca_signer signer = { buf_text(&root.cert_pem), buf_text(&root.key_pem), NULL };
	struct cert_facts facts;
	struct err err;

	if (ca_sign(&signer, text, &name, 1767225600000000000, 86400000000000, &chain, &err) < 0)
		return;
	check(cert_verify(buf_text(&root.cert_pem), buf_text(&chain), 0, &facts, &err) == 0);
	check(str_eq(facts.name.node_id, name.node_id) && !cert_name_is_manager(&facts.name));
}

static void try_key(const char *text)
{
	struct buf pem = BUF_INIT;
	struct seal_key lock = { { 1 } };
	struct ca_root taken;
	struct err err;

	cert_is_of_key(buf_text(&root.cert_pem), text);
	identity_read_key(text, &lock, &pem, &err);
	if (ca_root_take(buf_text(&root.cert_pem), text, &taken, &err) == 0)
		ca_root_fini(&taken);
	seal_wipe(&pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static void (*const readers[])(const char *text) = { try_token, try_unlock_key, try_certificate, try_request, try_key };
	char *text;

	if (!count)
		return 0;
	start();
	text = mem_new(count, 1);
	memcpy(text, bytes + 1, count - 1);
	readers[bytes[0] % ARRAY_COUNT(readers)](text);
	free(text);
	return 0;
}
