/* A node's side of its session, on a real rpc over loopback; the manager is played by hand. */
#include "dispatch/dispatch_client_io.h"

#include <string.h>

#include "base/str.h"
#include "test/unit/rpc/rpc_help.h"
#include "test/unit/runner.h"

struct bench {
	struct net net;
	struct dispatch_client *client;
	struct buf heard;               /* by the manager, in order */
	struct rpc_ask *session;        /* what is to be answered */
	struct rpc_conn *conn;
	uint8_t beat;                   /* what it is answered */
	unsigned beats, sessions, opened, complete, parts;
	struct buf trouble;
};

/* ---- the manager's side ------------------------------------------------------------------------------ */

static void on_session(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct bench *bench = arg;

	(void)body;
	(void)size;
	buf_add_str(&bench->heard, "session ");
	bench->session = ask;
	bench->conn = conn;
	bench->sessions++;
}

static void on_leaving(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct bench *bench = arg;

	(void)conn;
	buf_printf(&bench->heard, "leaving %.*s ", (int)size, (const char *)body);
	rpc_reply(ask, "", 0);
}

static void on_beat(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct bench *bench = arg;

	(void)conn;
	(void)body;
	(void)size;
	bench->beats++;
	rpc_reply(ask, &bench->beat, sizeof bench->beat);
}

static void on_status(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct bench *bench = arg;
	struct status_report report;
	struct arena arena;
	struct err err = { 0 };

	(void)conn;
	(void)ask;
	arena_init(&arena, "test", 1 << 20);
	EXPECT_INT(dispatch_read(&status_report_shape, body, size, &arena, &report, &err), 0);
	for (size_t i = 0; i < report.items.count; i++)
		buf_printf(&bench->heard, "%.1s:%s ", report.items.items[i].task_id, report.items.items[i].message);
	arena_fini(&arena);
}

static void answer_session(struct bench *bench, uint64_t generation)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct session_news news = { .beat_ms = 20, .generation = generation };

	dispatch_write(&session_news_shape, &news, &body);
	rpc_reply(bench->session, body.data, body.len);
	bench->session = NULL;
}

static void send_part(struct bench *bench, uint64_t sequence)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct assign_part part = { .sequence = sequence, .begins = true, .ends = true };

	dispatch_write(&assign_part_shape, &part, &body);
	EXPECT(rpc_note(bench->conn, RPC_ASSIGN, body.data, body.len));
}

/* ---- the node's side --------------------------------------------------------------------------------- */

static void describe(void *arg, struct arena *arena, struct session_ask *ret)
{
	(void)arg;
	(void)arena;
	*ret = (struct session_ask){ 0 };
}

static void on_assign(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count, bool is_complete)
{
	struct bench *bench = arg;

	(void)items;
	(void)removed;
	EXPECT(count == 0 && removed_count == 0);
	bench->parts++;
	bench->complete += is_complete;
}

static void on_open(void *arg)
{
	((struct bench *)arg)->opened++;
}

static void on_news(void *arg, const struct session_news *news)
{
	(void)arg;
	(void)news;
}

static void on_trouble(void *arg, const struct err *err)
{
	struct bench *bench = arg;

	buf_clear(&bench->trouble);
	buf_add_str(&bench->trouble, err->text);
}

static void bench_init(struct bench *bench)
{
	const struct dispatch_client_hooks hooks = { describe, on_assign, on_open, on_news, on_trouble, bench };

	*bench = (struct bench){ .beat = BEAT_LED };
	net_init(&bench->net, NULL);
	rpc_serve(bench->net.manager.rpc, RPC_SESSION, on_session, bench);
	rpc_serve(bench->net.manager.rpc, RPC_LEAVING, on_leaving, bench);
	rpc_serve(bench->net.manager.rpc, RPC_BEAT, on_beat, bench);
	rpc_serve(bench->net.manager.rpc, RPC_STATUS, on_status, bench);
	bench->client = dispatch_client_new(bench->net.loop, bench->net.worker.rpc, TEST_WORKER, &hooks);
}

static void bench_fini(struct bench *bench)
{
	dispatch_client_free(bench->client);
	net_fini(&bench->net);
	buf_fini(&bench->heard);
	buf_fini(&bench->trouble);
}

static void name_manager(struct bench *bench, uint64_t generation)
{
	char address[32], id[] = TEST_NODE;
	struct manager_at at = { id, (char *)(uintptr_t)net_address(&bench->net, address) };

	dispatch_client_set_managers(bench->client, &(struct manager_ats){ &at, 1 }, generation);
}

static void open_session(struct bench *bench)
{
	unsigned opened = bench->opened;

	RUN_UNTIL(&bench->net, bench->session);
	answer_session(bench, 0);
	RUN_UNTIL(&bench->net, bench->opened > opened);
	EXPECT(dispatch_client_conn(bench->client));
}

static void expect_heard(struct bench *bench, const char *want)
{
	EXPECT_STR(buf_text(&bench->heard), want);
	buf_clear(&bench->heard);
}

/* The manager may have the session long before we hear of that, and would miss us. */
TEST(a_node_can_say_goodbye_while_its_session_is_being_opened)
{
	static const char away[] = "{\"Sight\":\"away\"}";
	struct answer answer = { 0 };
	struct bench bench;

	bench_init(&bench);
	EXPECT(!dispatch_client_goodbye_conn(bench.client));    /* it knows nobody, … */
	name_manager(&bench, 0);
	EXPECT(!dispatch_client_goodbye_conn(bench.client));    /* … and then nobody knows it */
	RUN_UNTIL(&bench.net, bench.session);
	EXPECT(!dispatch_client_conn(bench.client) && dispatch_client_goodbye_conn(bench.client));
	rpc_call(dispatch_client_goodbye_conn(bench.client), RPC_LEAVING, away, strlen(away), RPC_HELP_WAIT_MS, on_answer, &answer);
	RUN_UNTIL(&bench.net, answer.count);
	expect_body(&answer, "");
	expect_heard(&bench, "session leaving {\"Sight\":\"away\"} ");
	answer_session(&bench, 0);
	RUN_UNTIL(&bench.net, bench.opened);
	EXPECT(dispatch_client_conn(bench.client) && dispatch_client_conn(bench.client) == dispatch_client_goodbye_conn(bench.client));
	answer_fini(&answer);
	bench_fini(&bench);
}

TEST(a_session_tells_the_newest_of_each_task_and_forgets_what_was_said_without_one)
{
	char a[] = "aaaaaaaaaaaaaaaaaaaaaaaaa", b[] = "bbbbbbbbbbbbbbbbbbbbbbbbb", old[] = "old", fresh[] = "new";
	struct bench bench;

	bench_init(&bench);
	name_manager(&bench, 0);
	dispatch_client_report(bench.client, &(struct task_status){ .task_id = a, .message = old });
	open_session(&bench);
	run_some(&bench.net);
	expect_heard(&bench, "session ");               /* all of them are asked for */
	dispatch_client_report(bench.client, &(struct task_status){ .task_id = a, .message = old });
	dispatch_client_report(bench.client, &(struct task_status){ .task_id = b, .message = old });
	dispatch_client_report(bench.client, &(struct task_status){ .task_id = a, .message = fresh });
	RUN_UNTIL(&bench.net, bench.heard.len);
	expect_heard(&bench, "a:new b:old ");
	bench_fini(&bench);
}

TEST(an_assignment_that_is_missing_makes_a_node_come_again_for_all_of_them)
{
	struct bench bench;

	bench_init(&bench);
	name_manager(&bench, 0);
	open_session(&bench);
	send_part(&bench, 1);
	RUN_UNTIL(&bench.net, bench.parts == 1);
	EXPECT_INT(bench.complete, 1);
	send_part(&bench, 3);
	open_session(&bench);
	EXPECT_INT(bench.parts, 1);
	EXPECT_INT(bench.sessions, 2);
	send_part(&bench, 1);
	RUN_UNTIL(&bench.net, bench.parts == 2);
	bench_fini(&bench);
}

TEST(a_node_knows_by_its_beats_whether_its_manager_is_led)
{
	struct bench bench;

	bench_init(&bench);
	name_manager(&bench, 0);
	EXPECT(!dispatch_client_is_led(bench.client));
	open_session(&bench);
	EXPECT(dispatch_client_is_led(bench.client));
	bench.beat = BEAT_LEADERLESS;
	RUN_UNTIL(&bench.net, !dispatch_client_is_led(bench.client));
	bench.beat = BEAT_LED;
	RUN_UNTIL(&bench.net, dispatch_client_is_led(bench.client));
	EXPECT_INT(bench.sessions, 1);
	bench_fini(&bench);
}

TEST(a_manager_of_a_swarm_that_was_made_anew_without_it_is_left)
{
	struct bench bench;

	bench_init(&bench);
	name_manager(&bench, 2);
	RUN_UNTIL(&bench.net, bench.session);
	answer_session(&bench, 1);
	RUN_UNTIL(&bench.net, bench.trouble.len);
	EXPECT(strstr(buf_text(&bench.trouble), "the swarm has been made anew without this manager"));
	EXPECT(!dispatch_client_conn(bench.client) && bench.opened == 0);
	RUN_UNTIL(&bench.net, bench.session);           /* it is all there is, and asked again */
	answer_session(&bench, 2);
	RUN_UNTIL(&bench.net, bench.opened);
	bench_fini(&bench);
}
