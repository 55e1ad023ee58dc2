/* Calls and notes between nodes that mean well. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "test/unit/rpc/rpc_help.h"
#include "test/unit/runner.h"

static struct rpc_call *call(struct speaker *from, struct rpc_conn *conn, enum rpc_method method, const char *text, struct answer *answer)
{
	(void)from;
	return rpc_call(conn, method, text, strlen(text), RPC_HELP_WAIT_MS, on_answer, answer);
}

TEST(both_sides_of_a_connection_call_and_note)
{
	struct answer up = { 0 }, down = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	call(&net.worker, net.worker.conn, RPC_BLOB, "hello", &up);
	EXPECT_INT(up.count, 0);
	RUN_UNTIL(&net, up.count);
	expect_body(&up, "hello");

	struct rpc_conn *met = net.manager.met;
	call(&net.manager, met, RPC_OPEN, "what to run", &down);
	EXPECT(rpc_note(met, RPC_MANAGERS, "a", 1) && rpc_note(met, RPC_MANAGERS, "b", 1));
	EXPECT(rpc_note(net.worker.conn, RPC_STATUS, "c", 1));
	RUN_UNTIL(&net, down.count && net.worker.noted == 2 && net.manager.noted == 1);
	expect_body(&down, "what to run");
	expect_story(&net.worker, "note(a) note(b) ");
	expect_story(&net.manager, "note(c) ");
	net_fini(&net);
}

TEST(each_side_knows_who_the_other_is)
{
	struct answer answer = { 0 };
	char address[32];
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	call(&net.worker, net.worker.conn, RPC_BLOB, "x", &answer);
	RUN_UNTIL(&net, answer.count);
	answer_fini(&answer);
	struct rpc_conn *here = net.worker.conn, *there = net.manager.met;
	EXPECT_STR(rpc_conn_peer(here)->node_id, TEST_NODE);
	EXPECT_STR(rpc_conn_peer(there)->node_id, TEST_WORKER);
	EXPECT_STR(rpc_conn_peer(there)->cluster_id, TEST_CLUSTER);
	EXPECT_INT(rpc_conn_class(here), RPC_MANAGER);
	EXPECT_INT(rpc_conn_class(there), RPC_NODE);
	EXPECT_STR(rpc_conn_address(here), net_address(&net, address));
	EXPECT_STR(rpc_conn_own_address(there), address);
	EXPECT_STR(rpc_conn_address(there), rpc_conn_own_address(here));
	EXPECT_INT(rpc_conn_format_level(here), 7);
	EXPECT(*rpc_conn_version(there));
	EXPECT(!rpc_conn_root_pem(here));
	net_fini(&net);
}

TEST(an_error_travels_with_its_code_and_its_sentence)
{
	struct answer answer = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	call(&net.worker, net.worker.conn, RPC_BLOB, "fail name conflicts with an existing object", &answer);
	RUN_UNTIL(&net, answer.count);
	expect_error(&answer, ERR_CONFLICT, "name conflicts with an existing object");
	net_fini(&net);
}

TEST(an_answer_that_comes_too_late_is_dropped_and_the_next_call_is_answered)
{
	struct answer late = { 0 }, next = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	rpc_call(net.worker.conn, RPC_BLOB, "park", 4, 30, on_answer, &late);
	RUN_UNTIL(&net, late.count && net.manager.parked);
	EXPECT(late.failed && late.err.code == ERR_UNAVAILABLE);
	EXPECT(str_starts(late.err.text, "rpc: BLOB: no answer from 127.0.0.1:") && str_ends(late.err.text, " within 30 ms"));
	rpc_reply(net.manager.parked, "too late", 8);
	call(&net.worker, net.worker.conn, RPC_BLOB, "next", &next);
	RUN_UNTIL(&net, next.count);
	EXPECT_INT(late.count, 1);
	answer_fini(&late);
	expect_body(&next, "next");
	net_fini(&net);
}

TEST(a_forgotten_call_is_never_answered)
{
	struct answer first = { 0 }, second = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	struct rpc_call *forgotten = call(&net.worker, net.worker.conn, RPC_BLOB, "first", &first);
	call(&net.worker, net.worker.conn, RPC_BLOB, "second", &second);
	rpc_call_forget(forgotten);
	rpc_call_forget(NULL);
	RUN_UNTIL(&net, second.count);
	run_some(&net);
	EXPECT_INT(first.count, 0);
	EXPECT_INT(net.manager.asked, 2);
	answer_fini(&second);
	net_fini(&net);
}

TEST(who_may_not_call_is_refused_before_the_handler)
{
	struct answer answer = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	call(&net.worker, net.worker.conn, RPC_VERB, "x", &answer);
	RUN_UNTIL(&net, answer.count);
	expect_error(&answer, ERR_DENIED, "rpc: VERB: only managers may");
	call(&net.worker, net.worker.conn, RPC_OPEN, "x", &answer);
	RUN_UNTIL(&net, answer.count);
	expect_error(&answer, ERR_DENIED, "rpc: OPEN: only managers may");
	call(&net.worker, net.worker.conn, RPC_SESSION, "x", &answer);
	RUN_UNTIL(&net, answer.count);
	expect_error(&answer, ERR_UNAVAILABLE, "rpc: SESSION: not served by this node");
	call(&net.worker, net.worker.conn, RPC_RAFT, "x", &answer);
	RUN_UNTIL(&net, answer.count);
	expect_error(&answer, ERR_DENIED, "rpc: RAFT: only managers may");
	EXPECT_INT(net.manager.asked, 0);
	EXPECT(rpc_conn_is_up(net.worker.conn));

	node_dial(&net.other);
	call(&net.other, net.other.conn, RPC_VERB, "x", &answer);
	RUN_UNTIL(&net, answer.count);
	expect_body(&answer, "x");
	net_fini(&net);
}

TEST(who_notes_what_only_managers_may_is_turned_away)
{
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	rpc_note(net.worker.conn, RPC_RAFT, "x", 1);
	RUN_UNTIL(&net, net.worker.downs);
	expect_story(&net.worker, "down(PROTOCOL) ");
	EXPECT_INT(net.worker.err.code, ERR_DENIED);
	EXPECT_STR(net.worker.err.text, "rpc: RAFT: only managers may");
	EXPECT_INT(net.manager.noted, 0);
	net_fini(&net);
}

TEST(a_joining_node_finds_the_root_by_its_token_and_may_ask_for_a_certificate_only)
{
	char address[32], digest[CA_DIGEST_SIZE];
	struct answer answer = { 0 };
	struct speaker joining = { 0 };
	struct err err = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_init(&net, &joining, test_context(NULL, NULL), NULL);
	EXPECT_INT(ca_digest(buf_text(&net.ca.root.cert_pem), digest, &err), 0);
	node_dial_to(&joining, net_address(&net, address), digest);
	RUN_UNTIL(&net, joining.story.len);
	expect_story(&joining, "up ");
	EXPECT_STR(rpc_conn_root_pem(joining.conn), buf_text(&net.ca.root.cert_pem));
	EXPECT_INT(rpc_conn_class(joining.conn), RPC_MANAGER);
	call(&joining, joining.conn, RPC_ISSUE, "please", &answer);
	RUN_UNTIL(&net, answer.count);
	expect_body(&answer, "please");
	EXPECT(!rpc_conn_peer(net.manager.met));
	EXPECT_INT(rpc_conn_class(net.manager.met), RPC_ANYONE);
	call(&joining, joining.conn, RPC_BLOB, "x", &answer);
	RUN_UNTIL(&net, answer.count);
	expect_error(&answer, ERR_DENIED, "rpc: BLOB: a certificate of this cluster is needed");
	node_fini(&joining);
	net_fini(&net);
}

TEST(a_thousand_calls_at_once_are_answered_in_order)
{
	static struct answer answers[1000];
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.other);
	for (unsigned i = 0; i < ARRAY_COUNT(answers); i++) {
		char *text = str_printf("call %u", i);
		call(&net.other, net.other.conn, RPC_VERB, text, &answers[i]);
		str_freep(&text);
	}
	RUN_UNTIL(&net, answers[ARRAY_COUNT(answers) - 1].count);
	for (unsigned i = 0; i < ARRAY_COUNT(answers); i++) {
		char *text = str_printf("call %u", i);
		expect_body(&answers[i], text);
		str_freep(&text);
	}
	net_fini(&net);
}

TEST(managers_exchange_megabytes_in_one_frame_and_workers_do_not)
{
	size_t size = 3 << 20;
	char *big = calloc(1, size), address[32];
	struct answer answer = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.other);
	memset(big, 'm', size);
	rpc_call(net.other.conn, RPC_VERB, big, size - 6, RPC_HELP_WAIT_MS, on_answer, &answer);
	RUN_UNTIL(&net, answer.count);
	EXPECT(!answer.failed && answer.body.len == size - 6 && memcmp(answer.body.data, big, size - 6) == 0);
	answer_fini(&answer);
	rpc_call(net.other.conn, RPC_VERB, big, size, RPC_HELP_WAIT_MS, on_answer, &answer);
	RUN_UNTIL(&net, answer.count);
	net_address(&net, address);
	char *want = str_printf("rpc: VERB: 3145728 bytes are more than %s takes at once", address);
	expect_error(&answer, ERR_INVALID, want);
	str_freep(&want);

	node_dial(&net.worker);
	rpc_call(net.worker.conn, RPC_BLOB, big, 64 << 10, RPC_HELP_WAIT_MS, on_answer, &answer);
	RUN_UNTIL(&net, answer.count);
	EXPECT(answer.failed && answer.err.code == ERR_INVALID);
	answer_fini(&answer);
	EXPECT(!rpc_note(net.worker.conn, RPC_STATUS, big, 64 << 10));
	/* what a worker may not say it may be told: the manager is trusted more */
	call(&net.worker, net.worker.conn, RPC_BLOB, "x", &answer);
	RUN_UNTIL(&net, answer.count);
	answer_fini(&answer);
	rpc_call(net.manager.met, RPC_OPEN, big, 1 << 20, RPC_HELP_WAIT_MS, on_answer, &answer);
	RUN_UNTIL(&net, answer.count);
	expect_error(&answer, ERR_EXHAUSTED, "rpc: OPEN: the answer of 1048576 bytes is longer than you take");
	free(big);
	net_fini(&net);
}

TEST(calls_under_way_are_told_when_the_other_side_goes_and_then_the_end)
{
	struct answer answer = { 0 }, after = { 0 };
	char address[32];
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	call(&net.worker, net.worker.conn, RPC_BLOB, "park", &answer);
	RUN_UNTIL(&net, net.manager.parked);
	net_address(&net, address);
	rpc_unlisten(net.manager.rpc);
	EXPECT(!rpc_ask_conn(net.manager.parked));
	rpc_reply(net.manager.parked, "late", 4);
	RUN_UNTIL(&net, net.worker.downs);
	expect_story(&net.worker, "down(RESET) ");
	EXPECT(str_starts(net.worker.err.text, address));
	EXPECT_INT(answer.count, 1);
	EXPECT_STR(answer.err.text, net.worker.err.text);
	answer_fini(&answer);
	answer_fini(&after);
	net_fini(&net);
}

TEST(a_call_before_the_connection_is_up_fails_later_and_alone)
{
	struct answer answer = { 0 }, forgotten = { 0 };
	char address[32];
	struct net net;

	net_init(&net, NULL);
	node_dial_to(&net.worker, net_address(&net, address), NULL);
	call(&net.worker, net.worker.conn, RPC_BLOB, "early", &answer);
	rpc_call_forget(call(&net.worker, net.worker.conn, RPC_BLOB, "early", &forgotten));
	EXPECT(!rpc_note(net.worker.conn, RPC_STATUS, "x", 1));
	EXPECT_INT(answer.count, 0);
	RUN_UNTIL(&net, answer.count);
	char *want = str_printf("rpc: BLOB: not connected with %s", address);
	expect_error(&answer, ERR_UNAVAILABLE, want);
	str_freep(&want);
	RUN_UNTIL(&net, net.worker.story.len);
	expect_story(&net.worker, "up ");
	EXPECT_INT(forgotten.count, 0);
	/* nor when everything ends before it could be told */
	rpc_close(net.worker.conn);
	node_dial_to(&net.worker, address, NULL);
	call(&net.worker, net.worker.conn, RPC_BLOB, "early", &answer);
	rpc_free(net.worker.rpc);
	net.worker.rpc = NULL;
	EXPECT(answer.count == 1 && answer.failed);
	answer_fini(&answer);
	net_fini(&net);
}

TEST(a_node_that_is_turned_away_reads_why)
{
	struct answer answer = { 0 };
	struct err why = { ERR_DENIED, "node has been removed" };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	call(&net.worker, net.worker.conn, RPC_BLOB, "park", &answer);
	RUN_UNTIL(&net, net.manager.parked);
	rpc_turn_away(net.manager.met, &why);
	rpc_reply(net.manager.parked, "x", 1);
	RUN_UNTIL(&net, net.worker.downs);
	expect_story(&net.worker, "down(PROTOCOL) ");
	EXPECT_INT(net.worker.err.code, ERR_DENIED);
	EXPECT_STR(net.worker.err.text, "node has been removed");
	expect_error(&answer, ERR_DENIED, "node has been removed");
	net_fini(&net);
}

TEST(a_node_that_is_not_admitted_reads_why)
{
	char address[32];
	struct net net;

	net_init(&net, NULL);
	net.manager.admits_nobody = true;
	node_dial_to(&net.worker, net_address(&net, address), NULL);
	RUN_UNTIL(&net, net.worker.downs);
	expect_story(&net.worker, "down(PROTOCOL) ");
	EXPECT_STR(net.worker.err.text, "node " TEST_WORKER " has been removed");
	net_fini(&net);
}

/* --- freed inside callbacks --- */

TEST(a_connection_may_be_closed_when_it_comes_up)
{
	char address[32];
	struct net net;

	net_init(&net, NULL);
	net.worker.closes_on_up = true;
	node_dial_to(&net.worker, net_address(&net, address), NULL);
	RUN_UNTIL(&net, net.worker.story.len);
	run_some(&net);
	expect_story(&net.worker, "up ");
	net_fini(&net);
}

TEST(a_handler_may_close_the_connection_it_is_asked_on)
{
	struct answer answer = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	call(&net.worker, net.worker.conn, RPC_BLOB, "close", &answer);
	rpc_note(net.worker.conn, RPC_STATUS, "never heard", 11);
	RUN_UNTIL(&net, net.worker.downs);
	EXPECT(answer.count == 1 && answer.failed);
	EXPECT_INT(net.manager.noted, 0);
	answer_fini(&answer);
	net_fini(&net);
}

TEST(an_answer_may_close_the_connection_and_the_other_calls_are_told)
{
	struct answer first = { 0 }, second = { 0 };
	char address[32];
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	first.closes = net.worker.conn;
	call(&net.worker, net.worker.conn, RPC_BLOB, "first", &first);
	call(&net.worker, net.worker.conn, RPC_BLOB, "second", &second);
	RUN_UNTIL(&net, first.count);
	net_address(&net, address);
	char *want = str_printf("connection to %s: closed here", address);
	expect_error(&second, ERR_UNAVAILABLE, want);
	str_freep(&want);
	run_some(&net);
	expect_story(&net.worker, "");
	answer_fini(&first);
	net_fini(&net);
}

TEST(a_call_that_is_told_of_the_end_may_close_the_connection)
{
	struct answer first = { 0 }, second = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	first.closes = net.worker.conn;
	call(&net.worker, net.worker.conn, RPC_BLOB, "park", &first);
	call(&net.worker, net.worker.conn, RPC_BLOB, "x", &second);
	RUN_UNTIL(&net, second.count);
	answer_fini(&second);
	call(&net.worker, net.worker.conn, RPC_BLOB, "fail not answered before the end", &second);
	rpc_close(net.manager.met);
	RUN_UNTIL(&net, first.count);
	run_some(&net);
	EXPECT_INT(second.count, 1);
	expect_story(&net.worker, "");
	rpc_reply(net.manager.parked, "", 0);
	answer_fini(&first);
	answer_fini(&second);
	net_fini(&net);
}

static void dial_again(void *arg, struct rpc_conn *conn, enum rpc_down reason, const struct err *err)
{
	struct speaker *node = arg;
	char address[32];

	node_hooks.on_down(arg, conn, reason, err);
	if (node->downs < 3)
		node_dial_to(node, net_address(node->net, address), NULL);
	if (node->conn)
		rpc_conn_watch(node->conn, &(struct rpc_hooks){ .on_up = node_hooks.on_up, .on_down = dial_again }, node);
}

TEST(a_node_dials_again_out_of_the_end_of_its_connection)
{
	struct answer answer = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	rpc_conn_watch(net.worker.conn, &(struct rpc_hooks){ .on_up = node_hooks.on_up, .on_down = dial_again }, &net.worker);
	for (int i = 0; i < 3; i++) {
		RUN_UNTIL(&net, net.worker.conn && rpc_conn_is_up(net.worker.conn));
		call(&net.worker, net.worker.conn, RPC_BLOB, "again", &answer);
		RUN_UNTIL(&net, answer.count);
		expect_body(&answer, "again");
		rpc_close(net.manager.met);
		RUN_UNTIL(&net, net.worker.downs == (unsigned)i + 1);
	}
	EXPECT_STR(buf_text(&net.worker.story), "down(RESET) up down(RESET) up down(RESET) ");
	net_fini(&net);
}

TEST(a_handler_may_run_the_loop_and_still_read_what_it_was_given)
{
	struct answer nested = { 0 }, next = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	call(&net.worker, net.worker.conn, RPC_BLOB, "nest", &nested);
	for (int i = 0; i < 100; i++)
		EXPECT(rpc_note(net.worker.conn, RPC_STATUS, "0123456789012345678901234567890", 30));
	call(&net.worker, net.worker.conn, RPC_BLOB, "next", &next);
	RUN_UNTIL(&net, next.count && nested.count);
	expect_body(&nested, "nested");
	expect_body(&next, "next");
	EXPECT_INT(net.manager.noted, 100);
	net_fini(&net);
}
