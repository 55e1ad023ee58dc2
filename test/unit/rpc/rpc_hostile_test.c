/* What strangers, and nodes gone mad, can do to a listening node: nothing but lose their own connection. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/str.h"
#include "rpc/rpc_inside.h"
#include "test/unit/rpc/rpc_help.h"
#include "test/unit/runner.h"

static const struct rpc_limits patient = { .connections = 6, .strangers = 4, .hello_ms = RPC_HELP_WAIT_MS, .stranger_ms = RPC_HELP_WAIT_MS,
					   .connect_ms = RPC_HELP_WAIT_MS, .stalled_ms = RPC_HELP_WAIT_MS, .tickets_per_node = 2,
					   .ticket_ms = RPC_HELP_WAIT_MS };
enum { HASTE_MS = 1500 };

/* Who is new has so long; nobody who was there already is meant, nor whoever comes after be_patient: a handshake may take long here. */
static void be_hasty(struct net *net)
{
	net->manager.rpc->cfg.limits.hello_ms = net->manager.rpc->cfg.limits.stranger_ms = HASTE_MS;
}

static void be_patient(struct net *net)
{
	net->manager.rpc->cfg.limits = patient;
}

static bool is_closed(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&poll_fd, 1, 0) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) <= 0;
}

static unsigned count_open(const int *fds, size_t count)
{
	unsigned open = 0;

	for (size_t i = 0; i < count; i++)
		open += !is_closed(fds[i]);
	return open;
}

/* Whatever was done to it, the manager answers. */
static void expect_alive(struct net *net)
{
	struct answer answer = { 0 };

	node_dial(&net->worker);
	rpc_call(net->worker.conn, RPC_BLOB, "alive", 5, RPC_HELP_WAIT_MS, on_answer, &answer);
	RUN_UNTIL(net, answer.count);
	expect_body(&answer, "alive");
	net_fini(net);
}

TEST(who_says_nothing_is_hung_up_on)
{
	struct net net;

	net_init(&net, &patient);
	be_hasty(&net);
	msec begun = loop_now(net.loop);
	int fd = hand_connect(&net);
	RUN_UNTIL(&net, is_closed(fd));
	EXPECT(loop_now(net.loop) - begun >= HASTE_MS);
	close(fd);
	be_patient(&net);
	expect_alive(&net);
}

TEST(who_drips_bytes_into_the_handshake_has_no_more_time_than_others)
{
	static const uint8_t hello[] = { 22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3 };
	struct net net;

	net_init(&net, &patient);
	be_hasty(&net);
	int fd = hand_connect(&net);
	for (size_t i = 0; i < sizeof(hello) && !is_closed(fd); i++) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		(void)!send(fd, &hello[i], 1, MSG_NOSIGNAL);
		loop_run_once(net.loop, 5);
		poll(&poll_fd, 1, 20);
	}
	RUN_UNTIL(&net, is_closed(fd));
	close(fd);
	be_patient(&net);
	expect_alive(&net);
}

TEST(who_shakes_hands_and_never_greets_is_hung_up_on)
{
	struct hand hand = { 0 };
	struct net net;

	net_init(&net, &patient);
	be_hasty(&net);
	hand_open(&net, &hand, net.worker.ctx);
	RUN_UNTIL(&net, hand.ended);
	EXPECT_INT(hand.got.len, 0);
	hand_close(&hand);
	be_patient(&net);
	expect_alive(&net);
}

TEST(who_has_no_certificate_may_not_stay)
{
	struct tls_context *ctx;
	struct hand hand = { 0 };
	struct frame frame;
	struct err err = { 0 };
	struct net net;

	net_init(&net, &patient);
	net.manager.rpc->cfg.limits.stranger_ms = HASTE_MS;      /* from the greeting on */
	ctx = net_stranger(&net);
	hand_open(&net, &hand, ctx);
	hand_hello(&hand);
	frame = hand_hear(&hand);
	EXPECT(frame.kind == FRAME_ERROR && frame.call == 0);
	frame_err_decode(frame.body, frame.size, &err);
	EXPECT_STR(err.text, "rpc: who has no certificate may not stay longer");
	RUN_UNTIL(&net, hand.ended);
	hand_close(&hand);
	tls_context_drop(ctx);
	expect_alive(&net);
}

TEST(a_flood_of_mute_connections_keeps_no_node_out)
{
	int fds[12];
	struct net net;

	net_init(&net, &patient);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		fds[i] = hand_connect_from(&net, 2);
	RUN_UNTIL(&net, count_open(fds, ARRAY_COUNT(fds)) == 4);
	run_some(&net);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		EXPECT_INT(is_closed(fds[i]), i >= 4);
	/* a node of another address gets in, at their cost */
	node_dial(&net.other);
	EXPECT(is_closed(fds[0]) && count_open(fds, 4) == 3);
	expect_alive(&net);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
}

TEST(the_oldest_stranger_gives_way_to_the_newest_where_each_has_his_own_address)
{
	int fds[10];
	struct net net;

	net_init(&net, &patient);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		fds[i] = hand_connect_from(&net, (uint8_t)(i + 2));
	RUN_UNTIL(&net, count_open(fds, ARRAY_COUNT(fds)) == 4);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		EXPECT_INT(is_closed(fds[i]), i < ARRAY_COUNT(fds) - 4);
	node_dial(&net.other);
	expect_alive(&net);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
}

TEST(nodes_are_not_driven_out_when_the_house_is_full)
{
	struct rpc_limits limits = patient;
	struct net net;
	struct hand hands[6] = { 0 };
	char address[32];

	limits.strangers = 100;
	net_init(&net, &limits);
	for (size_t i = 0; i < ARRAY_COUNT(hands); i++) {
		hand_open(&net, &hands[i], net.other.ctx);
		hand_hello(&hands[i]);
	}
	node_dial_to(&net.worker, net_address(&net, address), NULL);
	RUN_UNTIL(&net, net.worker.downs);
	EXPECT_INT(net.worker.reason, RPC_DOWN_RESET);
	buf_clear(&net.worker.story);
	for (size_t i = 0; i < ARRAY_COUNT(hands); i++)
		EXPECT(!hands[i].ended);
	for (size_t i = 0; i < ARRAY_COUNT(hands); i++)
		hand_close(&hands[i]);
	for (msec until = loop_now(net.loop) + RPC_HELP_WAIT_MS; net.worker.downs && loop_now(net.loop) < until;) {
		net.worker.downs = 0;                   /* the manager sees one of them go, sooner or later */
		node_dial_to(&net.worker, address, NULL);
		RUN_UNTIL(&net, net.worker.downs || rpc_conn_is_up(net.worker.conn));
	}
	rpc_close(net.worker.conn);
	buf_clear(&net.worker.story);
	run_some(&net);
	expect_alive(&net);
}

TEST(garbage_before_the_handshake_costs_the_connection)
{
	static const char *const garbage[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff", "SSH-2.0-x\r\n" };
	struct net net;

	net_init(&net, &patient);
	for (size_t i = 0; i < ARRAY_COUNT(garbage); i++) {
		int fd = hand_connect(&net);
		EXPECT(send(fd, garbage[i], strlen(garbage[i]), MSG_NOSIGNAL) > 0);
		shutdown(fd, SHUT_WR);
		RUN_UNTIL(&net, is_closed(fd));
		close(fd);
	}
	expect_alive(&net);
}

/* What is said to the bytes, after a greeting or instead of one. */
static void expect_turned_away(struct hand *hand, const struct buf *bytes, const char *why)
{
	struct err err = { 0 };

	EXPECT(tls_write(hand->tls, bytes->data, bytes->len));
	struct frame frame = hand_hear(hand);
	EXPECT(frame.kind == FRAME_ERROR && frame.call == 0);
	frame_err_decode(frame.body, frame.size, &err);
	EXPECT_STR(err.text, why);
	RUN_UNTIL(hand->net, hand->ended);
	hand_close(hand);
}

TEST(garbage_instead_of_a_greeting_is_told_what_it_is)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct hand hand = { 0 };
	struct net net;

	net_init(&net, NULL);
	hand_open(&net, &hand, net.worker.ctx);
	buf_add_str(&bytes, "GET / HTTP/1.1\r\n\r\n");
	expect_turned_away(&hand, &bytes, "rpc: a frame of 542393671 bytes is over the bound of 65536");

	hand_open(&net, &hand, net.worker.ctx);
	buf_clear(&bytes);
	put_u32(&bytes, UINT32_MAX);
	expect_turned_away(&hand, &bytes, "rpc: a frame of 4294967295 bytes is over the bound of 65536");

	hand_open(&net, &hand, net.worker.ctx);
	buf_clear(&bytes);
	frame_add(&bytes, &(struct frame){ FRAME_HELLO, 0, 0, (const uint8_t *)"swarm", 5 });
	expect_turned_away(&hand, &bytes, "rpc: the other side does not speak as swarmbox does");

	hand_open(&net, &hand, net.worker.ctx);
	buf_clear(&bytes);
	frame_add(&bytes, &(struct frame){ FRAME_CALL, RPC_BLOB, 1, NULL, 0 });
	expect_turned_away(&hand, &bytes, "rpc: a frame before the greeting");
	EXPECT_INT(net.manager.asked, 0);
	expect_alive(&net);
}

TEST(garbage_after_the_greeting_is_told_what_it_is)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct frame_hello hello = { FRAME_LEVEL, 1, 64 << 10, "0.0.9" };
	CLEANUP(buf_finip) struct buf greeting = BUF_INIT;
	struct hand hand = { 0 };
	struct net net;

	net_init(&net, NULL);
	hand_open(&net, &hand, net.worker.ctx);
	hand_hello(&hand);
	frame_hello_encode(&hello, &greeting);
	frame_add(&bytes, &(struct frame){ FRAME_HELLO, 0, 0, (const uint8_t *)greeting.data, greeting.len });
	expect_turned_away(&hand, &bytes, "rpc: a greeting twice");

	hand_open(&net, &hand, net.worker.ctx);
	hand_hello(&hand);
	buf_clear(&bytes);
	frame_add(&bytes, &(struct frame){ FRAME_TICKET, 0, 0, (const uint8_t *)"0123456789abcdef", 16 });
	expect_turned_away(&hand, &bytes, "rpc: a greeting twice");

	hand_open(&net, &hand, net.worker.ctx);
	hand_hello(&hand);
	buf_clear(&bytes);
	put_u32(&bytes, 4);
	expect_turned_away(&hand, &bytes, "rpc: a frame of 4 bytes is none");

	/* answers to what was never asked are nothing to anybody */
	hand_open(&net, &hand, net.worker.ctx);
	hand_hello(&hand);
	hand_say(&hand, FRAME_REPLY, 0, 77, "x", 1);
	hand_say(&hand, FRAME_ERROR, 0, 78, "x", 1);
	hand_say(&hand, FRAME_NOTE, 63, 0, "of a later version", 18);
	hand_say(&hand, FRAME_CALL, RPC_BLOB, 1, "x", 1);
	EXPECT_INT(hand_hear(&hand).kind, FRAME_REPLY);
	hand_say(&hand, FRAME_CALL, 63, 2, "of a later version", 18);
	struct frame frame = hand_hear(&hand);
	EXPECT(frame.kind == FRAME_ERROR && frame.call == 2 && frame.body[0] == ERR_UNSUPPORTED);
	hand_close(&hand);
	expect_alive(&net);
}

TEST(half_a_frame_waits_for_its_rest_and_then_for_nobody)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct hand hand = { 0 };
	struct net net;

	net_init(&net, NULL);
	hand_open(&net, &hand, net.worker.ctx);
	hand_hello(&hand);
	frame_add(&bytes, &(struct frame){ FRAME_CALL, RPC_BLOB, 1, (const uint8_t *)"both halves", 11 });
	for (size_t i = 0; i < bytes.len; i++) {
		EXPECT(tls_write(hand.tls, bytes.data + i, 1));
		loop_run_once(net.loop, 0);
		EXPECT_INT(net.manager.asked, 0);
		loop_run_once(net.loop, 0);
	}
	struct frame frame = hand_hear(&hand);
	EXPECT(frame.kind == FRAME_REPLY && frame.size == 11 && memcmp(frame.body, "both halves", 11) == 0);
	EXPECT(tls_write(hand.tls, bytes.data, bytes.len / 2));
	run_some(&net);
	hand_close(&hand);
	run_some(&net);
	EXPECT_INT(net.manager.asked, 1);
	expect_alive(&net);
}

TEST(a_stranger_may_have_few_calls_under_way)
{
	struct tls_context *ctx;
	struct hand hand = { 0 };
	struct err err = { 0 };
	struct net net;

	net_init(&net, NULL);
	ctx = net_stranger(&net);
	hand_open(&net, &hand, ctx);
	hand_hello(&hand);
	for (uint32_t i = 1; i <= 4; i++) {
		hand_say(&hand, FRAME_CALL, RPC_ISSUE, i, "park", 4);
		RUN_UNTIL(&net, net.manager.asked == i);
		if (i < 4)
			rpc_reply(net.manager.parked, "x", 1);
	}
	for (uint32_t i = 1; i < 4; i++)
		EXPECT_INT(hand_hear(&hand).call, i);
	struct rpc_ask *fourth = net.manager.parked, *asks[3];
	for (uint32_t i = 5; i <= 7; i++) {
		hand_say(&hand, FRAME_CALL, RPC_ISSUE, i, "park", 4);
		RUN_UNTIL(&net, net.manager.asked == i);
		asks[i - 5] = net.manager.parked;
	}
	hand_say(&hand, FRAME_CALL, RPC_ISSUE, 8, "park", 4);
	struct frame frame = hand_hear(&hand);
	EXPECT(frame.kind == FRAME_ERROR && frame.call == 8);
	frame_err_decode(frame.body, frame.size, &err);
	EXPECT_STR(err.text, "rpc: ISSUE: too many calls wait for their answers");
	EXPECT_INT(net.manager.asked, 7);
	rpc_reply(fourth, "x", 1);
	hand_close(&hand);
	run_some(&net);
	for (int i = 0; i < 3; i++)
		rpc_reply(asks[i], "x", 1);
	tls_context_drop(ctx);
	expect_alive(&net);
}

/* --- who stops reading --- */

TEST(notes_to_a_peer_that_stops_reading_are_refused_until_there_is_room)
{
	static char note[60000];
	struct hand hand = { .deaf = true };
	unsigned sent = 0;
	struct net net;

	net_init(&net, NULL);
	hand_open(&net, &hand, net.worker.ctx);
	hand_greet(&hand);
	hand_say(&hand, FRAME_CALL, RPC_BLOB, 1, "park", 4);
	RUN_UNTIL(&net, net.manager.parked);
	net.manager.conn = net.manager.met;
	rpc_conn_watch(net.manager.met, &node_hooks, &net.manager);
	/* the kernel's buffers grow for a while */
	for (unsigned rounds = 0, at = 0; at < 30 && rounds < 3000; rounds++) {
		unsigned before = sent;
		while (rpc_note(net.manager.met, RPC_MANAGERS, note, sizeof(note)))
			sent++;
		at = sent == before ? at + 1 : 0;
		loop_run_once(net.loop, 10);
	}
	EXPECT(sent > 5 && sent < 1000);
	EXPECT(rpc_conn_queued(net.manager.met) < 2 << 20);
	EXPECT(!rpc_note(net.manager.met, RPC_MANAGERS, note, sizeof(note)));
	net.manager.rooms = 0;
	tls_pause(hand.tls, false);
	RUN_UNTIL(&net, net.manager.rooms);
	EXPECT_INT(net.manager.rooms, 1);
	EXPECT(rpc_note(net.manager.met, RPC_MANAGERS, note, sizeof(note)));
	sent++;
	EXPECT_INT(hand_hear(&hand).kind, FRAME_HELLO);
	for (; sent; sent--) {
		struct frame frame = hand_hear(&hand);
		EXPECT(frame.kind == FRAME_NOTE && frame.size == sizeof(note));
	}
	rpc_reply(net.manager.parked, "x", 1);
	EXPECT_INT(hand_hear(&hand).kind, FRAME_REPLY);
	hand_close(&hand);
	expect_alive(&net);
}

TEST(a_connection_may_be_closed_when_there_is_room)
{
	static char note[60000];
	struct hand hand = { .deaf = true };
	struct net net;

	net_init(&net, NULL);
	hand_open(&net, &hand, net.worker.ctx);
	hand_greet(&hand);
	hand_say(&hand, FRAME_CALL, RPC_BLOB, 1, "x", 1);
	RUN_UNTIL(&net, net.manager.met);
	net.manager.conn = net.manager.met;
	net.manager.closes_on_room = true;
	rpc_conn_watch(net.manager.met, &node_hooks, &net.manager);
	for (int i = 0; i < 200; i++) {
		while (net.manager.conn && rpc_note(net.manager.conn, RPC_MANAGERS, note, sizeof(note)))
			;
		loop_run_once(net.loop, 0);
	}
	tls_pause(hand.tls, false);
	RUN_UNTIL(&net, hand.ended);
	EXPECT_INT(net.manager.rooms, 1);
	hand_close(&hand);
	expect_alive(&net);
}

TEST(a_peer_that_takes_nothing_is_given_up)
{
	struct rpc_limits limits = patient;
	static char note[60000];
	struct hand hand = { .deaf = true };
	struct net net;

	limits.stalled_ms = 1000;
	net_init(&net, &limits);
	hand_open(&net, &hand, net.worker.ctx);
	hand_greet(&hand);
	hand_say(&hand, FRAME_CALL, RPC_BLOB, 1, "x", 1);
	RUN_UNTIL(&net, net.manager.met);
	net.manager.conn = net.manager.met;
	rpc_conn_watch(net.manager.met, &node_hooks, &net.manager);
	for (msec until = loop_now(net.loop) + RPC_HELP_WAIT_MS / 2; !net.manager.downs && loop_now(net.loop) < until;) {
		while (net.manager.conn && rpc_note(net.manager.conn, RPC_MANAGERS, note, sizeof(note)))
			;
		loop_run_once(net.loop, 50);
	}
	EXPECT_INT(net.manager.downs, 1);
	EXPECT_INT(net.manager.reason, RPC_DOWN_TIMEOUT);
	hand_close(&hand);
	expect_alive(&net);
}

TEST(who_asks_and_does_not_take_the_answers_is_cut_off)
{
	static char body[60000];
	struct hand hand = { .deaf = true };
	struct net net;

	net_init(&net, NULL);
	hand_open(&net, &hand, net.worker.ctx);
	hand_greet(&hand);
	hand_say(&hand, FRAME_CALL, RPC_BLOB, 1, "x", 1);
	RUN_UNTIL(&net, net.manager.met);
	net.manager.conn = net.manager.met;
	rpc_conn_watch(net.manager.met, &node_hooks, &net.manager);
	unsigned asked = 1;
	for (uint32_t i = 2; net.manager.conn && asked < 5000; i++) {
		CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
		frame_add(&bytes, &(struct frame){ FRAME_CALL, RPC_BLOB, i, (const uint8_t *)body, sizeof(body) });
		asked += tls_write(hand.tls, bytes.data, bytes.len);
		loop_run_once(net.loop, 0);
	}
	EXPECT_INT(net.manager.downs, 1);
	EXPECT_INT(net.manager.reason, RPC_DOWN_TIMEOUT);
	EXPECT(str_ends(net.manager.err.text, ": asks and does not take the answers"));
	EXPECT_INT(net.manager.err.code, ERR_EXHAUSTED);
	hand_close(&hand);
	expect_alive(&net);
}
