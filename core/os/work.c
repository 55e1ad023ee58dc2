#include "os/work.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/list.h"
#include "base/panic.h"

enum { THREADS_MAX = 16, STACK_BYTES = 1024 * 1024 };

struct job {
	struct list node;
	const void *lane;
	void (*run)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct work {
	struct watch *watch;
	int wake_fd;            /* tells the loop that something is in finished */
	pthread_mutex_t lock;   /* guards all below */
	pthread_cond_t changed;
	struct list queued, running, finished;
	size_t queued_count;
	bool stopping, cancelling;
	unsigned thread_count;
	pthread_t threads[THREADS_MAX];
};

static struct job *job_of(struct list *node)
{
	return CONTAINER_OF(node, struct job, node);
}

static bool is_lane_busy(const struct work *work, const void *lane)
{
	if (!lane)
		return false;
	LIST_EACH(item, &work->running)
		if (job_of(item)->lane == lane)
			return true;
	return false;
}

/* The oldest job whose lane is free; the first of a lane is always found before the second. */
static struct job *next_job(struct work *work)
{
	LIST_EACH(item, &work->queued)
		if (!is_lane_busy(work, job_of(item)->lane))
			return job_of(item);
	return NULL;
}

static void move_to(struct job *job, struct list *head)
{
	list_remove(&job->node);
	list_add_last(head, &job->node);
}

static void wake_loop(struct work *work)
{
	static const uint64_t one = 1;

	if (write(work->wake_fd, &one, sizeof(one)) < 0)
		check(errno == EAGAIN);
}

static void *run_jobs(void *arg)
{
	struct work *work = arg;
	struct job *job;

	pthread_mutex_lock(&work->lock);
	while (!work->stopping) {
		if (!(job = next_job(work))) {
			pthread_cond_wait(&work->changed, &work->lock);
			continue;
		}
		move_to(job, &work->running);
		work->queued_count--;
		pthread_mutex_unlock(&work->lock);
		job->run(job->arg);
		pthread_mutex_lock(&work->lock);
		move_to(job, &work->finished);
		if (job->lane || work->cancelling)
			pthread_cond_broadcast(&work->changed);
		wake_loop(work);
	}
	pthread_mutex_unlock(&work->lock);
	return NULL;
}

static struct job *take_finished(struct work *work)
{
	struct job *job = NULL;

	pthread_mutex_lock(&work->lock);
	if (!list_is_empty(&work->finished)) {
		job = job_of(work->finished.next);
		list_remove(&job->node);
	}
	pthread_mutex_unlock(&work->lock);
	return job;
}

/* One per round: done() may free us. The event descriptor stays readable until nothing is left. */
static void on_finished(void *arg, unsigned events UNUSED)
{
	struct work *work = arg;
	uint64_t count;

	struct job *job = take_finished(work);
	if (!job) {
		if (read(work->wake_fd, &count, sizeof(count)) < 0)
			check(errno == EAGAIN);
		/* One may have come between looking and reading. */
		job = take_finished(work);
	}
	if (!job)
		return;
	wake_loop(work);
	void (*done)(void *) = job->done;
	void *done_arg = job->arg;
	free(job);
	if (done)
		done(done_arg);
}

static void start_threads(struct work *work, unsigned count)
{
	pthread_attr_t attributes;
	sigset_t all, before;

	check(pthread_attr_init(&attributes) == 0);
	/* The default of musl is 128 KiB. */
	check(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0);
	sigfillset(&all);
	/* Signals belong to the loop's thread. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < count; i++) {
		int error = pthread_create(&work->threads[i], &attributes, run_jobs, work);
		if (error)
			panic("no thread: %s", strerror(error));
		work->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

struct work *work_new(struct loop *loop, unsigned thread_count)
{
	struct work *work = NEW(struct work);

	check(thread_count > 0 && thread_count <= THREADS_MAX);
	work->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (work->wake_fd < 0)
		panic("no descriptor for work threads: %s", strerror(errno));
	check(pthread_mutex_init(&work->lock, NULL) == 0);
	check(pthread_cond_init(&work->changed, NULL) == 0);
	list_init(&work->queued);
	list_init(&work->running);
	list_init(&work->finished);
	work->watch = watch_new(loop, work->wake_fd, LOOP_READ, on_finished, work);
	start_threads(work, thread_count);
	return work;
}

static void drop_jobs(struct list *jobs)
{
	LIST_EACH(item, jobs) {
		list_remove(item);
		free(job_of(item));
	}
}

void work_free(struct work *work)
{
	if (!work)
		return;
	pthread_mutex_lock(&work->lock);
	work->stopping = true;
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
	for (unsigned i = 0; i < work->thread_count; i++)
		pthread_join(work->threads[i], NULL);
	drop_jobs(&work->queued);
	drop_jobs(&work->finished);
	watch_free(work->watch);
	close(work->wake_fd);
	pthread_cond_destroy(&work->changed);
	pthread_mutex_destroy(&work->lock);
	free(work);
}

static unsigned drop_jobs_of(struct list *jobs, const void *arg)
{
	unsigned count = 0;

	LIST_EACH(item, jobs) {
		struct job *job = job_of(item);

		if (job->arg == arg) {
			list_remove(item);
			free(job);
			count++;
		}
	}
	return count;
}

static bool is_any_running(const struct work *work, const void *arg)
{
	LIST_EACH(item, &work->running)
		if (job_of(item)->arg == arg)
			return true;
	return false;
}

void work_cancel(struct work *work, const void *arg)
{
	pthread_mutex_lock(&work->lock);
	work->queued_count -= drop_jobs_of(&work->queued, arg);
	work->cancelling = true;
	while (is_any_running(work, arg))
		pthread_cond_wait(&work->changed, &work->lock);
	work->cancelling = false;
	drop_jobs_of(&work->finished, arg);
	pthread_mutex_unlock(&work->lock);
}

bool work_submit(struct work *work, const void *lane, void (*run)(void *arg),
		 void (*done)(void *arg), void *arg)
{
	struct job *job = NEW(struct job);

	job->lane = lane;
	job->run = run;
	job->done = done;
	job->arg = arg;
	pthread_mutex_lock(&work->lock);
	bool accepted = work->queued_count < WORK_QUEUE_MAX;
	if (accepted) {
		list_add_last(&work->queued, &job->node);
		work->queued_count++;
		pthread_cond_signal(&work->changed);
	}
	pthread_mutex_unlock(&work->lock);
	if (!accepted)
		free(job);
	return accepted;
}
