/* raft_cluster_test.c - clusters that grow, shrink, die and are cut apart, seeded (raft_world.h says what is looked at).
 *
 * SEED=0x… repeats one run, RAFT_TRACE=1 tells it, SIM_SEEDS says how many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "test/unit/raft/raft_world.h"
#include "test/unit/runner.h"

enum { ACTS = 250, SETTLE_MS = 60000 };

/* Failed once: kept.
 * 0x5eed0409: a follower with a slow disk was offered what it had in its log, and snapshots bred snapshots */
static const uint64_t regressions[] = { 0x5eed0409 };

static void grow_to(struct world *world, size_t voters)
{
	for (int i = 0; i < 200 && !world->failed; i++) {
		struct node *leader = world_leader(world);
		if (leader && world_voters(world, leader) >= voters)
			return;
		if (leader && raft_status(leader->raft).config->count < voters)
			world_add(world);
		else
			world_promote(world);
		world_run(world, 200);
	}
}

static void act_on_links(struct world *world)
{
	size_t from = (size_t)rng_below(&world->rng, WORLD_NODES_MAX), to = (size_t)rng_below(&world->rng, WORLD_NODES_MAX);

	switch (rng_below(&world->rng, 5)) {
	case 0:
		world_cut(world, from, to); /* one way */
		break;
	case 1: /* one alone */
		for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
			world_cut(world, from, i);
			world_cut(world, i, from);
		}
		break;
	case 2:
		world->loss = (unsigned)rng_below(&world->rng, 150);
		world->doubles = (unsigned)rng_below(&world->rng, 100);
		break;
	case 3:
		world->delay = 1 + (msec)rng_below(&world->rng, rng_below(&world->rng, 5) ? 20 : 400);
		break;
	default:
		memset(world->cut, 0, sizeof(world->cut));
		break;
	}
}

static void act(struct world *world)
{
	struct node *leader = world_leader(world), *any = world_any(world);

	switch (rng_below(&world->rng, 16)) {
	case 0: case 1: case 2: case 3:
		if (leader)
			world_propose(world, leader);
		break;
	case 4: case 5:
		if (any)
			world_read(world, any);
		break;
	case 6:
		if (any)
			world_crash(world, any);
		break;
	case 7:
		if (leader && rng_below(&world->rng, 2))
			world_crash(world, leader);
		break;
	case 8: case 9:
		act_on_links(world);
		break;
	case 10: case 11:
		if (any)
			world_checkpoint(world, any);
		break;
	case 12:
		if (any && rng_below(&world->rng, 3) == 0)
			world_slow_disk(world, any, (msec)rng_below(&world->rng, 3000));
		break;
	case 13:
		if (leader)
			world_transfer(world, leader);
		break;
	case 14:
		world_promote(world);
		break;
	default:
		if (rng_below(&world->rng, 2))
			world_add(world);
		else if (leader && world_voters(world, leader) > 3)
			world_remove(world);
		break;
	}
	world_wipe_removed(world);
	world_run(world, (msec)rng_below(&world->rng, rng_below(&world->rng, 8) ? 60 : 2000));
}

static bool all_agree(struct world *world)
{
	struct node *leader = world_leader(world);

	if (!leader)
		return false;
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		struct node *node = &world->nodes[i];
		if (node->id && (!node->is_running || node->memory.base.index != leader->memory.base.index ||
				 node->memory.hash != leader->memory.hash))
			return false;
	}
	return raft_status(leader->raft).commit == raft_status(leader->raft).last;
}

/* After the storm: within a minute of its time everybody has the same, and new things are agreed. */
static bool settles(struct world *world)
{
	world->loss = world->doubles = 0;
	world->delay = 10;
	world_heal(world);
	for (msec spent = 0; spent < SETTLE_MS && !world->failed; spent += 500) {
		struct node *leader = world_leader(world);
		raft_index before = world->highest;

		world_wipe_removed(world);
		if (leader)
			world_propose(world, leader);
		world_run(world, 500);
		if (leader && world->highest > before && all_agree(world))
			return true;
	}
	return false;
}

struct tally { unsigned runs, elections, acknowledged, crashes, reads, installs, changes; };

static bool run(uint64_t seed, enum sabotage sabotage, struct tally *tally, char why[256])
{
	struct world *world = NEW(struct world);

	world_init(world, seed, sabotage);
	grow_to(world, 3 + 2 * (size_t)(seed % 3));
	for (int i = 0; i < ACTS && !world->failed; i++)
		act(world);
	if (!world->failed && !settles(world)) {
		world->failed = true;
		snprintf(world->why, sizeof(world->why), "a minute after the storm there is no agreement");
	}
	bool ok = !world->failed;
	snprintf(why, 256, "%s", world->why);
	tally->runs++;
	tally->elections += world->elections;
	tally->acknowledged += world->acknowledged;
	tally->crashes += world->crashes;
	tally->reads += world->confirmed_reads;
	tally->installs += world->installs;
	tally->changes += world->changes;
	world_fini(world);
	free(world);
	return ok;
}

static void run_one(uint64_t seed, struct tally *tally)
{
	char why[256];

	if (run(seed, SABOTAGE_NONE, tally, why))
		return;
	printf("seed 0x%llx: %s\n", (unsigned long long)seed, why);
	EXPECT(!"a cluster broke a promise");
}

TEST_TIMEOUT(raft_clusters_keep_every_promise_through_storms, 3600)
{
	const char *fixed = getenv("SEED"), *count = getenv("SIM_SEEDS");
	struct tally tally = { 0 };

	if (fixed) {
		run_one(strtoull(fixed, NULL, 0), &tally);
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(regressions); i++)
		run_one(regressions[i], &tally);
	for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : 60); i++)
		run_one(0x5eed0000 + i, &tally);
	printf("%u storms: %u elections, %u entries, %u deaths, %u reads, %u snapshots, %u changes of members\n", tally.runs, tally.elections,
	       tally.acknowledged, tally.crashes, tally.reads, tally.installs, tally.changes);
	/* else nothing was tried */
	EXPECT(tally.elections > 5 * tally.runs);
	EXPECT(tally.acknowledged > 50 * tally.runs);
	EXPECT(tally.crashes > 5 * tally.runs);
	EXPECT(tally.reads > 5 * tally.runs);
	EXPECT(tally.installs > tally.runs / 2);
	EXPECT(tally.changes > 5 * tally.runs);
}

/* The harness must be able to fail: each broken rule is found out. */
static void expect_found(enum sabotage sabotage)
{
	struct tally tally = { 0 };
	char why[256];
	bool was_found = false;

	for (uint64_t i = 0; i < 60 && !was_found; i++)
		was_found = !run(0xbad0000 + i, sabotage, &tally, why);
	EXPECT(was_found);
}

TEST_TIMEOUT(raft_storms_find_out_a_second_vote, 600) { expect_found(SABOTAGE_VOTES_TWICE); }
TEST_TIMEOUT(raft_storms_find_out_a_forgotten_vote, 600) { expect_found(SABOTAGE_FORGETS_VOTES); }
TEST_TIMEOUT(raft_storms_find_out_an_early_acknowledgement, 600) { expect_found(SABOTAGE_ACKS_EARLY); }
TEST_TIMEOUT(raft_storms_find_out_a_disk_that_lies, 600) { expect_found(SABOTAGE_FORGETS_ENTRIES); }
TEST_TIMEOUT(raft_storms_find_out_an_early_commit, 600) { expect_found(SABOTAGE_COMMITS_EARLY); }
TEST_TIMEOUT(raft_storms_find_out_changed_entries, 600) { expect_found(SABOTAGE_CHANGES_ENTRIES); }
TEST_TIMEOUT(raft_storms_find_out_a_read_that_nobody_confirmed, 600) { expect_found(SABOTAGE_READS_ALONE); }
