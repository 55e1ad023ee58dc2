#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/clock.h"
#include "os/loop.h"
#include "test/unit/runner.h"

/* What happened, in order. */
static struct buf story;

static void expect_story(const char *want)
{
	EXPECT_STR(buf_text(&story), want);
	buf_clear(&story);
}

static void say(const char *word)
{
	buf_printf(&story, "%s ", word);
}

/* As a callback: the loop's arguments are not const. */
#define WORD(text) ((void *)(uintptr_t)(text))

static void tell(void *arg)
{
	say(arg);
}

static void finish(struct loop *loop)
{
	loop_free(loop);
	buf_fini(&story);
}

TEST(timers_fire_in_the_order_of_their_moments)
{
	struct loop *loop = loop_new();
	struct timer a, b, c, d;

	timer_init(&a, loop, tell, WORD("a"));
	timer_init(&b, loop, tell, WORD("b"));
	timer_init(&c, loop, tell, WORD("c"));
	timer_init(&d, loop, tell, WORD("d"));
	timer_set(&a, loop_now(loop) - 5);
	timer_set(&b, loop_now(loop) - 10);
	timer_set(&c, loop_now(loop) - 5);
	timer_set_in(&d, 1000000);
	loop_run_once(loop, 0);
	expect_story("b a c ");
	timer_cancel(&d);
	timer_cancel(&d);
	finish(loop);
}

TEST(timer_set_again_fires_once_at_the_later_moment)
{
	struct loop *loop = loop_new();
	struct timer a, b;

	timer_init(&a, loop, tell, WORD("a"));
	timer_init(&b, loop, tell, WORD("b"));
	timer_set(&a, 1);
	timer_set(&b, 2);
	timer_set(&a, 3);
	loop_run_once(loop, 0);
	expect_story("b a ");
	loop_run_once(loop, 0);
	expect_story("");
	finish(loop);
}

TEST(timer_waits_as_long_as_it_was_told_and_wakes_the_loop)
{
	struct loop *loop = loop_new();
	struct timer a;

	timer_init(&a, loop, tell, WORD("a"));
	msec start = clock_boot_ms();
	timer_set(&a, start + 30);
	while (!story.len)
		loop_run_once(loop, -1);
	msec took = clock_boot_ms() - start;
	EXPECT(took >= 30);
	finish(loop);
}

struct pair { struct timer first, second; };

static void cancel_other(void *arg)
{
	struct pair *pair = arg;

	say("first");
	timer_cancel(&pair->second);
}

TEST(timer_may_be_cancelled_by_one_that_fires_in_the_same_round)
{
	struct loop *loop = loop_new();
	struct pair pair;

	timer_init(&pair.first, loop, cancel_other, &pair);
	timer_init(&pair.second, loop, tell, WORD("second"));
	timer_set(&pair.first, 1);
	timer_set(&pair.second, 2);
	loop_run_once(loop, 0);
	expect_story("first ");
	finish(loop);
}

static void set_again(void *arg)
{
	say("again");
	timer_set(arg, 0);
}

TEST(timer_that_sets_itself_into_the_past_starves_nobody)
{
	struct loop *loop = loop_new();
	struct timer greedy, patient;

	timer_init(&greedy, loop, set_again, &greedy);
	timer_init(&patient, loop, tell, WORD("patient"));
	timer_set(&greedy, 0);
	timer_set(&patient, loop_now(loop));
	loop_run_once(loop, 0);
	expect_story("again patient ");
	loop_run_once(loop, -1);
	expect_story("again ");
	timer_cancel(&greedy);
	finish(loop);
}

static void free_timer(void *arg)
{
	say("freed");
	free(arg);
}

TEST(timer_may_be_freed_by_its_own_callback)
{
	struct loop *loop = loop_new();
	struct timer *timer = malloc(sizeof(*timer));

	timer_init(timer, loop, free_timer, timer);
	timer_set(timer, 0);
	loop_run_once(loop, 0);
	expect_story("freed ");
	finish(loop);
}

TEST(round_without_events_ends_after_the_longest_wait)
{
	struct loop *loop = loop_new();
	msec start = clock_boot_ms();

	EXPECT(loop_run_once(loop, 20));
	EXPECT(clock_boot_ms() - start >= 20);
	EXPECT(loop_now(loop) >= start + 20);
	finish(loop);
}

static void stop(void *arg)
{
	say("stop");
	loop_stop(arg);
}

TEST(loop_runs_until_it_is_stopped_and_may_run_again)
{
	struct loop *loop = loop_new();

	for (int i = 0; i < 2; i++) {
		loop_defer(loop, stop, loop);
		loop_run(loop);
		expect_story("stop ");
	}
	loop_stop(loop);
	EXPECT(!loop_run_once(loop, -1));
	finish(loop);
}

/* Watches. */

struct ends { int ours, theirs; };

static struct ends make_ends(void)
{
	int fds[2] = { -1, -1 };

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	return (struct ends){ fds[0], fds[1] };
}

static void close_ends(struct ends ends)
{
	close(ends.ours);
	close(ends.theirs);
}

static void tell_events(void *arg, unsigned events)
{
	buf_printf(&story, "%s%s%s%s ", (const char *)arg, events & LOOP_READ ? "r" : "",
		   events & LOOP_WRITE ? "w" : "", events & LOOP_HANGUP ? "h" : "");
}

TEST(watch_reports_what_it_was_asked_for)
{
	struct loop *loop = loop_new();
	struct ends ends = make_ends();
	struct watch *watch = watch_new(loop, ends.ours, LOOP_READ, tell_events, WORD(""));

	loop_run_once(loop, 0);
	expect_story("");
	EXPECT(write(ends.theirs, "x", 1) == 1);
	loop_run_once(loop, 0);
	loop_run_once(loop, 0);
	expect_story("r r ");                /* level-triggered */
	watch_set(watch, LOOP_READ | LOOP_WRITE);
	loop_run_once(loop, 0);
	expect_story("rw ");
	watch_set(watch, LOOP_WRITE);
	loop_run_once(loop, 0);
	expect_story("w ");
	watch_free(watch);
	close_ends(ends);
	finish(loop);
}

TEST(paused_watch_is_silent_even_about_a_hang_up_and_costs_no_rounds)
{
	struct loop *loop = loop_new();
	struct ends ends = make_ends();
	struct watch *watch = watch_new(loop, ends.ours, LOOP_READ, tell_events, WORD(""));

	watch_set(watch, 0);
	close(ends.theirs);
	msec start = clock_boot_ms();
	loop_run_once(loop, 20);
	EXPECT(clock_boot_ms() - start >= 20);
	expect_story("");
	watch_set(watch, LOOP_HANGUP);
	loop_run_once(loop, 0);
	expect_story("h ");
	watch_set(watch, LOOP_READ);
	loop_run_once(loop, 0);
	expect_story("rh ");
	watch_free(watch);
	watch_free(NULL);
	close(ends.ours);
	finish(loop);
}

struct two { struct watch *watches[2]; int alive; };

static void free_other(void *arg, unsigned events UNUSED)
{
	struct two *two = arg;

	two->alive--;
	for (int i = 0; i < 2; i++) {
		watch_free(two->watches[i]);
		two->watches[i] = NULL;
	}
}

TEST(watch_freed_by_a_callback_gets_none_of_its_fetched_events)
{
	struct loop *loop = loop_new();
	struct ends a = make_ends(), b = make_ends();
	struct two two = { .alive = 2 };

	two.watches[0] = watch_new(loop, a.ours, LOOP_READ, free_other, &two);
	two.watches[1] = watch_new(loop, b.ours, LOOP_READ, free_other, &two);
	EXPECT(write(a.theirs, "x", 1) == 1 && write(b.theirs, "x", 1) == 1);
	loop_run_once(loop, 0);
	EXPECT_INT(two.alive, 1);
	close_ends(a);
	close_ends(b);
	finish(loop);
}

struct nest { struct loop *loop; struct watch *watch; int fd; };

static void run_nested(void *arg, unsigned events UNUSED)
{
	struct nest *nest = arg;

	say("outer");
	watch_free(nest->watch);
	loop_run_once(nest->loop, 0);
	say("back");
}

TEST(round_may_run_inside_a_callback)
{
	struct loop *loop = loop_new();
	struct ends ends = make_ends();
	struct nest nest = { .loop = loop, .fd = ends.ours };

	nest.watch = watch_new(loop, ends.ours, LOOP_READ, run_nested, &nest);
	EXPECT(write(ends.theirs, "x", 1) == 1);
	loop_defer(loop, tell, WORD("deferred"));
	loop_run_once(loop, 0);
	expect_story("outer deferred back ");
	close_ends(ends);
	finish(loop);
}

static void pause_other(void *arg, unsigned events UNUSED)
{
	struct two *two = arg;

	two->alive--;
	watch_set(two->watches[0], 0);
	watch_set(two->watches[1], 0);
}

TEST(watch_paused_by_a_callback_gets_none_of_its_fetched_events)
{
	struct loop *loop = loop_new();
	struct ends a = make_ends(), b = make_ends();
	struct two two = { .alive = 2 };

	two.watches[0] = watch_new(loop, a.ours, LOOP_READ, pause_other, &two);
	two.watches[1] = watch_new(loop, b.ours, LOOP_READ, pause_other, &two);
	EXPECT(write(a.theirs, "x", 1) == 1 && write(b.theirs, "x", 1) == 1);
	loop_run_once(loop, 0);
	EXPECT_INT(two.alive, 1);
	watch_free(two.watches[0]);
	watch_free(two.watches[1]);
	close_ends(a);
	close_ends(b);
	finish(loop);
}

TEST(what_epoll_cannot_watch_is_always_ready)
{
	struct loop *loop = loop_new();
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct watch *watch = watch_new(loop, fd, LOOP_READ, tell_events, WORD("null "));

	loop_run_once(loop, -1);
	loop_run_once(loop, -1);
	expect_story("null r null r ");
	watch_set(watch, LOOP_HANGUP);       /* never comes, and must not keep the loop busy */
	msec start = clock_boot_ms();
	loop_run_once(loop, 20);
	EXPECT(clock_boot_ms() - start >= 20);
	expect_story("");
	watch_free(watch);
	close(fd);
	finish(loop);
}

static void free_all_three(void *arg, unsigned events UNUSED)
{
	struct watch **watches = arg;

	say("once");
	for (int i = 0; i < 3; i++)
		watch_free(watches[i]);
}

TEST(watches_that_are_always_ready_may_free_each_other)
{
	struct loop *loop = loop_new();
	struct watch *watches[3];
	int fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		watches[i] = watch_new(loop, fds[i], LOOP_READ, free_all_three, watches);
	}
	loop_run_once(loop, 0);
	expect_story("once ");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	finish(loop);
}

/* Calls. */

static struct loop *story_loop;

static void defer_more(void *arg)
{
	tell(arg);
	loop_defer(story_loop, tell, WORD("later"));
}

TEST(deferred_calls_keep_their_order_and_run_before_sleeping)
{
	struct loop *loop = story_loop = loop_new();
	struct timer timer;

	timer_init(&timer, loop, tell, WORD("timer"));
	timer_set(&timer, 0);
	loop_defer(loop, tell, WORD("one"));
	loop_defer(loop, defer_more, WORD("two"));
	loop_defer(loop, tell, WORD("three"));
	loop_run_once(loop, -1);
	expect_story("timer one two three ");
	loop_run_once(loop, -1);             /* does not sleep */
	expect_story("later ");
	finish(loop);
}

TEST(calls_that_never_came_are_dropped_with_the_loop)
{
	struct loop *loop = loop_new();

	loop_defer(loop, tell, WORD("x"));
	loop_free(loop);
	loop_free(NULL);
	EXPECT_INT(story.len, 0);
}

TEST(clocks_go_forward)
{
	msec ms = clock_boot_ms();
	nsec ns = clock_boot_ns();

	EXPECT(ns / 1000000 >= ms);
	EXPECT(clock_boot_ns() >= ns);
	EXPECT(clock_wall_ns() > 1700000000LL * 1000000000);
}
