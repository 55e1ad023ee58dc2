/* raft_sim_test.c - one voter, killed between any two duties, seeded. Real raft on a fake disk and
 * clock.
 *
 * The model keeps what the world outside has been told. After every step: terms never fall, one
 * vote a term, entries are applied in order and each index always holds the same bytes, whatever
 * was applied once is applied again after a restart, whatever was acknowledged is in the log of the
 * disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/rng.h"
#include "test/unit/raft/raft_disk.h"
#include "test/unit/runner.h"

enum { SELF = 5, STEPS = 600 };

struct sim {
	struct rng rng;
	uint64_t seed;
	msec now;
	struct raft *raft;
	struct raft_disk disk;

	/* the state machine: rows in memory, written behind */
	raft_index applied;
	struct raft_base durable_base;
	struct raft_base memory_base;
	uint64_t reported; /* number of the last persist raft was told of */

	/* what the world knows: survives every crash */
	uint64_t told[DISK_ENTRIES_MAX]; /* value applied at an index, 0: none */
	raft_index highest_applied;
	raft_term highest_term;
	uint64_t next_value;
	unsigned crashes, proposals, acknowledged;
	bool is_calm; /* nothing is killed any more */
	/* forgets what it said was durable: the harness must find that out */
	bool disk_lies;
	bool failed;
};

static void demand(struct sim *sim, bool ok, const char *what)
{
	if (ok || sim->failed)
		return;
	sim->failed = true;
	if (sim->disk_lies)
		return;
	printf("seed 0x%llx: %s\n", (unsigned long long)sim->seed, what);
	EXPECT(!"the simulation found a contradiction");
}

static uint64_t value_of(const struct raft_entry *entry)
{
	uint64_t value = 1ull << 63 | entry->term << 2 | entry->type;

	if (entry->type == RAFT_ENTRY_NORMAL)
		memcpy(&value, entry->bytes, sizeof(value));
	return value;
}

static void apply(struct sim *sim, const struct raft_entry *entry)
{
	demand(sim, entry->index == sim->applied + 1, "an entry was skipped or applied twice");
	demand(sim, !sim->told[entry->index] || sim->told[entry->index] == value_of(entry),
	       "an applied entry has changed");
	demand(sim, entry->now_ms >= sim->memory_base.now_ms, "cluster time fell");
	sim->acknowledged += !sim->told[entry->index];
	sim->told[entry->index] = value_of(entry);
	sim->applied = entry->index;
	sim->highest_applied = MAX(sim->highest_applied, entry->index);
	sim->memory_base.index = entry->index;
	sim->memory_base.term = entry->term;
	sim->memory_base.now_ms = entry->now_ms;
	if (entry->type == RAFT_ENTRY_CONFIG) {
		struct err err;
		sim->memory_base.config_index = entry->index;
		demand(sim,
		       raft_membership_decode(entry->bytes, entry->size, &sim->memory_base.config,
					      &err) == 0,
		       "a configuration that cannot be read");
	}
}

static void watch_terms(struct sim *sim, const struct raft_out *out)
{
	struct raft_status status = raft_status(sim->raft);

	demand(sim, status.hard.term >= sim->highest_term, "the term fell");
	demand(sim, status.hard.term == sim->highest_term || status.hard.vote == SELF,
	       "no vote in a new term");
	/* A term this high was on its way to the disk; only once it is there may a restart stand
	 * above it. */
	if (status.role == RAFT_LEADER)
		sim->highest_term = status.hard.term;
	demand(sim, out->deadline == RAFT_NEVER, "one voter waits for nobody");
}

/* The shell: persist, send, apply. A kill may fall between any two of these acts, so the dice are
 * asked before each. */
static bool killed(struct sim *sim, uint64_t one_in)
{
	return !sim->is_calm && rng_below(&sim->rng, one_in) == 0;
}

static bool perform(struct sim *sim, const struct raft_out *out)
{
	demand(sim, out->message_count == 0, "a message without a peer");
	watch_terms(sim, out);
	if (killed(sim, 40))
		return false;
	raft_disk_queue(&sim->disk, &out->persist);
	for (size_t i = 0; i < out->apply_count; i++) {
		if (killed(sim, 200))
			return false;
		apply(sim, &out->apply[i]);
	}
	return !killed(sim, 40);
}

static bool feed(struct sim *sim, struct raft_event event)
{
	struct raft_out out;
	struct err err;
	bool refusable = event.type == RAFT_EVENT_PROPOSE || event.type == RAFT_EVENT_READ;

	if (raft_step(sim->raft, &event, sim->now, &out, &err) == 0)
		return perform(sim, &out);
	demand(sim, refusable, err.text);
	return true;
}

static bool start(struct sim *sim)
{
	raft_free(sim->raft);
	sim->raft = raft_new();
	sim->memory_base = sim->durable_base;
	sim->applied = sim->durable_base.index;
	sim->reported = 0;
	return feed(sim, raft_disk_start(&sim->disk, SELF, &sim->durable_base));
}

/* Everything the world was told of must be on the disk, in the state or in the log. */
static void check_disk(struct sim *sim)
{
	raft_index last = sim->durable_base.index;

	for (size_t i = 0; i < sim->disk.count; i++) {
		const struct raft_entry *entry = &sim->disk.log[i];
		if (sim->told[entry->index])
			demand(sim, sim->told[entry->index] == value_of(entry),
			       "the disk's log has changed");
		last = MAX(last, entry->index);
	}
	demand(sim, last >= sim->highest_applied, "an acknowledged entry is lost");
}

static void crash(struct sim *sim)
{
	sim->crashes++;
	for (uint64_t n = rng_below(&sim->rng, sim->disk.queued + 1); n > 0; n--)
		/* it may have reached the platter all the same */
		raft_disk_sync_one(&sim->disk);
	raft_disk_lose_unsynced(&sim->disk);
	if (sim->disk_lies && sim->disk.count > 1)
		raft_disk_forget_last(&sim->disk);
	check_disk(sim);
	if (rng_below(&sim->rng, 3) == 0)
		sim->now = (msec)rng_below(&sim->rng, 1000); /* the host restarted too */
	while (!sim->failed && !start(sim)) {
		raft_disk_lose_unsynced(&sim->disk);
		sim->crashes++;
	}
}

static bool propose(struct sim *sim)
{
	struct raft_proposal items[3];
	uint64_t values[3];
	size_t count = 1 + (size_t)rng_below(&sim->rng, 3);

	for (size_t i = 0; i < count; i++) {
		values[i] = ++sim->next_value;
		items[i] = (struct raft_proposal){ &values[i], sizeof(values[i]) };
	}
	sim->proposals++;
	return feed(sim,
		    (struct raft_event){ .type = RAFT_EVENT_PROPOSE, .propose = { items, count } });
}

static bool report_persisted(struct sim *sim)
{
	if (sim->disk.durable_number == sim->reported)
		return true;
	sim->reported = sim->disk.durable_number;
	return feed(sim, (struct raft_event){ .type = RAFT_EVENT_PERSISTED,
					      .persisted = { sim->reported } });
}

static bool cut(struct sim *sim)
{
	raft_index until = sim->durable_base.index;

	if (raft_status(sim->raft).applied < until)
		return true;
	raft_disk_cut(&sim->disk, until - (until > 0 ? rng_below(&sim->rng, until) : 0));
	if (killed(sim, 10))
		return false;
	return feed(sim, (struct raft_event){ .type = RAFT_EVENT_CUT, .cut = { until } });
}

static bool act(struct sim *sim)
{
	sim->now += (msec)rng_below(&sim->rng, 20);
	switch (rng_below(&sim->rng, 9)) {
	case 0:
	case 1:
		return sim->disk.queued > DISK_QUEUE_MAX - 10 || propose(sim);
	case 2:
	case 3:
		raft_disk_sync_one(&sim->disk);
		return true;
	case 4:
	case 5:
		return report_persisted(sim);
	case 6:
		return feed(sim, (struct raft_event){ .type = RAFT_EVENT_APPLIED,
						      .applied = { .index = sim->applied } });
	case 7:
		if (rng_below(&sim->rng, 4) == 0)
			sim->durable_base = sim->memory_base; /* state.db was checkpointed */
		return true;
	default:
		return rng_below(&sim->rng, 4)
			       ? feed(sim, (struct raft_event){ .type = RAFT_EVENT_TIMER })
			       : cut(sim);
	}
}

/* Peace: all that is on its way arrives. Two persists are the vote and the no-op. */
static void settle(struct sim *sim)
{
	sim->is_calm = true;
	crash(sim);
	while (!sim->failed && sim->disk.queued > 0) {
		raft_disk_sync_one(&sim->disk);
		report_persisted(sim);
	}
	demand(sim, sim->applied >= sim->highest_applied, "the applied prefix shrank");
}

static struct sim run(uint64_t seed, bool disk_lies)
{
	static struct sim sim;

	memset(&sim, 0, sizeof(sim));
	sim.seed = seed;
	sim.disk_lies = disk_lies;
	rng_seed(&sim.rng, seed);
	raft_disk_found(&sim.disk, SELF);
	sim.highest_term = sim.disk.hard.term;
	if (!start(&sim))
		crash(&sim);
	for (int i = 0; i < STEPS && !sim.failed; i++)
		if (!act(&sim))
			crash(&sim);
	if (!sim.failed)
		settle(&sim);
	raft_free(sim.raft);
	raft_disk_fini(&sim.disk);
	return sim;
}

TEST_TIMEOUT(raft_alone_keeps_what_it_acknowledged_when_killed_between_any_two_duties, 1800)
{
	const char *fixed = getenv("SEED"), *count = getenv("SIM_SEEDS");
	unsigned crashes = 0, acknowledged = 0;

	for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : 200); i++) {
		struct sim sim = run(fixed ? strtoull(fixed, NULL, 0) : 0x5eed0000 + i, false);
		crashes += sim.crashes;
		acknowledged += sim.acknowledged;
		if (sim.failed)
			break;
	}
	EXPECT(crashes > 1000); /* else nothing was tried */
	EXPECT(acknowledged > 5000);
}

/* The harness must be able to fail. */
TEST(raft_simulation_finds_out_a_disk_that_lies)
{
	unsigned found = 0;

	for (uint64_t i = 0; i < 20; i++)
		found += run(0xbad0000 + i, true).failed;
	EXPECT(found > 15);
}
