/* A round: wait, descriptors, timers, deferred calls.
 *
 * A freed watch may still be named by events that epoll_wait has already handed out, in this
 * round or in one around it (a callback may run a nested round). It is therefore only marked
 * dead and freed when the outermost round ends. */
#include "os/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/list.h"
#include "base/panic.h"
#include "os/clock.h"

enum { EVENTS_PER_ROUND = 64 };

struct watch {
	struct list node;       /* in loop->ready if always_ready, in loop->dead once dead */
	struct loop *loop;
	watch_fn *fn;
	void *arg;
	int fd;
	unsigned events;
	/* A regular file or /dev/null: epoll refuses it, reading never blocks. */
	bool always_ready;
	bool dead;
};

struct call {
	struct call *next;
	void (*fn)(void *arg);
	void *arg;
	uint64_t order;
};

struct calls { struct call *first, **last; uint64_t next_order; };

struct loop {
	int epoll_fd;
	msec now;
	bool stopped;
	bool in_timers;
	unsigned depth;         /* rounds under way on the stack */
	struct heap timers;
	struct calls deferred;
	struct list ready, dead;
};

static void calls_init(struct calls *calls)
{
	*calls = (struct calls){ NULL, &calls->first, 0 };
}

static void calls_add(struct calls *calls, struct call *call)
{
	call->next = NULL;
	call->order = calls->next_order++;
	*calls->last = call;
	calls->last = &call->next;
}

static struct call *calls_take(struct calls *calls)
{
	struct call *call = calls->first;

	if (call && !(calls->first = call->next))
		calls->last = &calls->first;
	return call;
}

static void calls_drop(struct calls *calls)
{
	struct call *call;

	while ((call = calls_take(calls)))
		free(call);
}

/* Those that are there now; what they add runs in the next round, so that the loop never
 * starves its descriptors. */
static void calls_run(struct calls *calls)
{
	uint64_t end = calls->next_order;

	while (calls->first && calls->first->order < end) {
		struct call call = *calls->first;
		free(calls_take(calls));
		call.fn(call.arg);
	}
}

static struct call *call_new(void (*fn)(void *arg), void *arg)
{
	struct call *call = NEW(struct call);

	call->fn = fn;
	call->arg = arg;
	return call;
}

struct loop *loop_new(void)
{
	struct loop *loop = NEW(struct loop);

	/* Whoever writes to a pipe or socket asks for EPIPE instead; a child gets the default
	 * back. */
	signal(SIGPIPE, SIG_IGN);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		panic("no descriptor for a loop: %s", strerror(errno));
	calls_init(&loop->deferred);
	list_init(&loop->ready);
	list_init(&loop->dead);
	loop->now = clock_boot_ms();
	return loop;
}

static void free_dead(struct loop *loop)
{
	LIST_EACH(item, &loop->dead) {
		list_remove(item);
		free(CONTAINER_OF(item, struct watch, node));
	}
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	check(loop->depth == 0);
	free_dead(loop);
	calls_drop(&loop->deferred);
	heap_fini(&loop->timers);
	close(loop->epoll_fd);
	free(loop);
}

/* Watches. */

static uint32_t to_epoll(unsigned events)
{
	return (events & LOOP_READ ? EPOLLIN : 0) | (events & LOOP_WRITE ? EPOLLOUT : 0);
}

static unsigned from_epoll(uint32_t events)
{
	return (events & EPOLLIN ? LOOP_READ : 0) | (events & EPOLLOUT ? LOOP_WRITE : 0) |
	       (events & (EPOLLHUP | EPOLLERR) ? LOOP_HANGUP : 0);
}

/* A paused descriptor leaves the set: epoll cannot be told to keep a hang-up to itself, and the
 * loop would spin on it. */
static void watch_register(struct watch *watch, unsigned events)
{
	struct epoll_event event = { .events = to_epoll(events), .data.ptr = watch };
	int op = !watch->events ? EPOLL_CTL_ADD : !events ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

	if (epoll_ctl(watch->loop->epoll_fd, op, watch->fd, &event) == 0)
		return;
	if (op != EPOLL_CTL_ADD || errno != EPERM)
		panic("watch of descriptor %d: %s", watch->fd, strerror(errno));
	watch->always_ready = true;
	list_add_last(&watch->loop->ready, &watch->node);
}

struct watch *watch_new(struct loop *loop, int fd, unsigned events, watch_fn *fn, void *arg)
{
	struct watch *watch = NEW(struct watch);

	check(fd >= 0 && fn);
	*watch = (struct watch){ .loop = loop, .fn = fn, .arg = arg, .fd = fd };
	list_init(&watch->node);
	watch_set(watch, events);
	return watch;
}

void watch_set(struct watch *watch, unsigned events)
{
	check(!watch->dead);
	if (events != watch->events && !watch->always_ready)
		watch_register(watch, events);
	watch->events = events;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	watch_set(watch, 0);
	watch->dead = true;
	list_remove(&watch->node);
	if (watch->loop->depth)
		list_add_last(&watch->loop->dead, &watch->node);
	else
		free(watch);
}

static void watch_deliver(struct watch *watch, unsigned events)
{
	/* It may have been freed or paused by a callback earlier in this round. */
	if (watch->dead || !watch->events)
		return;
	events &= watch->events | LOOP_HANGUP;
	if (events)
		watch->fn(watch->arg, events);
}

/* Taken off one by one, because a callback may free any of them. */
static void deliver_ready(struct loop *loop)
{
	struct list turn = { loop->ready.next, loop->ready.prev };

	if (list_is_empty(&loop->ready))
		return;
	turn.next->prev = turn.prev->next = &turn;
	list_init(&loop->ready);
	while (!list_is_empty(&turn)) {
		struct watch *watch = CONTAINER_OF(turn.next, struct watch, node);
		list_remove(&watch->node);
		list_add_last(&loop->ready, &watch->node);
		watch_deliver(watch, watch->events & (LOOP_READ | LOOP_WRITE));
	}
}

static bool is_any_ready(const struct loop *loop)
{
	LIST_EACH(item, &loop->ready)
		if (CONTAINER_OF(item, struct watch, node)->events & (LOOP_READ | LOOP_WRITE))
			return true;
	return false;
}

/* Timers. */

void timer_init(struct timer *timer, struct loop *loop, timer_fn *fn, void *arg)
{
	*timer = (struct timer){ .loop = loop, .fn = fn, .arg = arg };
}

void timer_set(struct timer *timer, msec at)
{
	struct loop *loop = timer->loop;

	/* One that sets itself into the past over and over must not come before those that have
	 * waited. */
	heap_put(&loop->timers, &timer->node, loop->in_timers ? MAX(at, loop->now) : at);
}

void timer_set_in(struct timer *timer, msec delay)
{
	timer_set(timer, timer->loop->now + MIN(delay, INT64_MAX / 4));
}

void timer_cancel(struct timer *timer)
{
	if (timer->node.index)
		heap_remove(&timer->loop->timers, &timer->node);
}

/* Only those set before this moment: the rest waits for the next round. */
static void run_timers(struct loop *loop)
{
	uint64_t end = loop->timers.next_order;
	struct heap_node *node;
	bool nested = loop->in_timers;

	while ((node = heap_first(&loop->timers)) && node->key <= loop->now && node->order < end) {
		struct timer *timer = CONTAINER_OF(node, struct timer, node);
		heap_remove(&loop->timers, node);
		loop->in_timers = true;
		timer->fn(timer->arg);
	}
	loop->in_timers = nested;
}

/* Rounds. */

static int sleep_ms(const struct loop *loop, msec max_wait)
{
	const struct heap_node *first = heap_first(&loop->timers);

	if (loop->stopped || loop->deferred.first || is_any_ready(loop))
		return 0;
	if (first) {
		msec wait = MAX(first->key - clock_boot_ms(), (msec)0);
		max_wait = max_wait < 0 ? wait : MIN(wait, max_wait);
	}
	return max_wait < 0 ? -1 : (int)MIN(max_wait, (msec)INT_MAX);
}

bool loop_run_once(struct loop *loop, msec max_wait)
{
	struct epoll_event events[EVENTS_PER_ROUND];

	loop->depth++;
	int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, sleep_ms(loop, max_wait));
	check(count >= 0 || errno == EINTR);
	loop->now = clock_boot_ms();
	for (int i = 0; i < count; i++)
		watch_deliver(events[i].data.ptr, from_epoll(events[i].events));
	deliver_ready(loop);
	run_timers(loop);
	calls_run(&loop->deferred);
	if (--loop->depth == 0)
		free_dead(loop);
	return !loop->stopped;
}

void loop_run(struct loop *loop)
{
	while (loop_run_once(loop, -1))
		continue;
	loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

msec loop_now(const struct loop *loop)
{
	return loop->now;
}

void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	calls_add(&loop->deferred, call_new(fn, arg));
}
