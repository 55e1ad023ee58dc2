#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "os/work.h"
#include "test/unit/runner.h"

/* Jobs report into one log under a lock; done() runs on the loop's thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ran[4096], ran_count, done_count, running_in_lane[3], most_in_lane;
static struct loop *the_loop;
static int wanted;

struct job { int number, lane; sem_t *gate, *entered; };

static void run(void *arg)
{
	struct job *job = arg;

	pthread_mutex_lock(&lock);
	ran[ran_count++] = job->number;
	running_in_lane[job->lane]++;
	most_in_lane = MAX(most_in_lane, running_in_lane[job->lane]);
	pthread_mutex_unlock(&lock);
	if (job->entered)
		sem_post(job->entered);
	if (job->gate)
		sem_wait(job->gate);
	pthread_mutex_lock(&lock);
	running_in_lane[job->lane]--;
	pthread_mutex_unlock(&lock);
}

static void done(void *arg UNUSED)
{
	if (++done_count == wanted)
		loop_stop(the_loop);
}

TEST(work_of_a_lane_runs_one_after_the_other_in_order)
{
	static struct job jobs[600];
	static const char lanes[2];
	struct loop *loop = the_loop = loop_new();
	struct work *work = work_new(loop, 4);
	int next[2] = { 0, 1 };

	wanted = ARRAY_COUNT(jobs);
	for (int i = 0; i < wanted; i++) {
		jobs[i] = (struct job){ .number = i, .lane = i % 2 };
		EXPECT(work_submit(work, &lanes[i % 2], run, done, &jobs[i]));
	}
	loop_run(loop);
	EXPECT_INT(ran_count, wanted);
	EXPECT_INT(most_in_lane, 1);
	for (int i = 0; i < ran_count; i++) {
		EXPECT_INT(ran[i], next[ran[i] % 2]);
		next[ran[i] % 2] += 2;
	}
	work_free(work);
	loop_free(loop);
}

TEST(work_goes_around_a_lane_that_is_held_up)
{
	struct loop *loop = the_loop = loop_new();
	struct work *work = work_new(loop, 2);
	sem_t gate;
	struct job slow = { .number = 1, .lane = 0, .gate = &gate }, behind = { .number = 2 },
		   other = { .number = 3, .lane = 1 };
	struct job free_one = { .number = 4, .lane = 2 };

	sem_init(&gate, 0, 0);
	wanted = 2;
	EXPECT(work_submit(work, &slow, run, done, &slow));
	EXPECT(work_submit(work, &slow, run, done, &behind));
	EXPECT(work_submit(work, &other, run, done, &other));
	EXPECT(work_submit(work, NULL, run, done, &free_one));
	loop_run(loop);                      /* other and free_one, while slow waits */
	EXPECT_INT(done_count, 2);
	wanted = 4;
	sem_post(&gate);
	loop_run(loop);
	EXPECT_INT(ran[ran_count - 1], 2);
	work_free(work);
	loop_free(loop);
	sem_destroy(&gate);
}

TEST(work_without_a_lane_runs_side_by_side)
{
	struct loop *loop = the_loop = loop_new();
	struct work *work = work_new(loop, 2);
	sem_t gate, entered;
	struct job a = { .number = 1, .gate = &gate, .entered = &entered },
		   b = { .number = 2, .gate = &gate, .entered = &entered };

	sem_init(&gate, 0, 0);
	sem_init(&entered, 0, 0);
	wanted = 2;
	EXPECT(work_submit(work, NULL, run, done, &a));
	EXPECT(work_submit(work, NULL, run, done, &b));
	sem_wait(&entered);
	sem_wait(&entered);                  /* both are inside */
	sem_post(&gate);
	sem_post(&gate);
	loop_run(loop);
	work_free(work);
	loop_free(loop);
	sem_destroy(&gate);
	sem_destroy(&entered);
}

TEST(work_refuses_when_its_queue_is_full_and_drops_what_is_queued)
{
	struct loop *loop = the_loop = loop_new();
	struct work *work = work_new(loop, 1);
	sem_t gate, entered;
	struct job slow = { .gate = &gate, .entered = &entered }, quick = { 0 };

	sem_init(&gate, 0, 0);
	sem_init(&entered, 0, 0);
	EXPECT(work_submit(work, NULL, run, done, &slow));
	sem_wait(&entered);
	for (int i = 0; i < WORK_QUEUE_MAX; i++)
		EXPECT(work_submit(work, NULL, run, done, &quick));
	EXPECT(!work_submit(work, NULL, run, done, &quick));
	sem_post(&gate);
	work_free(work);
	loop_run_once(loop, 0);
	EXPECT_INT(done_count, 0);           /* nothing is told after work_free */
	EXPECT_INT(running_in_lane[0], 0);
	work_free(NULL);
	loop_free(loop);
	sem_destroy(&gate);
	sem_destroy(&entered);
}

struct owner { struct work *work; struct loop *loop; };

static void free_work(void *arg)
{
	struct owner *owner = arg;

	work_free(owner->work);
	loop_stop(owner->loop);
}

static void do_nothing(void *arg UNUSED)
{
}

TEST(work_may_be_freed_by_a_done)
{
	struct owner owner = { .loop = loop_new() };

	owner.work = work_new(owner.loop, 3);
	for (int i = 0; i < 20; i++)
		EXPECT(work_submit(owner.work, NULL, do_nothing, i ? NULL : free_work, &owner));
	loop_run(owner.loop);
	loop_run_once(owner.loop, 0);
	loop_free(owner.loop);
}

static void see_mask(void *arg)
{
	sigset_t *mask = arg;

	pthread_sigmask(SIG_BLOCK, NULL, mask);
}

TEST(work_threads_leave_signals_to_the_loop)
{
	struct loop *loop = the_loop = loop_new();
	struct work *work = work_new(loop, 1);
	sigset_t theirs, ours;

	wanted = 1;
	EXPECT(work_submit(work, NULL, see_mask, done, &theirs));
	loop_run(loop);
	pthread_sigmask(SIG_BLOCK, NULL, &ours);
	EXPECT(sigismember(&theirs, SIGTERM) && !sigismember(&ours, SIGTERM));
	work_free(work);
	loop_free(loop);
}

struct slow { pthread_mutex_t gate; int runs, dones; };

static void run_slowly(void *arg)
{
	struct slow *slow = arg;

	pthread_mutex_lock(&slow->gate);
	slow->runs++;
	pthread_mutex_unlock(&slow->gate);
}

static void done_slowly(void *arg)
{
	((struct slow *)arg)->dones++;
}

TEST(work_cancel_waits_for_the_job_that_runs_and_forgets_the_others)
{
	static struct slow cancelled = { .gate = PTHREAD_MUTEX_INITIALIZER }, other = { .gate = PTHREAD_MUTEX_INITIALIZER };
	struct loop *loop = loop_new();
	struct work *work = work_new(loop, 1);

	for (int round = 0; round < 100; round++) {
		cancelled.runs = cancelled.dones = other.runs = other.dones = 0;
		pthread_mutex_lock(&other.gate);         /* nothing behind it runs before the cancel */
		EXPECT(work_submit(work, NULL, run_slowly, done_slowly, &cancelled));
		EXPECT(work_submit(work, NULL, run_slowly, done_slowly, &other));
		EXPECT(work_submit(work, NULL, run_slowly, done_slowly, &cancelled));
		work_cancel(work, &cancelled);
		int runs = cancelled.runs;
		pthread_mutex_unlock(&other.gate);
		EXPECT(runs <= 1);
		while (!other.dones)
			loop_run_once(loop, 1000);
		EXPECT_INT(cancelled.runs, runs);
		EXPECT_INT(cancelled.dones, 0);
	}
	work_free(work);
	loop_free(loop);
}
