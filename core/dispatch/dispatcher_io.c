#include "dispatch/dispatcher_io.h"

#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "dispatch/assign.h"
#include "dispatch/liveness.h"
#include "dispatch/node_session.h"
#include "os/log.h"
#include "pki/cert.h"

enum { DISPATCHER_ARENA_MAX = 256 << 20, BODY_ARENA_MAX = 64 << 20, ASK_AGAIN_MS = 200 };

struct dispatcher {
	struct loop *loop;
	struct rpc *rpc;
	struct dispatcher_hooks hooks;
	struct map *sessions;           /* node id -> struct session */
	bool is_asking;                 /* whether the view is current */
	struct timer ask;
};
struct session {
	struct dispatcher *dispatcher;
	char node_id[ID_SIZE];
	struct rpc_conn *conn;          /* NULL: lost, and its grace runs */
	struct beats beats;
	struct timer timer;
	uint64_t sequence;
	struct buf news;                /* as it was told last */
	bool is_owed;                   /* everything, as soon as the view is current … */
	bool was_asked;                 /* … and that was asked when it was open */
	bool is_touched;                /* within dispatcher_on_applied */
};

/* ---- one session ------------------------------------------------------------------------------------------------- */

static void session_free(struct session *s)
{
	s->dispatcher->hooks.on_over(s->dispatcher->hooks.arg, s->node_id);
	map_remove(s->dispatcher->sessions, s->node_id);
	timer_cancel(&s->timer);
	rpc_close(s->conn);
	buf_fini(&s->news);
	free(s);
}

static void lose(struct session *s)
{
	rpc_close(s->conn);
	s->conn = NULL;
}

static void end(struct session *s, enum sight sight)
{
	struct dispatcher *d = s->dispatcher;
	char node_id[ID_SIZE];

	str_copy(node_id, sizeof node_id, s->node_id);
	session_free(s);
	d->hooks.on_sight(d->hooks.arg, node_id, sight);
}

static void timer_fired(void *arg)
{
	struct session *s = arg;
	msec deadline = beats_deadline(&s->beats);

	if (loop_now(s->dispatcher->loop) < deadline)
		timer_set(&s->timer, deadline);
	else
		end(s, SIGHT_SILENT);
}

static void on_down(void *arg, struct rpc_conn *conn, enum rpc_down reason, const struct err *err)
{
	struct session *s = arg;

	(void)reason;
	if (s->conn != conn)
		return;
	log_info("node %s: its session is interrupted: %s", s->node_id, err ? err->text : "closed");
	s->conn = NULL;
}

static bool send_part(void *arg, const struct buf *body)
{
	struct session *s = arg;
	return rpc_note(s->conn, RPC_ASSIGN, body->data, body->len);
}

/* A node that takes nothing gets a new connection, and then everything. */
static void send_set(struct session *s, const struct assign_set *set, bool is_complete)
{
	if (assign_send(set->items.items, set->items.count, &set->removed, is_complete, &s->sequence, send_part, s))
		return;
	log_warn("node %s: it does not take its assignments: it has to come again", s->node_id);
	lose(s);
}

static void send_everything(struct session *s)
{
	struct arena arena;
	struct assign_set set;

	arena_init(&arena, "assign", DISPATCHER_ARENA_MAX);
	assign_all(s->dispatcher->hooks.view(s->dispatcher->hooks.arg), s->node_id, &arena, &set);
	send_set(s, &set, true);
	arena_fini(&arena);
}

static void ask_current(void *arg)
{
	struct dispatcher *d = arg;
	bool any = false;
	void *value;

	for (size_t at = 0; !d->is_asking && map_next(d->sessions, &at, NULL, &value);) {
		struct session *s = value;

		s->was_asked = s->is_owed && s->conn;
		any = any || s->was_asked;
	}
	if (!any)
		return;
	d->is_asking = true;
	d->hooks.ask_current(d->hooks.arg);
}

void dispatcher_on_current(struct dispatcher *d, bool is_current)
{
	void *value;

	d->is_asking = false;
	for (size_t at = 0; is_current && map_next(d->sessions, &at, NULL, &value);) {
		struct session *s = value;

		if (!s->was_asked || !s->conn)
			continue;
		s->is_owed = s->was_asked = false;
		send_everything(s);
	}
	timer_set_in(&d->ask, is_current ? 0 : ASK_AGAIN_MS);
}

void dispatcher_managers(const struct view *view, struct arena *arena, struct manager_ats *ret)
{
	const struct view_object *object;

	ret->items = ARENA_ARRAY(arena, struct manager_at, DISPATCH_MANAGERS_MAX);
	ret->count = 0;
	for (size_t at = 0; ret->count < DISPATCH_MANAGERS_MAX && (object = view_next(view, KIND_NODE, &at));) {
		const struct node *node = object->value;

		if (node->manager && !str_is_empty(node->manager->address))
			ret->items[ret->count++] = (struct manager_at){ (char *)(uintptr_t)object->meta.id, node->manager->address };
	}
}

/* As an answer it tells times, too. */
static void write_news(struct session *s, bool is_answer, struct buf *out)
{
	const struct view *view = s->dispatcher->hooks.view(s->dispatcher->hooks.arg);
	const struct node *node = view_node(view, s->node_id);
	struct session_news news = { .beat_ms = SESSION_BEAT_MS, .role = node->spec.role };
	struct arena arena;

	arena_init(&arena, "news", BODY_ARENA_MAX);
	dispatcher_managers(view, &arena, &news.managers);
	news.generation = view_cluster(view) ? view_cluster(view)->generation : 0;
	s->dispatcher->hooks.trust(s->dispatcher->hooks.arg, &arena, &news.tls);
	if (is_answer)
		s->dispatcher->hooks.times(s->dispatcher->hooks.arg, &news);
	dispatch_write(&session_news_shape, &news, out);
	arena_fini(&arena);
	s->beats.fixed_ms = beats_parse_grace(str_map_get(&node->spec.labels, BEATS_GRACE_LABEL));
	timer_set(&s->timer, beats_deadline(&s->beats));        /* it may be shorter now */
}

static void tell_news(struct session *s)
{
	CLEANUP(buf_finip) struct buf news = BUF_INIT;

	write_news(s, false, &news);
	if (str_eq(buf_text(&news), buf_text(&s->news)))
		return;
	if (s->conn && !rpc_note(s->conn, RPC_MANAGERS, news.data, news.len))
		lose(s);
	buf_clear(&s->news);
	buf_add(&s->news, news.data, news.len);
}

/* ---- what nodes say ---------------------------------------------------------------------------------------------- */

static struct session *session_of(struct dispatcher *d, const struct rpc_conn *conn)
{
	const struct cert_name *peer = rpc_conn_peer(conn);
	struct session *s = peer ? map_get(d->sessions, peer->node_id) : NULL;

	return s && s->conn == conn ? s : NULL;
}

static struct session *open_session(struct dispatcher *d, const char *node_id, struct rpc_conn *conn)
{
	static const struct rpc_hooks hooks = { .on_down = on_down };
	struct session *s = map_get(d->sessions, node_id);

	if (!s) {
		s = NEW(struct session);
		s->dispatcher = d;
		str_copy(s->node_id, sizeof s->node_id, node_id);
		beats_init(&s->beats, loop_now(d->loop));
		timer_init(&s->timer, d->loop, timer_fired, s);
		map_put(d->sessions, node_id, s);
	}
	if (s->conn != conn)
		lose(s);
	s->conn = conn;
	s->sequence = 0;
	s->is_owed = true;
	s->was_asked = false;
	s->beats.last = loop_now(d->loop);      /* being away is no gap between beats */
	rpc_conn_watch(conn, &hooks, s);
	return s;
}

static int check_session(struct dispatcher *d, struct rpc_conn *conn, const void *body, size_t size, struct arena *arena, struct err *err)
{
	const struct cert_name *peer = rpc_conn_peer(conn);
	struct session_ask ask;

	if (!peer || !view_node(d->hooks.view(d->hooks.arg), peer->node_id))
		return err_set(err, ERR_NOT_FOUND, "node %s not found", peer ? peer->node_id : "");
	if (dispatch_read(&session_ask_shape, body, size, arena, &ask, err) < 0)
		return -1;
	return d->hooks.on_open(d->hooks.arg, peer->node_id, &ask, rpc_conn_address(conn), err);
}

static void on_session(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	CLEANUP(buf_finip) struct buf answer = BUF_INIT;
	struct dispatcher *d = arg;
	struct session *s;
	struct arena arena;
	struct err err;
	int got;

	arena_init(&arena, "session", BODY_ARENA_MAX);
	got = check_session(d, conn, body, size, &arena, &err);
	arena_fini(&arena);
	if (got < 0) {
		rpc_reply_error(ask, &err);
		return;
	}
	s = open_session(d, rpc_conn_peer(conn)->node_id, conn);
	buf_clear(&s->news);
	write_news(s, false, &s->news);
	write_news(s, true, &answer);
	rpc_reply(ask, answer.data, answer.len);
	log_info("node %s: its session is open, from %s", s->node_id, rpc_conn_address(conn));
	d->hooks.on_sight(d->hooks.arg, s->node_id, SIGHT_HELD);
	ask_current(d);
}

/* Who beats here is here, whatever the state says: of several managers that held it the leader may have believed one that did no more. */
static void tell_if_taken_for_gone(struct dispatcher *d, const struct session *s)
{
	const struct node *node = view_node(d->hooks.view(d->hooks.arg), s->node_id);

	if (node && node->status.state != NODE_READY)
		d->hooks.on_sight(d->hooks.arg, s->node_id, SIGHT_HELD);
}

/* Answered, so that the node notices when we are the one who is frozen. */
static void on_beat(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body UNUSED, size_t size UNUSED)
{
	struct dispatcher *d = arg;
	struct session *s = session_of(d, conn);
	uint8_t answer = d->hooks.is_led(d->hooks.arg) ? BEAT_LED : BEAT_LEADERLESS;
	struct err err;

	if (s) {
		beats_add(&s->beats, loop_now(d->loop));
		rpc_reply(ask, &answer, sizeof answer);
		tell_if_taken_for_gone(d, s);
		d->hooks.on_beat(d->hooks.arg, s->node_id);
		return;
	}
	err_set(&err, ERR_NOT_FOUND, "there is no session");
	rpc_reply_error(ask, &err);
}

static void on_status(void *arg, struct rpc_conn *conn, struct rpc_ask *ask UNUSED, const void *body, size_t size)
{
	struct dispatcher *d = arg;
	struct session *s = session_of(d, conn);
	struct status_report report;
	struct arena arena;
	struct err err;

	if (!s)
		return;
	arena_init(&arena, "statuses", BODY_ARENA_MAX);
	if (dispatch_read(&status_report_shape, body, size, &arena, &report, &err) < 0) {
		log_warn("node %s: %s", s->node_id, err.text);
		report.items.count = 0;
	}
	for (size_t i = 0; i < report.items.count; i++) {
		const struct task *task = view_task(d->hooks.view(d->hooks.arg), report.items.items[i].task_id);

		/* nobody speaks for another node's task */
		if (task && str_eq(task->node_id, s->node_id))
			d->hooks.on_status(d->hooks.arg, &report.items.items[i]);
	}
	arena_fini(&arena);
}

/* In whatever words it goes, it goes. */
static enum sight read_leaving(const void *body, size_t size)
{
	struct leaving_ask leaving;
	struct arena arena;
	struct err err;
	int got;

	arena_init(&arena, "leaving", BODY_ARENA_MAX);
	got = dispatch_read(&leaving_ask_shape, body, size, &arena, &leaving, &err);
	arena_fini(&arena);
	return got == 0 && (leaving.sight == SIGHT_AWAY || leaving.sight == SIGHT_STOPPED) ? (enum sight)leaving.sight : SIGHT_LEFT;
}

static void on_leaving(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	static const struct rpc_hooks nobody = { 0 };
	struct session *s = session_of(arg, conn);
	enum sight sight = read_leaving(body, size);

	rpc_reply(ask, "", 0);
	if (!s)
		return;
	rpc_conn_watch(conn, &nobody, NULL);    /* the node closes it itself, when it has our answer */
	s->conn = NULL;
	end(s, sight);
}

/* ---- what is told to nodes --------------------------------------------------------------------------------------- */

static void touch(struct dispatcher *d, const char *node_id)
{
	struct session *s = str_is_empty(node_id) ? NULL : map_get(d->sessions, node_id);

	if (s && s->conn && !s->is_owed)
		s->is_touched = true;
}

static void node_is_gone(struct dispatcher *d, const char *node_id)
{
	struct session *s = map_get(d->sessions, node_id);
	struct err err;

	if (!s)
		return;
	err_set(&err, ERR_NOT_FOUND, "node %s was removed from the swarm", node_id);
	if (s->conn)
		rpc_turn_away(s->conn, &err);
	s->conn = NULL;
	session_free(s);
}

static void tell_touched(struct session *s, const struct applied *applied)
{
	struct arena arena;
	struct assign_set set;

	s->is_touched = false;
	arena_init(&arena, "assign", DISPATCHER_ARENA_MAX);
	assign_difference(s->dispatcher->hooks.view(s->dispatcher->hooks.arg), s->node_id, applied, &arena, &set);
	if (set.items.count || set.removed.count)
		send_set(s, &set, false);
	arena_fini(&arena);
}

void dispatcher_on_applied(struct dispatcher *d, const struct applied *applied)
{
	bool nodes_changed = false, any = false;
	void *value;

	for (size_t i = 0; i < applied->event_count; i++) {
		const struct state_event *event = &applied->events[i];

		if (event->kind == KIND_TASK) {
			any = true;
			if (event->before)
				touch(d, ((const struct task *)event->before)->node_id);
			if (event->after)
				touch(d, ((const struct task *)event->after)->node_id);
		} else if (event->kind == KIND_NODE && event->op == CHANGE_REMOVE) {
			node_is_gone(d, event->id);
			nodes_changed = true;
		} else if (event->kind == KIND_NODE) {
			nodes_changed = nodes_changed || (event->mask & (FIELD_BIT(NODE_MANAGER) | FIELD_BIT(NODE_SPEC)));
		} else if (event->kind == KIND_CLUSTER) {
			nodes_changed = nodes_changed || (event->mask & (FIELD_BIT(CLUSTER_TLS) | FIELD_BIT(CLUSTER_ROTATION)));
		}
	}
	for (size_t at = 0; (any || nodes_changed) && map_next(d->sessions, &at, NULL, &value);) {
		struct session *s = value;

		if (s->is_touched)
			tell_touched(s, applied);
		if (nodes_changed)
			tell_news(s);
	}
}

void dispatcher_on_replaced(struct dispatcher *d)
{
	struct strlist gone = { 0 };
	const char *id;
	void *value;

	for (size_t at = 0; map_next(d->sessions, &at, &id, &value);) {
		struct session *s = value;

		if (!view_node(d->hooks.view(d->hooks.arg), id)) {
			strlist_add(&gone, id);
			continue;
		}
		tell_news(s);
		if (s->conn && !s->is_owed)
			send_everything(s);
	}
	for (size_t i = 0; i < gone.count; i++)
		node_is_gone(d, gone.items[i]);
	strlist_fini(&gone);
}

const char *dispatcher_next(const struct dispatcher *d, size_t *at)
{
	const char *id;
	void *value;

	while (map_next(d->sessions, at, &id, &value))
		if (((const struct session *)value)->conn)
			return id;
	return NULL;
}

msec dispatcher_grace_ms(const struct dispatcher *d, const char *node_id)
{
	const struct session *s = map_get(d->sessions, node_id);

	return s ? beats_grace_ms(&s->beats) : 0;
}

struct rpc_conn *dispatcher_conn(const struct dispatcher *d, const char *node_id)
{
	const struct session *s = map_get(d->sessions, node_id);

	return s ? s->conn : NULL;
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

struct dispatcher *dispatcher_new(struct loop *loop, struct rpc *rpc, const struct dispatcher_hooks *hooks)
{
	struct dispatcher *d = NEW(struct dispatcher);

	*d = (struct dispatcher){ .loop = loop, .rpc = rpc, .hooks = *hooks, .sessions = map_new() };
	timer_init(&d->ask, loop, ask_current, d);
	rpc_serve(rpc, RPC_SESSION, on_session, d);
	rpc_serve(rpc, RPC_BEAT, on_beat, d);
	rpc_serve(rpc, RPC_STATUS, on_status, d);
	rpc_serve(rpc, RPC_LEAVING, on_leaving, d);
	return d;
}

void dispatcher_free(struct dispatcher *d)
{
	static const enum rpc_method served[] = { RPC_SESSION, RPC_BEAT, RPC_STATUS, RPC_LEAVING };
	void *session;

	if (!d)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(served); i++)
		rpc_serve(d->rpc, served[i], NULL, NULL);
	for (size_t at = 0; map_next(d->sessions, &at, NULL, &session);)
		session_free(session);
	map_free(d->sessions);
	timer_cancel(&d->ask);
	free(d);
}
