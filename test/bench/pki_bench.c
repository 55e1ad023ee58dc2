/* pki_bench.c - what TLS between nodes costs: bench-pki [HANDSHAKES [MEGABYTES]]
 *
 * A node's and a manager's session in one thread and without sockets: processor time of a whole handshake with both certificates, of it the server's
 * share; then bytes from one to the other in records of 64 bytes and of 16 KiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/panic.h"
#include "base/str.h"
#include "pki/ca.h"
#include "pki/seal.h"
#include "pki/tls_session.h"

/* Of the processor, not of the wall: a busy machine changes nothing. */
static nsec now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * (nsec)1000000000 + ts.tv_nsec;
}

struct side { struct tls_session *session; bool ready; struct buf plain; nsec spent; };

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

static bool carry(struct side *from, struct side *to)
{
	struct buf *out = tls_session_out(from->session);
	struct tls_input in = { (const uint8_t *)out->data, out->len, 0 };
	struct tls_failure failure;
	nsec start = now();

	if (!out->len)
		return false;
	if (!to->ready)
		to->ready = tls_session_handshake(to->session, &in, &failure) == TLS_STEP_READY;
	if (to->ready)
		check(tls_session_read(to->session, &in, &to->plain, SIZE_MAX, &failure) == TLS_STEP_WAIT);
	check(in.used == in.size);
	buf_clear(out);
	to->spent += now() - start;
	return true;
}

static void shake(struct side *server, struct side *client, struct tls_context *manager, struct tls_context *worker)
{
	struct tls_input nothing = { 0 };
	struct tls_failure failure;
	nsec start = now();

	*server = (struct side){ .session = tls_session_new(manager, true, NULL) };
	*client = (struct side){ .session = tls_session_new(worker, false, NULL) };
	tls_session_handshake(client->session, &nothing, &failure);
	client->spent += now() - start;
	while (carry(client, server) || carry(server, client))
		;
	check(server->ready && client->ready);
}

static void side_fini(struct side *side)
{
	tls_session_free(side->session);
	buf_fini(&side->plain);
}

static void bench_bytes(struct side *server, struct side *client, size_t record, size_t megabytes)
{
	uint8_t *bytes = mem_new(record, 1);
	struct tls_failure failure;
	size_t total = megabytes << 20;
	nsec start = now();

	for (size_t sent = 0; sent < total; sent += record) {
		check(tls_session_write(client->session, bytes, record, &failure) == 0);
		carry(client, server);
		buf_clear(&server->plain);
	}
	printf("bytes in records of %5zu: %.0f MB/s, %.2f us a record (both sides)\n", record, (double)total * 1e3 / (double)(now() - start),
	       (double)(now() - start) / 1e3 / ((double)total / (double)record));
	free(bytes);
}

int main(int argc, char **argv)
{
	uint64_t count = 200, megabytes = 256;
	struct tls_context *manager, *worker;
	struct ca_root root;
	struct err err;
	nsec server_spent = 0, client_spent = 0;
	struct side server, client;

	if ((argc > 1 && str_to_u64(argv[1], &count) < 0) || (argc > 2 && str_to_u64(argv[2], &megabytes) < 0) || count == 0)
		panic("bench-pki [HANDSHAKES [MEGABYTES]]");
	check(ca_root_new(0, &root, &err) == 0);
	manager = make(&root, true);
	worker = make(&root, false);
	for (uint64_t i = 0; i < count; i++) {
		shake(&server, &client, manager, worker);
		server_spent += server.spent;
		client_spent += client.spent;
		side_fini(&server);
		side_fini(&client);
	}
	printf("handshake: server %.2f ms, client %.2f ms\n", (double)server_spent / 1e6 / (double)count, (double)client_spent / 1e6 / (double)count);
	shake(&server, &client, manager, worker);
	bench_bytes(&server, &client, 64, megabytes / 16);
	bench_bytes(&server, &client, 16384, megabytes);
	side_fini(&server);
	side_fini(&client);
	tls_context_drop(manager);
	tls_context_drop(worker);
	ca_root_fini(&root);
	return 0;
}
