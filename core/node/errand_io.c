#include "node/errand_io.h"

#include <stdlib.h>

#include "base/ip.h"
#include "base/panic.h"
#include "base/str.h"
#include "pki/tls_io.h"

struct errand {
	struct loop *loop;
	struct rpc_conn *conn;
	struct tls_trust trust;
	char digest[128], own_address[IP_TEXT_SIZE];
	enum rpc_method method;
	struct buf body;
	msec timeout_ms;
	struct timer timer;
	errand_done_fn *done;           /* NULL: forgotten, or told */
	void *arg;
};

static void errand_free(void *arg)
{
	struct errand *e = arg;

	timer_cancel(&e->timer);
	buf_fini(&e->body);
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

static void answered(void *arg, const void *body, size_t size, const struct err *err)
{
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

struct errand *errand_new(struct loop *loop, struct rpc *rpc, const char *addresses, const char *root_digest, enum rpc_method method,
			  const struct buf *body, msec timeout_ms, errand_done_fn *done, void *arg)
{
	static const struct rpc_hooks hooks = { .on_up = on_up, .on_down = on_down };
	struct errand *e = NEW(struct errand);

	e->loop = loop;
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
	e->conn = rpc_dial(rpc, addresses, &e->trust, &hooks, e);
	return e;
}

void errand_forget(struct errand *e)
{
	if (!e)
		return;
	e->done = NULL;
	hang_up(e);
}
