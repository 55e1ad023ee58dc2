/* store.c - the loop's side: copies what is to be written, queues it, reports what came of it. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "store/store_thread.h"

/* --- opening -----------------------------------------------------------------------------------
 */

static int wipe_files(struct store *store, struct err *err)
{
	if (sql_file_remove(store->vfs, store->root, "raft.db", err) < 0 ||
	    sql_file_remove(store->vfs, store->root, "state.db", err) < 0)
		return -1;
	return node_db_note_wipe(&store->node, false, err);
}

static int open_node(struct store *store, void *arg, struct err *err)
{
	const struct store_options *options = arg;
	bool is_wiping = false;

	if (node_db_open(&store->node, store->root, store->vfs, options->node_tables,
			 options->node_table_count, err) < 0)
		return -1;
	if (node_db_is_wiping(&store->node, &is_wiping, err) < 0)
		return -1;
	return is_wiping ? wipe_files(store, err) : 0;
}

static void free_store(struct store *store)
{
	store_queues_fini(store);
	pthread_mutex_destroy(&store->mutex);
	free(store->root);
	free(store);
}

int store_open(const struct store_options *options, struct loop *loop, struct store **ret,
	       struct err *err)
{
	if (!options->vfs && dir_make(options->data_root, 0700, err) < 0)
		return -1;

	struct store *store = NEW(struct store);
	store->root = str_dup(options->data_root);
	store->vfs = options->vfs;
	pthread_mutex_init(&store->mutex, NULL);
	store_queues_init(store);
	if (store_thread_start(store, loop, err) < 0) {
		free_store(store);
		return -1;
	}
	if (store_thread_call(store, open_node, (void *)options, err) < 0) {
		store_close(store);
		return -1;
	}
	*ret = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_thread_stop(store);
	free_store(store);
}

/* --- copies: one block a job -------------------------------------------------------------------
 */

static size_t row_bytes(const struct store_row *row)
{
	return sizeof(*row) + strlen(row->id) + 1 + row->size;
}

static struct store_job *new_job(size_t extra, store_done_fn *done, void *arg)
{
	struct store_job *job = mem_new(1, sizeof(*job) + extra);

	job->bytes = sizeof(*job) + extra;
	job->done = done;
	job->arg = arg;
	return job;
}

static void *copy_bytes(char **at, const void *bytes, size_t size)
{
	void *place = *at;

	if (size > 0)
		memcpy(place, bytes, size);
	*at += size;
	return place;
}

/* The rows, then their texts and bytes; NULL bytes stay NULL. */
static struct store_row *copy_rows(char *at, const struct store_row *rows, size_t count,
				   char **ret_end)
{
	struct store_row *copies = (struct store_row *)(void *)at;

	at += count * sizeof(*rows);
	for (size_t i = 0; i < count; i++) {
		copies[i] = rows[i];
		copies[i].id = copy_bytes(&at, rows[i].id, strlen(rows[i].id) + 1);
		if (rows[i].bytes)
			copies[i].bytes = copy_bytes(&at, rows[i].bytes, rows[i].size);
	}
	*ret_end = at;
	return copies;
}

static size_t rows_bytes(const struct store_row *rows, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += row_bytes(&rows[i]);
	return bytes;
}

static struct store_job *log_job(const struct store_append *append, store_done_fn *done, void *arg)
{
	const struct store_entry *entries = append->entries;
	size_t count = append->entry_count, bytes = count * sizeof(*entries);

	for (size_t i = 0; i < count; i++)
		bytes += entries[i].size;

	struct store_job *job = new_job(bytes, done, arg);
	struct store_entry *copies = (struct store_entry *)(void *)(job + 1);
	char *at = (char *)(copies + count);
	for (size_t i = 0; i < count; i++) {
		copies[i] = entries[i];
		copies[i].bytes = copy_bytes(&at, entries[i].bytes, entries[i].size);
	}
	job->log = *append;
	job->log.entries = copies;
	return job;
}

static struct store_job *node_job(const struct store_row *rows, size_t count, store_done_fn *done,
				  void *arg)
{
	struct store_job *job = new_job(rows_bytes(rows, count), done, arg);
	char *end;

	job->node.rows = copy_rows((char *)(job + 1), rows, count, &end);
	job->node.count = count;
	return job;
}

static struct store_job *state_job(const struct store_row *rows, size_t count,
				   const struct store_mark *mark)
{
	struct store_job *job = new_job(rows_bytes(rows, count) + mark->members_size, NULL, NULL);
	char *end;

	job->state.rows = copy_rows((char *)(job + 1), rows, count, &end);
	job->state.count = count;
	job->state.mark = *mark;
	job->state.mark.members = copy_bytes(&end, mark->members, mark->members_size);
	return job;
}

/* --- node.db -----------------------------------------------------------------------------------
 */

static int queue_bounded(struct store *store, struct store_queue *queue, size_t bound,
			 struct store_job *job, const char *name, struct err *err)
{
	pthread_mutex_lock(&store->mutex);
	bool fits = queue->bytes == 0 || queue->bytes + job->bytes <= bound;
	if (fits)
		store_queue_job(store, queue, job);
	pthread_mutex_unlock(&store->mutex);
	if (fits)
		return 0;
	store_job_free(job);
	return err_set(err, ERR_EXHAUSTED, "%s: the disk does not keep up, %zu MiB wait for it",
		       name, bound >> 20);
}

int store_node_write(struct store *store, const struct store_row *rows, size_t count,
		     store_done_fn *done, void *arg, struct err *err)
{
	return queue_bounded(store, &store->node_queue, STORE_NODE_QUEUE_BYTES,
			     node_job(rows, count, done, arg), "node.db", err);
}

struct node_load {
	unsigned table;
	store_row_fn *row_fn;
	void *arg;
};

static int load_node(struct store *store, void *arg, struct err *err)
{
	const struct node_load *load = arg;

	return node_db_load(&store->node, load->table, load->row_fn, load->arg, err);
}

int store_node_load(struct store *store, unsigned table, store_row_fn *row_fn, void *arg,
		    struct err *err)
{
	struct node_load load = { table, row_fn, arg };

	return store_thread_call(store, load_node, &load, err);
}

/* --- the cluster's files -----------------------------------------------------------------------
 */

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
	wipe_files(store, &ignored);
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
	return wipe_files(store, err);
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

int store_log_append(struct store *store, const struct store_append *append, store_done_fn *done,
		     void *arg, struct err *err)
{
	return queue_bounded(store, &store->log_queue, STORE_LOG_QUEUE_BYTES,
			     log_job(append, done, arg), "raft.db", err);
}

void store_log_cut(struct store *store, uint64_t index)
{
	pthread_mutex_lock(&store->mutex);
	store->cut_wanted = MAX(store->cut_wanted, index);
	store_thread_wake(store);
	pthread_mutex_unlock(&store->mutex);
}

void store_log_reopen(struct store *store, store_reopened_fn *done, void *arg)
{
	pthread_mutex_lock(&store->mutex);
	check(store->events && !store->reopen_wanted && !store->tell_reopened);
	store->on_reopened = done;
	store->on_reopened_arg = arg;
	store->reopen_wanted = true;
	store_thread_wake(store);
	pthread_mutex_unlock(&store->mutex);
}

static bool queue_state(struct store *store, struct store_job *job)
{
	pthread_mutex_lock(&store->mutex);
	store->checkpoint_wanted = store->checkpoint_wanted || job->state.replaces;
	store_queue_job(store, &store->state_queue, job);
	bool has_room = store->state_queue.bytes <= STORE_STATE_QUEUE_BYTES;
	store->state_waits_for_room = store->state_waits_for_room || !has_room;
	pthread_mutex_unlock(&store->mutex);
	return has_room;
}

bool store_state_write(struct store *store, const struct store_row *rows, size_t count,
		       const struct store_mark *mark)
{
	return queue_state(store, state_job(rows, count, mark));
}

bool store_state_replace(struct store *store, const struct store_row *rows, size_t count,
			 const struct store_mark *mark)
{
	struct store_job *job = state_job(rows, count, mark);

	job->state.replaces = true;
	return queue_state(store, job);
}

void store_state_checkpoint(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	store->checkpoint_wanted = true;
	store_thread_wake(store);
	pthread_mutex_unlock(&store->mutex);
}

/* --- reports -----------------------------------------------------------------------------------
 */

/* Takes the first finished job; NULL when there is none. One at a time: a callback may close the
 * cluster, and then the rest is not to be called. */
static struct store_job *next_finished(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	struct list *link = list_take_first(&store->log_finished);
	if (!link)
		link = list_take_first(&store->node_finished);
	pthread_mutex_unlock(&store->mutex);
	return link ? CONTAINER_OF(link, struct store_job, link) : NULL;
}

static bool take_flag(struct store *store, bool *flag)
{
	pthread_mutex_lock(&store->mutex);
	bool was = *flag;
	*flag = false;
	pthread_mutex_unlock(&store->mutex);
	return was;
}

static bool has_reopened(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	bool has = store->tell_reopened;
	pthread_mutex_unlock(&store->mutex);
	return has;
}

static void deliver_reopened(struct store *store)
{
	if (!take_flag(store, &store->tell_reopened))
		return;
	struct store_log log = store->reopened;
	store->reopened = (struct store_log){ 0 };
	store->on_reopened(store->on_reopened_arg, store->reopen_failed ? NULL : &log,
			   store->reopen_failed ? &store->reopen_failure : NULL);
}

static void deliver_trouble(struct store *store)
{
	struct err trouble;

	if (!take_flag(store, &store->tell_trouble))
		return;
	pthread_mutex_lock(&store->mutex);
	bool is_trouble = store->is_trouble;
	trouble = store->trouble;
	pthread_mutex_unlock(&store->mutex);
	store->events->on_trouble(store->events_arg, is_trouble ? &trouble : NULL);
}

void store_deliver(struct store *store)
{
	struct store_job *job;
	bool was_reopened = has_reopened(store); /* before that, all appends of before are told */

	while ((job = next_finished(store))) {
		job->done(job->arg, job->failure);
		store_job_free(job);
	}
	deliver_trouble(store);
	if (take_flag(store, &store->tell_durable))
		store->events->on_durable(store->events_arg, store->told_durable);
	if (take_flag(store, &store->tell_room))
		store->events->on_state_room(store->events_arg);
	if (was_reopened)
		deliver_reopened(store);
}
