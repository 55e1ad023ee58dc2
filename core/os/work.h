/* work.h - a few threads for what may block or takes long: hashing, unpacking, mounts, netlink batches.
 *
 * run() is called on a worker thread and must touch nothing but its own arg; done() is called later on the loop's thread. Jobs of one
 * lane run one after the other in order of submission; lane NULL means no order. The queue is bounded: work_submit says false when full.
 */
#pragma once
#include "os/loop.h"

#define WORK_QUEUE_MAX 1024
struct work;
struct work *work_new(struct loop *loop, unsigned thread_count);
void work_free(struct work *work);                       /* waits for jobs under way; no done() comes any more, not even theirs */
bool work_submit(struct work *work, const void *lane, void (*run)(void *arg), void (*done)(void *arg), void *arg);
/* Forgets all jobs of this arg, after waiting for the one that runs: when it returns nobody has the arg and no done() comes. For what is short. */
void work_cancel(struct work *work, const void *arg);
