#include "test/sim/rpc_sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/listen.h"
#include "rpc/rpc_inside.h"

enum { FD_BASE = 1 << 20, RETRY_MS = 300, STALLED_MS = 10000, PROBE_MS = 5000, HELLO = 0 };

/* On its way: a piece of a wire's bytes, or what became of the other end. */
enum parcel_type { PARCEL_READY, PARCEL_BYTES, PARCEL_ENDED, PARCEL_CUT, PARCEL_PROBE };
struct parcel {
	struct list link;
	struct sim_event due;           /* of a letter, which waits for nobody; else the first of the queue is due */
	msec at;
	enum parcel_type type;
	struct tls_stream *to;
	bool is_forged;
	struct buf bytes;
};

/* One end. */
struct tls_stream {
	struct wire *wire;
	struct tls_stream *other;
	struct sim_site *site;
	const struct tls_hooks *hooks;  /* NULL: nobody is there, or not yet */
	void *arg;
	bool is_taken, is_ready, is_ended;
	bool has_heard;                 /* the greeting of the other side: no letter overtakes that */
	struct tls_peer peer;
	struct list in, letters;        /* parcels on their way to here */
	struct sim_event next;
	msec last, stuck_since;
};
struct wire { struct list link; int number; unsigned busy; bool is_over; struct tls_stream ends[2]; };

static struct list wires = { &wires, &wires };
static int last_number;

/* ---- sites ---------------------------------------------------------------------------------------- */

void sim_site_enter(struct sim_site *site)
{
	sim_enter(&site->host, site->loop);
}

struct sim_site *sim_site_here(void)
{
	check(sim_current());
	return CONTAINER_OF(sim_current(), struct sim_site, host);
}

/* ---- wires ---------------------------------------------------------------------------------------- */

static void drop_list(struct list *parcels)
{
	struct list *link;

	while ((link = list_take_first(parcels))) {
		struct parcel *parcel = CONTAINER_OF(link, struct parcel, link);
		sim_cancel(&parcel->due);
		buf_fini(&parcel->bytes);
		free(parcel);
	}
}

static void drop(struct tls_stream *end)
{
	drop_list(&end->in);
	drop_list(&end->letters);
	sim_cancel(&end->next);
}

static void free_wire(struct wire *wire)
{
	drop(&wire->ends[0]);
	drop(&wire->ends[1]);
	list_remove(&wire->link);
	free(wire);
}

/* Nobody holds either end. */
static void let_go(struct wire *wire)
{
	if (!wire->busy && wire->ends[0].is_taken && wire->ends[1].is_taken && !wire->ends[0].hooks && !wire->ends[1].hooks)
		free_wire(wire);
}

static void deliver(struct sim_event *event);

static void wire_end_init(struct wire *wire, int i, struct sim_site *site)
{
	struct tls_stream *end = &wire->ends[i];

	end->wire = wire;
	end->other = &wire->ends[1 - i];
	end->site = site;
	list_init(&end->in);
	list_init(&end->letters);
}

static struct wire *wire_new(struct sim_site *from, struct sim_site *to)
{
	struct wire *wire = NEW(struct wire);

	wire->number = last_number++;
	wire_end_init(wire, 0, from);
	wire_end_init(wire, 1, to);
	list_add_last(&wires, &wire->link);
	return wire;
}

static int fd_of(const struct wire *wire, int i)
{
	return FD_BASE + wire->number * 2 + i;
}

static struct tls_stream *end_of(int fd)
{
	LIST_EACH(link, &wires) {
		struct wire *wire = CONTAINER_OF(link, struct wire, link);
		if (wire->number == (fd - FD_BASE) / 2)
			return &wire->ends[(fd - FD_BASE) % 2];
	}
	panic("no wire has descriptor %d", fd);
}

static struct parcel *parcel_new(struct tls_stream *to, enum parcel_type type, const void *bytes, size_t size)
{
	struct parcel *parcel = NEW(struct parcel);

	parcel->type = type;
	parcel->to = to;
	buf_add(&parcel->bytes, bytes, size);
	return parcel;
}

/* Behind whatever is on its way there. */
static void send_in_order(struct tls_stream *to, enum parcel_type type, const void *bytes, size_t size, msec delay)
{
	struct parcel *parcel = parcel_new(to, type, bytes, size);

	if (sim_link_loses())
		delay += RETRY_MS;
	parcel->at = to->last = MAX(to->last, sim_time.now + delay);
	if (list_is_empty(&to->in))
		sim_at(&to->next, parcel->at, deliver);
	list_add_last(&to->in, &parcel->link);
}

/* Both ends learn that nothing comes through any more. */
static void give_up(struct wire *wire)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "Connection timed out");
	wire->busy++;
	for (int i = 0; i < 2; i++) {
		struct tls_stream *end = &wire->ends[i];
		drop(end);
		if (!end->hooks || end->is_ended || end->site->is_dark)
			continue;
		end->is_ended = true;
		sim_site_enter(end->site);
		end->hooks->on_end(end->arg, TLS_TIMEOUT, &err);
		sim_leave();
	}
	wire->busy--;
	let_go(wire);
}

static bool is_stuck(const struct tls_stream *end)
{
	return end->site->is_dark || sim_link_is_cut(end->other->site, end->site);
}

static msec opens_later(const struct tls_stream *end)
{
	return sim_link_opens(end->other->site, end->site);
}

static void tell_cut(struct tls_stream *end)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "Connection reset by peer");
	end->is_ended = true;
	end->hooks->on_end(end->arg, TLS_CUT, &err);
}

static void hand_over(struct tls_stream *end, const struct parcel *parcel)
{
	switch (parcel->type) {
	case PARCEL_READY:
		end->is_ready = true;
		end->peer.cert.name = end->other->site->name;
		end->hooks->on_ready(end->arg, &end->peer);
		return;
	case PARCEL_BYTES:
		end->has_heard |= parcel->bytes.data[4] == FRAME_HELLO;
		if (end->is_ready && end->has_heard)
			end->hooks->on_bytes(end->arg, (const uint8_t *)parcel->bytes.data, parcel->bytes.len);
		return;
	case PARCEL_ENDED:
		end->hooks->on_end(end->arg, TLS_ENDED, NULL);
		return;
	case PARCEL_CUT:
		tell_cut(end);
		return;
	case PARCEL_PROBE:
		return;
	}
}

/* Somebody who has no idea of this connection says so. */
static void refuse(struct tls_stream *end)
{
	drop(end);
	if (end->other->hooks && !end->other->is_ended)
		send_in_order(end->other, PARCEL_CUT, "", 0, sim_link_delay());
}

static void arrive(struct tls_stream *end, struct parcel *parcel)
{
	struct wire *wire = end->wire;

	list_remove(&parcel->link);
	wire->busy++;
	if (end->hooks && !end->is_ended) {
		sim_site_enter(end->site);
		hand_over(end, parcel);
		sim_leave();
	} else if (end->is_taken && !end->hooks && parcel->type != PARCEL_CUT && parcel->type != PARCEL_ENDED) {
		refuse(end);
	}
	buf_fini(&parcel->bytes);
	free(parcel);
	wire->busy--;
}

static void expect_next(struct tls_stream *end)
{
	const struct list *first = end->in.next;

	if (first != &end->in)
		sim_at(&end->next, CONTAINER_OF(first, const struct parcel, link)->at, deliver);
}

static void deliver(struct sim_event *event)
{
	struct tls_stream *end = CONTAINER_OF(event, struct tls_stream, next);
	struct wire *wire = end->wire;

	if (end->site->host.frozen_until > sim_time.now) {
		sim_at(event, end->site->host.frozen_until, deliver);
		return;
	}
	if (opens_later(end)) {
		sim_at(event, opens_later(end), deliver);
		return;
	}
	if (is_stuck(end)) {
		end->stuck_since = end->stuck_since ? end->stuck_since : sim_time.now;
		if (sim_time.now - end->stuck_since >= STALLED_MS)
			give_up(wire);
		else
			sim_at(event, sim_time.now + 1 + sim_some(MIN(RETRY_MS, 20 + sim_time.now - end->stuck_since)), deliver);
		return;
	}
	end->stuck_since = 0;
	if (list_is_empty(&end->in))
		return;
	wire->busy++;
	arrive(end, CONTAINER_OF(list_take_first(&end->in), struct parcel, link));
	expect_next(end);
	wire->busy--;
	let_go(wire);
}

/* ---- letters ---------------------------------------------------------------------------------------- */

static void letter_is_due(struct sim_event *event)
{
	struct parcel *letter = CONTAINER_OF(event, struct parcel, due);
	struct tls_stream *end = letter->to;
	struct wire *wire = end->wire;

	if (end->site->host.frozen_until > sim_time.now) {
		sim_at(event, end->site->host.frozen_until, letter_is_due);
		return;
	}
	if (!letter->is_forged && opens_later(end)) {
		sim_at(event, opens_later(end), letter_is_due);
		return;
	}
	if ((is_stuck(end) || (end->hooks && !end->has_heard)) && !letter->is_forged) {
		/* lost, but TCP would send it again, and the connection notices */
		if (list_is_empty(&end->in))
			send_in_order(end, PARCEL_PROBE, "", 0, 0);
		list_remove(&letter->link);
		buf_fini(&letter->bytes);
		free(letter);
		return;
	}
	wire->busy++;
	arrive(end, letter);
	wire->busy--;
	let_go(wire);
}

static void send_letter(struct tls_stream *to, const void *bytes, size_t size, bool is_forged)
{
	struct parcel *letter = parcel_new(to, PARCEL_BYTES, bytes, size);

	letter->is_forged = is_forged;
	list_add_last(&to->letters, &letter->link);
	sim_at(&letter->due, sim_time.now + sim_link_delay(), letter_is_due);
}

/* One whole note of raft's, but not its greeting. */
static bool is_letter(const uint8_t *bytes, size_t size)
{
	return size > FRAME_HEAD_BYTES && bytes[4] == FRAME_NOTE && bytes[9] == RPC_RAFT && bytes[10] != HELLO;
}

static void post_letter(struct tls_stream *from, const uint8_t *bytes, size_t size)
{
	CLEANUP(buf_finip) struct buf changed = BUF_INIT;

	if (!sim_see_message(from->site, bytes + FRAME_HEAD_BYTES, size - FRAME_HEAD_BYTES, &changed))
		return;
	if (changed.len) {
		CLEANUP(buf_finip) struct buf frame = BUF_INIT;
		frame_add(&frame, &(struct frame){ FRAME_NOTE, RPC_RAFT, 0, (const uint8_t *)changed.data, changed.len });
		send_letter(from->other, frame.data, frame.len, false);
		if (sim_link_doubles())
			send_letter(from->other, frame.data, frame.len, false);
		return;
	}
	if (sim_link_loses())
		return;
	send_letter(from->other, bytes, size, false);
	if (sim_link_doubles())
		send_letter(from->other, bytes, size, false);
}

void sim_wire_forge(struct sim_site *from, struct sim_site *to, const struct raft_msg *msg)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT, frame = BUF_INIT;

	LIST_EACH(link, &wires) {
		struct wire *wire = CONTAINER_OF(link, struct wire, link);
		for (int i = 0; i < 2; i++) {
			struct tls_stream *end = &wire->ends[i];
			if (end->site != to || end->other->site != from || !end->hooks || !end->is_ready)
				continue;
			raft_msg_encode(msg, &body);
			frame_add(&frame, &(struct frame){ FRAME_NOTE, RPC_RAFT, 0, (const uint8_t *)body.data, body.len });
			send_letter(end, frame.data, frame.len, true);
			return;
		}
	}
}

/* ---- tls_io.h ---------------------------------------------------------------------------------------- */

static struct tls_stream *take(int fd, const struct tls_hooks *hooks, void *arg)
{
	struct tls_stream *end = end_of(fd);

	end->is_taken = true;
	end->hooks = hooks;
	end->arg = arg;
	return end;
}

struct tls_stream *tls_accept(struct loop *loop UNUSED, struct work *work UNUSED, struct tls_context *ctx UNUSED, int fd,
			      const struct tls_hooks *hooks, void *arg)
{
	return take(fd, hooks, arg);
}

/* The handshake: there and back and there again. */
struct tls_stream *tls_connect(struct loop *loop UNUSED, struct work *work UNUSED, struct tls_context *ctx UNUSED, int fd,
			       struct tls_trust trust UNUSED, const struct tls_hooks *hooks, void *arg)
{
	struct tls_stream *end = take(fd, hooks, arg);
	msec delay = sim_link_delay() + sim_link_delay();

	send_in_order(end, PARCEL_READY, "", 0, delay);
	send_in_order(end->other, PARCEL_READY, "", 0, delay + sim_link_delay());
	return end;
}

void tls_free(struct tls_stream *end)
{
	if (!end)
		return;
	end->hooks = NULL;
	if (!end->site->is_dark && end->other->hooks && !end->other->is_ended)
		send_in_order(end->other, PARCEL_CUT, "", 0, sim_link_delay());
	else if (end->site->is_dark && end->other->hooks)
		send_in_order(end, PARCEL_PROBE, "", 0, sim_some(PROBE_MS));
	let_go(end->wire);
}

void tls_set_hooks(struct tls_stream *end, const struct tls_hooks *hooks, void *arg)
{
	end->hooks = hooks;
	end->arg = arg;
}

bool tls_write(struct tls_stream *end, const void *bytes, size_t size)
{
	CLEANUP(buf_finip) struct buf changed = BUF_INIT;

	if (!end->is_ready || end->is_ended)
		return false;
	if (end->site->is_mute)
		return true;
	if (is_letter(bytes, size)) {
		post_letter(end, bytes, size);
	} else if (sim_see_frame(end->site, bytes, size, &changed)) {
		send_in_order(end->other, PARCEL_BYTES, changed.data, changed.len, sim_link_delay());
	} else {
		send_in_order(end->other, PARCEL_BYTES, bytes, size, sim_link_delay());
	}
	return true;
}

size_t tls_queued(const struct tls_stream *end UNUSED) { return 0; }
void tls_pause(struct tls_stream *end UNUSED, bool paused UNUSED) { panic("nobody pauses a wire of straw"); }

void tls_end(struct tls_stream *end)
{
	if (end->other->hooks && !end->site->is_mute)
		send_in_order(end->other, PARCEL_ENDED, "", 0, sim_link_delay());
}

void tls_cut(struct tls_stream *end)
{
	if (end->other->hooks && !end->site->is_mute)
		send_in_order(end->other, PARCEL_CUT, "", 0, sim_link_delay());
}

const struct tls_peer *tls_peer(const struct tls_stream *end) { return end->is_ready ? &end->peer : NULL; }
int tls_fd(const struct tls_stream *end UNUSED) { return -1; }

/* ---- dialling ------------------------------------------------------------------------------------------ */

struct rpc_dial { struct sim_event knock; struct rpc_conn *conn; struct sim_site *from; char address[RPC_ADDRESS_TEXT]; };

struct rpc_conn *rpc_dial(struct rpc *rpc, const char *addresses, const struct tls_trust *trust UNUSED, const struct rpc_hooks *hooks, void *arg)
{
	struct rpc_conn *conn = rpc_conn_new(rpc);
	struct rpc_dial *dial = NEW(struct rpc_dial);

	rpc_conn_watch(conn, hooks, arg);
	conn->dial = dial;
	dial->conn = conn;
	dial->from = sim_site_here();
	str_copy(dial->address, sizeof(dial->address), addresses);
	str_copy(conn->address, sizeof(conn->address), addresses);
	timer_set_in(&conn->kick, 0);
	return conn;
}

void rpc_dial_free(struct rpc_dial *dial)
{
	if (!dial)
		return;
	sim_cancel(&dial->knock);
	free(dial);
}

bool rpc_dial_again(struct rpc_conn *conn, enum rpc_down *reason UNUSED, struct err *err UNUSED)
{
	sim_cancel(&conn->dial->knock);
	return false;
}

struct listener { listen_fn *fn; void *arg; struct sim_site *site; };

static void connect_to(struct rpc_dial *dial, struct sim_site *to)
{
	struct wire *wire = wire_new(dial->from, to);
	struct tls_trust trust = { NULL };

	wire->busy++;
	sim_site_enter(to);
	to->listener->fn(to->listener->arg, fd_of(wire, 1));
	sim_leave();
	sim_site_enter(dial->from);
	rpc_conn_shake(dial->conn, fd_of(wire, 0), &trust);
	sim_leave();
	wire->busy--;
	let_go(wire);
}

static void knock(struct sim_event *event)
{
	struct rpc_dial *dial = CONTAINER_OF(event, struct rpc_dial, knock);
	struct sim_site *from = dial->from, *to = sim_site_at(dial->address);
	struct err err;

	if (from->host.frozen_until > sim_time.now) {
		sim_at(event, from->host.frozen_until, knock);
	} else if (!to || to->is_dark || sim_link_is_cut(from, to) || sim_link_is_cut(to, from) || to->host.frozen_until > sim_time.now ||
		   sim_link_opens(from, to) || sim_link_opens(to, from) || sim_link_loses()) {
		sim_at(event, sim_time.now + RETRY_MS, knock);
	} else if (!to->listener) {
		err_set(&err, ERR_UNAVAILABLE, "%s: Connection refused", dial->address);
		sim_site_enter(from);
		rpc_conn_fail(dial->conn, RPC_DOWN_REFUSED, &err);
		sim_leave();
	} else {
		connect_to(dial, to);
	}
}

void rpc_dial_step(struct rpc_conn *conn)
{
	timer_set_in(&conn->deadline, conn->rpc->cfg.limits.connect_ms);
	sim_at(&conn->dial->knock, sim_time.now + sim_link_delay() + sim_link_delay(), knock);
}

/* ---- listen.h ------------------------------------------------------------------------------------------- */

int listen_tcp(struct loop *loop UNUSED, struct ip ip UNUSED, uint16_t port UNUSED, listen_fn *fn, void *arg, struct listener **ret,
	       struct err *err UNUSED)
{
	*ret = NEW(struct listener);
	**ret = (struct listener){ fn, arg, sim_site_here() };
	sim_site_here()->listener = *ret;
	return 0;
}

void listen_free(struct listener *listener)
{
	if (listener && listener->site->listener == listener)
		listener->site->listener = NULL;
	free(listener);
}

uint16_t listen_port(const struct listener *listener UNUSED)
{
	return RPC_PORT;
}

int socket_peer_address(int fd, struct ip *ret_ip, uint16_t *ret_port)
{
	char host[256];
	struct err err;

	return hostport_parse(end_of(fd)->other->site->address, RPC_PORT, host, ret_port, &err) < 0 || ip_parse(host, ret_ip) < 0 ? -1 : 0;
}

int socket_own_address(int fd UNUSED, struct ip *ret_ip UNUSED, uint16_t *ret_port UNUSED)
{
	return -1;
}

const char *socket_address_format(struct ip ip, uint16_t port, char ret_text[SOCKET_ADDRESS_SIZE])
{
	char text[IP_TEXT_SIZE];

	snprintf(ret_text, SOCKET_ADDRESS_SIZE, "%s:%u", ip_format(ip, text), port);
	return ret_text;
}

int listen_unix(struct loop *loop UNUSED, const char *path UNUSED, unsigned mode UNUSED, int gid UNUSED, listen_fn *fn UNUSED, void *arg UNUSED,
		struct listener **ret UNUSED, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "there are no sockets in a simulation");
}

int connect_unix(const char *path UNUSED, int *ret_fd UNUSED, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "there are no sockets in a simulation");
}

int connect_tcp(struct ip ip UNUSED, uint16_t port UNUSED, int *ret_fd UNUSED, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "there are no sockets in a simulation");
}

/* ---- what happens to sites -------------------------------------------------------------------------------- */

void sim_site_die(struct sim_site *site, bool is_dark)
{
	site->is_mute = true;
	site->is_dark = is_dark;
}

void sim_site_forget(struct sim_site *site)
{
	struct list *link = wires.next;

	site->is_there = false;
	while (link != &wires) {
		struct wire *wire = CONTAINER_OF(link, struct wire, link);
		bool is_its = wire->ends[0].site == site || wire->ends[1].site == site;
		if (is_its && !wire->is_over) {
			/* whoever is told may end others: from the beginning */
			wire->is_over = true;
			give_up(wire);
			link = wires.next;
		} else {
			link = link->next;
		}
	}
}

void sim_wires_probe(struct sim_site *site)
{
	LIST_EACH(link, &wires) {
		struct wire *wire = CONTAINER_OF(link, struct wire, link);
		for (int i = 0; i < 2; i++)
			if (wire->ends[i].site == site && list_is_empty(&wire->ends[i].in) && list_is_empty(&wire->ends[1 - i].in)) {
				send_in_order(&wire->ends[i], PARCEL_PROBE, "", 0, sim_some(PROBE_MS));
				send_in_order(&wire->ends[1 - i], PARCEL_PROBE, "", 0, sim_some(PROBE_MS));
			}
	}
}

void sim_wires_free(void)
{
	LIST_EACH(link, &wires)
		free_wire(CONTAINER_OF(link, struct wire, link));
	last_number = 0;
}
