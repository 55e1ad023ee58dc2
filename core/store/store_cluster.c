/* store_cluster.c - the cluster's two files as a pair: made, opened, closed, removed, each whole or not at all. */
#include <stdlib.h>

#include "base/panic.h"
#include "store/store_thread.h"

/* A question to the VFS, which any thread may ask. */
bool store_cluster_exists(const struct store *store)
{
	return sql_file_exists(store->vfs, store->root, "raft.db");
}

/* The log decides what a state.db means: alone it is the rest of an accident. */
static int check_not_orphaned(struct store *store, struct err *err)
{
	if (!sql_file_exists(store->vfs, store->root, "state.db"))
		return 0;
	return err_set(err, ERR_IO,
		       "%s/raft.db is missing, but state.db is there: restore it, or move state.db "
		       "away to start anew",
		       store->root);
}

int store_wipe_files(struct store *store, struct err *err)
{
	if (sql_file_remove(store->vfs, store->root, "raft.db", err) < 0 ||
	    sql_file_remove(store->vfs, store->root, "state.db", err) < 0)
		return -1;
	return node_db_note_wipe(&store->node, false, err);
}

/* --- making ----------------------------------------------------------------------------------- */

struct cluster_make { const struct store_state *state; const struct store_self *self; const struct store_append *append; };

static int write_log(struct store *store, const struct cluster_make *make, struct err *err)
{
	struct store_log was = { 0 };
	struct log_db log;

	if (log_db_open(&log, store->root, store->vfs, err) < 0)
		return -1;
	int got = log_db_load(&log, &was, err);
	if (got == 0)
		got = log_db_found(&log, make->self, make->append, err);
	store_log_fini(&was);
	log_db_close(&log);
	return got;
}

static int write_state(struct store *store, const struct store_state *state, struct err *err)
{
	struct state_write write = { true, (struct store_row *)(uintptr_t)state->rows, state->row_count, *state->mark };
	const struct state_write *writes[] = { &write };
	struct state_db db;

	if (state_db_open(&db, store->root, store->vfs, state->tables, state->table_count, err) < 0)
		return -1;
	int got = state_db_write(&db, writes, 1, true, err);
	if (got == 0)
		got = state_db_checkpoint(&db, false, err);
	state_db_close(&db);
	return got;
}

/* Under the same note as a wipe: until it is taken back, the next start removes what is there. */
static int make_cluster(struct store *store, void *arg, struct err *err)
{
	const struct cluster_make *make = arg;

	if (store_cluster_exists(store))
		return err_set(err, ERR_CONFLICT, "%s already holds a cluster", store->root);
	if (check_not_orphaned(store, err) < 0 || node_db_note_wipe(&store->node, true, err) < 0)
		return -1;
	if ((!make->state || write_state(store, make->state, err) == 0) && write_log(store, make, err) == 0)
		return node_db_note_wipe(&store->node, false, err);
	struct err ignored;
	store_wipe_files(store, &ignored);
	return -1;
}

int store_cluster_make_of(struct store *store, const struct store_state *state, const struct store_self *self,
			  const struct store_append *first, struct err *err)
{
	struct cluster_make make = { state, self, first };

	return store_thread_call(store, make_cluster, &make, err);
}

int store_cluster_make(struct store *store, const struct store_self *self,
		       const struct store_append *first, struct err *err)
{
	return store_cluster_make_of(store, NULL, self, first, err);
}

static int hand_over(struct store *store, void *arg, struct err *err)
{
	check(!store->has_cluster && store_cluster_exists(store));
	return write_log(store, arg, err);
}

int store_cluster_hand_over(struct store *store, const struct store_self *self, const struct store_append *append,
			    struct err *err)
{
	struct cluster_make make = { NULL, self, append };

	return store_thread_call(store, hand_over, &make, err);
}

/* --- opening and closing ---------------------------------------------------------------------- */

struct cluster_open {
	const struct store_cluster_options *options;
	struct store_loaded *ret;
};

/* Nothing of the cluster is reported any more, not even what has happened already. */
static void forget_cluster(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	store_jobs_free(&store->log_finished);
	store_jobs_free(&store->state_queue.jobs);
	store->state_queue.bytes = store->state_queue.count = 0;
	store_log_fini(&store->reopened);
	store->tell_durable = store->tell_trouble = store->tell_room = store->tell_reopened = false;
	store->is_trouble = store->state_waits_for_room = store->checkpoint_wanted = false;
	store->reopen_wanted = false;
	store->cut_wanted = 0;
	pthread_mutex_unlock(&store->mutex);
}

static void close_cluster_files(struct store *store)
{
	log_db_close(&store->log);
	state_db_close(&store->state);
	store->has_cluster = store->log_failed = false;
	store->state_retry_at = 0;
	store->cut_done = store->committed = store->durable = 0;
	forget_cluster(store);
}

static int open_files(struct store *store, const struct store_cluster_options *options,
		      struct err *err)
{
	if (!store_cluster_exists(store) && check_not_orphaned(store, err) < 0)
		return -1;
	if (log_db_open(&store->log, store->root, store->vfs, err) < 0)
		return -1;
	return state_db_open(&store->state, store->root, store->vfs, options->tables,
			     options->table_count, err);
}

static int open_cluster(struct store *store, void *arg, struct err *err)
{
	const struct cluster_open *open = arg;
	const struct store_cluster_options *options = open->options;
	struct store_loaded *loaded = open->ret;

	*loaded = (struct store_loaded){ 0 };
	if (open_files(store, options, err) < 0 || log_db_load(&store->log, &loaded->log, err) < 0 ||
	    state_db_load(&store->state, options->row_fn, options->row_arg, &loaded->mark, err) <
		    0) {
		store_loaded_fini(loaded);
		close_cluster_files(store);
		return -1;
	}
	store->state_tables = options->tables;
	store->state_table_count = options->table_count;
	store->has_cluster = true;
	store->committed = loaded->mark.index;
	return 0;
}

int store_cluster_open(struct store *store, const struct store_cluster_options *options,
		       struct store_loaded *ret, struct err *err)
{
	struct cluster_open open = { options, ret };

	check(!store->events);
	if (store_thread_call(store, open_cluster, &open, err) < 0)
		return -1;
	store->events = options->events;
	store->events_arg = options->events_arg;
	return 0;
}

void store_log_fini(struct store_log *log)
{
	for (size_t i = 0; i < log->entry_count; i++)
		free((void *)log->entries[i].bytes);
	free(log->entries);
	*log = (struct store_log){ 0 };
}

void store_loaded_fini(struct store_loaded *loaded)
{
	store_log_fini(&loaded->log);
	free((void *)loaded->mark.members);
	loaded->mark = (struct store_mark){ 0 };
}

static int close_cluster(struct store *store, void *arg UNUSED, struct err *err UNUSED)
{
	close_cluster_files(store);
	return 0;
}

void store_cluster_close(struct store *store)
{
	struct err err;

	store_thread_call(store, close_cluster, NULL, &err);
	store->events = NULL;
}

/* --- removing --------------------------------------------------------------------------------- */

static const char *const cluster_files[] = { "raft.db", "state.db" };

/* The note in node.db comes first, so that a kill in between leaves nothing that looks like a
 * cluster. */
static int wipe_cluster(struct store *store, void *arg, struct err *err)
{
	const bool *keeps = arg;

	close_cluster_files(store);
	if (node_db_note_wipe(&store->node, true, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_COUNT(cluster_files); i++)
		if (sql_file_set_aside(store->vfs, store->root, cluster_files[i], *keeps, err) < 0)
			return -1;
	return store_wipe_files(store, err);
}

int store_cluster_wipe(struct store *store, struct err *err)
{
	bool keeps = false;

	store->events = NULL;
	return store_thread_call(store, wipe_cluster, &keeps, err);
}

int store_cluster_set_aside(struct store *store, struct err *err)
{
	bool keeps = true;

	store->events = NULL;
	return store_thread_call(store, wipe_cluster, &keeps, err);
}
