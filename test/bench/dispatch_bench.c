/* dispatch_bench.c - many workers in one process, as managers see them: bench-dispatch TOKEN HOST:PORT[,HOST:PORT...] WORKERS SECONDS
 *
 * Each joins with a key of its own, holds a session, and says of every task it is given that it is what it shall be; nothing runs. So what a
 * manager costs with so many nodes can be measured at the manager, and whoever kills one sees here how many sessions that touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/panic.h"
#include "base/str.h"
#include "dispatch/dispatch_client_io.h"
#include "os/clock.h"
#include "os/log.h"
#include "pki/cert.h"
#include "pki/join_token.h"
#include "pki/seal.h"
#include "pki/tls_io.h"

enum { WORKERS_MAX = 5000, AT_ONCE = 32, ISSUE_MS = 30000, AGAIN_MS = 200, TELL_MS = 1000 };

struct crowd {
	struct loop *loop;
	struct work *work;
	const char *token, *addresses;
	char digest[CA_DIGEST_SIZE];
	struct worker *workers;
	unsigned count, started, joined, in_session, opened, failed, tasks;
};

struct worker {
	struct crowd *crowd;
	struct rpc *rpc;
	struct tls_context *ctx;
	struct buf key, request;
	struct rpc_conn *conn;
	struct timer again;
	struct dispatch_client *client;
	char hostname[32];
	bool is_open;
};

static void start_next(struct crowd *crowd);

static struct tls_context *context_of(void *arg)
{
	return ((struct worker *)arg)->ctx;
}

static void make_context(struct worker *w, const char *roots, const char *chain)
{
	struct err err;

	tls_context_drop(w->ctx);
	if (tls_context_new(roots, chain, chain ? buf_text(&w->key) : NULL, &w->ctx, &err) < 0)
		panic("%s", err.text);
}

/* --- the session --- */

static void describe(void *arg, struct arena *arena UNUSED, struct session_ask *ret)
{
	struct worker *w = arg;

	ret->description.hostname = w->hostname;
	ret->description.resources = (struct node_resources){ 4000000000, (int64_t)4 << 30 };
}

static int becomes(int desired)
{
	return desired > TASK_RUNNING ? TASK_SHUTDOWN : desired;
}

static void on_assign(void *arg, const struct assignment *items, size_t count, const char *const *removed UNUSED, size_t removed_count UNUSED,
		      bool is_complete UNUSED)
{
	struct worker *w = arg;

	for (size_t i = 0; i < count; i++) {
		struct task_status status = { .task_id = items[i].task_id, .state = becomes(items[i].desired), .wall = clock_wall_ns() };
		dispatch_client_report(w->client, &status);
		w->crowd->tasks++;
	}
}

static void on_open(void *arg)
{
	struct worker *w = arg;

	w->crowd->in_session += !w->is_open;
	w->is_open = true;
	w->crowd->opened++;
}

static void on_news(void *arg UNUSED, const struct session_news *news UNUSED)
{
}

static void on_trouble(void *arg, const struct err *err UNUSED)
{
	struct worker *w = arg;

	w->crowd->in_session -= w->is_open;
	w->is_open = false;
	w->crowd->failed++;
}

/* --- joining --- */

static void join_again(struct worker *w, const struct err *err)
{
	log_debug("%s: %s", w->hostname, err->text);
	w->crowd->failed++;
	timer_set_in(&w->again, AGAIN_MS);
}

static void begin_session(struct worker *w, const struct join_answer *answer)
{
	const struct dispatch_client_hooks hooks = { describe, on_assign, on_open, on_news, on_trouble, w };

	make_context(w, answer->roots, answer->cert);
	w->client = dispatch_client_new(w->crowd->loop, w->rpc, answer->node_id, &hooks);
	dispatch_client_set_managers(w->client, &answer->managers, 0);
	w->crowd->joined++;
	start_next(w->crowd);
}

static void on_issued(void *arg, const void *body, size_t size, const struct err *failure)
{
	struct worker *w = arg;
	struct rpc_conn *conn = w->conn;
	struct join_answer answer;
	struct arena arena;
	struct err err;

	if (failure && !conn)
		return;                 /* told from within the closing below, or by on_down */
	w->conn = NULL;
	arena_init(&arena, "join", 4 << 20);
	if (failure)
		join_again(w, failure);
	else if (dispatch_read(&join_answer_shape, body, size, &arena, &answer, &err) < 0)
		panic("%s", err.text);
	else
		begin_session(w, &answer);
	arena_fini(&arena);
	rpc_close(conn);
}

static void on_up(void *arg, struct rpc_conn *conn)
{
	struct worker *w = arg;
	struct join_ask said = { .token = (char *)(uintptr_t)w->crowd->token, .csr = (char *)(uintptr_t)buf_text(&w->request),
				 .address = (char *)(uintptr_t)"0.0.0.0:2377" };
	struct session_ask session = { 0 };
	CLEANUP(buf_finip) struct buf body = BUF_INIT;

	describe(w, NULL, &session);
	said.description = session.description;
	dispatch_write(&join_ask_shape, &said, &body);
	rpc_call(conn, RPC_ISSUE, body.data, body.len, ISSUE_MS, on_issued, w);
}

static void on_down(void *arg, struct rpc_conn *conn UNUSED, enum rpc_down reason UNUSED, const struct err *err)
{
	struct worker *w = arg;

	if (!w->conn)
		return;
	w->conn = NULL;
	join_again(w, err);
}

static void join(void *arg)
{
	static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down };
	struct worker *w = arg;

	w->conn = rpc_dial(w->rpc, w->crowd->addresses, &(struct tls_trust){ w->crowd->digest }, &hooks, w);
}

static void start_next(struct crowd *crowd)
{
	struct rpc_config cfg = { .context = context_of, .format_level = 1, .limits = RPC_LIMITS_DEFAULT };
	struct worker *w = &crowd->workers[crowd->started];
	struct err err;

	if (crowd->started == crowd->count)
		return;
	w->crowd = crowd;
	snprintf(w->hostname, sizeof(w->hostname), "worker-%u", crowd->started++);
	make_context(w, NULL, NULL);
	cfg.arg = w;
	w->rpc = rpc_new(crowd->loop, crowd->work, &cfg);
	if (cert_key_new(&w->key, &err) < 0 || cert_request_new(buf_text(&w->key), NULL, &w->request, &err) < 0)
		panic("%s", err.text);
	timer_init(&w->again, crowd->loop, join, w);
	join(w);
}

/* --- told once a second, when it has changed --- */

static void run(struct crowd *crowd, msec seconds)
{
	msec begun = loop_now(crowd->loop), end = begun + seconds * 1000, told_at = begun;
	unsigned told = 0;

	while (loop_now(crowd->loop) < end) {
		loop_run_once(crowd->loop, 100);
		unsigned sum = crowd->joined + crowd->opened + crowd->failed + crowd->tasks;
		if (loop_now(crowd->loop) < told_at + TELL_MS || sum == told)
			continue;
		printf("%6.1f s: %u joined, %u in session, %u opened, %u failures, %u assignments\n",
		       (double)(loop_now(crowd->loop) - begun) / 1000, crowd->joined, crowd->in_session, crowd->opened, crowd->failed, crowd->tasks);
		fflush(stdout);
		told = sum;
		told_at = loop_now(crowd->loop);
	}
}

static void close_workers(struct crowd *crowd)
{
	for (unsigned i = 0; i < crowd->started; i++) {
		struct worker *w = &crowd->workers[i];

		timer_cancel(&w->again);
		w->conn = NULL;
		dispatch_client_free(w->client);
		rpc_free(w->rpc);
		tls_context_drop(w->ctx);
		seal_wipe(&w->key);
		buf_fini(&w->request);
	}
	free(crowd->workers);
}

int main(int argc, char **argv)
{
	struct crowd crowd = { 0 };
	uint64_t count, seconds;
	struct err err;

	if (argc != 5 || str_to_u64(argv[3], &count) < 0 || count == 0 || count > WORKERS_MAX || str_to_u64(argv[4], &seconds) < 0)
		panic("usage: bench-dispatch TOKEN HOST:PORT[,HOST:PORT...] WORKERS (1 to %d) SECONDS", WORKERS_MAX);
	if (join_token_parse(argv[1], crowd.digest, &err) < 0)
		panic("%s", err.text);
	crowd.token = argv[1];
	crowd.addresses = argv[2];
	crowd.count = (unsigned)count;
	crowd.loop = loop_new();
	crowd.work = work_new(crowd.loop, 3);
	crowd.workers = NEW_ARRAY(struct worker, count);
	for (unsigned i = 0; i < AT_ONCE; i++)
		start_next(&crowd);
	run(&crowd, (msec)seconds);
	bool is_whole = crowd.in_session == crowd.count;
	close_workers(&crowd);
	work_free(crowd.work);
	loop_free(crowd.loop);
	return !is_whole;
}
