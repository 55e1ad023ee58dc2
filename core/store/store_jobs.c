/* store_jobs.c - what is to be written, copied into one block a job, and the queues in which jobs wait. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "os/clock.h"
#include "store/store_thread.h"

static size_t row_bytes(const struct store_row *row)
{
	return sizeof(*row) + strlen(row->id) + 1 + row->size;
}

static size_t rows_bytes(const struct store_row *rows, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += row_bytes(&rows[i]);
	return bytes;
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

struct store_job *store_job_of_log(const struct store_append *append, store_done_fn *done, void *arg)
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

struct store_job *store_job_of_node(const struct store_row *rows, size_t count, store_done_fn *done, void *arg)
{
	struct store_job *job = new_job(rows_bytes(rows, count), done, arg);
	char *end;

	job->node.rows = copy_rows((char *)(job + 1), rows, count, &end);
	job->node.count = count;
	return job;
}

struct store_job *store_job_of_state(const struct store_row *rows, size_t count, const struct store_mark *mark)
{
	struct store_job *job = new_job(rows_bytes(rows, count) + mark->members_size, NULL, NULL);
	char *end;

	job->state.rows = copy_rows((char *)(job + 1), rows, count, &end);
	job->state.count = count;
	job->state.mark = *mark;
	job->state.mark.members = copy_bytes(&end, mark->members, mark->members_size);
	return job;
}

/* --- queues ----------------------------------------------------------------------------------- */

void store_job_free(struct store_job *job)
{
	free(job->failure);
	free(job);
}

void store_jobs_free(struct list *jobs)
{
	LIST_EACH(link, jobs)
	{
		list_remove(link);
		store_job_free(CONTAINER_OF(link, struct store_job, link));
	}
}

void store_queue_drop(struct store_queue *queue)
{
	store_jobs_free(&queue->jobs);
	queue->bytes = queue->count = 0;
}

void store_queue_job(struct store *store, struct store_queue *queue, struct store_job *job)
{
	job->queued_at = clock_boot_ms();
	list_add_last(&queue->jobs, &job->link);
	queue->bytes += job->bytes;
	queue->count++;
	store_thread_wake(store);
}

int store_queue_bounded(struct store *store, struct store_queue *queue, size_t bound, struct store_job *job, const char *file, struct err *err)
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
		       file, bound >> 20);
}

void store_queues_init(struct store *store)
{
	list_init(&store->log_queue.jobs);
	list_init(&store->node_queue.jobs);
	list_init(&store->state_queue.jobs);
	list_init(&store->state_laid.jobs);
	list_init(&store->log_finished);
	list_init(&store->node_finished);
}

void store_queues_fini(struct store *store)
{
	store_queue_drop(&store->log_queue);
	store_queue_drop(&store->node_queue);
	store_queue_drop(&store->state_queue);
	store_queue_drop(&store->state_laid);
	store_jobs_free(&store->log_finished);
	store_jobs_free(&store->node_finished);
	store_log_fini(&store->reopened);
}
