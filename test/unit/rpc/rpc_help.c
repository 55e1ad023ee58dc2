#include "test/unit/rpc/rpc_help.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "test/unit/runner.h"

static const char *const reasons[] = { "TIMEOUT", "REFUSED", "RESET", "TLS", "PROTOCOL" };

/* --- what a node serves --- */

/* STATUS: "echo …" comes back, "park" waits, "fail …" fails with the rest of the words, "close" closes the connection first. */
static void on_status(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct speaker *node = arg;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err;

	node->asked++;
	node->met = conn;
	EXPECT(rpc_ask_conn(ask) == conn);
	buf_add(&text, body, size);
	if (str_eq(buf_text(&text), "park")) {
		node->parked = ask;
	} else if (str_starts(buf_text(&text), "fail ")) {
		err_set(&err, ERR_CONFLICT, "%s", buf_text(&text) + 5);
		rpc_reply_error(ask, &err);
	} else if (str_eq(buf_text(&text), "close")) {
		rpc_close(conn);
		EXPECT(size == 5 && memcmp(body, "close", 5) == 0);
		EXPECT(!rpc_ask_conn(ask));
		rpc_reply(ask, "late", 4);
	} else if (str_eq(buf_text(&text), "nest")) {
		for (int i = 0; i < 20; i++)
			loop_run_once(node->net->loop, 5);
		EXPECT(memcmp(body, "nest", 4) == 0);
		rpc_reply(ask, "nested", 6);
	} else {
		rpc_reply(ask, body, size);
	}
}

static void on_note(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct speaker *node = arg;

	EXPECT(!ask);
	node->noted++;
	node->noted_bytes += size;
	node->met = conn;
	if (size < 20)
		buf_printf(&node->story, "note(%.*s) ", (int)size, (const char *)body);
}

static void on_up(void *arg, struct rpc_conn *conn)
{
	struct speaker *node = arg;

	EXPECT(conn == node->conn && rpc_conn_is_up(conn));
	buf_add_str(&node->story, "up ");
	if (node->closes_on_up) {
		node->conn = NULL;
		rpc_close(conn);
	}
}

static void on_down(void *arg, struct rpc_conn *conn, enum rpc_down reason, const struct err *err)
{
	struct speaker *node = arg;

	EXPECT(conn == node->conn && !rpc_conn_is_up(conn));
	node->conn = NULL;
	node->downs++;
	node->reason = reason;
	node->err = *err;
	buf_printf(&node->story, "down(%s) ", reasons[reason]);
}

static void on_room(void *arg, struct rpc_conn *conn)
{
	struct speaker *node = arg;

	node->rooms++;
	if (node->closes_on_room) {
		node->conn = NULL;
		rpc_close(conn);
	}
}

const struct rpc_hooks node_hooks = { on_up, on_down, on_room };

static struct tls_context *context_of(void *arg)
{
	return ((struct speaker *)arg)->ctx;
}

static int admit(void *arg, const struct cert_name *peer, struct err *err)
{
	const struct speaker *node = arg;

	return node->admits_nobody ? err_set(err, ERR_DENIED, "node %s has been removed", peer->node_id) : 0;
}

void node_init(struct net *net, struct speaker *node, struct tls_context *ctx, const struct rpc_limits *limits)
{
	struct rpc_config cfg = { context_of, admit, node, 7, RPC_LIMITS_DEFAULT };

	cfg.limits.connect_ms = cfg.limits.hello_ms = cfg.limits.ticket_ms = cfg.limits.stalled_ms = RPC_HELP_WAIT_MS;
	*node = (struct speaker){ .net = net, .ctx = ctx };
	if (limits)
		cfg.limits = *limits;
	node->rpc = rpc_new(net->loop, net->work, &cfg);
	rpc_serve(node->rpc, RPC_BLOB, on_status, node);
	rpc_serve(node->rpc, RPC_ISSUE, on_status, node);
	rpc_serve(node->rpc, RPC_VERB, on_status, node);
	rpc_serve(node->rpc, RPC_OPEN, on_status, node);
	rpc_serve(node->rpc, RPC_STATUS, on_note, node);
	rpc_serve(node->rpc, RPC_RAFT, on_note, node);
	rpc_serve(node->rpc, RPC_MANAGERS, on_note, node);
}

void node_fini(struct speaker *node)
{
	rpc_free(node->rpc);
	tls_context_drop(node->ctx);
	buf_fini(&node->story);
	*node = (struct speaker){ 0 };
}

/* --- the net --- */

static const char *root_of(const struct test_ca *ca)
{
	return buf_text(&ca->root.cert_pem);
}

void net_init(struct net *net, const struct rpc_limits *limits)
{
	static const char *const ids[] = { TEST_NODE, TEST_WORKER, TEST_OTHER };
	struct speaker *nodes[] = { &net->manager, &net->worker, &net->other };
	struct err err = { 0 };

	*net = (struct net){ .loop = loop_new() };
	net->work = work_new(net->loop, 3);
	test_ca_init(&net->ca);
	test_ca_init(&net->other_ca);
	test_node_init(&net->foreign, &net->other_ca, TEST_OTHER, true, "anotheranotheranotheranot", new_year_2026, 90 * test_day);
	for (unsigned i = 0; i < 3; i++) {
		test_node_init(&net->papers[i], &net->ca, ids[i], i != 1, TEST_CLUSTER, new_year_2026, 90 * test_day);
		node_init(net, nodes[i], test_context(root_of(&net->ca), &net->papers[i]), limits);
	}
	EXPECT_INT(rpc_listen(net->manager.rpc, "127.0.0.1:0", &err), 0);
	EXPECT(rpc_port(net->manager.rpc) != 0);
}

void net_fini(struct net *net)
{
	node_fini(&net->other);
	node_fini(&net->worker);
	node_fini(&net->manager);
	work_free(net->work);
	loop_free(net->loop);
	for (unsigned i = 0; i < 3; i++)
		test_node_fini(&net->papers[i]);
	test_node_fini(&net->foreign);
	test_ca_fini(&net->ca);
	test_ca_fini(&net->other_ca);
}

struct tls_context *net_stranger(struct net *net)
{
	return test_context(root_of(&net->ca), NULL);
}

const char *net_address(const struct net *net, char ret_text[32])
{
	snprintf(ret_text, 32, "127.0.0.1:%u", rpc_port(net->manager.rpc));
	return ret_text;
}

void node_dial_to(struct speaker *node, const char *addresses, const char *digest)
{
	node->conn = rpc_dial(node->rpc, addresses, &(struct tls_trust){ digest }, &node_hooks, node);
	EXPECT(!rpc_conn_is_up(node->conn));
}

void node_dial(struct speaker *node)
{
	char address[32];

	node_dial_to(node, net_address(node->net, address), NULL);
	RUN_UNTIL(node->net, node->conn && rpc_conn_is_up(node->conn));
	expect_story(node, "up ");
}

void expect_story(struct speaker *node, const char *want)
{
	EXPECT_STR(buf_text(&node->story), want);
	buf_clear(&node->story);
}

void run_some(struct net *net)
{
	for (int i = 0; i < 10; i++)
		loop_run_once(net->loop, 5);
}

/* --- answers --- */

void on_answer(void *arg, const void *body, size_t size, const struct err *err)
{
	struct answer *answer = arg;

	answer->count++;
	answer->failed = err != NULL;
	buf_clear(&answer->body);
	if (err)
		answer->err = *err;
	else
		buf_add(&answer->body, body, size);
	if (answer->closes)
		rpc_close(answer->closes);
	answer->closes = NULL;
}

void answer_fini(struct answer *answer)
{
	buf_fini(&answer->body);
	*answer = (struct answer){ 0 };
}

void expect_body(struct answer *answer, const char *want)
{
	EXPECT_INT(answer->count, 1);
	EXPECT_STR(answer->failed ? answer->err.text : buf_text(&answer->body), want);
	answer_fini(answer);
}

void expect_error(struct answer *answer, enum err_code code, const char *want)
{
	EXPECT(answer->count == 1 && answer->failed);
	EXPECT_INT(answer->err.code, code);
	EXPECT_STR(answer->err.text, want);
	answer_fini(answer);
}

/* --- hands --- */

int hand_connect(const struct net *net)
{
	return hand_connect_from(net, 1);
}

int hand_connect_from(const struct net *net, uint8_t host)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(rpc_port(net->manager.rpc)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + host) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
	EXPECT(connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	return fd;
}

static void on_hand_ready(void *arg, const struct tls_peer *peer)
{
	struct hand *hand = arg;

	EXPECT(*peer->cert.name.node_id);
	hand->ready = true;
	tls_pause(hand->tls, hand->deaf);
}

static size_t on_hand_bytes(void *arg, const uint8_t *bytes, size_t size)
{
	buf_add(&((struct hand *)arg)->got, bytes, size);
	return size;
}

static void on_hand_end(void *arg, enum tls_end end UNUSED, const struct err *err UNUSED)
{
	((struct hand *)arg)->ended = true;
}

void hand_open(struct net *net, struct hand *hand, struct tls_context *ctx)
{
	static const struct tls_hooks hooks = { .on_ready = on_hand_ready, .on_bytes = on_hand_bytes, .on_end = on_hand_end };
	bool deaf = hand->deaf;

	for (msec until = loop_now(net->loop) + RPC_HELP_WAIT_MS; loop_now(net->loop) < until;) {
		*hand = (struct hand){ .net = net, .deaf = deaf };
		frame_parser_init(&hand->parser, RPC_MANAGER_FRAME_BYTES);
		hand->tls = tls_connect(net->loop, net->work, ctx, hand_connect(net), (struct tls_trust){ NULL }, &hooks, hand);
		RUN_UNTIL(net, hand->ready || hand->ended);
		if (hand->ready)
			return;
		hand_close(hand);
	}
	EXPECT(!"a handshake");
}

void hand_close(struct hand *hand)
{
	tls_free(hand->tls);
	frame_parser_fini(&hand->parser);
	buf_fini(&hand->got);
	*hand = (struct hand){ 0 };
}

void hand_say(struct hand *hand, enum frame_kind kind, unsigned method, uint32_t call, const void *body, size_t size)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	frame_add(&bytes, &(struct frame){ kind, (uint8_t)method, call, body, size });
	EXPECT(tls_write(hand->tls, bytes.data, bytes.len));
}

void hand_greet(struct hand *hand)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct frame_hello hello = { FRAME_LEVEL, 1, 64 << 10, "0.0.9" };

	frame_hello_encode(&hello, &body);
	hand_say(hand, FRAME_HELLO, 0, 0, body.data, body.len);
}

void hand_hello(struct hand *hand)
{
	hand_greet(hand);
	EXPECT_INT(hand_hear(hand).kind, FRAME_HELLO);
}

struct frame hand_hear(struct hand *hand)
{
	struct frame frame = { 0 };
	struct err err;
	msec until = loop_now(hand->net->loop) + RPC_HELP_WAIT_MS;

	for (;;) {
		const uint8_t *at = (const uint8_t *)hand->got.data;
		size_t left = hand->got.len;
		/* of bytes that are about to be dropped the parser keeps a copy */
		for (size_t one = 1; left; one = 1) {
			left--;
			enum frame_result result = frame_next(&hand->parser, &at, &one, &frame, &err);
			EXPECT(result != FRAME_BAD);
			if (result == FRAME_READY) {
				buf_drop_front(&hand->got, hand->got.len - left);
				return frame;
			}
		}
		buf_clear(&hand->got);
		if (hand->ended || loop_now(hand->net->loop) >= until)
			return (struct frame){ 0 };
		loop_run_once(hand->net->loop, 100);
	}
}
