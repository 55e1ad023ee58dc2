/* store_thread.h - the thread behind store.h: what is queued for it, what it has finished.
 *
 * Private to the room. The loop's side is store.c and, for files as a whole, store_cluster.c; what the thread
 * does is store_rounds.c, and when it does it is store_thread.c, which a simulation replaces. Fields above the line belong to the thread
 * alone (and to whoever waits in store_thread_call); below it, to whoever holds the mutex.
 */
#pragma once
#include <pthread.h>

#include "base/list.h"
#include "store/log_db.h"
#include "store/node_db.h"
#include "store/state_db.h"

/* A write on its way: queued, done, reported. What it carries lies in the same block behind it. */
struct store_job {
	struct list link;
	size_t bytes;
	union {
		struct store_append log;
		struct state_write state;
		struct { struct store_row *rows; size_t count; } node;
	};
	store_done_fn *done;
	void *arg;
	struct err *failure;    /* owned; NULL: it went well */
	msec queued_at;
};
struct store_queue {
	struct list jobs;
	size_t bytes, count;
};
/* Something that the loop's thread waits for. */
typedef int store_call_fn(struct store *store, void *arg, struct err *err);
struct store_call {
	store_call_fn *run;     /* NULL: none is under way */
	void *arg;
	struct err *err;
	int result;
};

struct store {
	char *root;
	const char *vfs;
	struct node_db node;
	struct log_db log;
	struct state_db state;
	const char *const *state_tables;
	size_t state_table_count;
	bool has_cluster, log_failed;
	struct err log_failure;
	uint64_t cut_done;
	msec state_retry_at;            /* 0: nothing is wrong */
	msec state_written_at;
	uint64_t committed, durable;    /* mark in state.db; mark that is known to be fsynced */
	struct store_queue state_laid;  /* written to state.db, in a transaction that is still open */
	/* ------------------------------------------------------------------------------------ */
	pthread_mutex_t mutex;
	struct store_shell *shell;      /* store_thread.c's own */
	bool stopping;
	struct store_queue log_queue, node_queue, state_queue;
	uint64_t cut_wanted;
	bool checkpoint_wanted, reopen_wanted, state_waits_for_room;
	struct store_call call;

	/* for the loop */
	struct list log_finished, node_finished;
	bool tell_durable, tell_trouble, tell_room, tell_reopened;
	uint64_t told_durable;
	bool is_trouble;
	struct err trouble;
	struct store_log reopened;
	bool reopen_failed;
	struct err reopen_failure;

	/* the loop's own */
	const struct store_events *events;
	void *events_arg;
	store_reopened_fn *on_reopened;
	void *on_reopened_arg;
};

/* store_thread.c */
int store_thread_start(struct store *store, struct loop *loop, struct err *err);
/* Ends when all that is queued has been tried once. */
void store_thread_stop(struct store *store);
/* Runs on the thread, after all that is queued; the caller waits. */
int store_thread_call(struct store *store, store_call_fn *run, void *arg, struct err *err);
/* With the mutex held: there is work; there is something to report. */
void store_thread_wake(struct store *store);
void store_thread_tell(struct store *store);

/* store_rounds.c; but for the last, with the mutex held, which is let go around the disk's work */
void store_round(struct store *store);
void store_flush(struct store *store);          /* all that is queued is tried once, due or not */
msec store_due_at(const struct store *store);   /* the next round; 0: now; INT64_MAX: nothing to do */
void store_files_close(struct store *store);

/* store_jobs.c: copies of what is to be written, and queues */
struct store_job *store_job_of_log(const struct store_append *append, store_done_fn *done, void *arg);
struct store_job *store_job_of_node(const struct store_row *rows, size_t count, store_done_fn *done, void *arg);
struct store_job *store_job_of_state(const struct store_row *rows, size_t count, const struct store_mark *mark);
void store_job_free(struct store_job *job);
void store_jobs_free(struct list *jobs);
void store_queue_drop(struct store_queue *queue);         /* all that is in it */
void store_queues_init(struct store *store);
void store_queues_fini(struct store *store);
/* With the mutex held. */
void store_queue_job(struct store *store, struct store_queue *queue, struct store_job *job);
/* Without it, and with the job's fate: ERR_EXHAUSTED, naming the file, when more than bound would wait. */
int store_queue_bounded(struct store *store, struct store_queue *queue, size_t bound, struct store_job *job, const char *file, struct err *err);

/* store_cluster.c, on the thread: the end of a wipe, now or at the next start. */
int store_wipe_files(struct store *store, struct err *err);

/* store.c: reports what is finished, on the loop. */
void store_deliver(struct store *store);
