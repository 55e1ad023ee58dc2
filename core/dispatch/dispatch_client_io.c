#include "dispatch/dispatch_client_io.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "dispatch/node_session.h"
#include "model/json.h"
#include "os/entropy.h"
#include "os/log.h"
#include "pki/cert.h"
#include "pki/tls_io.h"

/* As long as a session must last to be no failure, and less than the leader waits for the nodes of a manager that is lost. */
enum { LEADERLESS_MS = SESSION_PROVEN_MS };
enum { STATUS_DELAY_MS = 10, STATUS_BODY_BYTES = 40 * 1024, OPEN_CALL_MS = 8000, SET_BYTES_MAX = 512 << 20, PART_BYTES_MAX = 256 << 20,
       SET_ITEMS_MAX = 100000 };

struct dispatch_client {
	struct loop *loop;
	struct rpc *rpc;
	struct dispatch_client_hooks hooks;
	struct node_session session;
	struct timer timer, flush;
	struct rpc_conn *conn;
	msec leaderless_since;          /* of the manager of this session; 0: it has a leader, as far as is known */
	uint64_t generation;
	struct map *statuses;           /* task id -> struct task_status, heap: not sent yet */
	/* a full set on its way */
	bool is_collecting;
	struct arena set_arena;
	struct assignment *set;
	size_t set_count, set_size;
};

static void feed(struct dispatch_client *c, enum session_event event, uint64_t value);

/* ---- statuses ---------------------------------------------------------------------------------------------------- */

static void status_free(struct task_status *status)
{
	shape_fini(&task_status_shape, status);
	free(status);
}

static void forget_statuses(struct dispatch_client *c)
{
	const char *id;
	void *status;

	for (size_t at = 0; map_next(c->statuses, &at, &id, &status);) {
		map_remove(c->statuses, id);
		status_free(status);
	}
}

/* One note's worth. */
static bool send_some(struct dispatch_client *c)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct status_report report = { .items.items = NEW_ARRAY(struct task_status, map_count(c->statuses)) };
	size_t bytes = 0;
	void *status;
	bool sent;

	for (size_t at = 0; bytes < STATUS_BODY_BYTES && map_next(c->statuses, &at, NULL, &status);) {
		CLEANUP(buf_finip) struct buf one = BUF_INIT;

		json_write_shape(&task_status_shape, status, &one);
		if (report.items.count && bytes + one.len > STATUS_BODY_BYTES)
			break;
		bytes += one.len;
		report.items.items[report.items.count++] = *(struct task_status *)status;
	}
	dispatch_write(&status_report_shape, &report, &body);
	sent = rpc_note(c->conn, RPC_STATUS, body.data, body.len);
	for (size_t i = 0; sent && i < report.items.count; i++)
		status_free(map_remove(c->statuses, report.items.items[i].task_id));
	free(report.items.items);
	return sent;
}

static void flush(void *arg)
{
	struct dispatch_client *c = arg;

	while (c->session.state == SESSION_UP && map_count(c->statuses))
		if (!send_some(c))
			return;                 /* on_room comes, or the connection goes */
}

static void on_room(void *arg, struct rpc_conn *conn)
{
	(void)conn;
	flush(arg);
}

void dispatch_client_report(struct dispatch_client *c, const struct task_status *status)
{
	struct task_status *copy, *old;

	if (c->session.state != SESSION_UP)
		return;                         /* all are asked for when it is */
	copy = NEW(struct task_status);
	shape_copy(&task_status_shape, status, NULL, copy);
	old = map_put(c->statuses, copy->task_id, copy);
	if (old)
		status_free(old);
	timer_set_in(&c->flush, STATUS_DELAY_MS);
}

/* ---- assignments ------------------------------------------------------------------------------------------------- */

static void end_collecting(struct dispatch_client *c)
{
	c->is_collecting = false;
	arena_fini(&c->set_arena);
	free(c->set);
	c->set = NULL;
	c->set_count = c->set_size = 0;
}

static void collect(struct dispatch_client *c, const struct assignment *item)
{
	if (c->set_count == c->set_size) {
		c->set_size = MAX(c->set_size * 2, 64);
		c->set = mem_resize(c->set, c->set_size, sizeof *c->set);
	}
	shape_copy(&assignment_shape, item, &c->set_arena, &c->set[c->set_count++]);
}

static void take_part(struct dispatch_client *c, const struct assign_part *part)
{
	if (part->begins) {
		end_collecting(c);
		c->is_collecting = true;
	}
	if (!c->is_collecting) {
		c->hooks.on_assign(c->hooks.arg, part->items.items, part->items.count, (const char *const *)part->removed.items,
				   part->removed.count, false);
		return;
	}
	for (size_t i = 0; i < part->items.count && c->set_count < SET_ITEMS_MAX; i++)
		collect(c, &part->items.items[i]);
	if (!part->ends)
		return;
	c->hooks.on_assign(c->hooks.arg, c->set, c->set_count, NULL, 0, true);
	end_collecting(c);
}

static void on_assign(void *arg, struct rpc_conn *conn, struct rpc_ask *ask UNUSED, const void *body, size_t size)
{
	struct dispatch_client *c = arg;
	struct assign_part part;
	struct arena arena;
	struct err err;

	if (conn != c->conn)
		return;
	arena_init(&arena, "assignments", PART_BYTES_MAX);
	if (dispatch_read(&assign_part_shape, body, size, &arena, &part, &err) < 0) {
		log_warn("swarm: from manager %s: %s", rpc_conn_address(conn), err.text);
		part = (struct assign_part){ 0 };       /* as if it were missing */
	}
	feed(c, SESSION_ASSIGNED, part.sequence);
	if (c->conn)
		take_part(c, &part);
	arena_fini(&arena);
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void trouble(struct dispatch_client *c, const struct err *err)
{
	const struct session_manager *manager = node_session_target(&c->session);
	struct err told = *err;

	err_wrap(&told, "manager %s", manager ? manager->address : "");
	log_debug("swarm: %s", told.text);
	c->hooks.on_trouble(c->hooks.arg, &told);
}

static void on_down(void *arg, struct rpc_conn *conn, enum rpc_down reason UNUSED, const struct err *err)
{
	struct dispatch_client *c = arg;

	if (conn != c->conn)
		return;
	c->conn = NULL;
	trouble(c, err);
	feed(c, SESSION_LOST, 0);
}

static void on_up(void *arg, struct rpc_conn *conn)
{
	(void)conn;
	feed(arg, SESSION_CONNECTED, 0);
}

static void leave_manager(struct dispatch_client *c, const struct err *err)
{
	struct rpc_conn *conn = c->conn;

	trouble(c, err);
	c->conn = NULL;
	rpc_close(conn);
	feed(c, SESSION_LOST, 0);
}

static bool is_outlived(struct dispatch_client *c, const struct session_news *news)
{
	struct err err;

	c->generation = MAX(c->generation, news->generation);
	if (news->generation == c->generation)
		return false;
	err_set(&err, ERR_DENIED, "the swarm has been made anew without this manager (swarm init --force-new-cluster)");
	leave_manager(c, &err);
	return true;
}

static void take_news(struct dispatch_client *c, const struct session_news *news)
{
	if (node_session_set_managers(&c->session, &news->managers))
		feed(c, SESSION_MANAGERS, 0);
	c->hooks.on_news(c->hooks.arg, news);
}

static void on_managers(void *arg, struct rpc_conn *conn, struct rpc_ask *ask UNUSED, const void *body, size_t size)
{
	struct dispatch_client *c = arg;
	struct session_news news;
	struct arena arena;
	struct err err;

	if (conn != c->conn)
		return;
	arena_init(&arena, "news", PART_BYTES_MAX);
	if (dispatch_read(&session_news_shape, body, size, &arena, &news, &err) < 0)
		log_warn("swarm: from manager %s: %s", rpc_conn_address(conn), err.text);
	else if (!is_outlived(c, &news))
		take_news(c, &news);
	arena_fini(&arena);
}

/* A manager that is frozen, or cut off, does not answer. */
static void beaten(void *arg, const void *body, size_t size, const struct err *failure)
{
	struct dispatch_client *c = arg;
	bool is_leaderless = !failure && size == 1 && *(const uint8_t *)body == BEAT_LEADERLESS;
	struct err err;

	if (!c->conn || c->session.state != SESSION_UP)
		return;
	c->leaderless_since = !is_leaderless ? 0 : c->leaderless_since ? c->leaderless_since : loop_now(c->loop);
	if (!failure)
		feed(c, SESSION_BEATEN, 0);
	if (failure) {
		leave_manager(c, failure);
	} else if (is_leaderless && loop_now(c->loop) - c->leaderless_since >= LEADERLESS_MS) {
		err_set(&err, ERR_UNAVAILABLE, "it has had no leader for %d s", LEADERLESS_MS / 1000);
		leave_manager(c, &err);         /* another may be on the side of the majority */
	}
}

/* The answer to our call; forgotten when the connection is closed by us. */
static void opened(void *arg, const void *body, size_t size, const struct err *failure)
{
	struct dispatch_client *c = arg;
	struct session_news news;
	struct arena arena;
	struct err err;

	if (!c->conn || c->session.state != SESSION_OPENING)
		return;
	if (failure) {
		leave_manager(c, failure);
		return;
	}
	arena_init(&arena, "session", PART_BYTES_MAX);
	if (dispatch_read(&session_news_shape, body, size, &arena, &news, &err) < 0) {
		news = (struct session_news){ 0 };
		log_warn("swarm: %s", err.text);
	}
	c->leaderless_since = 0;
	if (!is_outlived(c, &news)) {
		feed(c, SESSION_OPENED, news.beat_ms);
		take_news(c, &news);
	}
	arena_fini(&arena);
}

static void open_session(struct dispatch_client *c)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct session_ask ask = { 0 };
	struct arena arena;

	arena_init(&arena, "session", PART_BYTES_MAX);
	c->hooks.describe(c->hooks.arg, &arena, &ask);
	dispatch_write(&session_ask_shape, &ask, &body);
	arena_fini(&arena);
	rpc_call(c->conn, RPC_SESSION, body.data, body.len, OPEN_CALL_MS, opened, c);
}

static void hang_up(struct dispatch_client *c)
{
	struct rpc_conn *conn = c->conn;

	c->conn = NULL;                 /* calls under way are told from within */
	rpc_close(conn);
	end_collecting(c);
	forget_statuses(c);
}

static void dial(struct dispatch_client *c)
{
	static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down, .on_room = on_room };
	static const struct tls_trust trust = { NULL };

	hang_up(c);
	c->conn = rpc_dial(c->rpc, node_session_target(&c->session)->address, &trust, &hooks, c);
}

static void perform(struct dispatch_client *c, enum session_act act, msec timer_ms)
{
	switch (act) {
	case SESSION_ACT_DIAL:
		dial(c);
		break;
	case SESSION_ACT_OPEN:
		open_session(c);
		break;
	case SESSION_ACT_BEAT:
		rpc_call(c->conn, RPC_BEAT, "", 0, node_session_wait_ms(&c->session), beaten, c);
		break;
	case SESSION_ACT_TELL_OPEN:
		c->hooks.on_open(c->hooks.arg);
		break;
	case SESSION_ACT_CLOSE:
		hang_up(c);
		break;
	case SESSION_ACT_TIMER:
		if (timer_ms)
			timer_set(&c->timer, timer_ms);
		else
			timer_cancel(&c->timer);
		break;
	}
}

static void feed(struct dispatch_client *c, enum session_event event, uint64_t value)
{
	struct session_out out;

	node_session_step(&c->session, &(struct session_in){ event, value, loop_now(c->loop) }, &out);
	for (unsigned i = 0; i < out.count; i++)
		perform(c, out.acts[i], out.timer_ms);
}

static void timer_fired(void *arg)
{
	feed(arg, SESSION_TIMER, 0);
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

struct dispatch_client *dispatch_client_new(struct loop *loop, struct rpc *rpc, const char *node_id, const struct dispatch_client_hooks *hooks)
{
	struct dispatch_client *c = NEW(struct dispatch_client);
	uint64_t seed;

	c->loop = loop;
	c->rpc = rpc;
	c->hooks = *hooks;
	entropy_fill(&seed, sizeof seed);
	node_session_init(&c->session, node_id, seed);
	timer_init(&c->timer, loop, timer_fired, c);
	timer_init(&c->flush, loop, flush, c);
	c->statuses = map_new();
	arena_init(&c->set_arena, "assignments", SET_BYTES_MAX);
	rpc_serve(rpc, RPC_ASSIGN, on_assign, c);
	rpc_serve(rpc, RPC_MANAGERS, on_managers, c);
	return c;
}

void dispatch_client_free(struct dispatch_client *c)
{
	if (!c)
		return;
	c->session.is_stopped = true;
	timer_cancel(&c->timer);
	timer_cancel(&c->flush);
	rpc_serve(c->rpc, RPC_ASSIGN, NULL, NULL);
	rpc_serve(c->rpc, RPC_MANAGERS, NULL, NULL);
	hang_up(c);
	map_free(c->statuses);
	free(c);
}

void dispatch_client_set_managers(struct dispatch_client *c, const struct manager_ats *managers, uint64_t generation)
{
	c->generation = MAX(c->generation, generation);
	if (node_session_set_managers(&c->session, managers))
		feed(c, SESSION_MANAGERS, 0);
}

void dispatch_client_renew(struct dispatch_client *c)
{
	if (!c->conn)
		return;
	hang_up(c);
	feed(c, SESSION_LOST, 0);
}

bool dispatch_client_is_led(const struct dispatch_client *c)
{
	return c->session.state == SESSION_UP && c->leaderless_since == 0;
}

struct rpc_conn *dispatch_client_conn(const struct dispatch_client *c)
{
	return c->session.state == SESSION_UP ? c->conn : NULL;
}

struct rpc_conn *dispatch_client_goodbye_conn(const struct dispatch_client *c)
{
	return c->session.state == SESSION_UP || c->session.state == SESSION_OPENING ? c->conn : NULL;
}
