#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/panic.h"
#include "base/str.h"
#include "base/version.h"
#include "os/log.h"
#include "rpc/rpc_inside.h"

enum { LINGER_MS = 1000, SLICE_BYTES = 64 << 10 };

static void on_kick(void *arg);
static void on_deadline(void *arg);

/* --- life --- */

struct rpc_conn *rpc_conn_new(struct rpc *rpc)
{
	struct rpc_conn *conn = NEW(struct rpc_conn);

	conn->rpc = rpc;
	list_add_last(&rpc->conns, &conn->link);
	list_init(&conn->calls);
	list_init(&conn->asks);
	timer_init(&conn->deadline, rpc->loop, on_deadline, conn);
	timer_init(&conn->kick, rpc->loop, on_kick, conn);
	return conn;
}

void rpc_conn_hold(struct rpc_conn *conn)
{
	conn->busy++;
}

/* A handler may close the connection and go on reading the frame it was given. */
static void release(struct rpc_conn *conn)
{
	if (conn->busy || conn->state != RPC_CONN_GONE)
		return;
	frame_parser_fini(&conn->parser);
	free(conn->failure);
	free(conn);
}

void rpc_conn_let_go(struct rpc_conn *conn)
{
	conn->busy--;
	release(conn);
}

void rpc_conn_free(struct rpc_conn *conn)
{
	check(conn->state != RPC_CONN_GONE && list_is_empty(&conn->calls));
	conn->state = RPC_CONN_GONE;
	list_remove(&conn->link);
	timer_cancel(&conn->deadline);
	timer_cancel(&conn->kick);
	rpc_asks_orphan(conn);
	rpc_dial_free(conn->dial);
	tls_free(conn->tls);
	stream_free(conn->pair);
	buf_fini(&conn->out);
	release(conn);
}

/* Says why, and waits a moment for the other side to have read it: closing with unread bytes in the socket would throw the sentence away. Between the
 * halves of a frame there is no place for it. */
static void leave(struct rpc_conn *conn, const struct err *err)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;

	if (!conn->tls || !tls_peer(conn->tls) || conn->out.len) {
		rpc_conn_free(conn);
		return;
	}
	frame_err_encode(err, &body);
	rpc_conn_send(conn, &(struct frame){ FRAME_ERROR, 0, 0, (const uint8_t *)body.data, body.len }, true);
	tls_end(conn->tls);
	conn->state = RPC_CONN_LEAVING;
	conn->hooks = (struct rpc_hooks){ 0 };
	rpc_asks_orphan(conn);
	timer_set_in(&conn->deadline, LINGER_MS);
}

/* Nobody hears of it any more, but for the calls under way. True when it is still there behind that. */
static bool abandon(struct rpc_conn *conn)
{
	struct err err;

	check(conn->state != RPC_CONN_GONE);
	err_set(&err, ERR_UNAVAILABLE, "connection to %s: closed here", conn->address);
	conn->hooks = (struct rpc_hooks){ 0 };
	conn->state = RPC_CONN_LEAVING;
	rpc_conn_hold(conn);
	rpc_calls_end(conn, &err);
	bool is_there = conn->state != RPC_CONN_GONE;
	rpc_conn_let_go(conn);
	return is_there;
}

void rpc_close(struct rpc_conn *conn)
{
	if (conn && abandon(conn))
		rpc_conn_free(conn);
}

void rpc_turn_away(struct rpc_conn *conn, const struct err *err)
{
	if (abandon(conn))
		leave(conn, err);
}

void rpc_conn_fail(struct rpc_conn *conn, enum rpc_down reason, const struct err *err)
{
	struct err told = *err;

	if (conn->state >= RPC_CONN_FAILED)
		return;
	if (conn->dial && rpc_dial_again(conn, &reason, &told))
		return;
	conn->state = RPC_CONN_FAILED;
	conn->reason = reason;
	conn->failure = NEW(struct err);
	*conn->failure = told;
	timer_cancel(&conn->deadline);
	timer_set_in(&conn->kick, 0);
}

void rpc_conn_refuse(struct rpc_conn *conn, const struct err *err)
{
	conn->tells = conn->state < RPC_CONN_FAILED;
	rpc_conn_fail(conn, RPC_DOWN_PROTOCOL, err);
}

/* A node that has fallen silent has done so on all its connections; those that may rest for long would not notice. */
void rpc_end_streams(struct rpc *rpc, const char *node_id)
{
	LIST_EACH(item, &rpc->conns) {
		struct rpc_conn *conn = CONTAINER_OF(item, struct rpc_conn, link);

		if (conn->state == RPC_CONN_RAW && str_eq(conn->peer.node_id, node_id))
			rpc_raw_ended(conn, true);
	}
}

static void tell_end(struct rpc_conn *conn)
{
	rpc_calls_end(conn, conn->failure);
	if (conn->state == RPC_CONN_FAILED && conn->reason == RPC_DOWN_TIMEOUT && conn->class != RPC_ANYONE)
		rpc_end_streams(conn->rpc, conn->peer.node_id);
	if (conn->state != RPC_CONN_FAILED)
		return;
	if (conn->hooks.on_down)
		conn->hooks.on_down(conn->arg, conn, conn->reason, conn->failure);
	else
		log_debug("rpc: connection from %s: %s", conn->address, conn->failure->text);
}

static void bury(struct rpc_conn *conn)
{
	rpc_conn_hold(conn);
	tell_end(conn);
	bool is_there = conn->state == RPC_CONN_FAILED;
	rpc_conn_let_go(conn);
	if (is_there && conn->tells)
		leave(conn, conn->failure);
	else if (is_there)
		rpc_conn_free(conn);
}

static void on_kick(void *arg)
{
	struct rpc_conn *conn = arg;

	if (conn->state == RPC_CONN_DIALLING)
		rpc_dial_step(conn);
	else if (conn->state == RPC_CONN_FAILED)
		bury(conn);
}

static void on_deadline(void *arg)
{
	struct rpc_conn *conn = arg;
	struct err err;

	if (conn->state == RPC_CONN_LEAVING) {
		rpc_conn_free(conn);
	} else if (conn->state == RPC_CONN_UP) {
		err_set(&err, ERR_DENIED, "rpc: who has no certificate may not stay longer");
		rpc_conn_refuse(conn, &err);
	} else {
		err_set(&err, ERR_UNAVAILABLE, "%s: no answer", conn->address);
		rpc_conn_fail(conn, RPC_DOWN_TIMEOUT, &err);
	}
}

/* --- out --- */

static size_t queue_bound(const struct rpc_conn *conn)
{
	static const size_t bounds[] = { [RPC_ANYONE] = 64u << 10, [RPC_NODE] = 512u << 10, [RPC_MANAGER] = 16u << 20 };

	return bounds[conn->class];
}

static size_t waiting(const struct rpc_conn *conn)
{
	return conn->out.len - conn->out_sent;
}

size_t rpc_conn_queued(const struct rpc_conn *conn)
{
	return waiting(conn) + (conn->tls ? tls_queued(conn->tls) : 0);
}

bool rpc_conn_takes(const struct rpc_conn *conn, enum frame_kind kind, size_t size)
{
	return size < conn->hello.max_bytes && frame_length(kind, size) <= conn->hello.max_bytes;
}

bool rpc_conn_send(struct rpc_conn *conn, const struct frame *frame, bool may_exceed)
{
	struct buf *bytes = &conn->rpc->scratch;
	size_t bound = queue_bound(conn) * (may_exceed ? 2 : 1);
	bool sent;

	frame_add(bytes, frame);
	sent = !waiting(conn) && tls_write(conn->tls, bytes->data, bytes->len);
	if (!sent && (!waiting(conn) || waiting(conn) + bytes->len <= bound)) {
		buf_add(&conn->out, bytes->data, bytes->len);
		sent = true;
	}
	if (bytes->size > SLICE_BYTES)
		buf_fini(bytes);
	else
		buf_clear(bytes);       /* now: it may have been a secret */
	return sent;
}

bool rpc_note(struct rpc_conn *conn, enum rpc_method method, const void *body, size_t size)
{
	struct frame frame = { FRAME_NOTE, (uint8_t)method, 0, body, size };

	if (conn->state != RPC_CONN_UP || !rpc_conn_takes(conn, FRAME_NOTE, size))
		return false;
	if (rpc_conn_send(conn, &frame, false))
		return true;
	conn->owes_room = true;
	return false;
}

static void on_room(void *arg)
{
	struct rpc_conn *conn = arg;

	if (conn->state == RPC_CONN_RAW) {
		rpc_raw_room(conn);
		return;
	}
	while (waiting(conn)) {
		size_t slice = MIN(waiting(conn), (size_t)SLICE_BYTES);
		if (!tls_write(conn->tls, conn->out.data + conn->out_sent, slice))
			break;
		conn->out_sent += slice;
	}
	if (!waiting(conn))
		buf_fini(&conn->out);
	else if (conn->out_sent > conn->out.len / 2)
		buf_drop_front(&conn->out, conn->out_sent);
	else
		return;
	conn->out_sent = 0;
	if (!conn->owes_room || waiting(conn) > queue_bound(conn) / 2)
		return;
	conn->owes_room = false;
	rpc_conn_hold(conn);
	if (conn->state == RPC_CONN_UP && conn->hooks.on_room)
		conn->hooks.on_room(conn->arg, conn);
	rpc_conn_let_go(conn);
}

/* --- in --- */

static void say_hello(struct rpc_conn *conn)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct frame_hello hello = { .level = FRAME_LEVEL, .format_level = conn->rpc->cfg.format_level,
				     .max_bytes = conn->parser.max_bytes };

	str_copy(hello.version, sizeof(hello.version), version_text());
	frame_hello_encode(&hello, &body);
	rpc_conn_send(conn, &(struct frame){ FRAME_HELLO, 0, 0, (const uint8_t *)body.data, body.len }, true);
}

static void on_ready(void *arg, const struct tls_peer *peer)
{
	struct rpc_conn *conn = arg;
	const struct rpc_config *cfg = &conn->rpc->cfg;
	struct err err;

	if (conn->state != RPC_CONN_SHAKING)
		return;
	conn->state = RPC_CONN_GREETING;
	conn->peer = peer->cert.name;
	if (*conn->peer.node_id)
		conn->class = cert_name_is_manager(&conn->peer) ? RPC_MANAGER : RPC_NODE;
	frame_parser_init(&conn->parser, rpc_class_frame_bytes(conn->class));
	if (conn->class != RPC_ANYONE && cfg->admit && cfg->admit(cfg->arg, &conn->peer, &err) < 0)
		rpc_conn_refuse(conn, &err);
	else if (conn->ticket)
		rpc_ticket_greet(conn);
	else if (!conn->is_accepted)
		say_hello(conn);
}

/* Who has accepted greets in answer, when it knows that this is not to become a stream; that costs no time, for the last bytes of a handshake are the
 * dialling side's, and its greeting follows on their heels. */
static void hear_hello(struct rpc_conn *conn, const struct frame *frame)
{
	struct err err;

	if (conn->ticket)
		err_set(&err, ERR_INVALID, "rpc: a greeting instead of a stream");
	if (conn->ticket || frame_hello_decode(frame->body, frame->size, &conn->hello, &err) < 0) {
		rpc_conn_refuse(conn, &err);
		return;
	}
	if (conn->is_accepted)
		say_hello(conn);
	conn->state = RPC_CONN_UP;
	rpc_dial_free(conn->dial);
	conn->dial = NULL;
	if (conn->is_accepted && conn->class == RPC_ANYONE)
		timer_set_in(&conn->deadline, conn->rpc->cfg.limits.stranger_ms);
	else
		timer_cancel(&conn->deadline);
	if (conn->hooks.on_up)
		conn->hooks.on_up(conn->arg, conn);
}

static void take_frame(struct rpc_conn *conn, const struct frame *frame)
{
	bool is_first = conn->state == RPC_CONN_GREETING;
	struct err err;

	if (frame->kind == FRAME_ERROR && frame->call == 0) {
		frame_err_decode(frame->body, frame->size, &err);
		rpc_conn_fail(conn, RPC_DOWN_PROTOCOL, &err);
		return;
	}
	if (is_first != (frame->kind == FRAME_HELLO || frame->kind == FRAME_TICKET)) {
		err_set(&err, ERR_INVALID, is_first ? "rpc: a frame before the greeting" : "rpc: a greeting twice");
		rpc_conn_refuse(conn, &err);
		return;
	}
	switch (frame->kind) {
	case FRAME_HELLO:
		hear_hello(conn, frame);
		break;
	case FRAME_TICKET:
		rpc_take_ticket(conn, frame);
		break;
	case FRAME_CALL:
		rpc_take_call(conn, frame);
		break;
	case FRAME_NOTE:
		rpc_take_note(conn, frame);
		break;
	case FRAME_REPLY:
	case FRAME_ERROR:
		rpc_take_answer(conn, frame);
		break;
	}
}

static size_t on_bytes(void *arg, const uint8_t *bytes, size_t size)
{
	struct rpc_conn *conn = arg;
	enum frame_result result = FRAME_READY;
	size_t left = size;
	struct frame frame;
	struct err err;

	if (conn->busy)
		return 0;               /* a handler runs a nested round: the frame it looks at must stay */
	rpc_conn_hold(conn);
	while (result == FRAME_READY && (conn->state == RPC_CONN_GREETING || conn->state == RPC_CONN_UP)) {
		result = frame_next(&conn->parser, &bytes, &left, &frame, &err);
		if (result == FRAME_READY)
			take_frame(conn, &frame);
		else if (result == FRAME_BAD)
			rpc_conn_refuse(conn, &err);
	}
	if (conn->state == RPC_CONN_RAW && left)
		rpc_raw_bytes(conn, bytes, left);
	rpc_conn_let_go(conn);
	return size;
}

static enum rpc_down reason_of(const struct rpc_conn *conn, enum tls_end end)
{
	switch (end) {
	case TLS_ENDED:
	case TLS_CUT:
		return RPC_DOWN_RESET;
	case TLS_TIMEOUT:
	case TLS_EXHAUSTED:
		return RPC_DOWN_TIMEOUT;
	case TLS_REFUSED:
		return RPC_DOWN_TLS;
	case TLS_PROTOCOL:
		return conn->state == RPC_CONN_SHAKING ? RPC_DOWN_TLS : RPC_DOWN_PROTOCOL;
	}
	return RPC_DOWN_PROTOCOL;
}

static void on_end(void *arg, enum tls_end end, const struct err *why)
{
	struct rpc_conn *conn = arg;
	struct err err;

	if (conn->state == RPC_CONN_LEAVING) {
		rpc_conn_free(conn);
	} else if (conn->state == RPC_CONN_RAW) {
		rpc_raw_ended(conn, end != TLS_ENDED);
	} else {
		if (why)
			err = *why;
		else
			err_set(&err, ERR_UNAVAILABLE, "closed by the other side");
		err_wrap(&err, "%s", conn->address);
		rpc_conn_fail(conn, reason_of(conn, end), &err);
	}
}

static void on_sent(void *arg)
{
	struct rpc_conn *conn = arg;

	if (conn->state == RPC_CONN_RAW)
		rpc_raw_sent(conn);
}

/* A peer that takes nothing, or is not there any more, is noticed by TCP, whether something is on its way to it or not. */
static void set_options(int fd, msec stalled_ms)
{
	const struct { int level, name, value; } options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, (int)MAX(stalled_ms / 2000, (msec)1) },
		{ IPPROTO_TCP, TCP_KEEPINTVL, (int)MAX(stalled_ms / 5000, (msec)1) },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, (int)stalled_ms },
		/* what is lost of a beat or an entry is sent again soon six times, not ever later: a wire that flaps is good in between */
		{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(options); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

void rpc_conn_shake(struct rpc_conn *conn, int fd, const struct tls_trust *trust)
{
	static const struct tls_hooks hooks = {
		.on_ready = on_ready, .on_bytes = on_bytes, .on_room = on_room, .on_end = on_end, .on_sent = on_sent,
	};
	struct rpc *rpc = conn->rpc;
	struct tls_context *ctx = rpc->cfg.context(rpc->cfg.arg);
	struct ip ip;
	uint16_t port;

	set_options(fd, rpc->cfg.limits.stalled_ms);
	if (socket_own_address(fd, &ip, &port) == 0)
		socket_address_format(ip, port, conn->own_address);
	conn->state = RPC_CONN_SHAKING;
	timer_set_in(&conn->deadline, rpc->cfg.limits.hello_ms);
	conn->tls = trust ? tls_connect(rpc->loop, rpc->work, ctx, fd, *trust, &hooks, conn) :
			    tls_accept(rpc->loop, rpc->work, ctx, fd, &hooks, conn);
}

/* --- asked about --- */

void rpc_conn_watch(struct rpc_conn *conn, const struct rpc_hooks *hooks, void *arg)
{
	conn->hooks = *hooks;
	conn->arg = arg;
}

bool rpc_conn_is_up(const struct rpc_conn *conn)
{
	return conn->state == RPC_CONN_UP;
}

const struct cert_name *rpc_conn_peer(const struct rpc_conn *conn)
{
	return conn->class == RPC_ANYONE ? NULL : &conn->peer;
}

enum rpc_class rpc_conn_class(const struct rpc_conn *conn)
{
	return conn->class;
}

const char *rpc_conn_root_pem(const struct rpc_conn *conn)
{
	const struct tls_peer *peer = conn->tls ? tls_peer(conn->tls) : NULL;

	return peer ? peer->root_pem : NULL;
}

const char *rpc_conn_address(const struct rpc_conn *conn)
{
	return conn->address;
}

const char *rpc_conn_own_address(const struct rpc_conn *conn)
{
	return conn->own_address;
}

uint32_t rpc_conn_format_level(const struct rpc_conn *conn)
{
	return conn->hello.format_level;
}

const char *rpc_conn_version(const struct rpc_conn *conn)
{
	return conn->hello.version;
}
