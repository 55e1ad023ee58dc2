#include "node/errand_io.h"

#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "base/panic.h"
#include "base/str.h"
#include "pki/tls_io.h"

struct errand {
	struct loop *loop;
	struct rpc *rpc;
	struct rpc_conn *conn;
	char *addresses;                /* that one and those behind it */
	struct tls_trust trust;
	char digest[128], own_address[IP_TEXT_SIZE];
	enum rpc_method method;
	struct buf body;
	msec timeout_ms;
	struct timer timer, next;
	errand_done_fn *done;           /* NULL: forgotten, or told */
	void *arg;
};

static void errand_free(void *arg)
{
	struct errand *e = arg;

	timer_cancel(&e->timer);
	timer_cancel(&e->next);
	buf_fini(&e->body);
	free(e->addresses);
	free(e);
}

/* The connection is closed behind the answer, not inside of its own callback. */
static void hang_up(void *arg)
{
	struct errand *e = arg;
	struct rpc_conn *conn = e->conn;

	e->conn = NULL;
	rpc_close(conn);
	errand_free(e);
}

static void finish(struct errand *e, const void *body, size_t size, const struct err *err)
{
	errand_done_fn *done = e->done;

	if (!done)
		return;
	e->done = NULL;
	loop_defer(e->loop, hang_up, e);
	done(e->arg, body, size, e->own_address, err);
}

/* A manager that has no leader, or is not up to date: perhaps those behind it are better off. */
static bool has_next(struct errand *e, const struct err *err)
{
	const char *rest = strchr(e->addresses, ',');
	char *next;

	if (!rest || !e->done || (err->code != ERR_UNAVAILABLE && err->code != ERR_STALE))
		return false;
	next = str_dup(rest + 1);
	free(e->addresses);
	e->addresses = next;
	timer_set_in(&e->next, 0);
	return true;
}

static void answered(void *arg, const void *body, size_t size, const struct err *err)
{
	if (!err || !has_next(arg, err))
		finish(arg, body, size, err);
}

static void on_up(void *arg, struct rpc_conn *conn)
{
	struct errand *e = arg;
	char host[256];
	uint16_t port;
	struct err err;

	if (!e->done)
		return;
	if (hostport_parse(rpc_conn_own_address(conn), 0, host, &port, &err) == 0)
		str_copy(e->own_address, sizeof e->own_address, host);
	rpc_call(conn, e->method, e->body.data, e->body.len, e->timeout_ms, answered, e);
}

static void on_down(void *arg, struct rpc_conn *conn, enum rpc_down reason UNUSED, const struct err *err)
{
	struct errand *e = arg;

	if (e->conn == conn)
		e->conn = NULL;
	finish(e, NULL, 0, err);
}

static void too_late(void *arg)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "no manager has answered in time");
	finish(arg, NULL, 0, &err);
}

static void dial(void *arg)
{
	static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down };
	struct errand *e = arg;

	if (!e->done)
		return;
	rpc_close(e->conn);
	e->conn = rpc_dial(e->rpc, e->addresses, &e->trust, &hooks, e);
}

struct errand *errand_new(struct loop *loop, struct rpc *rpc, const char *addresses, const char *root_digest, enum rpc_method method,
			  const struct buf *body, msec timeout_ms, errand_done_fn *done, void *arg)
{
	struct errand *e = NEW(struct errand);

	e->loop = loop;
	e->rpc = rpc;
	e->addresses = str_dup(addresses);
	e->method = method;
	e->timeout_ms = timeout_ms;
	e->done = done;
	e->arg = arg;
	buf_add(&e->body, body->data, body->len);
	if (root_digest) {
		str_copy(e->digest, sizeof e->digest, root_digest);
		e->trust.root_digest = e->digest;
	}
	timer_init(&e->timer, loop, too_late, e);
	timer_set_in(&e->timer, timeout_ms);
	timer_init(&e->next, loop, dial, e);
	dial(e);
	return e;
}

void errand_forget(struct errand *e)
{
	if (!e)
		return;
	e->done = NULL;
	hang_up(e);
}
