/* loop.h - one thread's event loop: descriptors (epoll, level-triggered), timers, deferred calls.
 *
 * There is no global loop. Everything below runs on the loop's thread; another thread wakes it through a descriptor of its own (work.h). A callback may free any watch or timer,
 * its own included; events already fetched for a freed watch are not delivered.
 */
#pragma once
#include "base/base.h"
#include "base/heap.h"

struct loop;
struct loop *loop_new(void);                             /* SIGPIPE is ignored from now on, in the whole process */
void loop_free(struct loop *loop);
void loop_run(struct loop *loop);                        /* until loop_stop */
bool loop_run_once(struct loop *loop, msec max_wait);    /* one round of events; false after loop_stop. For tests and nested waits */
void loop_stop(struct loop *loop);
msec loop_now(const struct loop *loop);                  /* CLOCK_BOOTTIME, as of the start of this round */

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 }; /* HANGUP (and errors) are always reported, never asked for */
struct watch;
typedef void watch_fn(void *arg, unsigned events);
struct watch *watch_new(struct loop *loop, int fd, unsigned events, watch_fn *fn, void *arg);   /* fd stays the caller's */
void watch_set(struct watch *watch, unsigned events);    /* 0 pauses: hang-ups too; LOOP_HANGUP alone waits for one */
void watch_free(struct watch *watch);                    /* NULL is welcome; before the fd is closed */

typedef void timer_fn(void *arg);
struct timer { struct heap_node node; struct loop *loop; timer_fn *fn; void *arg; };    /* embedded in its owner */
void timer_init(struct timer *timer, struct loop *loop, timer_fn *fn, void *arg);
void timer_set(struct timer *timer, msec at);            /* moment on loop_now's clock; replaces the one before; fires once */
void timer_set_in(struct timer *timer, msec delay);
void timer_cancel(struct timer *timer);                  /* harmless when not set */

/* Runs fn at the end of this round, before sleeping. Order kept. */
void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg);
