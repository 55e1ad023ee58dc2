/* peers_test.c - managers that reach each other over real sockets, with real certificates. */
#include "replica/peers_io.h"

#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/log.h"
#include "pki/tls_io.h"
#include "replica/peers_internal.h"
#include "replica/replica_internal.h"
#include "rpc/rpc_inside.h"
#include "test/sim/vfs_fault.h"
#include "test/unit/pki/pki_help.h"
#include "test/unit/replica/replica_crowd.h"
#include "test/unit/runner.h"

enum { HOSTS = 3 };

struct host {
	char node_id[ID_SIZE], address[32], disk_name[8];
	struct test_node papers;
	struct tls_context *ctx;
	struct vfs_fault *disk;
	struct store *store;
	struct rpc *rpc;
	struct replica *replica;
	struct peers *peers;
	raft_id id;
	unsigned replaced;
};

static struct loop *loop;
static struct work *work;
static struct test_ca ca;
static struct host hosts[HOSTS];
static struct err err;

static void compose_first(void *arg UNUSED, const struct view *view UNUSED, struct replica_time time UNUSED, size_t max UNUSED,
			  struct change_list *out UNUSED)
{
}

static void on_lost(void *arg UNUSED)
{
}

static void on_applied(void *arg, const struct applied *applied UNUSED)
{
	const struct host *host = arg;

	if (host->peers)
		peers_look(host->peers);
}

static void on_replaced(void *arg)
{
	struct host *host = arg;

	host->replaced++;
	peers_look(host->peers);
}

static void on_leader(void *arg UNUSED, bool is_leader UNUSED)
{
}

static void on_stopped(void *arg UNUSED, const struct err *why)
{
	EXPECT_STR(why->text, NULL);
}

static struct tls_context *context_of(void *arg)
{
	return ((struct host *)arg)->ctx;
}

static void listen_at(struct host *host)
{
	struct rpc_config cfg = { .context = context_of, .arg = host, .format_level = 1, .limits = RPC_LIMITS_DEFAULT };

	cfg.limits.stalled_ms = 600000; /* TCP gives nothing up while a test runs */
	host->rpc = rpc_new(loop, work, &cfg);
	if (rpc_listen(host->rpc, host->address[0] ? host->address : "127.0.0.1:0", &err) < 0)
		panic("%s", err.text);
	snprintf(host->address, sizeof(host->address), "127.0.0.1:%u", rpc_port(host->rpc));
}

static void open_host(struct host *host)
{
	static const char *const tables[] = { "setting" };
	struct store_options options = { "/disk", host->disk_name, tables, 1 };
	struct replica_hooks hooks = { compose_first, on_lost, on_applied, on_replaced, on_leader, NULL, on_stopped, host };
	int got = store_open(&options, loop, &host->store, &err);

	if (got == 0 && !replica_exists(host->store))
		got = host->id ? replica_join(host->store, TEST_CLUSTER, host->node_id, host->id, &err)
			       : replica_bootstrap(host->store, TEST_CLUSTER, host->node_id, &err);
	if (got < 0 || replica_open(loop, host->store, host->node_id, &hooks, &host->replica, &err) < 0)
		panic("%s", err.text);
	host->id = replica_status(host->replica).self;
	listen_at(host);
	host->peers = peers_open(&(struct peers_config){ .loop = loop, .rpc = host->rpc, .replica = host->replica, .own_address = host->address });
}

static void close_host(struct host *host)
{
	peers_close(host->peers);
	replica_close(host->replica);
	rpc_free(host->rpc);
	store_close(host->store);
	host->peers = NULL;
	host->replica = NULL;
	host->rpc = NULL;
	host->store = NULL;
}

typedef bool until_fn(void);
static bool wait_until(until_fn *is_so)
{
	msec end_at = clock_boot_ms() + 60000;

	while (!is_so() && clock_boot_ms() < end_at)
		loop_run_once(loop, 20);
	return is_so();
}

static struct host *leader(void)
{
	for (size_t i = 0; i < HOSTS; i++)
		if (hosts[i].replica && replica_is_leader(hosts[i].replica))
			return &hosts[i];
	return NULL;
}

static bool is_led(void)
{
	return leader() != NULL;
}

static void begin(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	loop = loop_new();
	work = work_new(loop, 2);
	test_ca_init(&ca);
	for (size_t i = 0; i < HOSTS; i++) {
		struct host *host = &hosts[i];
		snprintf(host->node_id, sizeof(host->node_id), "node%zunode%zunode%zunode%zunode%zu", i, i, i, i, i);
		snprintf(host->disk_name, sizeof(host->disk_name), "disk%zu", i);
		test_node_init(&host->papers, &ca, host->node_id, true, TEST_CLUSTER, new_year_2026, 90 * test_day);
		host->ctx = test_context(buf_text(&ca.root.cert_pem), &host->papers);
		host->disk = vfs_fault_new(host->disk_name, i);
	}
	open_host(&hosts[0]);
	EXPECT(wait_until(is_led));
	crowd_calm(hosts[0].replica);
}

static void end(void)
{
	for (size_t i = 0; i < HOSTS; i++)
		if (hosts[i].replica)
			close_host(&hosts[i]);
	work_free(work);
	for (size_t i = 0; i < HOSTS; i++) {
		tls_context_drop(hosts[i].ctx);
		test_node_fini(&hosts[i].papers);
		vfs_fault_free(hosts[i].disk);
	}
	test_ca_fini(&ca);
	loop_free(loop);
}

static bool is_equal(void)
{
	const struct view *first = NULL;

	for (size_t i = 0; i < HOSTS; i++) {
		if (!hosts[i].replica)
			continue;
		const struct view *view = replica_view(hosts[i].replica);
		if (first && (view_index(first) != view_index(view) || view_sum(first) != view_sum(view)))
			return false;
		first = view;
	}
	return true;
}

/* ---- questions ---------------------------------------------------------------------------------- */

static bool is_done, has_failed;

static bool is_answered(void)
{
	return is_done;
}

static void on_done(void *arg UNUSED, uint64_t index UNUSED, const struct err *why)
{
	is_done = true;
	has_failed = why != NULL;
}

static bool answered(void)
{
	bool is = wait_until(is_answered) && !has_failed;

	is_done = false;
	return is;
}

/* Its node, as a join writes it: with the address of its manager. */
static int check_node(void *arg, const struct overlay *overlay, struct replica_time time UNUSED, struct change_list *out,
		      struct err *why UNUSED)
{
	const struct host *host = arg;
	bool is_there = overlay_find(overlay, KIND_NODE, host->node_id) != NULL;
	struct node *node = is_there ? change_update(out, KIND_NODE, host->node_id, FIELD_BIT(NODE_MANAGER))
				     : change_create(out, KIND_NODE, host->node_id, FIELD_BIT(NODE_MANAGER));

	node->manager = ARENA_NEW(out->arena, struct manager_status);
	node->manager->address = arena_strdup(out->arena, host->address);
	return 0;
}

static bool write_node(struct host *host)
{
	EXPECT(wait_until(is_led));
	replica_request(leader()->replica, REPLICA_REQUEST, check_node, on_done, host);
	return answered();
}

static void add(struct host *host)
{
	host->id = replica_new_id();
	open_host(host);
	EXPECT(write_node(host));
	replica_add_learner(leader()->replica, host->id, host->node_id, on_done, NULL);
	EXPECT(answered());
	for (msec end_at = clock_boot_ms() + 60000; clock_boot_ms() < end_at; loop_run_once(loop, 10)) {
		replica_make_voter(leader()->replica, host->id, on_done, NULL);
		if (answered())
			return;
	}
	EXPECT(!"it does not catch up");
}

static bool are_linked(void)
{
	for (size_t i = 0; i < HOSTS; i++)
		for (size_t k = 0; k < HOSTS; k++)
			if (i != k && replica_link(hosts[i].replica, hosts[k].id) != RAFT_PEER_UP)
				return false;
	return true;
}

TEST(peers_managers_find_each_other_and_agree)
{
	begin();
	EXPECT(write_node(&hosts[0]));
	add(&hosts[1]);
	add(&hosts[2]);
	EXPECT(write_node(&hosts[0]));
	EXPECT(wait_until(is_equal));
	EXPECT(wait_until(are_linked));
	struct host *old = leader();
	close_host(old);
	EXPECT(wait_until(is_led));
	EXPECT(leader() != old);
	EXPECT(write_node(old));
	open_host(old);
	EXPECT(wait_until(is_equal));
	EXPECT(write_node(old));
	EXPECT(wait_until(is_equal));
	end();
}

static bool has_cut(void)
{
	return raft_status(hosts[0].replica->raft).first > 5;
}

TEST(peers_bring_a_snapshot_to_whoever_is_too_far_behind)
{
	begin();
	for (int i = 0; i < 10; i++)
		EXPECT(write_node(&hosts[0]));
	store_state_checkpoint(hosts[0].store);
	EXPECT(wait_until(has_cut));
	add(&hosts[1]);
	EXPECT_INT(hosts[1].replaced, 1);
	EXPECT(wait_until(is_equal));
	EXPECT(view_node(replica_view(hosts[1].replica), hosts[0].node_id) != NULL);
	end();
}

static bool is_reached(void)
{
	return replica_link(leader()->replica, hosts[1].id) == RAFT_PEER_UP;
}

/* Whoever moves tells its new address by dialling; the others find it there. */
TEST(peers_find_a_manager_that_has_moved)
{
	begin();
	EXPECT(write_node(&hosts[0]));
	add(&hosts[1]);
	close_host(&hosts[1]);
	hosts[1].address[0] = 0; /* another port */
	open_host(&hosts[1]);
	EXPECT(wait_until(is_led) && wait_until(is_reached));
	EXPECT(write_node(&hosts[1]));
	EXPECT(wait_until(is_equal));
	end();
}

/* Nothing that is sent to it arrives any more, as on a wire that is cut: TCP sends it again and again. */
static void deafen(struct host *host)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { 1, &drop };

	LIST_EACH(item, &host->rpc->conns) {
		const struct rpc_conn *conn = CONTAINER_OF(item, struct rpc_conn, link);
		if (conn->tls)
			EXPECT(setsockopt(tls_fd(conn->tls), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0);
	}
}

/* Both are needed for a write. */
TEST(peers_dial_anew_when_nothing_comes_through_and_no_connection_has_ended)
{
	begin();
	EXPECT(write_node(&hosts[0]));
	add(&hosts[1]);
	for (int i = 0; i < 3; i++) {
		EXPECT(wait_until(is_led) && wait_until(is_reached));
		deafen(&hosts[0]);
		deafen(&hosts[1]);
		EXPECT(write_node(&hosts[1]));
	}
	EXPECT(wait_until(is_equal));
	end();
}

static unsigned doubts_wanted;

static bool doubts_so_much(void)
{
	return peers_find(hosts[0].peers, hosts[1].id)->doubts >= doubts_wanted;
}

/* The wire is not to blame then: each connection is waited for twice as long as the one before. */
TEST(peers_take_their_time_where_connections_come_up_and_nobody_answers)
{
	begin();
	EXPECT(write_node(&hosts[0]));
	add(&hosts[1]);
	EXPECT(wait_until(is_led));
	peers_close(hosts[1].peers);    /* it listens still, and says nothing */
	hosts[1].peers = NULL;
	doubts_wanted = 4;
	EXPECT(wait_until(doubts_so_much));
	msec at = clock_boot_ms();
	doubts_wanted = 5;
	EXPECT(wait_until(doubts_so_much));
	EXPECT(clock_boot_ms() - at >= 4 * RAFT_ELECTION_MIN_MS);       /* half of it, for a busy machine looks late; a first one takes 1.25 s at most */
	end();
}
