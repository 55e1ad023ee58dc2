#include "test/sim/os_sim.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/panic.h"
#include "os/clock.h"
#include "os/entropy.h"

enum { ENTERED_MAX = 8 };

struct call { struct list link; void (*fn)(void *arg); void *arg; };
struct loop {
	struct sim_host *host;
	struct heap timers;
	struct list deferred;
	struct sim_event turn;
	msec now;
	bool stopped;
	unsigned depth;
};

struct sim_time sim_time;

static struct { struct sim_host *host; struct loop *loop; } entered[ENTERED_MAX];
static size_t entered_count;
static const nsec wall_start = 1800000000LL * 1000000000;

/* ---- time ------------------------------------------------------------------------------------- */

void sim_time_init(uint64_t seed)
{
	sim_time = (struct sim_time){ .now = 1000 };
	rng_seed(&sim_time.rng, seed);
	entered_count = 0;
}

void sim_time_fini(void)
{
	heap_fini(&sim_time.events);
}

void sim_at(struct sim_event *event, msec at, void (*fn)(struct sim_event *event))
{
	event->fn = fn;
	heap_put(&sim_time.events, &event->node, MAX(at, sim_time.now));
}

void sim_cancel(struct sim_event *event)
{
	heap_remove(&sim_time.events, &event->node);
}

bool sim_step(msec until)
{
	struct heap_node *first = heap_first(&sim_time.events);

	if (!first || first->key > until) {
		sim_time.now = MAX(sim_time.now, until);
		return false;
	}
	sim_time.now = MAX(sim_time.now, first->key);
	heap_remove(&sim_time.events, first);
	struct sim_event *event = CONTAINER_OF(first, struct sim_event, node);
	event->fn(event);
	check(entered_count == 0);
	return true;
}

uint64_t sim_dice(uint64_t below)
{
	return rng_below(&sim_time.rng, below);
}

bool sim_chance(unsigned per_thousand)
{
	return sim_dice(1000) < per_thousand;
}

msec sim_some(msec most)
{
	return (msec)sim_dice((uint64_t)most + 1);
}

static msec clock_of(const struct sim_host *host)
{
	return host ? host->clock_offset + sim_time.now * host->clock_rate / 1000 : sim_time.now;
}

/* When this host's clock will show that. */
static msec world_time(const struct sim_host *host, msec own)
{
	return (own - host->clock_offset) * 1000 / host->clock_rate + 1;
}

/* The millisecond more: what was rounded down before never comes back. */
void sim_clock_set(struct sim_host *host, int rate, msec jump)
{
	msec own = clock_of(host) + jump + 1;

	host->clock_rate = rate;
	host->clock_offset += own - clock_of(host);
}

struct sim_host *sim_current(void)
{
	return entered_count ? entered[entered_count - 1].host : NULL;
}

msec clock_boot_ms(void)
{
	return clock_of(sim_current());
}

nsec clock_boot_ns(void)
{
	return clock_boot_ms() * 1000000;
}

nsec clock_wall_ns(void)
{
	const struct sim_host *host = sim_current();

	return wall_start + (sim_time.now + (host ? host->wall_ahead : 0)) * 1000000;
}

void entropy_fill(void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		((uint8_t *)bytes)[i] = (uint8_t)rng_next(&sim_time.rng);
}

void entropy_id(char ret_id[ID_SIZE])
{
	uint8_t bytes[ID_ENTROPY_BYTES];

	entropy_fill(bytes, sizeof(bytes));
	id_format(bytes, ret_id);
}

/* ---- loops ------------------------------------------------------------------------------------- */

static void turn(struct sim_event *event);

struct loop *loop_new(void)
{
	struct loop *loop = NEW(struct loop);

	check(sim_current());
	loop->host = sim_current();
	list_init(&loop->deferred);
	loop->now = clock_of(loop->host);
	return loop;
}

static void drop_calls(struct loop *loop)
{
	struct list *link;

	while ((link = list_take_first(&loop->deferred)))
		free(CONTAINER_OF(link, struct call, link));
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	check(loop->depth == 0);
	sim_cancel(&loop->turn);
	drop_calls(loop);
	heap_fini(&loop->timers);
	free(loop);
}

/* Those that are there now; what they add comes in the next round. */
static void run_deferred(struct loop *loop)
{
	struct list *last = loop->deferred.prev, *link;

	if (list_is_empty(&loop->deferred))
		return;
	do {
		link = list_take_first(&loop->deferred);
		struct call *call = CONTAINER_OF(link, struct call, link);
		bool was_last = link == last;
		call->fn(call->arg);
		free(call);
		if (was_last)
			return;
	} while (!list_is_empty(&loop->deferred));
}

static void run_timers(struct loop *loop)
{
	uint64_t end = loop->timers.next_order;
	struct heap_node *node;

	while ((node = heap_first(&loop->timers)) && node->key <= loop->now && node->order < end) {
		struct timer *timer = CONTAINER_OF(node, struct timer, node);
		heap_remove(&loop->timers, node);
		timer->fn(timer->arg);
	}
}

/* When it has something to do next. */
static void arm(struct loop *loop)
{
	const struct heap_node *first = heap_first(&loop->timers);
	msec at;

	if (!list_is_empty(&loop->deferred) || (first && first->key <= loop->now))
		at = sim_time.now;
	else if (first && first->key < INT64_MAX / 8)
		at = world_time(loop->host, first->key);
	else
		return;
	sim_at(&loop->turn, MAX(at, loop->host->frozen_until), turn);
}

void sim_enter(struct sim_host *host, struct loop *loop)
{
	check(entered_count < ENTERED_MAX);
	entered[entered_count].host = host;
	entered[entered_count++].loop = loop;
	if (loop) {
		loop->depth++;
		loop->now = MAX(loop->now, clock_of(host));
	}
}

void sim_leave(void)
{
	check(entered_count > 0);
	struct loop *loop = entered[entered_count - 1].loop;

	if (loop && loop->depth == 1) {
		run_timers(loop);
		run_deferred(loop);
	}
	struct sim_host *host = entered[entered_count - 1].host;
	bool is_over = loop && --loop->depth == 0;

	if (is_over)
		arm(loop);
	entered_count--;
	if (is_over && host->on_leave)
		host->on_leave(host);
}

static void turn(struct sim_event *event)
{
	struct loop *loop = CONTAINER_OF(event, struct loop, turn);

	if (loop->host->frozen_until > sim_time.now) {
		sim_at(event, loop->host->frozen_until, turn);
		return;
	}
	sim_enter(loop->host, loop);
	sim_leave();
}

msec loop_now(const struct loop *loop)
{
	return loop->now;
}

void loop_run(struct loop *loop UNUSED)
{
	panic("a simulated loop is turned by its events");
}

bool loop_run_once(struct loop *loop UNUSED, msec max_wait UNUSED)
{
	panic("a simulated loop is turned by its events");
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct call *call = NEW(struct call);

	call->fn = fn;
	call->arg = arg;
	list_add_last(&loop->deferred, &call->link);
}

void timer_init(struct timer *timer, struct loop *loop, timer_fn *fn, void *arg)
{
	*timer = (struct timer){ .loop = loop, .fn = fn, .arg = arg };
}

void timer_set(struct timer *timer, msec at)
{
	heap_put(&timer->loop->timers, &timer->node, MAX(at, timer->loop->now));
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

struct watch *watch_new(struct loop *loop UNUSED, int fd UNUSED, unsigned events UNUSED, watch_fn *fn UNUSED, void *arg UNUSED)
{
	panic("there are no descriptors in a simulation");
}

void watch_set(struct watch *watch UNUSED, unsigned events UNUSED)
{
	panic("there are no descriptors in a simulation");
}

void watch_free(struct watch *watch UNUSED)
{
	panic("there are no descriptors in a simulation");
}
