/* store.c - the loop's side: queues what is to be written, reports what came of it. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "store/store_thread.h"

/* --- opening ---------------------------------------------------------------------------------- */

static int open_node(struct store *store, void *arg, struct err *err)
{
	const struct store_options *options = arg;
	bool is_wiping = false;

	if (node_db_open(&store->node, store->root, store->vfs, options->node_tables,
			 options->node_table_count, err) < 0)
		return -1;
	if (node_db_is_wiping(&store->node, &is_wiping, err) < 0)
		return -1;
	return is_wiping ? store_wipe_files(store, err) : 0;
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

/* --- node.db ---------------------------------------------------------------------------------- */

int store_node_write(struct store *store, const struct store_row *rows, size_t count,
		     store_done_fn *done, void *arg, struct err *err)
{
	return store_queue_bounded(store, &store->node_queue, STORE_NODE_QUEUE_BYTES,
			     store_job_of_node(rows, count, done, arg), "node.db", err);
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

/* --- the log and the state -------------------------------------------------------------------- */

int store_log_append(struct store *store, const struct store_append *append, store_done_fn *done,
		     void *arg, struct err *err)
{
	return store_queue_bounded(store, &store->log_queue, STORE_LOG_QUEUE_BYTES,
			     store_job_of_log(append, done, arg), "raft.db", err);
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
	return queue_state(store, store_job_of_state(rows, count, mark));
}

bool store_state_replace(struct store *store, const struct store_row *rows, size_t count,
			 const struct store_mark *mark)
{
	struct store_job *job = store_job_of_state(rows, count, mark);

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

/* --- reports ---------------------------------------------------------------------------------- */

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
