/* A stranger's bytes at both ends of a TLS connection. The first byte says at which: a server without a handshake, a client that waits for
 * its server, or a real handshake of which the rest of the input changes single bytes (two bytes where, one how).
 * Nobody may believe in a connection whose handshake was changed, and nothing may be read out of it. */
#include <string.h>

#include "base/panic.h"
#include "pki/ca.h"
#include "pki/seal.h"
#include "pki/tls_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static struct tls_context *manager, *worker;
static struct tls_input nothing;

static struct tls_context *make(const struct ca_root *root, bool is_manager)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;
	struct ca_signer signer = { buf_text(&root->cert_pem), buf_text(&root->key_pem), NULL };
	struct buf key = BUF_INIT;
	struct cert_name name;
	struct tls_context *ctx;
	struct err err;

	check(cert_name_make("nodenodenodenodenodenoden", is_manager, "clusterclusterclusterclus", &name));
	check(cert_key_new(&key, &err) == 0 && cert_request_new(buf_text(&key), NULL, &request, &err) == 0);
	check(ca_sign(&signer, buf_text(&request), &name, 0, 86400000000000, &chain, &err) == 0);
	check(tls_context_new(buf_text(&root->cert_pem), buf_text(&chain), buf_text(&key), &ctx, &err) == 0);
	seal_wipe(&key);
	return ctx;
}

static void start(void)
{
	struct ca_root root;
	struct err err;

	if (manager)
		return;
	check(ca_root_new(0, &root, &err) == 0);
	manager = make(&root, true);
	worker = make(&root, false);
	ca_root_fini(&root);
}

static void stranger(bool is_server, const uint8_t *bytes, size_t count)
{
	struct tls_session *session = tls_session_new(manager, is_server, NULL);
	struct tls_input in = { bytes, tls_session_whole(bytes, count), 0 };
	struct tls_failure failure;

	check(in.size <= count);
	if (!is_server)
		check(tls_session_handshake(session, &nothing, &failure) == TLS_STEP_WAIT);
	check(tls_session_handshake(session, &in, &failure) != TLS_STEP_READY && in.used <= in.size);
	tls_session_free(session);
}

struct side { struct tls_session *session; enum tls_step step; bool ready; struct buf plain; struct tls_failure failure; };

/* All that one has said, with the changes that are due; true when there was something. */
static bool carry(struct side *from, struct side *to, size_t *passed, const uint8_t *changes, size_t count)
{
	CLEANUP(buf_finip) struct buf wire = BUF_INIT;
	struct buf *out = tls_session_out(from->session);
	struct tls_input in;

	if (!out->len || to->step == TLS_STEP_FAILED)
		return false;
	buf_add(&wire, out->data, out->len);
	buf_fini(out);
	for (size_t i = 0; i + 3 <= count; i += 3) {
		size_t at = (size_t)changes[i] << 8 | changes[i + 1];
		if (at >= *passed && at < *passed + wire.len)
			wire.data[at - *passed] = (char)(wire.data[at - *passed] ^ changes[i + 2]);
	}
	*passed += wire.len;
	in = (struct tls_input){ (const uint8_t *)wire.data, tls_session_whole((const uint8_t *)wire.data, wire.len), 0 };
	if (!to->ready)
		to->ready = (to->step = tls_session_handshake(to->session, &in, &to->failure)) == TLS_STEP_READY;
	if (to->ready)
		to->step = tls_session_read(to->session, &in, &to->plain, 1 << 16, &to->failure);
	return true;
}

static void changed(const uint8_t *changes, size_t count)
{
	struct side server = { .session = tls_session_new(manager, true, NULL) }, client = { .session = tls_session_new(worker, false, NULL) };
	size_t passed = 0;

	check(tls_session_handshake(client.session, &nothing, &client.failure) == TLS_STEP_WAIT);
	while (carry(&client, &server, &passed, changes, count) || carry(&server, &client, &passed, changes, count))
		;
	if (client.ready)
		tls_session_write(client.session, "word", 4, &client.failure);
	carry(&client, &server, &passed, NULL, 0);
	check(server.plain.len == 0 || (server.ready && client.ready && server.plain.len == 4 && memcmp(server.plain.data, "word", 4) == 0));
	buf_fini(&server.plain);
	buf_fini(&client.plain);
	tls_session_free(server.session);
	tls_session_free(client.session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	start();
	if (count && bytes[0] % 3 < 2)
		stranger(bytes[0] % 3 == 0, bytes + 1, count - 1);
	else
		changed(bytes + !!count, count - !!count);
	return 0;
}
