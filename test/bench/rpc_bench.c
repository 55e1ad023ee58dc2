/* rpc_bench.c - what connections between nodes cost, both ends in this one process and on one loop, over loopback: bench-rpc [CONNECTIONS]
 *
 * Time to a connection that is up, alone and many at once; calls, one after the other and 64 at a time; megabytes through a ticket's stream; memory of
 * an idle connection (both ends).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "pki/ca.h"
#include "pki/tls_io.h"
#include "rpc/rpc_io.h"

enum { SINGLE = 50, CALLS = 20000, DEPTH = 64, STREAM_BYTES = 256 << 20, MANY_MAX = 1000 };
static const char cluster[] = "clusterclusterclusterclus";

struct bench {
	struct loop *loop;
	struct work *work;
	struct tls_context *ctx;
	struct rpc *manager, *worker;
	char address[32];
	unsigned up, answered, asked, total, got_streams;
	struct rpc_conn *conn, *accepted;
	int fds[2];
};

static struct tls_context *context(void *arg)
{
	return ((struct bench *)arg)->ctx;
}

static void must(int result, const struct err *err)
{
	if (result < 0)
		panic("%s", err->text);
}

static struct tls_context *make_context(void)
{
	CLEANUP(buf_finip) struct buf key = BUF_INIT, request = BUF_INIT, chain = BUF_INIT;
	struct ca_root root = { 0 };
	struct tls_context *ctx;
	struct cert_name name;
	struct err err;

	must(ca_root_new(clock_wall_ns(), &root, &err), &err);
	must(cert_key_new(&key, &err), &err);
	must(cert_request_new(buf_text(&key), NULL, &request, &err), &err);
	check(cert_name_make("nodenodenodenodenodenoden", true, cluster, &name));
	struct ca_signer signer = { buf_text(&root.cert_pem), buf_text(&root.key_pem), NULL };
	must(ca_sign(&signer, buf_text(&request), &name, clock_wall_ns(), 86400000000000, &chain, &err), &err);
	must(tls_context_new(buf_text(&root.cert_pem), buf_text(&chain), buf_text(&key), &ctx, &err), &err);
	ca_root_fini(&root);
	return ctx;
}

static void on_up(void *arg, struct rpc_conn *conn UNUSED)
{
	((struct bench *)arg)->up++;
}

static void on_down(void *arg UNUSED, struct rpc_conn *conn UNUSED, enum rpc_down reason UNUSED, const struct err *err)
{
	panic("%s", err->text);
}

static void on_call(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	((struct bench *)arg)->accepted = conn;
	rpc_reply(ask, body, size);
}

static void ask(struct bench *b);

static void on_answer(void *arg, const void *body UNUSED, size_t size UNUSED, const struct err *err)
{
	struct bench *b = arg;

	if (err)
		panic("%s", err->text);
	b->answered++;
	if (b->asked < b->total)
		ask(b);
}

static void ask(struct bench *b)
{
	static const char body[512];

	b->asked++;
	rpc_call(b->conn, RPC_VERB, body, sizeof(body), 10000, on_answer, b);
}

/* Processor time of all threads: what others do on the machine meanwhile does not count. */
static nsec cpu_now(void)
{
	struct timespec t;

	check(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return (nsec)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct watch_of { nsec wall, cpu; };
static struct watch_of begin(void)
{
	return (struct watch_of){ clock_boot_ns(), cpu_now() };
}

/* "NAME: W us of time, C us of processor each" */
static void tell(const char *name, struct watch_of begun, double count)
{
	double wall = (double)(clock_boot_ns() - begun.wall) / 1e3 / count, cpu = (double)(cpu_now() - begun.cpu) / 1e3 / count;

	printf("%s: %.1f us, %.1f us of processor\n", name, wall, cpu);
}

static long resident_kib(void)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err;

	must(file_read("/proc/self/statm", 1000, &text, &err), &err);
	const char *second = strchr(buf_text(&text), ' ');
	return second ? strtol(second, NULL, 10) * 4 : 0;
}

static void dial(struct bench *b, unsigned count)
{
	static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down };

	b->up = 0;
	for (unsigned i = 0; i < count; i++)
		b->conn = rpc_dial(b->worker, b->address, &(struct tls_trust){ NULL }, &hooks, b);
	while (b->up < count)
		loop_run_once(b->loop, 1000);
}

static void bench_connecting(struct bench *b, unsigned many)
{
	struct watch_of begun = begin();

	for (unsigned i = 0; i < SINGLE; i++) {
		dial(b, 1);
		rpc_close(b->conn);
	}
	tell("a connection that comes up alone", begun, SINGLE);
	long before = resident_kib();
	begun = begin();
	dial(b, many);
	tell("one of many connections at once", begun, many);
	printf("memory of an idle connection, both ends: %.1f KiB\n", (double)(resident_kib() - before) / many);
}

static void bench_calls(struct bench *b, const char *name, unsigned depth)
{
	struct watch_of begun = begin();

	b->asked = b->answered = 0;
	b->total = CALLS;
	for (unsigned i = 0; i < depth; i++)
		ask(b);
	while (b->answered < b->total)
		loop_run_once(b->loop, 1000);
	tell(name, begun, CALLS);
}

static void on_stream(void *arg, int fd, const struct err *err)
{
	struct bench *b = arg;

	if (err)
		panic("%s", err->text);
	fd_set_nonblocking(fd, true);
	b->fds[b->got_streams++] = fd;
}

static void bench_stream(struct bench *b)
{
	static char part[64 << 10];
	uint8_t ticket[RPC_TICKET_BYTES];
	size_t sent = 0, seen = 0;
	struct err err;

	if (!rpc_ticket_new(b->manager, "nodenodenodenodenodenoden", ticket, on_stream, b, &err))
		panic("%s", err.text);
	rpc_ticket_redeem(b->worker, b->address, &(struct tls_trust){ NULL }, ticket, on_stream, b);
	while (b->got_streams < 2)
		loop_run_once(b->loop, 1000);
	struct watch_of begun = begin();
	while (seen < STREAM_BYTES) {
		ssize_t wrote = sent < STREAM_BYTES ? write(b->fds[0], part, sizeof(part)) : -1;
		ssize_t got = read(b->fds[1], part, sizeof(part));
		sent += wrote > 0 ? (size_t)wrote : 0;
		seen += got > 0 ? (size_t)got : 0;
		loop_run_once(b->loop, wrote > 0 || got > 0 ? 0 : 1);
	}
	tell("a megabyte through a ticket's stream", begun, STREAM_BYTES / 1e6);
	close(b->fds[0]);
	close(b->fds[1]);
}

int main(int argc, char **argv)
{
	struct rpc_config cfg = { .context = context, .format_level = 1, .limits = RPC_LIMITS_DEFAULT };
	struct bench b = { .loop = loop_new() };
	uint64_t many = 100;
	struct err err;

	if (argc > 1 && (str_to_u64(argv[1], &many) < 0 || many == 0 || many > MANY_MAX))
		panic("'%s' is no number of connections from 1 to %d", argv[1], MANY_MAX);
	cfg.arg = &b;
	cfg.limits.hello_ms = 60000;
	cfg.limits.strangers = MANY_MAX;
	b.work = work_new(b.loop, 3);
	b.ctx = make_context();
	b.manager = rpc_new(b.loop, b.work, &cfg);
	b.worker = rpc_new(b.loop, b.work, &cfg);
	rpc_serve(b.manager, RPC_VERB, on_call, &b);
	must(rpc_listen(b.manager, "127.0.0.1:0", &err), &err);
	snprintf(b.address, sizeof(b.address), "127.0.0.1:%u", rpc_port(b.manager));
	bench_connecting(&b, (unsigned)many);
	bench_calls(&b, "a call of 512 bytes, one at a time", 1);
	bench_calls(&b, "a call of 512 bytes, 64 at a time", DEPTH);
	bench_stream(&b);
	rpc_free(b.worker);
	rpc_free(b.manager);
	tls_context_drop(b.ctx);
	work_free(b.work);
	loop_free(b.loop);
	return 0;
}
