/* sim_manager.c - a manager's process: the real manager on a disk of its own, and what core/node does around it, in small. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "dispatch/dispatcher_io.h"
#include "store/log_db.h"
#include "state/view_internal.h"
#include "test/sim/sim.h"

enum { KNOCK_MS = 500, MEMBER_MS = 5000 };

const char sim_manager_token[] = "SWMTKN-1-manager";
static const char *const node_tables[] = { "setting" };

void sim_manager_enter(struct sim_manager *m)
{
	sim_site_enter(&m->site);
}

void sim_manager_leave(struct sim_manager *m UNUSED)
{
	sim_leave();
}

/* Of whatever it has done. */
static void on_leave(struct sim_host *host)
{
	struct sim_manager *m = sim_manager_at(CONTAINER_OF(host, struct sim_site, host));

	if (m && m->is_running)
		sim_check_manager(m);
}

bool sim_is_up(const struct sim_manager *m)
{
	return m->is_running && m->site.host.frozen_until <= sim_time.now;
}

struct sim_manager *sim_manager_by_id(raft_id id)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (id && world.manager[i].id == id)
			return &world.manager[i];
	return NULL;
}

struct sim_manager *sim_leader(void)
{
	struct sim_manager *best = NULL;
	raft_term term = 0;

	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		if (!m->is_running)
			continue;
		struct replica_status status = replica_status(m->replica);
		if (status.role != RAFT_LEADER || status.term <= term)
			continue;
		best = m;
		term = status.term;
	}
	return best;
}

struct sim_manager *sim_nth_manager(unsigned n)
{
	unsigned count = 0;

	for (size_t i = 0; i < SIM_MANAGERS; i++)
		count += world.manager[i].is_running;
	for (size_t i = 0; count && i < SIM_MANAGERS; i++)
		if (world.manager[i].is_running && n-- % count == 0)
			return &world.manager[i];
	return NULL;
}

struct sim_manager *sim_any_manager(void)
{
	unsigned count = 0;

	for (size_t i = 0; i < SIM_MANAGERS; i++)
		count += world.manager[i].is_running;
	return count ? sim_nth_manager((unsigned)sim_dice(count)) : NULL;
}

void sim_node_id(const char *name, char ret_id[ID_SIZE])
{
	str_copy(ret_id, ID_SIZE, "zzzzzzzzzzzzzzzzzzzzzzzzz");
	memcpy(ret_id, name, strlen(name));
}

/* ---- the manager's hooks ---------------------------------------------------------------------------- */

static void on_assign(void *arg, const struct assignment *items UNUSED, size_t count, const char *const *removed UNUSED,
		      size_t removed_count UNUSED, bool is_complete UNUSED)
{
	sim_demand(count == 0, "%s, which is drained, is to run a task", ((struct sim_manager *)arg)->name);
}

/* What core/node keeps beside the state, for a start at which the state is not there yet. */
static void remember_managers(struct sim_manager *m, const struct view *view)
{
	struct manager_ats managers;
	struct arena arena;

	arena_init(&arena, "managers", 1 << 20);
	dispatcher_managers(view, &arena, &managers);
	for (m->known_count = 0; m->known_count < managers.count; m->known_count++) {
		str_copy(m->known[m->known_count].node_id, ID_SIZE, managers.items[m->known_count].node_id);
		str_copy(m->known[m->known_count].address, sizeof(m->known[0].address), managers.items[m->known_count].address);
	}
	arena_fini(&arena);
}

static void on_applied(void *arg, const struct applied *applied)
{
	struct sim_manager *m = arg;
	bool has_nodes = false;

	sim_check_applied(m, applied);
	for (size_t i = 0; i < applied->event_count; i++)
		has_nodes |= applied->events[i].kind == KIND_NODE;
	if (world.sabotage == SABOTAGE_FORGETS_REMOVALS && m->manager)
		sim_forget_removals(m->manager);
	if (has_nodes && m->replica && !m->is_dying)
		remember_managers(m, replica_view(m->replica));
}

static void knock_later(struct sim_manager *m);

/* What core/node does: its files go, it asks to be let in again under another id. */
static void mend(struct sim_event *event)
{
	struct sim_manager *m = CONTAINER_OF(event, struct sim_manager, mend);

	sim_manager_stop(m, DEATH_CLOSED);
	sim_cancel(&m->back);
	vfs_fault_free(m->disk);
	m->disk = vfs_fault_new(m->node_id, sim_dice(UINT64_MAX));
	m->id = 0;
	m->is_joined = m->is_rotten = m->must_mend = false;
	world.mended++;
	knock_later(m);
}

void sim_manager_rot(struct sim_manager *m)
{
	if (!m || !m->is_joined)
		return;
	TRACE("%s: a row flips", m->name);
	((struct view *)(uintptr_t)replica_view(m->replica))->sum ^= 1;
	m->is_rotten = true;
	world.rotten++;
}

static void on_stopped(void *arg, const struct err *err)
{
	struct sim_manager *m = arg;

	if (m->is_rotten && err->code == ERR_DAMAGED) {
		TRACE("%s: %s", m->name, err->text);
		sim_at(&m->mend, sim_time.now, mend);
		return;
	}
	sim_demand(false, "%s cannot go on: %s", ((struct sim_manager *)arg)->name, err->text);
}

/* ---- to be let in ------------------------------------------------------------------------------------ */

static void knock(struct sim_event *event);

static void knock_later(struct sim_manager *m)
{
	sim_at(&m->knock, sim_time.now + KNOCK_MS / 2 + sim_some(KNOCK_MS), knock);
}

static void close_door(struct sim_manager *m)
{
	struct rpc_conn *door = m->door;

	m->door = NULL;
	rpc_close(door);
}

static void member_answered(void *arg, const void *body UNUSED, size_t size UNUSED, const struct err *err)
{
	struct sim_manager *m = arg;

	if (!m->door)
		return;
	TRACE("%s asks to be let in: %s", m->name, err ? err->text : "yes");
	close_door(m);
}

static void door_is_open(void *arg, struct rpc_conn *conn)
{
	struct sim_manager *m = arg;
	struct member_ask ask = { .raft_id = m->id, .address = m->site.address };
	CLEANUP(buf_finip) struct buf body = BUF_INIT;

	dispatch_write(&member_ask_shape, &ask, &body);
	rpc_call(conn, RPC_MEMBER, body.data, body.len, MEMBER_MS, member_answered, m);
}

static void door_is_shut(void *arg, struct rpc_conn *conn, enum rpc_down reason UNUSED, const struct err *err UNUSED)
{
	struct sim_manager *m = arg;

	if (m->door == conn)
		m->door = NULL;
}

static void knock_somewhere(struct sim_manager *m)
{
	static const struct rpc_hooks hooks = { .on_up = door_is_open, .on_down = door_is_shut };
	static const struct tls_trust trust = { NULL };
	const struct sim_manager *other = sim_any_manager();

	if (!other || other == m || m->door)
		return;
	sim_manager_enter(m);
	m->door = rpc_dial(m->rpc, other->site.address, &trust, &hooks, m);
	sim_manager_leave(m);
}

/* First its node must be in the state; then its process asks until it is a member. */
static void named(void *arg, const char *node_id, uint64_t index UNUSED, const struct err *err)
{
	struct sim_manager *m = arg;

	TRACE("node %s: %s", node_id, err ? err->text : "has joined");
	if (err || !str_eq(m->node_id, node_id))
		return;
	m->is_named = true;
	remember_managers(m, replica_view(sim_manager_at(sim_site_here())->replica));
}

static void name_it(struct sim_manager *m)
{
	struct sim_manager *other = sim_any_manager();

	if (!other || !sim_is_up(other))
		return;
	sim_manager_enter(other);
	sim_join(other->manager, m->node_id, m->site.address, sim_manager_token, named, m);
	sim_manager_leave(other);
}

static void knock(struct sim_event *event)
{
	struct sim_manager *m = CONTAINER_OF(event, struct sim_manager, knock);

	if (m->is_joined)
		return;
	if (!m->is_named)
		name_it(m);
	else if (!m->id) {
		m->id = 1 + sim_dice(UINT64_MAX - 1);
		sim_manager_start(m);
	} else if (sim_is_up(m)) {
		knock_somewhere(m);
	}
	knock_later(m);
}

/* ---- life and death -------------------------------------------------------------------------------- */

struct tls_context *sim_no_context(void *arg UNUSED)
{
	return NULL;
}

static int open_replica_files(struct sim_manager *m, bool is_founder, struct err *err)
{
	struct store_options options = { "/disk", m->node_id, node_tables, 1 };

	if (store_open(&options, m->site.loop, &m->store, err) < 0)
		return -1;
	if (replica_exists(m->store))
		return 0;
	return is_founder ? replica_bootstrap(m->store, "cluster", m->node_id, err)
			  : replica_join(m->store, "cluster", m->node_id, m->id, err);
}

/* A disk that cannot be written now: whoever starts the process tries again. */
static void did_not_start(struct sim_manager *m, const struct err *err)
{
	bool may_pass = !world.is_calm && (strstr(err->text, "I/O error") || strstr(err->text, "disk is full"));

	TRACE("%s cannot start: %s", m->name, err->text);
	m->must_mend = m->is_rotten && err->code == ERR_DAMAGED;
	sim_demand(m->must_mend || may_pass, "%s cannot start: %s", m->name, err->text);
}

static void open_all(struct sim_manager *m, bool is_founder)
{
	struct rpc_config config = { .context = sim_no_context, .arg = &m->site, .limits = RPC_LIMITS_DEFAULT };
	struct manager_hooks hooks = { .on_assign = on_assign, .on_applied = on_applied, .on_stopped = on_stopped, .arg = m };
	struct err err;

	if (open_replica_files(m, is_founder, &err) < 0) {
		did_not_start(m, &err);
		return;
	}
	m->rpc = rpc_new(m->site.loop, NULL, &config);
	if (manager_open(m->site.loop, m->store, m->rpc, m->node_id, m->site.address, NULL, &hooks, &m->manager, &err) < 0 ||
	    rpc_listen(m->rpc, m->site.address, &err) < 0) {
		did_not_start(m, &err);
		return;
	}
	for (size_t i = 0; i < m->known_count; i++)
		manager_hint(m->manager, m->known[i].node_id, m->known[i].address);
	snprintf(m->hostname, sizeof(m->hostname), "%s-%u", m->name, m->boots);
	manager_describe_node(m->manager, &(struct node_description){ .hostname = m->hostname }, m->site.address);
	m->replica = manager_replica(m->manager);
	m->id = replica_status(m->replica).self;
	m->is_running = true;
	m->is_rotten = false;   /* what was on the disk is good, or it had not been loaded */
	sim_check_applied(m, NULL);
}

void sim_manager_disk(struct sim_manager *m, msec most)
{
	m->site.host.disk_min = most / 2;
	m->site.host.disk_max = most ? most : 1 + sim_some(5);
}

/* A host that restarts has another clock; a process alone goes on with the old one. */
static void set_clock(struct sim_manager *m, bool is_new)
{
	struct sim_host *host = &m->site.host;

	if (is_new) {
		host->clock_rate = 950 + (int)sim_dice(101);
		host->clock_offset = sim_some(100000);
		host->wall_ahead = sim_chance(150) ? sim_hours_off() : 0;
	}
	sim_manager_disk(m, 0);
	host->disk_stalled_until = host->frozen_until = 0;
	host->disk_lies = world.sabotage == SABOTAGE_DISK_LIES;
	host->on_leave = on_leave;
	vfs_fault_lie(m->disk, host->disk_lies);
}

static void come_back(struct sim_event *event)
{
	sim_manager_start(CONTAINER_OF(event, struct sim_manager, back));
}

static void close_all(struct sim_manager *m)
{
	sim_manager_enter(m);
	close_door(m);
	manager_close(m->manager);
	rpc_free(m->rpc);
	store_close(m->store);
	m->manager = NULL;
	m->replica = NULL;
	m->rpc = NULL;
	m->store = NULL;
	sim_manager_leave(m);
	loop_free(m->site.loop);
	m->site.loop = NULL;
}

void sim_manager_start(struct sim_manager *m)
{
	bool is_founder = !m->id;

	if (m->is_running || !m->node_id[0] || world.failed)
		return;
	sim_cancel(&m->back);
	set_clock(m, !m->site.host.clock_rate || sim_chance(300));
	TRACE("%s starts", m->name);
	m->boots++;
	m->site.is_there = true;
	m->site.is_dark = m->site.is_mute = false;
	m->applied = 0;
	m->missed = world.highest;
	memset(m->log_terms, 0, sizeof(m->log_terms));
	m->seen_term = 0; /* what was not durable yet is forgotten */
	sim_enter(&m->site.host, NULL);
	m->site.loop = loop_new();
	sim_leave();
	sim_manager_enter(m);
	open_all(m, is_founder);
	sim_manager_leave(m);
	if (!m->is_running) {
		close_all(m);
		sim_at(m->must_mend ? &m->mend : &m->back, sim_time.now + 1000, m->must_mend ? mend : come_back);
		return;
	}
	m->is_joined |= is_founder;
	if (!m->is_joined)
		knock_later(m);
}

/* What was voted is taken back, as if it had never been synced. */
static void forget_votes(struct sim_manager *m)
{
	struct log_db db;
	struct err err;

	if (log_db_open(&db, "/disk", m->node_id, &err) < 0)
		return;
	sql_db_exec(&db.sql, "UPDATE hard SET vote = 0", &err);
	log_db_close(&db);
}

/* Between any two acts of its disk, or in the middle of what it does right now. */
static void die(struct sim_manager *m, enum sim_death how)
{
	if (how == DEATH_CLOSED)
		return;
	m->is_dying = true;
	sim_site_die(&m->site, how == DEATH_POWER);
	vfs_fault_unplug_in(m->disk, how == DEATH_POWER ? 1 + sim_dice(12) : 1);
}

void sim_manager_stop(struct sim_manager *m, enum sim_death how)
{
	if (!m->is_running)
		return;
	TRACE("%s %s", m->name, how == DEATH_KILLED ? "is killed" : how == DEATH_POWER ? "loses its power" : "is stopped");
	world.crashes++;
	m->site.host.frozen_until = 0;
	m->is_running = false;
	die(m, how);
	close_all(m);
	m->is_dying = false;
	if (how != DEATH_CLOSED)
		vfs_fault_power_loss(m->disk);
	if (world.sabotage == SABOTAGE_FORGETS_VOTES)
		forget_votes(m);
	if (m->id)
		sim_at(&m->back, sim_time.now + sim_some(sim_chance(200) ? 12000 : 3000), come_back);
}

static struct sim_manager *new_place(void)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		if (m->node_id[0])
			continue;
		memset(m, 0, sizeof(*m));
		m->place = i;
		snprintf(m->name, sizeof(m->name), "m%u", ++world.next_node);
		sim_node_id(m->name, m->node_id);
		snprintf(m->site.address, sizeof(m->site.address), "10.0.0.%u:2377", world.next_node);
		str_copy(m->site.name.node_id, sizeof(m->site.name.node_id), m->node_id);
		str_copy(m->site.name.role, sizeof(m->site.name.role), CERT_ROLE_MANAGER);
		m->disk = vfs_fault_new(m->node_id, sim_dice(UINT64_MAX));
		return m;
	}
	return NULL;
}

void sim_managers_init(void)
{
	sim_manager_start(new_place());
}

static void wipe(struct sim_manager *m)
{
	TRACE("%s is wiped", m->name);
	sim_manager_stop(m, DEATH_CLOSED);
	sim_cancel(&m->back);
	sim_cancel(&m->stumble);
	sim_cancel(&m->knock);
	sim_cancel(&m->mend);
	sim_site_forget(&m->site);
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		world.cut[i][m->place] = world.cut[m->place][i] = false;
		world.off[i][m->place] = world.off[m->place][i] = 0;
	}
	vfs_fault_free(m->disk);
	m->node_id[0] = 0;
	m->id = 0;
}

void sim_managers_free(void)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (world.manager[i].node_id[0])
			wipe(&world.manager[i]);
}

/* ---- members ------------------------------------------------------------------------------------------ */

size_t sim_voters(void)
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

void sim_let_in(void)
{
	struct sim_manager *m = new_place();

	if (m)
		sim_at(&m->knock, sim_time.now, knock);
}

static void demoted(void *arg UNUSED, const char *id, uint64_t index UNUSED, const struct err *err)
{
	world.changes += !err;
	TRACE("demote %s: %s", id, err ? err->text : "done");
}

void sim_send_away(struct sim_manager *who)
{
	struct sim_manager *other = sim_any_manager();

	if (!who || !other || !sim_is_up(other) || !who->is_joined)
		return;
	sim_manager_enter(other);
	control_node_demote(other->manager, who->node_id, demoted, NULL);
	sim_manager_leave(other);
}

static void transfer_done(void *arg UNUSED, uint64_t index UNUSED, const struct err *err)
{
	world.transfers += !err;
}

void sim_ask_transfer(void)
{
	struct sim_manager *leader = sim_leader();

	if (!leader || !sim_is_up(leader))
		return;
	sim_manager_enter(leader);
	replica_transfer(leader->replica, 0, transfer_done, NULL);
	sim_manager_leave(leader);
}

static void removed(void *arg UNUSED, const char *id, uint64_t index UNUSED, const struct err *err)
{
	TRACE("remove node %s: %s", id, err ? err->text : "done");
}

static bool has_a_place(const char *node_id)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (str_eq(world.manager[i].node_id, node_id))
			return true;
	return false;
}

/* Nodes of hosts that were wiped. */
static void remove_nodes(struct sim_manager *leader)
{
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(replica_view(leader->replica), KIND_NODE, &at));)
		if (object->meta.id[0] == 'm' && !has_a_place(object->meta.id)) {
			sim_manager_enter(leader);
			control_node_remove(leader->manager, object->meta.id, true, removed, NULL);
			sim_manager_leave(leader);
			return;
		}
}

void sim_wipe_removed(void)
{
	struct sim_manager *leader = sim_leader();

	if (!leader || !replica_is_leader(leader->replica) || !sim_is_up(leader))
		return;
	/* one that was frozen may lead only in its own eyes, and know nothing of those who came meanwhile */
	if (leader->applied < world.highest)
		return;
	/* applied on a leader that has applied an entry of its own term: agreed */
	const struct raft_membership *config = &leader->replica->config;
	if (replica_status(leader->replica).config->count != config->count)
		return;
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		struct sim_manager *m = &world.manager[i];
		if (m->id && !raft_membership_find(config, m->id) && m->is_joined)
			wipe(m);
	}
	if (leader->node_id[0] && leader->is_running)
		remove_nodes(leader);
}
