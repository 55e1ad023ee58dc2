/* store_thread_sim.c - the store's thread as events: a round is done some time after it became due, on the host's own clock. */
#include <stdlib.h>

#include "base/panic.h"
#include "os/clock.h"
#include "store/store_thread.h"
#include "test/sim/os_sim.h"

struct store_shell {
	struct store *store;
	struct sim_host *host;
	struct loop *loop;
	struct sim_event round;
	bool in_round;
	struct timer deliver;
};

static void round_is_due(struct sim_event *event);

static msec disk_takes(const struct sim_host *host)
{
	return host->disk_min + sim_some(host->disk_max - host->disk_min);
}

/* Whatever comes while a round is waited for shares it. */
static void arm(struct store_shell *shell)
{
	msec due = store_due_at(shell->store), at = sim_time.now;

	if (shell->in_round || due == INT64_MAX)
		return;
	if (due > clock_boot_ms())
		at += (due - clock_boot_ms()) * 1000 / shell->host->clock_rate + 1;
	if (shell->round.node.index && shell->round.node.key <= at + shell->host->disk_max)
		return;
	at = MAX(at + disk_takes(shell->host), MAX(shell->host->disk_stalled_until, shell->host->frozen_until));
	sim_at(&shell->round, at, round_is_due);
}

static void round_is_due(struct sim_event *event)
{
	struct store_shell *shell = CONTAINER_OF(event, struct store_shell, round);
	msec until = MAX(shell->host->disk_stalled_until, shell->host->frozen_until);

	if (until > sim_time.now) {
		sim_at(event, until, round_is_due);
		return;
	}
	sim_enter(shell->host, NULL);
	shell->in_round = true;
	pthread_mutex_lock(&shell->store->mutex);
	store_round(shell->store);
	pthread_mutex_unlock(&shell->store->mutex);
	shell->in_round = false;
	arm(shell);
	sim_leave();
	sim_enter(shell->host, shell->loop); /* what was told reaches the loop now */
	sim_leave();
}

void store_thread_wake(struct store *store)
{
	arm(store->shell);
}

void store_thread_tell(struct store *store)
{
	timer_set_in(&store->shell->deliver, 0);
}

static void deliver(void *arg)
{
	struct store_shell *shell = arg;

	store_deliver(shell->store);
}

int store_thread_start(struct store *store, struct loop *loop, struct err *err UNUSED)
{
	struct store_shell *shell = NEW(struct store_shell);

	shell->store = store;
	shell->loop = loop;
	shell->host = sim_current();
	check(shell->host);
	timer_init(&shell->deliver, loop, deliver, shell);
	store->shell = shell;
	return 0;
}

void store_thread_stop(struct store *store)
{
	pthread_mutex_lock(&store->mutex);
	store_flush(store);
	pthread_mutex_unlock(&store->mutex);
	store_files_close(store);
	sim_cancel(&store->shell->round);
	timer_cancel(&store->shell->deliver);
	free(store->shell);
}

int store_thread_call(struct store *store, store_call_fn *fn, void *arg, struct err *err)
{
	pthread_mutex_lock(&store->mutex);
	store_flush(store);
	pthread_mutex_unlock(&store->mutex);
	return fn(store, arg, err);
}
