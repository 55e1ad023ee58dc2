/* replica_refound_io.c - a cluster goes on with one member: of what lies on its disk, or of a snapshot. */
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "replica/replica_internal.h"

enum { COMPOSE_BYTES_MAX = 16 << 20 };

/* What the new beginning is made of. */
struct ground {
	struct view *view;
	struct store_self self;         /* cluster_id */
	struct store_hard hard;
	msec now_ms;
	bool forgets_log;
};

/* --- the disk ---------------------------------------------------------------------------------- */

/* As raft takes it: a log that ends before the state does, or contradicts it, is of before a snapshot (raft_start.c). */
static bool is_useful(const struct store_log *log, const struct store_mark *mark)
{
	if (log->entry_count == 0 || log->entries[log->entry_count - 1].index < mark->index)
		return false;
	for (size_t i = 0; i < log->entry_count; i++)
		if (log->entries[i].index == mark->index && log->entries[i].term != mark->term)
			return false;
	return true;
}

static int replay(struct ground *g, const struct store_log *log, struct err *err)
{
	for (size_t i = 0; i < log->entry_count; i++) {
		const struct store_entry *entry = &log->entries[i];
		bool is_ours = entry->type == RAFT_ENTRY_NORMAL;
		struct applied applied;

		if (entry->index <= view_index(g->view))
			continue;
		if (entry->index != view_index(g->view) + 1)
			return err_set(err, ERR_IO, "raft.db: entry %llu is missing", (unsigned long long)view_index(g->view) + 1);
		if (state_apply(g->view, entry->index, entry->term, is_ours ? entry->bytes : NULL, is_ours ? entry->size : 0, &applied,
				err) < 0)
			return -1;
		applied_fini(&applied);
		g->now_ms = MAX(g->now_ms, entry->now_ms);
	}
	return 0;
}

static int settle(struct ground *g, const struct store_loaded *loaded, const char *node_id, struct err *err)
{
	const struct store_mark *mark = &loaded->mark;
	struct raft_membership config;

	g->self = loaded->log.self;
	g->hard = loaded->log.hard;
	g->now_ms = mark->now_ms;
	g->forgets_log = !is_useful(&loaded->log, mark);
	if (g->self.raft_id == 0) {
		if (raft_membership_decode(mark->members, mark->members_size, &config, err) < 0)
			return err_wrap(err, "state.db");
		str_copy(g->self.cluster_id, ID_SIZE, config.cluster_id);
	} else if (!str_eq(g->self.node_id, node_id)) {
		return err_set(err, ERR_IO, "raft.db belongs to node %s, this is node %s", g->self.node_id, node_id);
	}
	if (state_load_done(g->view, mark->index, mark->term, mark->now_ms, mark->sum, err) < 0)
		return -1;
	return g->forgets_log ? 0 : replay(g, &loaded->log, err);
}

static void on_index(void *arg UNUSED, uint64_t index UNUSED) { }
static void on_trouble(void *arg UNUSED, const struct err *err UNUSED) { }
static void on_room(void *arg UNUSED) { }

static int read_disk(struct ground *g, struct store *store, const char *node_id, struct err *err)
{
	static const struct store_events deaf = { on_index, on_trouble, on_room };
	const char *tables[KIND_COUNT];
	struct store_cluster_options options = { .tables = tables, .table_count = KIND_COUNT, .events = &deaf, .row_fn = replica_load_row,
						 .row_arg = g->view };
	struct store_loaded loaded;

	replica_tables(tables);
	if (store_cluster_open(store, &options, &loaded, err) < 0)
		return -1;
	int got = settle(g, &loaded, node_id, err);
	store_loaded_fini(&loaded);
	store_cluster_close(store);
	return got;
}

/* --- two entries ------------------------------------------------------------------------------- */

struct beginning {
	struct store_self self;
	struct buf member, changes;
	struct store_entry entries[2];
	struct store_append append;
};

static void beginning_fini(struct beginning *b)
{
	buf_fini(&b->member);
	buf_fini(&b->changes);
}

static void name_member(struct beginning *b, const struct ground *g, const char *node_id)
{
	struct raft_membership config = { .count = 1, .members = { { .suffrage = RAFT_VOTER } } };

	b->self = g->self;
	b->self.raft_id = config.members[0].id = replica_new_id();
	check(str_copy(b->self.node_id, ID_SIZE, node_id) && str_copy(config.members[0].node_id, ID_SIZE, node_id));
	str_copy(config.cluster_id, ID_SIZE, g->self.cluster_id);
	raft_membership_encode(&config, &b->member);
}

/* They are applied here first: what could not be would stop the node for good. */
static int write_entries(struct beginning *b, struct ground *g, const struct change_list *changes, struct err *err)
{
	struct entry_head head = { change_list_level(changes), g->now_ms, clock_wall_ns() };
	uint64_t last = view_index(g->view), term = MAX(g->hard.term, view_term(g->view)) + 1;

	change_list_encode(changes, &head, &b->changes);
	b->entries[0] = (struct store_entry){ last + 1, term, RAFT_ENTRY_CONFIG, g->now_ms, b->member.data, b->member.len };
	b->entries[1] = (struct store_entry){ last + 2, term, RAFT_ENTRY_NORMAL, g->now_ms, b->changes.data, b->changes.len };
	b->append = (struct store_append){ { term, 0, g->hard.election_ms }, g->forgets_log, b->entries, 2 };
	return replay(g, &(struct store_log){ .entries = b->entries, .entry_count = 2 }, err);
}

static int begin(struct beginning *b, struct ground *g, const char *node_id, replica_compose_fn *compose, void *arg, struct err *err)
{
	struct change_list changes;
	struct arena arena;
	int got;

	arena_init(&arena, "a new beginning", COMPOSE_BYTES_MAX);
	change_list_init(&changes, &arena);
	name_member(b, g, node_id);
	got = compose(arg, g->view, g->now_ms, &changes, err);
	if (got == 0)
		got = write_entries(b, g, &changes, err);
	arena_fini(&arena);
	return got;
}

int replica_refound(struct store *store, const char *node_id, replica_compose_fn *compose, void *arg, struct err *err)
{
	struct ground ground = { .view = view_new() };
	struct beginning b = { 0 };
	int got = read_disk(&ground, store, node_id, err);

	if (got == 0)
		got = begin(&b, &ground, node_id, compose, arg, err);
	if (got == 0)
		got = store_cluster_hand_over(store, &b.self, &b.append, err);
	beginning_fini(&b);
	view_free(ground.view);
	return got;
}

/* --- a snapshot -------------------------------------------------------------------------------- */

static int make_of(struct store *store, const struct snapshot *snapshot, const struct beginning *b, struct err *err)
{
	CLEANUP(buf_finip) struct buf members = BUF_INIT;
	const char *tables[KIND_COUNT];

	replica_tables(tables);
	raft_membership_encode(&snapshot->base.config, &members);
	struct store_mark mark = {
		.index = snapshot->base.index, .term = snapshot->base.term, .now_ms = snapshot->base.now_ms, .sum = snapshot->sum,
		.format_level = FORMAT_LEVEL, .members_index = snapshot->base.config_index, .members = members.data,
		.members_size = members.len,
	};
	struct store_state state = { tables, KIND_COUNT, snapshot->rows, snapshot->row_count, &mark };
	return store_cluster_make_of(store, &state, &b->self, &b->append, err);
}

int replica_restore(struct store *store, const void *bytes, size_t size, const char *node_id, replica_compose_fn *compose, void *arg,
		    struct err *err)
{
	struct beginning b = { 0 };
	struct snapshot snapshot;

	if (snapshot_decode(bytes, size, &snapshot, err) < 0)
		return -1;
	struct ground ground = { .view = snapshot.view, .hard.term = snapshot.base.term, .now_ms = snapshot.base.now_ms };
	str_copy(ground.self.cluster_id, ID_SIZE, snapshot.base.config.cluster_id);
	int got = begin(&b, &ground, node_id, compose, arg, err);
	if (got == 0)
		got = make_of(store, &snapshot, &b, err);
	beginning_fini(&b);
	snapshot_fini(&snapshot);
	return got;
}
