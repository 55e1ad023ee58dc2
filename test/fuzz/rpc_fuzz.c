/* rpc_fuzz.c - a whole connection behind a TLS that is played here: the input is what the other side says and does, and what we do meanwhile. Whoever
 * is no manager reaches no handler for managers, what we say is frames, and every call and ticket is told of its end exactly once. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/panic.h"
#include "os/file.h"
#include "os/log.h"
#include "rpc/rpc_inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODE "nodenodenodenodenodenoden"
enum { ASKS_MAX = 16, FDS_MAX = 8 };

/* --- the TLS that is played --- */

struct tls_stream {
	struct tls_hooks hooks;
	void *arg;
	struct tls_peer peer;
	struct buf said;                /* by us */
	bool is_ready, is_full, is_paused, is_ended, is_over, is_freed;
	unsigned busy;
};

static struct tls_stream *wire;         /* of the connection under test; it is released behind it */

static struct tls_stream *wire_new(const struct tls_hooks *hooks, void *arg)
{
	check(wire && !wire->arg);
	wire->hooks = *hooks;
	wire->arg = arg;
	return wire;
}

struct tls_stream *tls_accept(struct loop *loop UNUSED, struct work *work UNUSED, struct tls_context *ctx UNUSED, int fd UNUSED,
			      const struct tls_hooks *hooks, void *arg)
{
	return wire_new(hooks, arg);
}

struct tls_stream *tls_connect(struct loop *loop UNUSED, struct work *work UNUSED, struct tls_context *ctx UNUSED, int fd UNUSED,
			       struct tls_trust trust UNUSED, const struct tls_hooks *hooks, void *arg)
{
	return wire_new(hooks, arg);
}

void tls_free(struct tls_stream *s)
{
	check(!s || !s->is_freed);
	if (s)
		s->is_freed = true;
}

void tls_set_hooks(struct tls_stream *s UNUSED, const struct tls_hooks *hooks UNUSED, void *arg UNUSED)
{
	panic("not used");
}

bool tls_write(struct tls_stream *s, const void *bytes, size_t size)
{
	check(!s->is_freed);
	if (!s->is_ready || s->is_ended || s->is_over || s->is_full)
		return false;
	buf_add(&s->said, bytes, size);
	return true;
}

size_t tls_queued(const struct tls_stream *s UNUSED)
{
	return 0;
}

void tls_pause(struct tls_stream *s, bool paused)
{
	check(!s->is_freed);
	s->is_paused = paused;
}

void tls_end(struct tls_stream *s)
{
	check(!s->is_freed);
	s->is_ended = true;
}

void tls_cut(struct tls_stream *s)
{
	tls_end(s);
}

const struct tls_peer *tls_peer(const struct tls_stream *s)
{
	return s->is_ready ? &s->peer : NULL;
}

int tls_fd(const struct tls_stream *s UNUSED)
{
	return -1;
}

/* --- the node --- */

struct play {
	struct loop *loop;
	struct rpc *rpc;
	struct rpc_conn *conn;          /* NULL when it is not ours to touch any more */
	enum rpc_class class;
	struct rpc_ask *asks[ASKS_MAX];
	unsigned ask_count, calls, answers, tickets, tickets_told, fd_count;
	uint8_t ticket[RPC_TICKET_BYTES];
	int fds[FDS_MAX];
	struct reader in;
};

static struct tls_context *no_context(void *arg UNUSED)
{
	return NULL;
}

static void close_conn(struct play *play)
{
	struct rpc_conn *conn = play->conn;

	play->conn = NULL;
	rpc_close(conn);
}

static void on_ask(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	struct play *play = arg;
	struct err err = { ERR_CONFLICT, "because" };

	check(conn == play->conn || !play->conn);
	switch (get_u8(&play->in) % 4) {
	case 0:
		rpc_reply(ask, body, size);
		break;
	case 1:
		rpc_reply_error(ask, &err);
		break;
	case 2:
		close_conn(play);
		rpc_reply(ask, body, size);
		break;
	default:
		if (play->ask_count < ASKS_MAX)
			play->asks[play->ask_count++] = ask;
		else
			rpc_reply(ask, NULL, 0);
	}
}

static void on_managers_ask(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	check(((struct play *)arg)->class == RPC_MANAGER);
	on_ask(arg, conn, ask, body, size);
}

static void on_note(void *arg, struct rpc_conn *conn UNUSED, struct rpc_ask *ask, const void *body UNUSED, size_t size UNUSED)
{
	check(!ask && ((struct play *)arg)->class == RPC_MANAGER);
}

static void on_answer(void *arg, const void *body, size_t size, const struct err *err)
{
	struct play *play = arg;

	check(!err || (!body && size == 0));
	play->answers++;
	if (get_u8(&play->in) % 8 == 7)
		close_conn(play);
}

static void on_down(void *arg, struct rpc_conn *conn, enum rpc_down reason UNUSED, const struct err *err)
{
	struct play *play = arg;

	check(play->conn == conn && err->code);
	play->conn = NULL;
}

static void on_up(void *arg, struct rpc_conn *conn)
{
	struct play *play = arg;

	check(play->conn == conn);
	if (get_u8(&play->in) % 8 == 7)
		close_conn(play);
}

static void on_stream(void *arg, int fd, const struct err *err)
{
	struct play *play = arg;

	check((fd < 0) == (err != NULL));
	play->tickets_told++;
	if (fd < 0)
		return;
	/* the connection is not ours any more */
	play->conn = NULL;
	fd_set_nonblocking(fd, true);
	if (play->fd_count < FDS_MAX)
		play->fds[play->fd_count++] = fd;
	else
		close(fd);
}

/* --- what happens --- */

static bool can_hear(void)
{
	return wire->is_ready && !wire->is_freed && !wire->is_paused && !wire->is_over;
}

static void hear(const void *bytes, size_t size)
{
	/* exactly this size, so that a read past the end is seen */
	uint8_t *exact = malloc(size + !size);

	check(exact);
	if (size)
		memcpy(exact, bytes, size);
	if (can_hear() && size)
		check(wire->hooks.on_bytes(wire->arg, exact, size) == size);
	free(exact);
}

static void hear_frame(struct play *play, enum frame_kind kind)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT, body = BUF_INIT;
	unsigned method = get_u8(&play->in), call = kind == FRAME_CALL || kind == FRAME_REPLY ? 1u + get_u8(&play->in) % 4u : 0;

	if (kind == FRAME_ERROR)
		call = get_u8(&play->in) % 4u;
	if (kind == FRAME_HELLO)
		frame_hello_encode(&(struct frame_hello){ 1, method, 2048u + method, "0.1.0" }, &body);
	else if (kind == FRAME_TICKET && method % 2)
		buf_add(&body, play->ticket, sizeof(play->ticket));
	else
		while (body.len < method)
			buf_add_str(&body, "body");
	frame_add(&bytes, &(struct frame){ kind, (uint8_t)(method % (RPC_METHOD_MAX + 1)), call, (const uint8_t *)body.data, body.len });
	hear(bytes.data, bytes.len);
}

static void make_ticket(struct play *play)
{
	struct err err;

	play->tickets += rpc_ticket_new(play->rpc, NODE, play->ticket, on_stream, play, &err) != NULL;
}

static void use_stream(struct play *play)
{
	unsigned what = get_u8(&play->in);
	static char bytes[70000];

	if (play->fd_count == 0)
		return;
	int fd = play->fds[play->fd_count - 1];
	switch (what % 4) {
	case 0:
		(void)!send(fd, bytes, 256u * what, MSG_NOSIGNAL);
		break;
	case 1:
		(void)!read(fd, bytes, sizeof(bytes));
		break;
	case 2:
		shutdown(fd, SHUT_WR);
		break;
	default:
		close(fd);
		play->fd_count--;
	}
}

static void ask_other(struct play *play, bool is_note)
{
	static const char body[3000];
	size_t size = 16u * get_u8(&play->in);

	if (!play->conn)
		return;
	if (is_note) {
		rpc_note(play->conn, RPC_MANAGERS, body, MIN(size, sizeof(body)));
		return;
	}
	play->calls++;
	struct rpc_call *call = rpc_call(play->conn, RPC_OPEN, body, MIN(size, sizeof(body)), 60000, on_answer, play);
	if (get_u8(&play->in) % 8 == 7) {
		rpc_call_forget(call);
		play->calls--;
	}
}

static void step(struct play *play)
{
	static const struct err why = { ERR_DENIED, "go away" };
	unsigned op = get_u8(&play->in), size;

	switch (op % 16) {
	case 0: case 1: case 2: case 3: case 4: case 5:
		hear_frame(play, (enum frame_kind)(op % 16 + 1));
		break;
	case 6:
		size = get_u8(&play->in);
		size = MIN(size, (unsigned)(play->in.end - play->in.at));
		/* handlers read on behind them */
		play->in.at += size;
		hear(play->in.at - size, size);
		break;
	case 7:
		loop_run_once(play->loop, 0);
		break;
	case 8:
		ask_other(play, false);
		break;
	case 9:
		ask_other(play, true);
		break;
	case 10:
		if (play->ask_count)
			rpc_reply(play->asks[--play->ask_count], "late", 4);
		break;
	case 11:
		wire->is_full = !wire->is_full;
		if (!wire->is_full && can_hear())
			wire->hooks.on_room(wire->arg);
		break;
	case 12:
		if (can_hear()) {
			unsigned end = get_u8(&play->in) % 8;
			wire->is_over = end && end < 6;
			wire->hooks.on_end(wire->arg, wire->is_over ? (enum tls_end)end : TLS_ENDED, wire->is_over ? &why : NULL);
		}
		break;
	case 13:
		if (wire->is_ended && can_hear())
			wire->hooks.on_sent(wire->arg);
		break;
	case 14:
		use_stream(play);
		break;
	default:
		if (op < 128) {
			make_ticket(play);
		} else if (play->conn) {
			struct rpc_conn *conn = play->conn;
			play->conn = NULL;
			rpc_turn_away(conn, &why);
		}
	}
}

/* What we said is frames, until it became a stream. */
static void check_said(struct play *play)
{
	struct frame_parser parser;
	const uint8_t *at = (const uint8_t *)wire->said.data;
	size_t left = wire->said.len;
	enum frame_result result = FRAME_MORE;
	struct frame frame;
	struct err err;

	(void)play;
	frame_parser_init(&parser, UINT32_MAX);
	while (left && (result = frame_next(&parser, &at, &left, &frame, &err)) == FRAME_READY && frame.kind != FRAME_TICKET)
		;
	check(result != FRAME_BAD);
	frame_parser_fini(&parser);
}

static void open_play(struct play *play, unsigned how)
{
	static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down };
	static const struct tls_trust trust;
	struct rpc_config cfg = { .context = no_context, .arg = play, .format_level = 1, .limits = RPC_LIMITS_DEFAULT };

	play->class = how % 3;
	play->loop = loop_new();
	if (how & 64)
		cfg.limits.hello_ms = cfg.limits.stranger_ms = 0;
	play->rpc = rpc_new(play->loop, NULL, &cfg);
	rpc_serve(play->rpc, RPC_BLOB, on_ask, play);
	rpc_serve(play->rpc, RPC_ISSUE, on_ask, play);
	rpc_serve(play->rpc, RPC_VERB, on_managers_ask, play);
	rpc_serve(play->rpc, RPC_RAFT, on_note, play);
	wire = NEW(struct tls_stream);
	play->conn = rpc_conn_new(play->rpc);
	play->conn->is_accepted = how & 128;
	rpc_conn_watch(play->conn, &hooks, play);
	rpc_conn_shake(play->conn, -1, play->conn->is_accepted ? NULL : &trust);
	if (play->class != RPC_ANYONE)
		check(cert_name_make(NODE, play->class == RPC_MANAGER, "clusterclusterclusterclus", &wire->peer.cert.name));
	wire->is_ready = true;
	wire->hooks.on_ready(wire->arg, &wire->peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play play = { .in = reader_of(data, size) };

	log_set_level(LOG_LEVEL_ERROR);
	open_play(&play, get_u8(&play.in));
	while (play.in.at < play.in.end)
		step(&play);
	for (int i = 0; i < 3; i++)
		loop_run_once(play.loop, 0);
	check_said(&play);
	close_conn(&play);
	rpc_free(play.rpc);
	check(play.answers == play.calls && play.tickets_told == play.tickets && wire->is_freed);
	while (play.ask_count)
		rpc_reply(play.asks[--play.ask_count], NULL, 0);
	while (play.fd_count)
		close(play.fds[--play.fd_count]);
	loop_free(play.loop);
	buf_fini(&wire->said);
	free(wire);
	wire = NULL;
	return 0;
}
