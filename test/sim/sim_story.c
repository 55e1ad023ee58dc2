/* sim_story.c - one run: a cluster comes into being, what was planned happens to it, then it is left in peace. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/defaults.h"
#include "os/log.h"
#include "test/sim/sim.h"

enum { STREAM_MS = 300, PEACE_MS = 120000, REST_MS = 15000, GROW_MS = 60000, MEDDLED_MS = 700 };

struct sim_world world;
bool sim_rots, sim_meddles;
const char *const sim_sabotage_names[SABOTAGE_COUNT] = {
	"nothing", "votes twice", "forgets votes", "disk lies", "acks early", "commits early", "changes entries", "reads alone", "answers itself",
	"praises logs",
	"answers early", "says not made", "forgets rows", "two in a slot", "forgets repeats", "forgets removals",
};

void sim_trace(const char *fmt, ...)
{
	char line[1000];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	/* ids of nodes are as long as ids must be: only their beginnings say something */
	for (char *at = line; (at = strstr(at, "zz"));)
		memmove(at, at + strspn(at, "z"), strlen(at + strspn(at, "z")) + 1);
	printf("%8lld %s\n", (long long)sim_time.now, line);
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

static void add_node(const char *id, const char *address, int role, int availability, struct change_list *out)
{
	struct node *node = change_create(out, KIND_NODE, id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_DESCRIPTION) | FIELD_BIT(NODE_STATUS) |
					  (address ? FIELD_BIT(NODE_MANAGER) : 0));

	node->spec.role = role;
	node->spec.availability = availability;
	node->description.resources = (struct node_resources){ 8000000000, (int64_t)16 << 30 };
	node->status.state = NODE_UNKNOWN;
	node->status.address = arena_strdup(out->arena, "10.");
	if (!address)
		return;
	node->manager = ARENA_NEW(out->arena, struct manager_status);
	node->manager->address = arena_strdup(out->arena, address);
}

/* As manager_found, but without a root: certificates are not what is tried here. */
static int check_founding(void *arg UNUSED, const struct overlay *overlay, struct replica_time time UNUSED, struct change_list *out,
			  struct err *err)
{
	struct cluster *cluster;

	if (view_cluster(overlay_view(overlay)))
		return err_set(err, ERR_CONFLICT, "founded already");
	cluster = change_create(out, KIND_CLUSTER, "cluster", FIELD_BIT(CLUSTER_SPEC) | FIELD_BIT(CLUSTER_TOKENS));
	cluster_spec_defaults(&cluster->spec, out->arena);
	cluster->tokens.manager = arena_strdup(out->arena, sim_manager_token);
	add_node(world.manager[0].node_id, world.manager[0].site.address, ROLE_MANAGER, AVAILABILITY_DRAIN, out);
	for (unsigned i = 0; i < world.workers; i++)
		add_node(world.worker[i].node_id, NULL, ROLE_WORKER, AVAILABILITY_ACTIVE, out);
	for (unsigned i = 0; i < SIM_KEYS; i++)
		add_node(arena_printf(out->arena, "reg%u", i), NULL, ROLE_WORKER, AVAILABILITY_DRAIN, out);
	return 0;
}

static void found_done(void *arg, uint64_t index UNUSED, const struct err *err)
{
	*(bool *)arg = err == NULL;
}

static void begin(void)
{
	bool is_founded = false;
	msec until;

	sim_workers_init();
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
	for (unsigned i = 1; i < world.managers; i++)
		sim_let_in();
	until = sim_time.now + GROW_MS;
	while (sim_voters() < world.managers && sim_time.now < until && !world.failed)
		run(200);
	sim_demand(sim_voters() == world.managers, "the cluster does not grow to %u managers", world.managers);
	for (unsigned i = 0; i < world.workers; i++)
		sim_worker_start(&world.worker[i]);
	sim_clients_init();
	run(3000);
}

/* ---- what happens --------------------------------------------------------------------------------------- */

static struct sim_manager *manager_of(unsigned who)
{
	struct sim_manager *leader = who ? NULL : sim_leader();

	return leader ? leader : sim_nth_manager(who);
}

static void checkpoint(struct sim_manager *m, bool cuts_log)
{
	if (!sim_is_up(m))
		return;
	sim_manager_enter(m);
	store_state_checkpoint(m->store);
	sim_manager_leave(m);
	/* and little of the log stays behind it, so that snapshots are needed */
	m->replica->keeps_no_log = cuts_log;
}

static void isolate(const struct sim_manager *m)
{
	TRACE("%s is cut off", m->name);
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		sim_cut_link(m->place, i, true);
		sim_cut_link(i, m->place, true);
	}
}

static void cut(const struct sim_manager *one, const struct sim_manager *other, bool both_ways)
{
	TRACE("the link from %s to %s is cut%s", one->name, other->name, both_ways ? ", and back" : "");
	sim_cut_link(one->place, other->place, true);
	if (both_ways)
		sim_cut_link(other->place, one->place, true);
}

/* To one, or to all. */
static void flap(const struct sim_manager *m, const struct sim_manager *other, msec off)
{
	TRACE("the wires of %s to %s flap: off for %lld ms of %lld", m->name, other ? other->name : "all", (long long)off, (long long)off * 4);
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (!other || other->place == i)
			world.off[m->place][i] = world.off[i][m->place] = off;
}

static void heal_link(size_t from, size_t to)
{
	world.off[from][to] = 0;
	sim_cut_link(from, to, false);
}

static void heal_links(void)
{
	TRACE("all links are healed");
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		for (size_t k = 0; k < SIM_MANAGERS; k++)
			heal_link(i, k);
	for (size_t i = 0; i < world.workers; i++)
		world.worker[i].is_cut = world.worker[i].is_deaf = world.worker[i].is_unheard = false;
}

static void split(void)
{
	TRACE("the network falls in two");
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		for (size_t k = 0; k < SIM_MANAGERS; k++)
			if ((i ^ k) & 1)
				sim_cut_link(i, k, true);
}

static void hurt_disk(struct sim_manager *m, enum sim_act act, unsigned number)
{
	TRACE("%s: disk: %s %u", m->name, sim_act_names[act], number);
	if (act == ACT_FULL)
		vfs_fault_set_capacity(m->disk, 1);
	else if (act == ACT_BAD_WRITE)
		vfs_fault_fail_write_in(m->disk, number);
	else if (act == ACT_BAD_SYNC)
		vfs_fault_fail_sync_in(m->disk, number);
	else
		m->site.host.disk_stalled_until = sim_time.now + number;
}

static void mend_disks(void)
{
	TRACE("all disks are mended");
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		if (!m->node_id[0])
			continue;
		vfs_fault_set_capacity(m->disk, 0);
		vfs_fault_fail_write_in(m->disk, 0);
		vfs_fault_fail_sync_in(m->disk, 0);
		m->site.host.disk_stalled_until = 0;
		sim_manager_disk(m, 0);
	}
}

static void freeze(struct sim_manager *m, msec span)
{
	m->site.host.frozen_until = sim_time.now + span;
	TRACE("%s is frozen until %lld", m->name, (long long)m->site.host.frozen_until);
}

/* One, and so many others with it. */
static void to_some(struct sim_manager *m, const struct sim_step *step)
{
	for (unsigned i = 0; i <= step->b && m; i++, m = sim_nth_manager(step->who + i))
		if (step->act == ACT_FREEZE)
			freeze(m, step->a);
		else
			sim_manager_disk(m, step->a);
}

static void set_clock(struct sim_manager *m, int rate, msec jump)
{
	TRACE("the clock of %s runs at %d from now on, and has jumped %lld ms", m->name, rate, (long long)jump);
	if (!m->is_running)
		return;
	sim_clock_set(&m->site.host, rate, jump);
	sim_manager_enter(m);
	sim_manager_leave(m);
}

static void churn(struct sim_manager *m, const struct sim_step *step)
{
	struct sim_manager *other = sim_nth_manager(step->a);

	for (unsigned i = 0; i < step->b && sim_voters() < 6; i++)
		sim_let_in();
	if (sim_voters() > 3)
		sim_send_away(m);
	if (sim_voters() > 4 && other != m)
		sim_send_away(other);
}

static void to_manager(const struct sim_step *step, struct sim_manager *m)
{
	switch (step->act) {
	case ACT_KILL:
		sim_manager_stop(m, DEATH_KILLED);
		return;
	case ACT_POWER:
		sim_manager_stop(m, DEATH_POWER);
		return;
	case ACT_CLOSE:
		sim_manager_stop(m, DEATH_CLOSED);
		return;
	case ACT_CUT:
	case ACT_CUT_BOTH:
		cut(m, sim_nth_manager(step->a), step->act == ACT_CUT_BOTH);
		return;
	case ACT_ISOLATE:
		isolate(m);
		return;
	case ACT_FULL:
	case ACT_BAD_WRITE:
	case ACT_BAD_SYNC:
	case ACT_STALL:
		hurt_disk(m, step->act, step->a);
		return;
	case ACT_FREEZE:
	case ACT_SLOW:
		to_some(m, step);
		return;
	case ACT_FLAP:
		flap(m, step->a ? sim_nth_manager(step->a) : NULL, step->b);
		return;
	case ACT_CLOCK:
		set_clock(m, MAX((int)step->a, 100), step->b);
		return;
	case ACT_CHURN:
		churn(m, step);
		return;
	case ACT_DEMOTE:
		if (sim_voters() > 3)
			sim_send_away(m);
		return;
	case ACT_CHECKPOINT:
		checkpoint(m, step->a);
		return;
	default:
		panic("'%s' is done to no manager", sim_act_names[step->act]);
	}
}

static void to_worker(const struct sim_step *step)
{
	struct sim_worker *w = &world.worker[step->who % world.workers];

	if (step->act == ACT_WORKER_KILL) {
		sim_worker_kill(w, step->a, step->b);
		return;
	}
	w->is_cut = step->a == 0;
	w->is_deaf = step->a == 1;
	w->is_unheard = step->a == 2;
	TRACE("%s: %s", w->name, w->is_cut ? "is cut off" : w->is_deaf ? "hears nothing" : w->is_unheard ? "is not heard" : "is connected");
	sim_wires_probe(&w->site);
}

static void take_step(const struct sim_step *step)
{
	struct sim_manager *m;

	switch (step->act) {
	case ACT_SPLIT:
		split();
		return;
	case ACT_HEAL:
		heal_links();
		return;
	case ACT_MEND:
		mend_disks();
		return;
	case ACT_JOIN:
		if (sim_voters() < 7)
			sim_let_in();
		return;
	case ACT_TRANSFER:
		sim_ask_transfer();
		return;
	case ACT_WORKER_KILL:
	case ACT_WORKER_CUT:
		to_worker(step);
		return;
	case ACT_WEATHER:
		world.loss = step->who;
		world.doubles = step->a;
		world.delay = step->b;
		return;
	case ACT_STREAMS:
		world.stream_ms = step->a;
		world.stream_breaks = step->b;
		return;
	case ACT_SERVICE:
		sim_service_happens((enum sim_wish)(step->a % (WISH_REFRESH + 1)), step->who % SIM_SERVICES, step->b);
		return;
	default:
		if ((m = manager_of(step->who)))
			to_manager(step, m);
	}
}

/* ---- sabotage that takes a hand here ----------------------------------------------------------------------- */

static int add_twin(void *arg UNUSED, const struct overlay *overlay, struct replica_time time UNUSED, struct change_list *out,
		    struct err *err UNUSED)
{
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(overlay_view(overlay), KIND_TASK, &at));) {
		const struct task *task = object->value;
		if (!task_is_wanted(task) || task->slot == 0)
			continue;
		char *id = arena_printf(out->arena, "twin%llu", (unsigned long long)++world.values);
		struct task *twin = change_create(out, KIND_TASK, id, UINT64_MAX << 1 & (FIELD_BIT(TASK_UPDATE_VERSION + 1) - 1));
		shape_copy(&task_shape, task, out->arena, twin);
		return 0;
	}
	return 0;
}

static void nothing_done(void *arg UNUSED, uint64_t index UNUSED, const struct err *err UNUSED)
{
}

static void help_to_be_found_out(void)
{
	struct sim_manager *leader = sim_leader();

	/* a leader that others have replaced */
	if (leader && world.sabotage == SABOTAGE_READS_ALONE && sim_chance(150))
		isolate(leader);
	if (leader && world.sabotage == SABOTAGE_TWO_IN_A_SLOT) {
		sim_manager_enter(leader);
		replica_request(leader->replica, REPLICA_REQUEST, add_twin, nothing_done, NULL);
		sim_manager_leave(leader);
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
	world.stream_ms = STREAM_MS;
	heal_links();
	mend_disks();
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		world.manager[i].site.host.frozen_until = 0;
		set_clock(&world.manager[i], 1000, 0);
		if (world.manager[i].id)
			sim_manager_start(&world.manager[i]);
	}
	for (size_t i = 0; i < world.workers; i++)
		sim_worker_start(&world.worker[i]);
	run(REST_MS);
	for (size_t i = 0; i < world.workers && !world.failed; i++)
		sim_worker_remind(&world.worker[i]);
	sim_services_refresh();
}

static void end(void)
{
	msec until;

	calm_down();
	until = sim_time.now + PEACE_MS;
	do {
		run(2000);
		sim_wipe_removed();
	} while (!world.failed && sim_time.now < until && !has_converged());
	sim_clients_stop();
	/* the last entries are on their way still */
	for (int i = 0; i < 10 && !world.failed && (i == 0 || !has_converged()); i++)
		run(1000);
	if (!world.failed)
		sim_check_converged();
	if (!world.failed)
		sim_check_history();
}

static void free_all(void)
{
	sim_workers_free();
	sim_managers_free();
	sim_clients_free();
	sim_wires_free();
	sim_streams_free();
	free(world.log);
	free(world.votes);
	sim_time_fini();
}

bool sim_run(const struct sim_plan *plan, enum sim_sabotage sabotage, bool trace)
{
	memset(&world, 0, sizeof(world));
	world.seed = plan->seed;
	world.sabotage = sabotage;
	world.trace = trace;
	list_init(&world.letters);
	list_init(&world.streams);
	sim_time_init(plan->dice);
	world.managers = plan->managers;
	world.workers = plan->workers;
	world.delay = 5;
	world.stream_ms = STREAM_MS;
	world.stream_breaks = 150;
	begin();
	for (size_t i = 0; i < plan->count && !world.failed; i++) {
		help_to_be_found_out();
		if (!sim_meddles || i % 4 == 0)
			take_step(&plan->steps[i]);
		if (sim_meddles)
			sim_service_meddled();
		if (sim_rots && i == plan->count / 2)
			sim_manager_rot(plan->seed % 2 ? sim_leader() : sim_any_manager());
		run(plan->steps[i].pause + (sim_meddles ? MEDDLED_MS : 0));
		sim_wipe_removed();
	}
	if (!world.failed)
		end();
	free_all();
	return !world.failed;
}
