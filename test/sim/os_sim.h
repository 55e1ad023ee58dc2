/* os_sim.h - os/loop.h, os/clock.h and os/entropy.h with a time that stands still until it is moved, and the store's thread without a
 * thread.
 *
 * Linked instead of the real ones: whoever uses a loop, a clock or a store does not notice. One heap holds what will happen, on whichever
 * host, in virtual milliseconds; equal moments come in the order in which they were made, so a run is the same each time. Each host has
 * a loop, a clock that runs at its own rate from its own beginning, and a disk that takes its time. Code of a host runs between sim_enter
 * and sim_leave, which is also one round of its loop: timers that are due, then deferred calls.
 */
#pragma once
#include "base/heap.h"
#include "base/rng.h"
#include "os/loop.h"
#include "test/sim/vfs_fault.h"

struct sim_time {
	msec now;
	struct heap events;
	struct rng rng;                 /* all dice but those of disks */
};
extern struct sim_time sim_time;        /* there is one at a time */
void sim_time_init(uint64_t seed);
void sim_time_fini(void);               /* every loop freed before */

/* Something that happens once: embedded in its owner. */
struct sim_event { struct heap_node node; void (*fn)(struct sim_event *event); };
void sim_at(struct sim_event *event, msec at, void (*fn)(struct sim_event *event));
void sim_cancel(struct sim_event *event);
bool sim_step(msec until);              /* the next one; false: none is due by then, and now is until */

/* A host's clock: the next loop_new and store_open are its own. */
struct sim_host {
	msec clock_offset;
	int clock_rate;                 /* per thousand; 1000 is right */
	msec wall_ahead;                /* its clock of the wall; 0 is right */
	msec disk_min, disk_max;        /* a round of the store takes that long */
	msec disk_stalled_until;
	msec frozen_until;              /* the process was stopped, not killed */
	bool disk_lies;                 /* says it is synced when it is not */
	void (*on_leave)(struct sim_host *host);        /* whatever it did is done; may be NULL */
};
void sim_enter(struct sim_host *host, struct loop *loop);
void sim_leave(void);
struct sim_host *sim_current(void);     /* NULL between hosts */
/* From now on its clock runs at that rate; and it has jumped ahead, as after a sleep of the whole host. */
void sim_clock_set(struct sim_host *host, int rate, msec jump);

uint64_t sim_dice(uint64_t below);
bool sim_chance(unsigned per_thousand);
msec sim_some(msec most);               /* 0 to most */
