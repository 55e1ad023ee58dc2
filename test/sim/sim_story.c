/* sim_story.c - one run: a cluster comes into being, bad things happen to it by dice, then it is left in peace. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/defaults.h"
#include "test/sim/sim.h"

enum { STEPS = 60, PEACE_MS = 120000 };

struct sim_world world;
const char *const sim_sabotage_names[SABOTAGE_COUNT] = {
	"nothing", "votes twice", "forgets votes", "disk lies", "acks early", "commits early", "changes entries", "reads alone",
	"answers early", "says not made", "forgets rows", "two in a slot",
};

void sim_trace(const char *fmt, ...)
{
	va_list args;

	printf("%8lld ", (long long)sim_time.now);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

void sim_demand(bool ok, const char *fmt, ...)
{
	va_list args;

	if (ok || world.failed)
		return;
	world.failed = true;
	int length = snprintf(world.why, sizeof(world.why), "at %lld ms: ", (long long)sim_time.now);
	va_start(args, fmt);
	vsnprintf(world.why + length, sizeof(world.why) - (size_t)length, fmt, args);
	va_end(args);
	TRACE("BROKEN: %s", world.why);
}

static void run(msec span)
{
	msec until = sim_time.now + span;

	while (!world.failed && sim_step(until))
		;
}

/* ---- the beginning ------------------------------------------------------------------------------------ */

static int check_founding(void *arg UNUSED, const struct overlay *overlay, struct replica_time time UNUSED, struct change_list *out,
			  struct err *err)
{
	if (view_cluster(overlay_view(overlay)))
		return err_set(err, ERR_CONFLICT, "founded already");
	struct cluster *cluster = change_create(out, KIND_CLUSTER, "cluster", FIELD_BIT(CLUSTER_SPEC));
	cluster_spec_defaults(&cluster->spec, out->arena);
	for (unsigned i = 0; i < world.workers + SIM_KEYS; i++) {
		bool is_register = i >= world.workers;
		char *id = arena_printf(out->arena, is_register ? "reg%u" : "w%u", is_register ? i - world.workers : i);
		struct node *node = change_create(out, KIND_NODE, id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_DESCRIPTION));
		node->spec.availability = is_register ? AVAILABILITY_DRAIN : AVAILABILITY_ACTIVE;
		node->description.resources = (struct node_resources){ 8000000000, (int64_t)16 << 30 };
	}
	return 0;
}

static void found_done(void *arg, uint64_t index UNUSED, const struct err *err)
{
	*(bool *)arg = err == NULL;
}

static size_t voters(void)
{
	struct sim_manager *leader = sim_leader();
	size_t count = 0;

	if (!leader)
		return 0;
	const struct raft_membership *config = replica_status(leader->replica).config;
	for (size_t i = 0; i < config->count; i++)
		count += config->members[i].suffrage == RAFT_VOTER;
	return count;
}

static struct sim_manager *find_member(bool is_in, enum raft_suffrage suffrage)
{
	struct sim_manager *leader = sim_leader();

	for (size_t i = 0; leader && i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		const struct raft_member *member = m->id ? raft_membership_find(replica_status(leader->replica).config, m->id) : NULL;
		if (m->id && (is_in ? member && member->suffrage == suffrage : !member && !m->is_joined))
			return m;
	}
	return NULL;
}

/* One step towards that many: those who wait are let in, learners made voters. */
static void grow(size_t wanted)
{
	struct sim_manager *learner = find_member(true, RAFT_LEARNER);

	if (learner)
		sim_ask_member(RAFT_MAKE_VOTER, learner);
	else if (voters() < wanted)
		sim_ask_member(RAFT_ADD_LEARNER, find_member(false, RAFT_LEARNER));
}

static void begin(void)
{
	bool is_founded = false;

	sim_managers_init();
	for (int i = 0; i < 50 && !is_founded && !world.failed; i++) {
		run(100);
		struct sim_manager *first = sim_leader();
		if (!first)
			continue;
		sim_manager_enter(first);
		replica_request(first->replica, REPLICA_REQUEST, check_founding, found_done, &is_founded);
		sim_manager_leave(first);
		run(100);
	}
	sim_demand(is_founded, "no cluster was founded");
	for (int i = 0; i < 100 && voters() < world.managers && !world.failed; i++) {
		grow(world.managers);
		run(300);
	}
	sim_demand(voters() == world.managers, "the cluster does not grow to %u managers", world.managers);
	sim_workers_init();
	sim_clients_init();
	run(3000);
}

/* ---- what happens --------------------------------------------------------------------------------------- */

static void checkpoint(struct sim_manager *m)
{
	if (!m || !sim_is_up(m))
		return;
	sim_manager_enter(m);
	store_state_checkpoint(m->store);
	sim_manager_leave(m);
	/* and little of the log stays behind it, so that snapshots are needed */
	m->replica->keeps_no_log = sim_chance(700);
}

/* A leader more often than its share. */
static struct sim_manager *victim(void)
{
	struct sim_manager *leader = sim_leader();

	return leader && sim_chance(400) ? leader : sim_any_manager();
}

static void isolate(const struct sim_manager *m)
{
	if (!m)
		return;
	TRACE("%s is cut off", m->node_id);
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		sim_cut_link(m->place, i, true);
		sim_cut_link(i, m->place, true);
	}
}

static void cut_some(void)
{
	const struct sim_manager *one = victim(), *other = sim_any_manager();

	if (!one || !other)
		return;
	size_t a = one->place, b = other->place;

	switch (sim_dice(3)) {
	case 0: /* one way */
		sim_cut_link(a, b, true);
		return;
	case 1: /* both */
		sim_cut_link(a, b, true);
		sim_cut_link(b, a, true);
		return;
	default:
		isolate(one);
	}
}

static void heal_links(void)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		for (size_t k = 0; k < SIM_MANAGERS; k++)
			if (world.cut[i][k])
				sim_cut_link(i, k, false);
	for (size_t i = 0; i < world.workers; i++)
		world.worker[i].is_cut = false;
}

static void split(void)
{
	TRACE("the network falls in two");
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		for (size_t k = 0; k < SIM_MANAGERS; k++)
			if ((i ^ k) & 1)
				sim_cut_link(i, k, true);
}

static void hurt_disk(struct sim_manager *m)
{
	if (!m)
		return;
	switch (sim_dice(4)) {
	case 0:
		TRACE("%s: its disk is full", m->node_id);
		vfs_fault_set_capacity(m->disk, 1);
		return;
	case 1:
		TRACE("%s: a write to its disk will fail", m->node_id);
		vfs_fault_fail_write_in(m->disk, 1 + sim_dice(6));
		return;
	case 2:
		TRACE("%s: a sync of its disk will fail", m->node_id);
		vfs_fault_fail_sync_in(m->disk, 1 + sim_dice(3));
		return;
	default:
		TRACE("%s: its disk stands still", m->node_id);
		m->host.disk_stalled_until = sim_time.now + sim_some(4000);
	}
}

static void mend_disks(void)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		if (!m->node_id[0])
			continue;
		vfs_fault_set_capacity(m->disk, 0);
		vfs_fault_fail_write_in(m->disk, 0);
		vfs_fault_fail_sync_in(m->disk, 0);
		m->host.disk_stalled_until = 0;
	}
}

static void freeze(struct sim_manager *m)
{
	if (!m)
		return;
	m->host.frozen_until = sim_time.now + sim_some(sim_chance(200) ? 30000 : 3000);
	TRACE("%s is frozen until %lld", m->node_id, (long long)m->host.frozen_until);
}

static void change_members(void)
{
	struct sim_manager *m = sim_any_manager();

	if (voters() > 3 && sim_chance(400))
		sim_ask_member(RAFT_REMOVE, m);
	else
		grow(MIN(voters() + 1, (size_t)7));
	sim_wipe_removed();
}

static void kill(enum sim_death how)
{
	struct sim_manager *m = victim();

	if (m)
		sim_manager_stop(m, how);
}

static void worker_happens(void)
{
	struct sim_worker *w = &world.worker[sim_dice(world.workers)];

	if (sim_chance(500))
		sim_worker_kill(w, sim_some(20000));
	else
		w->is_cut = !w->is_cut;
}

static void weather(void)
{
	world.loss = sim_chance(500) ? 0 : (unsigned)sim_dice(100);
	world.doubles = sim_chance(500) ? 0 : (unsigned)sim_dice(100);
	world.delay = 1 + sim_some(sim_chance(200) ? 150 : 15);
}

static void something_happens(void)
{
	/* what it takes to be found out: a leader that others have replaced */
	if (world.sabotage == SABOTAGE_READS_ALONE && sim_chance(150))
		isolate(sim_leader());
	switch (sim_dice(20)) {
	case 0:
		kill(DEATH_KILLED);
		break;
	case 1:
		kill(DEATH_POWER);
		break;
	case 2:
		kill(DEATH_CLOSED);
		break;
	case 3:
		cut_some();
		break;
	case 4:
		if (sim_chance(300))
			split();
		break;
	case 5:
	case 6:
		heal_links();
		break;
	case 7:
		hurt_disk(victim());
		break;
	case 8:
		mend_disks();
		break;
	case 9:
		if (sim_chance(500))
			freeze(victim());
		break;
	case 10:
		change_members();
		break;
	case 11:
		sim_ask_transfer();
		break;
	case 12:
	case 13:
		checkpoint(sim_any_manager());
		break;
	case 14:
		worker_happens();
		break;
	case 15:
		weather();
		break;
	default:
		sim_service_happens();
	}
}

/* ---- peace ---------------------------------------------------------------------------------------------- */

static bool has_converged(void)
{
	char why[sizeof(world.why)];
	bool was_traced = world.trace;

	memcpy(why, world.why, sizeof(why));
	world.trace = false;
	sim_check_converged();
	world.trace = was_traced;
	bool has = !world.failed;
	world.failed = false;
	memcpy(world.why, why, sizeof(why));
	return has;
}

static void calm_down(void)
{
	TRACE("peace");
	world.is_calm = true;
	world.loss = world.doubles = 0;
	world.delay = 5;
	heal_links();
	mend_disks();
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		world.manager[i].host.frozen_until = 0;
		sim_manager_start(&world.manager[i]);
		if (world.manager[i].id)
			sim_look_all(i, 300);
	}
	for (size_t i = 0; i < world.workers; i++)
		sim_worker_start(&world.worker[i]);
	run(15000);
	sim_services_refresh();
}

static void end(void)
{
	msec until;

	calm_down();
	until = sim_time.now + PEACE_MS;
	do {
		run(2000);
	} while (!world.failed && sim_time.now < until && !has_converged());
	sim_clients_stop();
	run(1000);
	if (!world.failed)
		sim_check_converged();
	if (!world.failed)
		sim_check_history();
}

static void free_all(void)
{
	sim_managers_free();
	sim_net_free();
	free(world.log);
	free(world.votes);
	sim_time_fini();
}

bool sim_run(uint64_t seed, enum sim_sabotage sabotage, bool trace)
{
	static const unsigned sizes[] = { 3, 3, 5, 5, 7 };

	memset(&world, 0, sizeof(world));
	world.seed = seed;
	world.sabotage = sabotage;
	world.trace = trace;
	list_init(&world.letters);
	list_init(&world.streams);
	sim_time_init(seed);
	world.managers = sizes[sim_dice(ARRAY_COUNT(sizes))];
	world.workers = (unsigned)(sim_chance(150) ? 1 + sim_dice(SIM_WORKERS) : 3 + sim_dice(6));
	world.delay = 5;
	begin();
	for (int i = 0; i < STEPS && !world.failed; i++) {
		something_happens();
		run(sim_some(600));
	}
	if (!world.failed)
		end();
	free_all();
	return !world.failed;
}
