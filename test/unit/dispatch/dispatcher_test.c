/* A dispatcher on a real rpc over loopback: the ways in which sessions end. */
#include "dispatch/dispatcher_io.h"

#include <string.h>

#include "test/unit/rpc/rpc_help.h"
#include "test/unit/runner.h"

struct desk {
	struct net net;
	struct view *view;
	uint64_t index;
	struct dispatcher *dispatcher;
	struct buf sights;
	unsigned assigned, statuses, beats, over;
	msec sighted_at;
	bool refuses, lags;
	unsigned asked;                 /* whether its view is current */
};

/* ---- the manager's side ------------------------------------------------------------------------------ */

static const struct view *view_of(void *arg)
{
	return ((struct desk *)arg)->view;
}

static void times_of(void *arg UNUSED, struct session_news *ret)
{
	ret->calendar = 1000;
	ret->clock = 2000;
}

static void trust_of(void *arg, struct arena *arena, struct tls_info *ret)
{
	(void)arg;
	(void)arena;
	*ret = (struct tls_info){ 0 };
}

static int may_open(void *arg, const char *node_id, const struct session_ask *ask, const char *address, struct err *err)
{
	(void)ask;
	(void)address;
	return ((struct desk *)arg)->refuses ? err_set(err, ERR_UNAVAILABLE, "node %s: not now", node_id) : 0;
}

static void ask_current(void *arg)
{
	struct desk *desk = arg;

	desk->asked++;
	if (!desk->lags)
		dispatcher_on_current(desk->dispatcher, true);
}

static bool is_led(void *arg)
{
	(void)arg;
	return true;
}

static void on_sight(void *arg, const char *node_id, enum sight sight)
{
	static const char *const words[] = { "held ", "silent ", "left ", "away ", "stopped " };

	struct desk *desk = arg;

	EXPECT_STR(node_id, TEST_WORKER);
	buf_add_str(&desk->sights, words[sight]);
	desk->sighted_at = loop_now(desk->net.loop);
}

static void on_status(void *arg, const struct task_status *status)
{
	(void)status;
	((struct desk *)arg)->statuses++;
}

static void on_beat(void *arg, const char *node_id)
{
	EXPECT_STR(node_id, TEST_WORKER);
	((struct desk *)arg)->beats++;
}

static void on_over(void *arg, const char *node_id)
{
	EXPECT_STR(node_id, TEST_WORKER);
	((struct desk *)arg)->over++;
}

static void apply(struct desk *desk, struct change_list *list)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct applied applied;
	struct err err = { 0 };

	change_list_encode(list, &(struct entry_head){ FORMAT_LEVEL, 1000, 0 }, &bytes);
	EXPECT(state_apply(desk->view, ++desk->index, 1, bytes.data, bytes.len, &applied, &err) == 0);
	if (desk->dispatcher)
		dispatcher_on_applied(desk->dispatcher, &applied);
	applied_fini(&applied);
}

/* ---- the node's side --------------------------------------------------------------------------------- */

static void on_assign(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	(void)conn;
	(void)ask;
	(void)body;
	(void)size;
	((struct desk *)arg)->assigned++;
}

/* grace: how long the node may be silent, as its label says. */
static void desk_init(struct desk *desk, const char *grace)
{
	struct dispatcher_hooks hooks = { .view = view_of, .trust = trust_of, .times = times_of, .on_open = may_open, .ask_current = ask_current, .is_led = is_led,
					  .on_sight = on_sight, .on_beat = on_beat, .on_over = on_over, .on_status = on_status, .arg = desk };
	struct str_pair label = { .key = (char *)(uintptr_t)"swarmbox.grace", .value = (char *)(uintptr_t)grace };
	struct change_list list;
	struct arena arena;
	struct node *node;

	*desk = (struct desk){ .view = view_new() };
	net_init(&desk->net, NULL);
	arena_init(&arena, "test", 1 << 20);
	change_list_init(&list, &arena);
	node = change_create(&list, KIND_NODE, TEST_WORKER, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_STATUS));
	node->status.state = NODE_READY;
	node->spec.labels.items = &label;
	node->spec.labels.count = 1;
	apply(desk, &list);
	arena_fini(&arena);
	desk->dispatcher = dispatcher_new(desk->net.loop, desk->net.manager.rpc, &hooks);
	rpc_serve(desk->net.worker.rpc, RPC_ASSIGN, on_assign, desk);
}

static void desk_fini(struct desk *desk)
{
	dispatcher_free(desk->dispatcher);
	net_fini(&desk->net);
	view_free(desk->view);
	buf_fini(&desk->sights);
}

static void ask(struct desk *desk, enum rpc_method method, const char *body, struct answer *answer)
{
	rpc_call(desk->net.worker.conn, method, body, strlen(body), RPC_HELP_WAIT_MS, on_answer, answer);
	RUN_UNTIL(&desk->net, answer->count);
}

static void dial_session(struct desk *desk)
{
	struct answer answer = { 0 };

	node_dial(&desk->net.worker);
	ask(desk, RPC_SESSION, "", &answer);
	EXPECT(!answer.failed);
	answer_fini(&answer);
}

/* A connection and a session on it, with what it has to run. */
static void open_session(struct desk *desk)
{
	unsigned assigned = desk->assigned;

	dial_session(desk);
	RUN_UNTIL(&desk->net, desk->assigned > assigned);
}

static bool is_held(const struct desk *desk)
{
	size_t at = 0;

	return dispatcher_next(desk->dispatcher, &at) != NULL;
}

static void expect_sights(struct desk *desk, const char *want)
{
	EXPECT_STR(buf_text(&desk->sights), want);
	buf_clear(&desk->sights);
}

TEST(a_node_that_says_how_it_goes_has_no_session_any_more)
{
	static const struct { const char *body, *sight; } words[] = {
		{ "", "left " }, { "{\"Sight\":\"away\"}", "away " }, { "{\"Sight\":\"stopped\"}", "stopped " }, { "no words at all", "left " },
	};
	struct desk desk;

	desk_init(&desk, "60s");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct answer answer = { 0 };

		open_session(&desk);
		expect_sights(&desk, "held ");
		ask(&desk, RPC_LEAVING, words[i].body, &answer);
		expect_body(&answer, "");
		expect_sights(&desk, words[i].sight);
		EXPECT(!is_held(&desk) && !dispatcher_conn(desk.dispatcher, TEST_WORKER));
		EXPECT_INT(desk.over, i + 1);
		EXPECT(desk.net.worker.conn && rpc_conn_is_up(desk.net.worker.conn));   /* it is the node that closes */
		rpc_close(desk.net.worker.conn);
		run_some(&desk.net);
		expect_sights(&desk, "");
		answer_fini(&answer);
	}
	desk_fini(&desk);
}

/* Its manager may have the session before the node hears of that: if it went without a word it would be missed after its grace. */
TEST(a_node_that_goes_before_its_session_is_answered_says_so_all_the_same)
{
	struct answer opened = { 0 }, left = { 0 };
	struct desk desk;

	desk_init(&desk, "60s");
	node_dial(&desk.net.worker);
	rpc_call(desk.net.worker.conn, RPC_SESSION, "", 0, RPC_HELP_WAIT_MS, on_answer, &opened);
	rpc_call(desk.net.worker.conn, RPC_LEAVING, "{\"Sight\":\"away\"}", 16, RPC_HELP_WAIT_MS, on_answer, &left);
	RUN_UNTIL(&desk.net, left.count);
	EXPECT(opened.count && !opened.failed && !left.failed);
	expect_sights(&desk, "held away ");
	EXPECT(!is_held(&desk));
	answer_fini(&opened);
	answer_fini(&left);
	desk_fini(&desk);
}

static void set_state(struct desk *desk, int state)
{
	struct change_list list;
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	change_list_init(&list, &arena);
	((struct node *)change_update(&list, KIND_NODE, TEST_WORKER, FIELD_BIT(NODE_STATUS)))->status.state = state;
	apply(desk, &list);
	arena_fini(&arena);
}

/* What lags behind would take tasks away that were assigned since. */
TEST(a_node_is_told_nothing_out_of_a_view_that_may_be_old)
{
	struct desk desk;

	desk_init(&desk, "60s");
	desk.lags = true;
	dial_session(&desk);
	EXPECT(is_held(&desk) && desk.asked == 1);      /* it has a session, … */
	set_state(&desk, NODE_READY);
	dispatcher_on_replaced(desk.dispatcher);
	run_some(&desk.net);
	EXPECT_INT(desk.assigned, 0);
	dispatcher_on_current(desk.dispatcher, false);
	RUN_UNTIL(&desk.net, desk.asked == 2);          /* … and that is asked again */
	rpc_conn_watch(desk.net.worker.conn, &(struct rpc_hooks){ 0 }, NULL);
	dial_session(&desk);
	dispatcher_on_current(desk.dispatcher, true);   /* it was asked before this one was open */
	RUN_UNTIL(&desk.net, desk.asked == 3);
	EXPECT_INT(desk.assigned, 0);
	dispatcher_on_current(desk.dispatcher, true);
	RUN_UNTIL(&desk.net, desk.assigned == 1);
	dispatcher_on_replaced(desk.dispatcher);
	RUN_UNTIL(&desk.net, desk.assigned == 2);
	run_some(&desk.net);
	EXPECT_INT(desk.asked, 3);
	desk_fini(&desk);
}

TEST(a_session_without_a_connection_is_silent_when_its_grace_is_over)
{
	struct desk desk;

	desk_init(&desk, "2s");
	msec begun = loop_now(desk.net.loop);
	open_session(&desk);
	rpc_close(desk.net.worker.conn);
	RUN_UNTIL(&desk.net, !dispatcher_conn(desk.dispatcher, TEST_WORKER));
	EXPECT(!is_held(&desk));                        /* it may be elsewhere by now, … */
	RUN_UNTIL(&desk.net, strlen(buf_text(&desk.sights)) > strlen("held "));
	expect_sights(&desk, "held silent ");
	EXPECT(desk.sighted_at - begun >= 2000 && desk.over == 1);      /* … or back in a moment */
	desk_fini(&desk);
}

TEST(a_node_that_is_back_in_time_was_never_silent)
{
	struct answer answer = { 0 };
	struct desk desk;

	desk_init(&desk, "60s");
	open_session(&desk);
	rpc_close(desk.net.worker.conn);
	RUN_UNTIL(&desk.net, !dispatcher_conn(desk.dispatcher, TEST_WORKER));
	open_session(&desk);
	expect_sights(&desk, "held held ");
	ask(&desk, RPC_BEAT, "", &answer);
	EXPECT(!answer.failed && desk.beats == 1 && !desk.over);
	answer_fini(&answer);
	desk_fini(&desk);
}

TEST(a_node_that_beats_though_the_state_has_it_down_is_told_to_be_here)
{
	struct answer answer = { 0 }, second = { 0 };
	struct desk desk;

	desk_init(&desk, "60s");
	open_session(&desk);
	expect_sights(&desk, "held ");
	set_state(&desk, NODE_DOWN);
	ask(&desk, RPC_BEAT, "", &answer);
	expect_sights(&desk, "held ");
	set_state(&desk, NODE_READY);
	ask(&desk, RPC_BEAT, "", &second);
	expect_sights(&desk, "");
	EXPECT(!answer.failed && !second.failed);
	answer_fini(&answer);
	answer_fini(&second);
	desk_fini(&desk);
}

TEST(a_second_connection_takes_the_session_and_the_first_one_is_closed)
{
	struct rpc_conn *first;
	struct answer answer = { 0 };
	struct desk desk;

	desk_init(&desk, "60s");
	open_session(&desk);
	first = desk.net.worker.conn;
	rpc_conn_watch(first, &(struct rpc_hooks){ 0 }, NULL);
	open_session(&desk);
	expect_sights(&desk, "held held ");
	run_some(&desk.net);                            /* the end of the first is no end of the session */
	EXPECT(is_held(&desk) && dispatcher_conn(desk.dispatcher, TEST_WORKER));
	ask(&desk, RPC_BEAT, "", &answer);
	EXPECT(!answer.failed);
	answer_fini(&answer);
	expect_sights(&desk, "");
	desk_fini(&desk);
}

TEST(a_node_that_beats_no_more_is_silent_though_it_is_connected)
{
	struct desk desk;

	desk_init(&desk, "500ms");
	open_session(&desk);
	RUN_UNTIL(&desk.net, !is_held(&desk));
	expect_sights(&desk, "held silent ");
	RUN_UNTIL(&desk.net, desk.net.worker.downs == 1);       /* it shall come again */
	desk_fini(&desk);
}

TEST(a_node_that_is_removed_is_told_so)
{
	struct change_list list;
	struct arena arena;
	struct desk desk;

	desk_init(&desk, "60s");
	open_session(&desk);
	arena_init(&arena, "test", 1 << 20);
	change_list_init(&list, &arena);
	change_remove(&list, KIND_NODE, TEST_WORKER);
	apply(&desk, &list);
	arena_fini(&arena);
	EXPECT(!is_held(&desk));
	RUN_UNTIL(&desk.net, desk.net.worker.downs == 1);
	EXPECT_INT(desk.net.worker.reason, RPC_DOWN_PROTOCOL);
	EXPECT_STR(desk.net.worker.err.text, "node " TEST_WORKER " was removed from the swarm");
	expect_sights(&desk, "held ");
	desk_fini(&desk);
}

TEST(a_node_that_a_snapshot_does_not_have_is_told_so)
{
	struct view *other = view_new();
	struct desk desk;

	desk_init(&desk, "60s");
	open_session(&desk);
	view_free(desk.view);
	desk.view = other;
	dispatcher_on_replaced(desk.dispatcher);
	EXPECT(!is_held(&desk));
	RUN_UNTIL(&desk.net, desk.net.worker.downs == 1);
	EXPECT_STR(desk.net.worker.err.text, "node " TEST_WORKER " was removed from the swarm");
	desk_fini(&desk);
}

TEST(nobody_beats_without_a_session_and_one_that_is_refused_is_none)
{
	struct answer answer = { 0 };
	struct desk desk;

	desk_init(&desk, "60s");
	node_dial(&desk.net.worker);
	ask(&desk, RPC_BEAT, "", &answer);
	expect_error(&answer, ERR_NOT_FOUND, "there is no session");
	desk.refuses = true;
	ask(&desk, RPC_SESSION, "", &answer);
	expect_error(&answer, ERR_UNAVAILABLE, "node " TEST_WORKER ": not now");
	ask(&desk, RPC_SESSION, "{", &answer);
	EXPECT(answer.failed);
	EXPECT(!is_held(&desk));
	expect_sights(&desk, "");
	answer_fini(&answer);
	desk_fini(&desk);
}

TEST(sessions_end_with_the_dispatcher_and_nothing_is_said_of_their_nodes)
{
	struct desk desk;

	desk_init(&desk, "60s");
	open_session(&desk);
	expect_sights(&desk, "held ");
	dispatcher_free(desk.dispatcher);
	desk.dispatcher = NULL;
	RUN_UNTIL(&desk.net, desk.net.worker.downs == 1);
	EXPECT_INT(desk.net.worker.reason, RPC_DOWN_RESET);
	expect_sights(&desk, "");
	desk_fini(&desk);
}

static void add_large_tasks(struct desk *desk)
{
	static char image[] = "a", service_id[] = "web", worker[] = TEST_WORKER;
	struct change_list list;
	struct arena arena;
	char id[SERVICE_VERSION_ID_SIZE];
	char *large[1];

	arena_init(&arena, "test", 4 << 20);
	change_list_init(&list, &arena);
	large[0] = arena_take(&arena, 50001);
	memset(large[0], 'x', 50000);
	struct service_version *version = change_create(&list, KIND_SERVICE_VERSION, service_version_id(service_id, 1, id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));
	*version = (struct service_version){ .service_id = service_id, .version = 1, .spec.name = service_id };
	version->spec.task.container.image = image;
	version->spec.task.container.env.items = large;
	version->spec.task.container.env.count = 1;
	struct service *service = change_create(&list, KIND_SERVICE, service_id, FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_TEMPLATE_VERSION));
	service->spec_version = service->template_version = 1;
	for (int i = 0; i < 10; i++) {
		struct task *task = change_create(&list, KIND_TASK, arena_printf(&arena, "t%d", i), FIELD_BIT(TASK_SERVICE) |
			FIELD_BIT(TASK_SPEC_VERSION) | FIELD_BIT(TASK_NODE) | FIELD_BIT(TASK_STATE) | FIELD_BIT(TASK_DESIRED));
		*task = (struct task){ .service_id = service_id, .spec_version = 1, .node_id = worker, .state = TASK_ASSIGNED,
				       .desired = TASK_RUNNING };
	}
	apply(desk, &list);
	arena_fini(&arena);
}

/* Its manager sends and sends, and the bound of the queue is met: the connection goes, the session waits for another one. */
TEST(a_node_that_takes_nothing_loses_its_connection_and_has_its_grace)
{
	struct hand hand = { 0 };
	struct desk desk;
	int rounds = 0;

	desk_init(&desk, "60s");
	hand_open(&desk.net, &hand, desk.net.worker.ctx);
	hand_hello(&hand);
	hand_say(&hand, FRAME_CALL, RPC_SESSION, 1, "", 0);
	RUN_UNTIL(&desk.net, dispatcher_conn(desk.dispatcher, TEST_WORKER));
	tls_pause(hand.tls, true);
	add_large_tasks(&desk);
	for (; rounds < 500 && dispatcher_conn(desk.dispatcher, TEST_WORKER); rounds++) {
		dispatcher_on_replaced(desk.dispatcher);
		loop_run_once(desk.net.loop, 0);
	}
	EXPECT(!dispatcher_conn(desk.dispatcher, TEST_WORKER));
	expect_sights(&desk, "held ");
	hand_close(&hand);
	desk_fini(&desk);
}
