/* os/stream moves the bytes of the wire, tls_session turns them into plain ones and back; here is who computes where, and what is told.
 *
 * A handshake is fed whole records only, so that a peer who sends single bytes costs no job. While a job is on its way the socket rests.
 * Everything the owner is told comes from the loop; while a hook runs the stream is held, so the hook may free it. */
#include "pki/tls_io.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/stream.h"
#include "pki/tls_internal.h"
#include "pki/tls_session.h"

enum { SOCKET_QUEUE_BYTES = 64 * 1024, HANDSHAKES_MAX = 256 };

struct tls_stream {
	struct loop *loop;
	struct work *work;
	struct stream *wire;
	struct tls_session *session;
	struct tls_hooks hooks;
	void *arg;
	struct timer soon;               /* brings what must be told or sent later in this round */
	struct timer deadline;           /* of the handshake */

	bool ready;
	bool in_job;                     /* a work thread has the session */
	enum tls_step step;              /* what the job said, and when it failed why */
	struct tls_failure *failure;
	struct buf early;                /* whole records for the handshake, and what came behind it */
	size_t early_used;

	struct buf plain;                /* read and not consumed */
	bool paused, again;              /* again: give what is in plain once more */
	bool read_ended, ending, wire_ended;
	bool was_full;                   /* tls_write said false, on_room is owed */
	struct tls_failure *broken;      /* on_end was called with it or is about to be */
	bool told;

	unsigned busy;
	bool freed;
};

/* Handshakes use two of the work threads at most. */
static const char lanes[2];

static void proceed(struct tls_stream *s);

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void hold(struct tls_stream *s)
{
	s->busy++;
}

static void release(struct tls_stream *s)
{
	if (s->busy || !s->freed)
		return;
	tls_session_free(s->session);
	buf_fini(&s->early);
	buf_fini(&s->plain);
	free(s->failure);
	free(s->broken);
	free(s);
}

static void let_go(struct tls_stream *s)
{
	s->busy--;
	if (s->broken && !s->told && !s->freed)
		timer_set(&s->soon, 0);
	release(s);
}

static bool is_alive(const struct tls_stream *s)
{
	return !s->freed && !s->broken;
}

static struct tls_failure *break_off(struct tls_stream *s, enum tls_end end)
{
	if (!s->broken) {
		s->broken = NEW(struct tls_failure);
		s->broken->end = end;
		timer_cancel(&s->deadline);
		stream_pause(s->wire, true);
		timer_set(&s->soon, 0);
	}
	return s->broken;
}

/* A failure of the session's, and whatever alert it has for the other side. */
static void break_by(struct tls_stream *s, const struct tls_failure *failure)
{
	struct buf *out = tls_session_out(s->session);

	if (!is_alive(s))
		return;
	stream_write(s->wire, buf_text(out), MIN(out->len, (size_t)SOCKET_QUEUE_BYTES));
	*break_off(s, failure->end) = *failure;
}

void tls_free(struct tls_stream *s)
{
	if (!s)
		return;
	check(!s->freed);
	if (s->in_job) {
		work_cancel(s->work, s);
		tls_session_context(s->session)->handshakes--;
	}
	stream_free(s->wire);
	timer_cancel(&s->soon);
	timer_cancel(&s->deadline);
	s->freed = true;
	release(s);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

size_t tls_queued(const struct tls_stream *s)
{
	return s->ready ? tls_session_out(s->session)->len + stream_queued(s->wire) : 0;
}

static void flush(struct tls_stream *s)
{
	struct buf *out = tls_session_out(s->session);
	size_t sent = 0;

	if (!is_alive(s) || s->in_job)
		return;
	/* Over its bound the stream will say when there is room. */
	while (sent < out->len && stream_queued(s->wire) <= SOCKET_QUEUE_BYTES) {
		size_t count = MIN(out->len - sent, (size_t)SOCKET_QUEUE_BYTES);
		stream_write(s->wire, out->data + sent, count);
		sent += count;
	}
	if (sent == out->len)
		buf_fini(out);
	else
		buf_drop_front(out, sent);
	if (s->ending && !s->wire_ended && !out->len) {
		s->wire_ended = true;
		stream_end(s->wire);
	}
}

bool tls_write(struct tls_stream *s, const void *bytes, size_t size)
{
	struct tls_failure failure;

	check(size <= TLS_WRITE_MAX);
	if (!s->ready || s->ending || !is_alive(s))
		return false;
	if (tls_queued(s) >= TLS_QUEUE_BYTES) {
		s->was_full = true;
		return false;
	}
	if (tls_session_write(s->session, bytes, size, &failure) < 0) {
		*break_off(s, failure.end) = failure;
		return false;
	}
	timer_set(&s->soon, 0);
	return true;
}

static void end_writing(struct tls_stream *s, bool says_goodbye)
{
	if (!s->ready || s->ending || !is_alive(s))
		return;
	if (says_goodbye)
		tls_session_end(s->session);
	s->ending = true;
	timer_set(&s->soon, 0);
}

void tls_end(struct tls_stream *s)
{
	end_writing(s, true);
}

void tls_cut(struct tls_stream *s)
{
	end_writing(s, false);
}

static void tell_room(struct tls_stream *s)
{
	if (!s->was_full || !is_alive(s) || tls_queued(s) > TLS_QUEUE_BYTES / 2)
		return;
	s->was_full = false;
	if (s->hooks.on_room && !s->ending)
		s->hooks.on_room(s->arg);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void tell_bytes(struct tls_stream *s)
{
	size_t consumed = s->hooks.on_bytes(s->arg, (const uint8_t *)s->plain.data, s->plain.len);

	if (!is_alive(s))
		return;
	check(consumed <= s->plain.len);
	if (consumed == s->plain.len)
		buf_fini(&s->plain);
	else
		buf_drop_front(&s->plain, consumed);
	if (s->plain.len >= TLS_UNREAD_BYTES && !s->paused)
		err_set(&break_off(s, TLS_PROTOCOL)->err, ERR_EXHAUSTED, "TLS: more unread bytes than the reader takes");
}

/* Reads what is in the records and gives it away, until they are used up or the owner pauses. */
static void read_records(struct tls_stream *s, struct tls_input *in)
{
	enum tls_step step = TLS_STEP_MORE;
	struct tls_failure failure;

	while (step == TLS_STEP_MORE && is_alive(s) && !s->paused && !s->read_ended) {
		size_t before = s->plain.len;

		step = tls_session_read(s->session, in, &s->plain, TLS_UNREAD_BYTES, &failure);
		if (s->plain.len > before || (s->again && s->plain.len)) {
			s->again = false;
			tell_bytes(s);
		}
		if (!is_alive(s))
			return;
		if (step == TLS_STEP_FAILED)
			break_by(s, &failure);
		if (step == TLS_STEP_ENDED) {
			s->read_ended = true;
			s->hooks.on_end(s->arg, TLS_ENDED, NULL);
		}
	}
}

static void read_early(struct tls_stream *s)
{
	struct tls_input in = { (const uint8_t *)buf_text(&s->early), s->early.len, s->early_used };

	read_records(s, &in);
	if (s->freed)
		return;
	s->early_used = in.used;
	if (s->early_used == s->early.len) {
		buf_fini(&s->early);
		s->early_used = 0;
	}
}

/* What was kept first, then the socket, unless the owner has paused or freed it meanwhile. */
static void go_on_reading(struct tls_stream *s)
{
	if (s->ready && is_alive(s) && !s->paused)
		read_early(s);
	s->again = false;
	if (is_alive(s) && !(s->ready && s->paused))
		stream_pause(s->wire, false);
}

void tls_pause(struct tls_stream *s, bool paused)
{
	bool resumed = s->paused && !paused;

	s->paused = paused;
	if (!s->ready || !is_alive(s))
		return;
	if (paused)
		stream_pause(s->wire, true);
	s->again = resumed;
	if (resumed)
		timer_set(&s->soon, 0);
}

/* ---- the handshake ----------------------------------------------------------------------------------------------- */

static void run_step(void *arg)
{
	struct tls_stream *s = arg;
	struct tls_input in = { (const uint8_t *)buf_text(&s->early), s->early.len, s->early_used };
	struct tls_failure failure;

	s->step = tls_session_handshake(s->session, &in, &failure);
	s->early_used = in.used;
	if (s->step == TLS_STEP_FAILED) {
		s->failure = NEW(struct tls_failure);
		*s->failure = failure;
	}
	if (s->step == TLS_STEP_WAIT) {
		buf_clear(&s->early);
		s->early_used = 0;
	}
}

static void step_done(void *arg)
{
	struct tls_stream *s = arg;

	s->in_job = false;
	tls_session_context(s->session)->handshakes--;
	hold(s);
	if (is_alive(s))
		proceed(s);
	let_go(s);
}

static void submit(struct tls_stream *s)
{
	struct tls_context *ctx = tls_session_context(s->session);
	const void *lane = &lanes[((uintptr_t)s >> 8) % ARRAY_COUNT(lanes)];

	if (ctx->handshakes >= HANDSHAKES_MAX || !work_submit(s->work, lane, run_step, step_done, s)) {
		err_set(&break_off(s, TLS_EXHAUSTED)->err, ERR_EXHAUSTED, "TLS: too many handshakes at once");
		return;
	}
	ctx->handshakes++;
	s->in_job = true;
	stream_pause(s->wire, true);
}

static void proceed(struct tls_stream *s)
{
	flush(s);
	if (s->step == TLS_STEP_FAILED) {
		break_by(s, s->failure);
		return;
	}
	if (s->step == TLS_STEP_READY) {
		s->ready = true;
		timer_cancel(&s->deadline);
		s->hooks.on_ready(s->arg, tls_session_peer(s->session));
	}
	go_on_reading(s);
}

static void on_deadline(void *arg)
{
	struct tls_stream *s = arg;

	err_set(&break_off(s, TLS_TIMEOUT)->err, ERR_IO, "TLS: no handshake in time");
}

/* ---- what the socket brings -------------------------------------------------------------------------------------- */

static size_t on_wire_data(void *arg, const uint8_t *bytes, size_t size)
{
	struct tls_stream *s = arg;
	struct tls_input in = { bytes, tls_session_whole(bytes, size), 0 };

	if (!is_alive(s) || s->read_ended)
		return size;
	if (in.size == 0)
		return 0;
	hold(s);
	if (s->ready) {
		read_records(s, &in);
	} else {
		buf_add(&s->early, bytes, in.size);
		in.used = in.size;
		submit(s);
	}
	let_go(s);
	return in.used;
}

static void on_wire_end(void *arg)
{
	struct tls_stream *s = arg;

	if (is_alive(s) && !s->read_ended)
		err_set(&break_off(s, TLS_CUT)->err, ERR_IO, s->ready ? "closed by the other side" : "closed by the other side during the TLS handshake");
}

static void on_wire_writable(void *arg)
{
	struct tls_stream *s = arg;

	hold(s);
	flush(s);
	tell_room(s);
	let_go(s);
}

static void on_wire_sent(void *arg)
{
	struct tls_stream *s = arg;

	hold(s);
	if (is_alive(s) && s->hooks.on_sent)
		s->hooks.on_sent(s->arg);
	let_go(s);
}

static void on_wire_close(void *arg, const char *reason)
{
	struct tls_stream *s = arg;

	/* Both have said good-bye, and all was sent: how the socket ends is of no interest. */
	if (!is_alive(s) || (s->read_ended && s->wire_ended && !stream_queued(s->wire)))
		return;
	err_set(&break_off(s, str_eq(reason, "timed out") ? TLS_TIMEOUT : TLS_CUT)->err, ERR_IO, "%s", reason);
}

static void on_soon(void *arg)
{
	struct tls_stream *s = arg;

	if (s->busy)
		return;                      /* within a nested round; let_go sets it again */
	hold(s);
	if (s->broken && !s->told) {
		s->told = true;
		s->hooks.on_end(s->arg, s->broken->end, &s->broken->err);
	} else if (is_alive(s)) {
		flush(s);
		tell_room(s);
		if (s->again)
			go_on_reading(s);
	}
	let_go(s);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static struct tls_stream *open_stream(struct loop *loop, struct work *work, struct tls_session *session, int fd, const struct tls_hooks *hooks,
				      void *arg)
{
	static const struct stream_events events = { on_wire_data, on_wire_end, on_wire_writable, on_wire_close, on_wire_sent };
	static const int on = 1;
	struct tls_stream *s = NEW(struct tls_stream);

	s->loop = loop;
	s->work = work;
	s->session = session;
	s->hooks = *hooks;
	s->arg = arg;
	timer_init(&s->soon, loop, on_soon, s);
	timer_init(&s->deadline, loop, on_deadline, s);
	timer_set_in(&s->deadline, tls_session_context(session)->handshake_ms);
	/* Refused by what is not TCP. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->wire = stream_new(loop, fd, SOCKET_QUEUE_BYTES, &events, s);
	return s;
}

struct tls_stream *tls_accept(struct loop *loop, struct work *work, struct tls_context *ctx, int fd, const struct tls_hooks *hooks, void *arg)
{
	return open_stream(loop, work, tls_session_new(ctx, true, NULL), fd, hooks, arg);
}

struct tls_stream *tls_connect(struct loop *loop, struct work *work, struct tls_context *ctx, int fd, struct tls_trust trust,
			       const struct tls_hooks *hooks, void *arg)
{
	struct tls_stream *s = open_stream(loop, work, tls_session_new(ctx, false, trust.root_digest), fd, hooks, arg);

	submit(s);
	return s;
}

void tls_set_hooks(struct tls_stream *s, const struct tls_hooks *hooks, void *arg)
{
	s->hooks = *hooks;
	s->arg = arg;
}

const struct tls_peer *tls_peer(const struct tls_stream *s)
{
	return s->ready ? tls_session_peer(s->session) : NULL;
}

int tls_fd(const struct tls_stream *s)
{
	return stream_fd(s->wire);
}
