/* store_thread.c - the thread itself: it sleeps until something is to be done, and wakes the loop when
 * something is done. Simulations bring another one, without a thread. */
#include "store/store_thread.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/clock.h"

enum { STACK_BYTES = 512 << 10 };

struct store_shell {
	struct store *store;
	pthread_t thread;
	pthread_cond_t work, answered;  /* for the thread; for whoever waits for a call */
	msec sleeps_until;              /* 0: it is awake, and looks again before it sleeps */
	int wake_fd;                    /* eventfd */
	struct watch *watch;
};

/* What can wait as long as the thread sleeps anyway wakes nobody. */
void store_thread_wake(struct store *store)
{
	struct store_shell *shell = store->shell;

	if (store_due_at(store) >= shell->sleeps_until)
		return;
	shell->sleeps_until = 0;
	pthread_cond_signal(&shell->work);
}

void store_thread_tell(struct store *store)
{
	eventfd_write(store->shell->wake_fd, 1);
}

static void be_told(void *arg, unsigned events UNUSED)
{
	struct store_shell *shell = arg;
	eventfd_t count;

	eventfd_read(shell->wake_fd, &count);
	store_deliver(shell->store);
}

/* Sleeps until something is to be done. */
static void wait_for_work(struct store *store)
{
	struct store_shell *shell = store->shell;
	msec due;

	while ((due = store_due_at(store)) > clock_boot_ms()) {
		shell->sleeps_until = due;
		if (due == INT64_MAX) {
			pthread_cond_wait(&shell->work, &store->mutex);
			continue;
		}
		struct timespec at;
		clock_gettime(CLOCK_MONOTONIC, &at);
		msec wait = due - clock_boot_ms() + 1;
		at.tv_sec += wait / 1000;
		at.tv_nsec += (wait % 1000) * 1000000;
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&shell->work, &store->mutex, &at);
	}
	shell->sleeps_until = 0;
}

static void *run(void *arg)
{
	struct store *store = arg;

	pthread_mutex_lock(&store->mutex);
	while (!store->stopping) {
		wait_for_work(store);
		store_round(store);
		pthread_cond_signal(&store->shell->answered);
	}
	store_flush(store);
	pthread_mutex_unlock(&store->mutex);
	store_files_close(store);
	return NULL;
}

static void init_conds(struct store_shell *shell)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&shell->work, &monotonic);
	pthread_cond_init(&shell->answered, NULL);
	pthread_condattr_destroy(&monotonic);
}

static void free_shell(struct store_shell *shell)
{
	watch_free(shell->watch);
	pthread_cond_destroy(&shell->work);
	pthread_cond_destroy(&shell->answered);
	close(shell->wake_fd);
	free(shell);
}

int store_thread_start(struct store *store, struct loop *loop, struct err *err)
{
	struct store_shell *shell = NEW(struct store_shell);
	pthread_attr_t attr;

	shell->store = store;
	shell->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shell->wake_fd < 0) {
		free(shell);
		return err_sys(err, "cannot make an eventfd");
	}
	init_conds(shell);
	store->shell = shell;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	errno = pthread_create(&shell->thread, &attr, run, store);
	pthread_attr_destroy(&attr);
	if (errno != 0) {
		err_sys(err, "cannot start the store thread");
		free_shell(shell);
		return -1;
	}
	shell->watch = watch_new(loop, shell->wake_fd, LOOP_READ, be_told, shell);
	return 0;
}

void store_thread_stop(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	store->stopping = true;
	store_thread_wake(store);
	pthread_mutex_unlock(&store->mutex);
	pthread_join(store->shell->thread, NULL);
	free_shell(store->shell);
}

int store_thread_call(struct store *store, store_call_fn *fn, void *arg, struct err *err)
{
	pthread_mutex_lock(&store->mutex);
	check(!store->call.run);
	store->call = (struct store_call){ .run = fn, .arg = arg, .err = err };
	store_thread_wake(store);
	while (store->call.run)
		pthread_cond_wait(&store->shell->answered, &store->mutex);
	int result = store->call.result;
	pthread_mutex_unlock(&store->mutex);
	return result;
}
