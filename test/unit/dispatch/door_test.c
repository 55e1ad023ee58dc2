/* A manager opens a stream to a node: directly, by way of another manager, and not at all. */
#include "dispatch/door_io.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "test/unit/rpc/rpc_help.h"
#include "test/unit/runner.h"

struct side { struct door *door; const char *id; struct rpc_conn *session; bool refuses; unsigned streams; int fd; };
struct got { unsigned count; int fd; struct err err; };
/* The worker's session is with net.manager; net.other is a manager, too. */
struct rig { struct net net; struct side manager, worker; struct got got; struct answer answer; };

static const char *node_id(void *arg)
{
	return ((struct side *)arg)->id;
}

static int may_open(void *arg, const struct rpc_conn *conn, struct err *err)
{
	return ((struct side *)arg)->refuses ? err_set(err, ERR_DENIED, "node %s is no manager of this swarm", rpc_conn_peer(conn)->node_id) : 0;
}

static struct rpc_conn *session(void *arg, const char *id)
{
	return str_eq(id, TEST_WORKER) ? ((struct side *)arg)->session : NULL;
}

static void on_stream(void *arg, enum open_kind kind, int fd)
{
	struct side *side = arg;

	EXPECT(kind == OPEN_API);
	side->streams++;
	side->fd = fd;
}

static void on_ticket(void *arg, int fd, const struct err *err)
{
	struct got *got = arg;

	got->count++;
	got->fd = fd;
	if (err)
		got->err = *err;
}

static void side_open(struct side *side, struct rpc *rpc, const char *id)
{
	const struct door_hooks hooks = { node_id, may_open, session, on_stream, side };

	side->id = id;
	side->door = door_open(rpc, &hooks);
}

static void rig_init(struct rig *rig)
{
	struct err err = { 0 };

	*rig = (struct rig){ 0 };
	net_init(&rig->net, NULL);
	EXPECT_INT(rpc_listen(rig->net.other.rpc, "127.0.0.1:0", &err), 0);
	side_open(&rig->manager, rig->net.manager.rpc, TEST_NODE);
	side_open(&rig->worker, rig->net.worker.rpc, TEST_WORKER);
	node_dial(&rig->net.worker);
	rpc_call(rig->net.worker.conn, RPC_BLOB, "here", 4, RPC_HELP_WAIT_MS, on_answer, &rig->answer);
	RUN_UNTIL(&rig->net, rig->answer.count);
	expect_body(&rig->answer, "here");
	rig->manager.session = rig->net.manager.met;
}

static void rig_fini(struct rig *rig)
{
	answer_fini(&rig->answer);
	net_fini(&rig->net);
	door_close(rig->manager.door);
	door_close(rig->worker.door);
}

/* Somebody's ticket for that node, and the word of it on a connection of his. */
static void ask(struct rig *rig, struct speaker *who, struct rpc_conn *conn, const char *whom)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	uint8_t ticket[RPC_TICKET_BYTES];
	char id[ID_SIZE], address[32];
	struct open_ask open = { .node_id = id, .address = address, .ticket = { ticket, sizeof(ticket) } };
	struct err err;

	str_copy(id, sizeof(id), whom);
	snprintf(address, sizeof(address), "127.0.0.1:%u", rpc_port(who->rpc));
	rig->got = (struct got){ .fd = -1 };
	EXPECT(rpc_ticket_new(who->rpc, whom, ticket, on_ticket, &rig->got, &err));
	dispatch_write(&open_ask_shape, &open, &body);
	rpc_call(conn, RPC_OPEN, body.data, body.len, RPC_HELP_WAIT_MS, on_answer, &rig->answer);
}

static void expect_line(struct rig *rig)
{
	char heard[8] = "";

	RUN_UNTIL(&rig->net, rig->got.count && rig->worker.streams && rig->answer.count);
	expect_body(&rig->answer, "");
	EXPECT(write(rig->got.fd, "ls\n", 3) == 3);
	RUN_UNTIL(&rig->net, poll(&(struct pollfd){ .fd = rig->worker.fd, .events = POLLIN }, 1, 0) == 1);
	EXPECT(read(rig->worker.fd, heard, sizeof(heard) - 1) == 3);
	EXPECT_STR(heard, "ls\n");
	close(rig->got.fd);
	close(rig->worker.fd);
	run_some(&rig->net);
}

TEST(a_node_calls_the_manager_back_that_holds_its_session)
{
	struct rig rig;

	rig_init(&rig);
	ask(&rig, &rig.net.manager, rig.manager.session, TEST_WORKER);
	expect_line(&rig);
	rig_fini(&rig);
}

TEST(a_manager_without_the_session_has_the_word_brought_by_the_one_that_has_it)
{
	struct rig rig;

	rig_init(&rig);
	node_dial(&rig.net.other);
	ask(&rig, &rig.net.other, rig.net.other.conn, TEST_WORKER);
	expect_line(&rig);
	rig_fini(&rig);
}

static void expect_refused(struct rig *rig, enum err_code code, const char *want)
{
	RUN_UNTIL(&rig->net, rig->answer.count);
	expect_error(&rig->answer, code, want);
	EXPECT_INT(rig->worker.streams, 0);
}

TEST(a_stream_is_refused_by_whoever_cannot_or_may_not_give_it)
{
	struct rig rig;

	rig_init(&rig);
	node_dial(&rig.net.other);
	ask(&rig, &rig.net.other, rig.net.other.conn, "nobodynobodynobodynobodyn");
	expect_refused(&rig, ERR_NOT_FOUND, "node nobodynobodynobodynobodyn has no session here");
	rig.manager.refuses = true;     /* its certificate is a manager's, but it was demoted */
	ask(&rig, &rig.net.other, rig.net.other.conn, TEST_WORKER);
	expect_refused(&rig, ERR_DENIED, "node " TEST_OTHER " is no manager of this swarm");
	rig.manager.refuses = false;
	rig.worker.refuses = true;
	ask(&rig, &rig.net.other, rig.net.other.conn, TEST_WORKER);
	expect_refused(&rig, ERR_DENIED, "node " TEST_NODE " is no manager of this swarm");
	rpc_call(rig.net.worker.conn, RPC_OPEN, "{}", 2, RPC_HELP_WAIT_MS, on_answer, &rig.answer);
	expect_refused(&rig, ERR_DENIED, "rpc: OPEN: only managers may");
	rpc_call(rig.net.other.conn, RPC_OPEN, "[]", 2, RPC_HELP_WAIT_MS, on_answer, &rig.answer);
	RUN_UNTIL(&rig.net, rig.answer.count);
	EXPECT(rig.answer.failed && rig.answer.err.code == ERR_INVALID);
	rig_fini(&rig);
}
