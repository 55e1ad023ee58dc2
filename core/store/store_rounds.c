/* store_rounds.c - what the thread does, and in which order.
 *
 * A round: all appends that wait (one transaction, one fsync), some writes to node.db, a slice of
 * what waits for state.db, a slice of the log to be cut, a checkpoint when one is due. So an append
 * never waits for more than one slice of anything else.
 *
 * Rows for state.db wait for more to come, and share one transaction over many rounds: ids are random, so
 * rows that come alone each write a page of their own.
 */
#include "store/store_thread.h"

#include <stdlib.h>

#include "base/panic.h"
#include "os/clock.h"

enum {
	MERGE_MAX = 256, /* appends of one transaction */
	MERGE_BYTES = 4 << 20,
	NODE_JOBS_A_ROUND = 32,
	STATE_JOBS_A_ROUND = 64,
	STATE_BYTES_A_ROUND = 128 << 10,
	STATE_WAITS_MS = 200,
	STATE_WAITS_BYTES = 1 << 20,
	STATE_COMMIT_BYTES = 4 << 20,
	CHECKPOINT_PAGES = 2000,
	CHECKPOINT_IDLE_MS = 10 * 1000,
	RETRY_MS = 1000,
};

/* --- telling the loop; with the mutex held -----------------------------------------------------
 */

static void finish(struct store *store, struct list *finished, struct store_job *job)
{
	if (!job->done) {
		store_job_free(job);
		return;
	}
	list_add_last(finished, &job->link);
	store_thread_tell(store);
}

static void tell_trouble(struct store *store, const struct err *err)
{
	if (!err && !store->is_trouble)
		return;
	/* of the same trouble once; another kind (the file is damaged, too) is news */
	store->tell_trouble = store->tell_trouble || !err || !store->is_trouble || err->code != store->trouble.code;
	store->is_trouble = err != NULL;
	if (err)
		store->trouble = *err;
	store_thread_tell(store);
}

static void tell_durable(struct store *store)
{
	store->told_durable = store->durable;
	store->tell_durable = true;
	store_thread_tell(store);
}

/* --- the log -----------------------------------------------------------------------------------
 */

/* Takes jobs off a queue into an array, as many as fit the bounds and at least one. */
static size_t take(struct store_queue *queue, struct store_job **ret, size_t max, size_t max_bytes)
{
	size_t count = 0, bytes = 0;

	LIST_EACH(link, &queue->jobs)
	{
		struct store_job *job = CONTAINER_OF(link, struct store_job, link);
		if (count == max || (count > 0 && bytes + job->bytes > max_bytes))
			break;
		list_remove(link);
		bytes += job->bytes;
		ret[count++] = job;
	}
	queue->bytes -= bytes;
	queue->count -= count;
	return count;
}

static void close_log(struct store *store, const struct err *err)
{
	store->log_failed = true;
	store->log_failure = *err;
}

static int append(struct store *store, struct store_job *const *jobs, size_t count, struct err *err)
{
	struct store_append writes[MERGE_MAX];

	if (!store->has_cluster)
		return err_set(err, ERR_UNAVAILABLE, "raft.db is closed");
	if (store->log_failed) {
		*err = store->log_failure;
		return -1;
	}
	for (size_t i = 0; i < count; i++)
		writes[i] = jobs[i]->log;
	if (log_db_write(&store->log, writes, count, err) == 0)
		return 0;
	close_log(store, err);
	return -1;
}

static void fail_job(struct store_job *job, const struct err *err)
{
	job->failure = NEW(struct err);
	*job->failure = *err;
}

static void do_appends(struct store *store)
{
	struct store_job *jobs[MERGE_MAX];
	size_t count = take(&store->log_queue, jobs, MERGE_MAX, MERGE_BYTES);
	struct err err;

	if (count == 0)
		return;
	pthread_mutex_unlock(&store->mutex);
	int got = append(store, jobs, count, &err);
	pthread_mutex_lock(&store->mutex);
	for (size_t i = 0; i < count; i++) {
		if (got < 0)
			fail_job(jobs[i], &err);
		finish(store, &store->log_finished, jobs[i]);
	}
}

static bool can_cut(const struct store *store)
{
	return store->has_cluster && !store->log_failed && store->cut_wanted > store->cut_done;
}

/* Nobody waits for a cut, but its failed fsync is as bad as an append's: the WAL may have a hole
 * now, and what is written behind a hole does not come back. */
static void do_cut(struct store *store)
{
	uint64_t index = store->cut_wanted;
	struct err err;
	bool more = false;

	if (!can_cut(store))
		return;
	pthread_mutex_unlock(&store->mutex);
	int got = log_db_cut(&store->log, index, &more, &err);
	pthread_mutex_lock(&store->mutex);
	if (got < 0)
		close_log(store, &err);
	else if (!more)
		store->cut_done = index;
}

/* What waits now was meant for the log as it was before: behind what has been read it would stand as if it belonged there. */
static void fail_appends(struct store *store)
{
	struct store_job *job;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "raft.db is opened again");
	while (take(&store->log_queue, &job, 1, 0) > 0) {
		fail_job(job, &err);
		finish(store, &store->log_finished, job);
	}
}

static int reopen(struct store *store, struct store_log *ret, struct err *err)
{
	log_db_close(&store->log);
	if (log_db_open(&store->log, store->root, store->vfs, err) < 0)
		return -1;
	if (log_db_settle(&store->log, err) == 0 && log_db_load(&store->log, ret, err) == 0)
		return 0;
	log_db_close(&store->log);
	return -1;
}

static void do_reopen(struct store *store)
{
	struct store_log log = { 0 };
	struct err err;

	if (!store->reopen_wanted)
		return;
	pthread_mutex_unlock(&store->mutex);
	int got = reopen(store, &log, &err);
	pthread_mutex_lock(&store->mutex);
	fail_appends(store);
	store->reopen_wanted = false;
	store->log_failed = false;
	if (got < 0)
		close_log(store, &err);
	store->reopen_failed = got < 0;
	store->reopen_failure = store->log_failure;
	store->reopened = log;
	store->tell_reopened = true;
	store_thread_tell(store);
}

/* --- node.db -----------------------------------------------------------------------------------
 */

static void do_node(struct store *store)
{
	struct store_job *job;

	for (int i = 0; i < NODE_JOBS_A_ROUND && take(&store->node_queue, &job, 1, 0) > 0; i++) {
		struct err err;
		pthread_mutex_unlock(&store->mutex);
		int got = node_db_write(&store->node, job->node.rows, job->node.count, &err);
		pthread_mutex_lock(&store->mutex);
		if (got < 0)
			fail_job(job, &err);
		finish(store, &store->node_finished, job);
	}
}

/* --- state.db ----------------------------------------------------------------------------------
 */

static struct store_job *first_job(const struct store_queue *queue)
{
	if (list_is_empty(&queue->jobs))
		return NULL;
	return CONTAINER_OF(queue->jobs.next, struct store_job, link);
}

/* When the next slice of state.db is to be written; INT64_MAX: nothing waits. */
static msec state_due_at(const struct store *store)
{
	const struct store_job *job = first_job(&store->state_queue);

	if (!job)
		return INT64_MAX;
	if (store->state_retry_at)
		return store->state_retry_at;
	if (store->state_laid.count > 0 || store->state_queue.bytes >= STATE_WAITS_BYTES || store->checkpoint_wanted)
		return 0;
	return job->queued_at + STATE_WAITS_MS;
}

static msec checkpoint_due_at(const struct store *store)
{
	if (!store->has_cluster || store->durable == store->committed || store->state_laid.count > 0)
		return INT64_MAX;
	if (store->state_retry_at)
		return store->state_retry_at;
	if (store->state.wal_pages >= CHECKPOINT_PAGES || store->checkpoint_wanted)
		return 0;
	return store->state_written_at + CHECKPOINT_IDLE_MS;
}

/* A connection that has failed is not trusted: each new try begins with a new one. */
static int be_open(struct store *store, struct err *err)
{
	if (!store->state_retry_at)
		return 0;
	state_db_close(&store->state);
	return state_db_open(&store->state, store->root, store->vfs, store->state_tables,
			     store->state_table_count, err);
}

/* After a try at state.db, with the mutex held. */
static void note_try(struct store *store, int got, const struct err *err)
{
	store->state_retry_at = got < 0 ? clock_boot_ms() + RETRY_MS : 0;
	tell_trouble(store, got < 0 ? err : NULL);
}

/* What the open transaction held, which is gone: it waits again, before all others. */
static void put_back(struct store_queue *laid, struct store_queue *queue)
{
	struct list *first = laid->jobs.next, *last = laid->jobs.prev, *next = queue->jobs.next;

	if (first == &laid->jobs)
		return;
	first->prev = &queue->jobs;
	queue->jobs.next = first;
	last->next = next;
	next->prev = last;
	queue->bytes += laid->bytes;
	queue->count += laid->count;
	*laid = (struct store_queue){ .bytes = 0 };
	list_init(&laid->jobs);
}

static void lay(struct store_queue *laid, struct store_job *const *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		list_add_last(&laid->jobs, &jobs[i]->link);
		laid->bytes += jobs[i]->bytes;
	}
	laid->count += count;
}

static int write_state(struct store *store, struct store_job *const *jobs, size_t count,
		       bool commits, struct err *err)
{
	const struct state_write *writes[STATE_JOBS_A_ROUND];

	for (size_t i = 0; i < count; i++)
		writes[i] = &jobs[i]->state;
	if (be_open(store, err) < 0)
		return -1;
	return state_db_write(&store->state, writes, count, commits, err);
}

static void tell_room(struct store *store)
{
	if (!store->state_waits_for_room || store->state_queue.bytes > STORE_STATE_QUEUE_BYTES / 2)
		return;
	store->state_waits_for_room = false;
	store->tell_room = true;
	store_thread_tell(store);
}

static void do_state(struct store *store)
{
	struct store_job *jobs[STATE_JOBS_A_ROUND];
	size_t count = take(&store->state_queue, jobs, STATE_JOBS_A_ROUND, STATE_BYTES_A_ROUND);
	struct err err;

	if (count == 0)
		return;
	lay(&store->state_laid, jobs, count);
	bool commits = !first_job(&store->state_queue) || store->state_laid.bytes >= STATE_COMMIT_BYTES;
	pthread_mutex_unlock(&store->mutex);
	int got = write_state(store, jobs, count, commits, &err);
	pthread_mutex_lock(&store->mutex);
	note_try(store, got, &err);
	if (got < 0)
		put_back(&store->state_laid, &store->state_queue);
	if (got < 0 || !commits)
		return;
	store->committed = jobs[count - 1]->state.mark.index;
	store->state_written_at = clock_boot_ms();
	store_queue_drop(&store->state_laid);
	tell_room(store);
}

static void do_checkpoint(struct store *store)
{
	uint64_t committed = store->committed;
	bool is_busy = store->state.wal_pages >= CHECKPOINT_PAGES;
	struct err err;

	pthread_mutex_unlock(&store->mutex);
	int got = be_open(store, &err);
	if (got == 0)
		got = state_db_checkpoint(&store->state, is_busy, &err);
	pthread_mutex_lock(&store->mutex);
	note_try(store, got, &err);
	if (got < 0)
		return;
	store->durable = committed;
	store->checkpoint_wanted = store->checkpoint_wanted && first_job(&store->state_queue);
	tell_durable(store);
}

/* --- rounds ------------------------------------------------------------------------------------
 */

static bool has_urgent(const struct store *store)
{
	return first_job(&store->log_queue) || first_job(&store->node_queue) || can_cut(store) ||
	       store->reopen_wanted || store->call.run || store->stopping;
}

/* All that is queued is tried once, due or not. */
void store_flush(struct store *store)
{
	while (first_job(&store->log_queue))
		do_appends(store);
	while (first_job(&store->node_queue))
		do_node(store);
	while (first_job(&store->state_queue)) {
		do_state(store);
		if (store->state_retry_at)
			break;
	}
	if (checkpoint_due_at(store) != INT64_MAX)
		do_checkpoint(store);
}

static void do_call(struct store *store)
{
	struct store_call call = store->call;

	if (!call.run)
		return;
	store_flush(store);
	pthread_mutex_unlock(&store->mutex);
	call.result = call.run(store, call.arg, call.err);
	pthread_mutex_lock(&store->mutex);
	store->call = (struct store_call){ .result = call.result };
}

void store_round(struct store *store)
{
	do_appends(store);
	do_node(store);
	if (state_due_at(store) <= clock_boot_ms())
		do_state(store);
	do_cut(store);
	if (checkpoint_due_at(store) <= clock_boot_ms())
		do_checkpoint(store);
	do_reopen(store);
	do_call(store);
}

msec store_due_at(const struct store *store)
{
	if (has_urgent(store))
		return 0;
	return MIN(state_due_at(store), checkpoint_due_at(store));
}

void store_files_close(struct store *store)
{
	log_db_close(&store->log);
	state_db_close(&store->state);
	node_db_close(&store->node);
}
