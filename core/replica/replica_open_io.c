/* replica_open_io.c - founding, loading, asking, closing. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/entropy.h"
#include "replica/replica_internal.h"

/* --- founding ---------------------------------------------------------------------------------- */

raft_id replica_new_id(void)
{
	raft_id id = 0;

	while (id == 0) {
		entropy_fill(&id, sizeof(id));
		id &= INT64_MAX;
	}
	return id;
}

int replica_bootstrap(struct store *store, const char *cluster_id, const char *node_id,
		      struct err *err)
{
	struct raft_membership config = {
		.count = 1, .members = { { .id = replica_new_id(), .suffrage = RAFT_VOTER } }
	};
	struct store_self self = { .raft_id = config.members[0].id };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct raft_hard hard;
	struct raft_entry entry;

	check(str_copy(config.cluster_id, sizeof(config.cluster_id), cluster_id));
	check(str_copy(config.members[0].node_id, sizeof(config.members[0].node_id), node_id));
	check(str_copy(self.cluster_id, ID_SIZE, cluster_id) && str_copy(self.node_id, ID_SIZE, node_id));
	raft_first(&config, &hard, &entry, &bytes);
	struct store_entry first = { entry.index,  entry.term,  entry.type,
				     entry.now_ms, entry.bytes, entry.size };
	return store_cluster_make(store, &self,
				  &(struct store_append){ { hard.term, hard.vote, hard.election_ms },
							  false, &first, 1 },
				  err);
}

int replica_join(struct store *store, const char *cluster_id, const char *node_id, raft_id id,
		 struct err *err)
{
	struct store_self self = { .raft_id = id };
	struct store_append nothing = { .forgets_log = false };

	check(str_copy(self.cluster_id, ID_SIZE, cluster_id) && str_copy(self.node_id, ID_SIZE, node_id));
	return store_cluster_make(store, &self, &nothing, err);
}

bool replica_exists(const struct store *store)
{
	return store_cluster_exists(store);
}

/* --- loading ----------------------------------------------------------------------------------- */

int replica_load_row(void *arg, unsigned table, const char *id, const void *bytes, size_t size,
		     struct err *err)
{
	return state_load_row(arg, (enum kind)table, id, bytes, size, err);
}

struct loading { struct view *view; const struct store_mark *mark; };

/* A file of a newer version has things in it that this one does not know: that is no damage. */
static int judge(const struct store_mark *mark, int got, struct err *err)
{
	if (got < 0 && mark->format_level <= FORMAT_LEVEL)
		err->code = ERR_DAMAGED;
	return got;
}

static int load_row(void *arg, unsigned table, const char *id, const void *bytes, size_t size,
		    struct err *err)
{
	const struct loading *loading = arg;

	return judge(loading->mark, replica_load_row(loading->view, table, id, bytes, size, err), err);
}

void replica_tables(const char *ret[KIND_COUNT])
{
	ret[0] = NULL;
	for (int kind = 1; kind < KIND_COUNT; kind++)
		ret[kind] = kind_name((enum kind)kind);
}

static int load_state(struct replica *r, const struct store_mark *mark, struct err *err)
{
	if (mark->format_level > FORMAT_LEVEL)
		return err_set(
			err, ERR_UNSUPPORTED,
			"state.db has format level %llu; this version of swarmbox knows up to %d",
			(unsigned long long)mark->format_level, FORMAT_LEVEL);
	if (mark->index > 0 &&
	    judge(mark, raft_membership_decode(mark->members, mark->members_size, &r->config, err), err) < 0)
		return err_wrap(err, "state.db");
	r->config_index = mark->members_index;
	r->cluster_ms = r->applied_ms = mark->now_ms;
	return judge(mark, state_load_done(r->view, mark->index, mark->term, mark->now_ms, mark->sum, err), err);
}

/* Which member this node is, in a log that does not say so: by the newest configuration, in the state or in
 * the log behind it. */
static int find_self(struct replica *r, const char *node_id, const struct store_log *log,
		     struct err *err)
{
	struct raft_membership config = r->config;

	for (size_t i = 0; i < log->entry_count; i++) {
		const struct store_entry *entry = &log->entries[i];
		if (entry->type == RAFT_ENTRY_CONFIG && entry->index > r->config_index &&
		    raft_membership_decode(entry->bytes, entry->size, &config, err) < 0)
			return err_wrap(err, "raft.db: entry %llu",
					(unsigned long long)entry->index);
	}
	for (size_t i = 0; i < config.count; i++)
		if (str_eq(config.members[i].node_id, node_id))
			r->me.raft_id = config.members[i].id;
	if (r->me.raft_id == 0)
		return err_set(err, ERR_IO, "raft.db: node %s is none of its %zu managers", node_id,
			       config.count);
	str_copy(r->me.cluster_id, ID_SIZE, config.cluster_id);
	return 0;
}

static int know_self(struct replica *r, const char *node_id, const struct store_log *log, struct err *err)
{
	r->me = log->self;
	if (r->me.raft_id == 0)
		return find_self(r, node_id, log, err);
	if (str_eq(r->me.node_id, node_id))
		return 0;
	return err_set(err, ERR_IO, "raft.db belongs to node %s, this is node %s", r->me.node_id, node_id);
}

static int load(struct replica *r, const char *node_id, struct err *err)
{
	struct store_loaded loaded;
	struct loading loading = { r->view, &loaded.mark };
	struct store_cluster_options options = {
		.tables = r->tables,
		.table_count = KIND_COUNT,
		.events = &replica_store_events,
		.events_arg = r,
		.row_fn = load_row,
		.row_arg = &loading,
	};

	if (store_cluster_open(r->store, &options, &loaded, err) < 0)
		return -1;
	int got = -1;
	if (load_state(r, &loaded.mark, err) == 0 && know_self(r, node_id, &loaded.log, err) == 0)
		got = replica_start_raft(r, &loaded.log, err);
	store_loaded_fini(&loaded);
	if (got < 0)
		store_cluster_close(r->store);
	return got;
}

static const struct { size_t offset; timer_fn *fn; } timers[] = {
	{ offsetof(struct replica, pump), replica_pump },
	{ offsetof(struct replica, retry), replica_retry },
	{ offsetof(struct replica, tick), replica_tick },
	{ offsetof(struct replica, stall), replica_stall },
	{ offsetof(struct replica, give_up), replica_give_up },
	{ offsetof(struct replica, expire), replica_expire },
};

static struct timer *timer_of(struct replica *r, size_t i)
{
	return (struct timer *)(void *)((char *)r + timers[i].offset);
}

static void cancel_timers(struct replica *r)
{
	for (size_t i = 0; i < ARRAY_COUNT(timers); i++)
		timer_cancel(timer_of(r, i));
}

int replica_open(struct loop *loop, struct store *store, const char *node_id,
		 const struct replica_hooks *hooks, struct replica **ret, struct err *err)
{
	struct replica *r = NEW(struct replica);

	r->loop = loop;
	r->store = store;
	r->hooks = *hooks;
	r->view = view_new();
	r->cluster_at = loop_now(loop);
	r->last_token = replica_new_id(); /* a late answer to a read of an earlier life is none to ours */
	replica_tables(r->tables);
	list_init(&r->answers);
	request_queue_init(&r->queue);
	list_init(&r->asks);
	list_init(&r->held);
	list_init(&r->inbox);
	r->install.bytes.ceiling = SNAPSHOT_BYTES_MAX;
	for (size_t i = 0; i < ARRAY_COUNT(timers); i++)
		timer_init(timer_of(r, i), loop, timers[i].fn, r);
	if (load(r, node_id, err) < 0) {
		replica_destroy(r);
		return -1;
	}
	r->is_open = true;
	*ret = r;
	return 0;
}

void replica_destroy(struct replica *r)
{
	cancel_timers(r);
	replica_drop_inbox(r);
	replica_snapshots_fini(r);
	raft_free(r->raft);
	view_free(r->view);
	free(r);
}

void replica_close(struct replica *r)
{
	struct err err;

	if (!r)
		return;
	r->is_open = false;
	cancel_timers(r);
	store_cluster_close(r->store);
	err_set(&err, ERR_UNAVAILABLE,
		"the cluster state is being closed; it is not known whether the change was made");
	replica_answer_all(r, &err);
	if (r->depth == 0)
		replica_destroy(r);
}

/* --- asking ------------------------------------------------------------------------------------ */

const struct view *replica_view(const struct replica *r)
{
	return r->view;
}

msec replica_now(const struct replica *r)
{
	msec now = loop_now(r->loop);

	/* what was applied may carry a later time than our own clock, until a heartbeat corrects it */
	return MAX(r->applied_ms, r->raft ? raft_cluster_ms(r->raft, now) : r->cluster_ms + (now - r->cluster_at));
}

bool replica_is_leader(const struct replica *r)
{
	return r->leads;
}

const char *replica_cluster_id(const struct replica *r)
{
	return r->me.cluster_id;
}

struct replica_status replica_status(const struct replica *r)
{
	struct replica_status ours = { .self = r->me.raft_id,
				       .applied = view_index(r->view),
				       .config = &r->config };

	if (!r->raft || r->stopped.code)
		return ours;
	struct raft_status status = raft_status(r->raft);
	ours.leader = status.leader;
	ours.role = status.role;
	ours.term = status.hard.term;
	ours.commit = status.commit;
	ours.election_ms = status.hard.election_ms;
	ours.config = status.config;
	return ours;
}

static void refuse_full(struct replica *r, struct request *request)
{
	struct err err;

	err_set(&err, ERR_EXHAUSTED, "%d changes wait already: try again later",
		REPLICA_QUEUE_MAX);
	request_fail(request, &err);
	list_add_last(&r->answers, &request->link);
}

void replica_request(struct replica *r, enum replica_lane lane, replica_check_fn *check,
		     replica_done_fn *done, void *arg)
{
	struct request *request = NEW(struct request);

	*request = (struct request){ .check_fn = check, .done = done, .arg = arg };
	if (!request_queue_add(&r->queue, lane, request))
		refuse_full(r, request);
	timer_set_in(&r->pump, 0);
}

void replica_kick(struct replica *r)
{
	r->is_kicked = true;
	timer_set_in(&r->pump, 0);
}
