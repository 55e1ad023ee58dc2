/* What strangers, slow peers and broken wires do to a connection. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/str.h"
#include "pki/tls_internal.h"
#include "pki/tls_session.h"
#include "test/unit/pki/tls_help.h"
#include "test/unit/runner.h"

/* ---- without a socket: every byte at its own time ---------------------------------------------------------------- */

/* One side and what has come for it and is not used yet. */
struct side { struct tls_session *session; struct buf in, plain; enum tls_step step; bool ready; struct tls_failure failure; };

static void side_fini(struct side *side)
{
	tls_session_free(side->session);
	buf_fini(&side->in);
	buf_fini(&side->plain);
}

static void give(struct side *to, const void *bytes, size_t size)
{
	struct tls_input in;
	size_t whole;

	buf_add(&to->in, bytes, size);
	whole = tls_session_whole((const uint8_t *)buf_text(&to->in), to->in.len);
	if (!whole || to->step == TLS_STEP_FAILED)
		return;
	in = (struct tls_input){ (const uint8_t *)to->in.data, whole, 0 };
	if (!to->ready) {
		to->step = tls_session_handshake(to->session, &in, &to->failure);
		to->ready = to->step == TLS_STEP_READY;
	}
	if (to->ready)
		to->step = tls_session_read(to->session, &in, &to->plain, 1 << 20, &to->failure);
	buf_drop_front(&to->in, in.used);
}

/* Brings what one says to the other in pieces; flip: which byte of all that ever passed is changed, limit: where the wire is cut. */
struct wire { size_t piece, passed, flip, limit; };

static bool carry(struct wire *wire, struct side *from, struct side *to)
{
	struct buf *out = tls_session_out(from->session);
	size_t size = MIN(MIN(out->len, wire->piece), wire->limit - wire->passed);

	if (!size)
		return false;
	if (wire->flip >= wire->passed && wire->flip < wire->passed + size)
		out->data[wire->flip - wire->passed] ^= 0x20;
	wire->passed += size;
	CLEANUP(buf_finip) struct buf piece = BUF_INIT;
	buf_add(&piece, out->data, size);
	buf_drop_front(out, size);
	give(to, piece.data, piece.len);
	return true;
}

static void sides_init(struct side *server, struct side *client, const struct test_cluster *c)
{
	struct tls_input nothing = { 0 };

	*server = (struct side){ .session = tls_session_new(c->manager_ctx, true, NULL) };
	*client = (struct side){ .session = tls_session_new(c->worker_ctx, false, NULL) };
	EXPECT_INT(tls_session_handshake(client->session, &nothing, &client->failure), TLS_STEP_WAIT);
}

static void talk(struct wire *wire, struct side *server, struct side *client)
{
	while (carry(wire, client, server) || carry(wire, server, client))
		;
}

TEST(tls_handshake_in_single_bytes_is_a_handshake)
{
	struct wire wire = { .piece = 1, .flip = SIZE_MAX, .limit = SIZE_MAX };
	struct test_cluster c;
	struct side server, client;

	test_cluster_init(&c);
	sides_init(&server, &client, &c);
	talk(&wire, &server, &client);
	EXPECT(server.ready && client.ready);
	EXPECT_STR(tls_session_peer(server.session)->cert.name.role, "swarm-worker");
	EXPECT_INT(tls_session_write(client.session, "single bytes", 12, &client.failure), 0);
	talk(&wire, &server, &client);
	EXPECT_STR(buf_text(&server.plain), "single bytes");
	side_fini(&server);
	side_fini(&client);
	test_cluster_fini(&c);
}

/* A flip anywhere is found by one of the two before a word has passed, unless it hit what must be ignored (5.1: versions in the headers of
 * plain records); a cut leaves both waiting. */
TEST_TIMEOUT(tls_handshakes_flipped_and_cut_anywhere_never_carry_a_word, 600)
{
	unsigned ignored = 0;
	struct test_cluster c;
	struct side server, client;
	struct rng rng;

	test_cluster_init(&c);
	rng_seed(&rng, 4);
	for (int i = 0; i < 60; i++) {
		bool is_cut = i % 3 == 0;
		struct wire wire = { .piece = 400, .flip = SIZE_MAX, .limit = SIZE_MAX };

		*(is_cut ? &wire.limit : &wire.flip) = rng_below(&rng, 1900);
		sides_init(&server, &client, &c);
		talk(&wire, &server, &client);
		if (client.ready)
			EXPECT_INT(tls_session_write(client.session, "word", 4, &client.failure), 0);
		talk(&wire, &server, &client);
		ignored += !is_cut && str_eq(buf_text(&server.plain), "word");
		EXPECT(!server.plain.len || (!is_cut && str_eq(buf_text(&server.plain), "word")));
		side_fini(&server);
		side_fini(&client);
	}
	EXPECT(ignored <= 2);
	test_cluster_fini(&c);
}

TEST(tls_flipped_bytes_behind_the_handshake_end_the_connection)
{
	struct wire wire = { .piece = 4096, .flip = SIZE_MAX, .limit = SIZE_MAX };
	struct test_cluster c;
	struct side server, client;

	test_cluster_init(&c);
	sides_init(&server, &client, &c);
	talk(&wire, &server, &client);
	EXPECT(server.ready && client.ready);
	EXPECT_INT(tls_session_write(client.session, "whole", 5, &client.failure), 0);
	talk(&wire, &server, &client);
	wire.flip = wire.passed + 12;
	EXPECT_INT(tls_session_write(client.session, "broken", 6, &client.failure), 0);
	talk(&wire, &server, &client);
	EXPECT_STR(buf_text(&server.plain), "whole");
	EXPECT_INT(server.step, TLS_STEP_FAILED);
	EXPECT_INT(server.failure.end, TLS_PROTOCOL);
	side_fini(&server);
	side_fini(&client);
	test_cluster_fini(&c);
}

/* ---- strangers --------------------------------------------------------------------------------------------------- */

TEST(tls_says_no_at_once_to_what_is_no_tls)
{
	static const char *const texts[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff garbage", "\x17\x03\x03\x00\x01x", "\0\0\0\0\0\0\0\0" };
	static const size_t sizes[] = { 27, 13, 6, 8 };
	struct test_cluster c;

	test_cluster_init(&c);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct pair p;
		pair_init(&p);
		int fd = connect_stranger(&p, c.manager_ctx);
		EXPECT_INT(write(fd, texts[i], sizes[i]), sizes[i]);
		RUN_UNTIL(p.loop, p.server.is_gone);
		EXPECT_INT(p.server.end, TLS_PROTOCOL);
		EXPECT(!p.server.is_ready);
		close(fd);
		pair_fini(&p);
	}
	test_cluster_fini(&c);
}

static void tick(void *arg)
{
	*(bool *)arg = true;
}

TEST(tls_handshakes_have_a_deadline_however_slowly_bytes_come)
{
	static const uint8_t hello[] = { 22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3 };
	struct test_cluster c;
	struct pair silent, slow;
	struct timer timer;
	size_t sent = 0;

	test_cluster_init(&c);
	c.manager_ctx->handshake_ms = 300;
	pair_init(&silent);
	pair_init(&slow);
	int silent_fd = connect_stranger(&silent, c.manager_ctx);
	int slow_fd = connect_stranger(&slow, c.manager_ctx);
	RUN_UNTIL(silent.loop, silent.server.is_gone);
	EXPECT_INT(silent.server.end, TLS_TIMEOUT);
	EXPECT_STR(silent.server.err.text, "TLS: no handshake in time");
	while (!slow.server.is_gone && sent < 200) {
		bool over = false;
		uint8_t byte = sent < sizeof(hello) ? hello[sent] : 0;

		EXPECT_INT(write(slow_fd, &byte, 1), 1);
		sent++;
		timer_init(&timer, slow.loop, tick, &over);
		timer_set_in(&timer, 5);
		while (!over && !slow.server.is_gone)
			loop_run_once(slow.loop, 20);
		timer_cancel(&timer);
	}
	EXPECT(slow.server.is_gone);
	EXPECT_INT(slow.server.end, TLS_TIMEOUT);
	close(silent_fd);
	close(slow_fd);
	pair_fini(&silent);
	pair_fini(&slow);
	test_cluster_fini(&c);
}

TEST(tls_tells_of_a_connection_that_is_cut)
{
	struct test_cluster c;
	struct pair p;

	test_cluster_init(&c);
	pair_init(&p);
	int fd = connect_stranger(&p, c.manager_ctx);
	close(fd);
	RUN_UNTIL(p.loop, p.server.is_gone);
	EXPECT_INT(p.server.end, TLS_CUT);
	EXPECT_STR(p.server.err.text, "closed by the other side during the TLS handshake");
	end_fini(&p.server);

	connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	end_fini(&p.client);                    /* no close_notify */
	RUN_UNTIL(p.loop, p.server.is_gone);
	EXPECT(!p.server.has_ended);
	EXPECT_INT(p.server.end, TLS_CUT);
	EXPECT(!tls_write(p.server.stream, "x", 1));
	pair_fini(&p);
	test_cluster_fini(&c);
}

/* ---- much, and slowly -------------------------------------------------------------------------------------------- */

static void fill(struct buf *buf, size_t size)
{
	for (size_t i = 0; buf->len < size; i++)
		buf_printf(buf, "%zu,", i);
}

TEST(tls_carries_a_great_message_whole)
{
	CLEANUP(buf_finip) struct buf message = BUF_INIT;
	struct test_cluster c;
	struct pair p;

	test_cluster_init(&c);
	pair_init(&p);
	fill(&message, TLS_WRITE_MAX - 100);
	connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	EXPECT(tls_write(p.client.stream, message.data, message.len));
	EXPECT(!tls_write(p.client.stream, "x", 1));
	tls_end(p.client.stream);               /* behind all that is queued */
	RUN_UNTIL(p.loop, p.server.has_ended);
	EXPECT_STR(buf_text(&p.server.got), buf_text(&message));
	pair_fini(&p);
	test_cluster_fini(&c);
}

TEST(tls_queue_is_bounded_when_the_other_side_does_not_read)
{
	CLEANUP(buf_finip) struct buf block = BUF_INIT;
	struct test_cluster c;
	struct pair p;
	size_t count = 0;

	test_cluster_init(&c);
	pair_init(&p);
	fill(&block, 10000);
	connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	tls_pause(p.server.stream, true);
	do {
		while (tls_write(p.client.stream, block.data, block.len))
			count++;
		EXPECT(tls_queued(p.client.stream) < TLS_QUEUE_BYTES + 11000);
		p.client.has_room = false;
		run_some(p.loop);
	} while (p.client.has_room);
	EXPECT(count > 20 && count < 1000);
	EXPECT_INT(p.server.got.len, 0);
	run_some(p.loop);
	EXPECT(!p.client.has_room);
	tls_pause(p.server.stream, false);
	RUN_UNTIL(p.loop, p.client.has_room && p.server.got.len == count * block.len);
	for (size_t i = 0; i < count; i++)
		EXPECT(memcmp(p.server.got.data + i * block.len, block.data, block.len) == 0);
	pair_fini(&p);
	test_cluster_fini(&c);
}

TEST(tls_gives_again_what_a_reader_has_left)
{
	CLEANUP(buf_finip) struct buf block = BUF_INIT;
	struct test_cluster c;
	struct pair p;
	size_t sent = 0;

	test_cluster_init(&c);
	pair_init(&p);
	fill(&block, 3000);
	connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	p.server.take = 1000;
	for (int i = 0; i < 3; i++, sent += block.len) {
		EXPECT(tls_write(p.client.stream, block.data, block.len));
		RUN_UNTIL(p.loop, p.server.got.len == 1000 * (size_t)(i + 1));
	}
	/* paused with bytes left: they come with the resumption, not before */
	p.server.take = 0;
	tls_pause(p.server.stream, true);
	run_some(p.loop);
	EXPECT_INT(p.server.got.len, 3000);
	tls_pause(p.server.stream, false);
	RUN_UNTIL(p.loop, p.server.got.len == sent);
	for (size_t i = 0; i < sent; i += block.len)
		EXPECT(memcmp(p.server.got.data + i, block.data, block.len) == 0);
	pair_fini(&p);
	test_cluster_fini(&c);
}

static size_t take_nothing(void *arg, const uint8_t *bytes, size_t size)
{
	(void)arg;
	(void)bytes;
	(void)size;
	return 0;
}

TEST(tls_ends_when_a_reader_takes_nothing_of_too_much)
{
	CLEANUP(buf_finip) struct buf block = BUF_INIT;
	struct tls_hooks hooks = end_hooks;
	struct test_cluster c;
	struct pair p;

	hooks.on_bytes = take_nothing;
	test_cluster_init(&c);
	pair_init(&p);
	fill(&block, 2 * TLS_UNREAD_BYTES);
	connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	tls_set_hooks(p.server.stream, &hooks, &p.server);
	EXPECT(tls_write(p.client.stream, block.data, block.len));
	RUN_UNTIL(p.loop, p.server.is_gone);
	EXPECT_STR(p.server.err.text, "TLS: more unread bytes than the reader takes");
	pair_fini(&p);
	test_cluster_fini(&c);
}

TEST(tls_asks_for_a_new_connection_when_a_key_has_carried_enough)
{
	CLEANUP(buf_finip) struct buf block = BUF_INIT;
	struct test_cluster c;
	struct pair p;

	test_cluster_init(&c);
	c.worker_ctx->said_max = 20000;
	pair_init(&p);
	fill(&block, 15000);
	connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	EXPECT(tls_write(p.client.stream, block.data, block.len));
	EXPECT(tls_write(p.client.stream, block.data, block.len));
	EXPECT(!tls_write(p.client.stream, block.data, block.len));
	RUN_UNTIL(p.loop, p.client.is_gone);
	EXPECT_INT(p.client.end, TLS_EXHAUSTED);
	pair_fini(&p);
	test_cluster_fini(&c);
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

enum { MANY = 100 };

TEST_TIMEOUT(tls_has_room_for_many_connections_at_once, 600)
{
	static struct end servers[MANY], clients[MANY];
	struct test_cluster c;
	struct pair p;
	size_t ready = 0;

	test_cluster_init(&c);
	pair_init(&p);
	for (int i = 0; i < MANY; i++) {
		int fds[2];
		check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
		servers[i].stream = tls_accept(p.loop, p.work, c.manager_ctx, fds[0], &end_hooks, &servers[i]);
		clients[i].stream = tls_connect(p.loop, p.work, c.worker_ctx, fds[1], (struct tls_trust){ NULL }, &end_hooks, &clients[i]);
	}
	for (msec until = loop_now(p.loop) + 60000; ready < 2 * MANY && loop_now(p.loop) < until;) {
		loop_run_once(p.loop, 100);
		ready = 0;
		for (int i = 0; i < MANY; i++)
			ready += servers[i].is_ready + clients[i].is_ready;
	}
	EXPECT_INT(ready, 2 * MANY);
	for (int i = 0; i < MANY; i++) {
		EXPECT(tls_write(clients[i].stream, "hello", 5));
		RUN_UNTIL(p.loop, servers[i].got.len == 5);
	}
	for (int i = 0; i < MANY; i++) {
		end_fini(&servers[i]);
		end_fini(&clients[i]);
	}
	EXPECT_INT(c.manager_ctx->handshakes, 0);
	pair_fini(&p);
	test_cluster_fini(&c);
}

TEST(tls_refuses_when_too_many_handshakes_wait)
{
	struct test_cluster c;
	struct pair p;

	test_cluster_init(&c);
	c.worker_ctx->handshakes = 256;
	pair_init(&p);
	connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(p.loop, p.client.is_gone);
	EXPECT_INT(p.client.end, TLS_EXHAUSTED);
	pair_fini(&p);
	test_cluster_fini(&c);
}

/* ---- leaving at any moment --------------------------------------------------------------------------------------- */

TEST_TIMEOUT(tls_may_be_freed_in_every_round_of_a_handshake, 600)
{
	struct test_cluster c;

	test_cluster_init(&c);
	for (int rounds = 0; rounds < 30; rounds++) {
		struct pair p;
		pair_init(&p);
		connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
		for (int i = 0; i < rounds; i++)
			loop_run_once(p.loop, 1);
		end_fini(rounds % 2 ? &p.server : &p.client);
		run_some(p.loop);
		pair_fini(&p);
	}
	EXPECT_INT(c.manager_ctx->handshakes + c.worker_ctx->handshakes, 0);
	test_cluster_fini(&c);
}

enum hook { HOOK_READY, HOOK_BYTES, HOOK_ROOM, HOOK_END };
struct leaver { struct tls_stream *stream; enum hook leave; int told; };

static bool leave(void *arg, enum hook hook)
{
	struct leaver *leaver = arg;

	if (leaver->leave != hook)
		return false;
	leaver->told++;
	tls_free(leaver->stream);
	leaver->stream = NULL;
	return true;
}

static void leave_ready(void *arg, const struct tls_peer *peer)
{
	(void)peer;
	leave(arg, HOOK_READY);
}

static size_t leave_bytes(void *arg, const uint8_t *bytes, size_t size)
{
	(void)bytes;
	leave(arg, HOOK_BYTES);
	return size;
}

static void leave_room(void *arg)
{
	leave(arg, HOOK_ROOM);
}

static void leave_end(void *arg, enum tls_end end, const struct err *err)
{
	(void)end;
	(void)err;
	leave(arg, HOOK_END);
}

TEST(tls_may_be_freed_in_every_hook)
{
	static const struct tls_hooks hooks = { leave_ready, leave_bytes, leave_room, leave_end, NULL };
	CLEANUP(buf_finip) struct buf block = BUF_INIT;
	struct test_cluster c;

	test_cluster_init(&c);
	fill(&block, 2 * TLS_QUEUE_BYTES);
	for (enum hook hook = HOOK_READY; hook <= HOOK_END; hook++) {
		struct leaver leaver = { .leave = hook };
		struct pair p;

		pair_init(&p);
		connect_pair(&p, c.manager_ctx, c.worker_ctx, NULL);
		leaver.stream = p.client.stream;
		p.client.stream = NULL;
		tls_set_hooks(leaver.stream, &hooks, &leaver);
		RUN_UNTIL(p.loop, p.server.is_ready || leaver.told);
		if (hook == HOOK_BYTES)
			EXPECT(tls_write(p.server.stream, block.data, block.len));
		if (hook == HOOK_ROOM) {
			RUN_UNTIL(p.loop, tls_peer(leaver.stream));
			EXPECT(tls_write(leaver.stream, block.data, block.len));
			EXPECT(!tls_write(leaver.stream, "x", 1));
		}
		if (hook == HOOK_END)
			tls_end(p.server.stream);
		RUN_UNTIL(p.loop, leaver.told);
		run_some(p.loop);
		EXPECT_INT(leaver.told, 1);
		pair_fini(&p);
	}
	test_cluster_fini(&c);
}

/* ---- renewal ----------------------------------------------------------------------------------------------------- */

TEST(tls_connections_outlive_the_contexts_they_were_opened_with)
{
	struct test_cluster c;
	struct test_node renewed;
	struct tls_context *old;
	struct pair before, after;

	test_cluster_init(&c);
	pair_init(&before);
	pair_init(&after);
	connect_pair(&before, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(before.loop, before.server.is_ready && before.client.is_ready);
	/* in the middle of this one's handshake */
	connect_pair(&after, c.manager_ctx, c.worker_ctx, NULL);
	loop_run_once(after.loop, 1);

	/* promoted: same node, new key, new role */
	old = c.worker_ctx;
	test_node_init(&renewed, &c.ca, "workerworkerworkerworkerw", true, TEST_CLUSTER, new_year_2026 + test_day, 90 * test_day);
	c.worker_ctx = test_context(root_of(&c.ca), &renewed);
	tls_context_drop(old);
	test_node_fini(&c.worker);
	c.worker = renewed;

	RUN_UNTIL(after.loop, after.server.is_ready && after.client.is_ready);
	EXPECT_STR(after.server.peer.name.role, "swarm-worker");
	EXPECT(tls_write(before.client.stream, "still here", 10));
	RUN_UNTIL(before.loop, before.server.got.len == 10);
	end_fini(&after.server);
	end_fini(&after.client);
	connect_pair(&after, c.manager_ctx, c.worker_ctx, NULL);
	RUN_UNTIL(after.loop, after.server.is_ready && after.client.is_ready);
	EXPECT_STR(after.server.peer.name.role, "swarm-manager");
	EXPECT_STR(after.server.peer.name.node_id, before.server.peer.name.node_id);
	pair_fini(&after);
	pair_fini(&before);
	test_cluster_fini(&c);
}

TEST(tls_root_rotation_leaves_no_moment_in_which_nodes_do_not_know_each_other)
{
	CLEANUP(buf_finip) struct buf both = BUF_INIT;
	char digest[CA_DIGEST_SIZE];
	struct test_cluster c;
	struct test_ca next;
	struct test_node manager;
	struct tls_context *rotated;
	struct pair p;
	struct err err = { 0 };

	test_cluster_init(&c);
	test_ca_init(&next);
	struct ca_signer old = { root_of(&c.ca), buf_text(&c.ca.root.key_pem), NULL };
	EXPECT_INT(ca_cross_sign(&old, root_of(&next), new_year_2026, &next.cross, &err), 0);
	buf_printf(&both, "%s%s", root_of(&c.ca), root_of(&next));
	test_node_init(&manager, &next, TEST_NODE, true, TEST_CLUSTER, new_year_2026, 90 * test_day);
	rotated = test_context(buf_text(&both), &manager);

	/* a worker that has heard of nothing yet, against a manager that has the new certificate; both ways of judging */
	pair_init(&p);
	connect_pair(&p, rotated, c.worker_ctx, NULL);
	RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
	end_fini(&p.server);
	end_fini(&p.client);
	/* tokens of before and of after let in */
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(ca_digest(i ? root_of(&next) : root_of(&c.ca), digest, &err), 0);
		connect_pair(&p, rotated, c.nobody_ctx, digest);
		RUN_UNTIL(p.loop, p.server.is_ready && p.client.is_ready);
		EXPECT_STR(buf_text(&p.client.root), i ? root_of(&next) : root_of(&c.ca));
		end_fini(&p.server);
		end_fini(&p.client);
	}
	pair_fini(&p);
	tls_context_drop(rotated);
	test_node_fini(&manager);
	test_ca_fini(&next);
	test_cluster_fini(&c);
}

TEST(tls_context_refuses_what_does_not_belong_together)
{
	struct test_cluster c, other;
	struct tls_context *ctx = NULL;
	struct err err = { 0 };

	test_cluster_init(&c);
	test_cluster_init(&other);
	EXPECT_INT(tls_context_new(root_of(&c.ca), buf_text(&c.worker.chain), buf_text(&c.manager.key), &ctx, &err), -1);
	EXPECT_STR(err.text, "certificate of node workerworkerworkerworkerw: its key is another one");
	EXPECT_INT(tls_context_new(root_of(&other.ca), buf_text(&c.worker.chain), buf_text(&c.worker.key), &ctx, &err), -1);
	EXPECT_STR(err.text, "certificate of node workerworkerworkerworkerw (swarm-worker): signed by none of the roots of this cluster");
	EXPECT_INT(tls_context_new("nothing", NULL, NULL, &ctx, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	test_cluster_fini(&other);
	test_cluster_fini(&c);
}
