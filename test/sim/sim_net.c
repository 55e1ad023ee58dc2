/* sim_net.c - what lies between the sites of a world: links that are cut, also one way, weather, and those who tamper with what passes. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/panic.h"
#include "base/str.h"
#include "rpc/frame.h"
#include "test/sim/sim.h"

/* ---- who is where --------------------------------------------------------------------------------- */

struct sim_manager *sim_manager_at(const struct sim_site *site)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (site == &world.manager[i].site)
			return &world.manager[i];
	return NULL;
}

static const struct sim_worker *worker_at(const struct sim_site *site)
{
	return CONTAINER_OF(site, struct sim_worker, site);
}

struct sim_site *sim_site_at(const char *address)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (world.manager[i].site.is_there && str_eq(world.manager[i].site.address, address))
			return &world.manager[i].site;
	return NULL;
}

/* ---- links ------------------------------------------------------------------------------------------ */

bool sim_link_is_cut(const struct sim_site *from, const struct sim_site *to)
{
	const struct sim_manager *a = sim_manager_at(from), *b = sim_manager_at(to);

	if (!a)
		return worker_at(from)->is_cut || worker_at(from)->is_unheard;
	if (!b)
		return worker_at(to)->is_cut || worker_at(to)->is_deaf;
	return world.cut[a->place][b->place];
}

bool sim_is_linked(size_t a, size_t b)
{
	return !world.cut[a][b] && !world.cut[b][a];
}

void sim_cut_link(size_t from, size_t to, bool is_cut)
{
	if (world.cut[from][to] == is_cut)
		return;
	world.cut[from][to] = is_cut;
	if (is_cut)
		sim_wires_probe(&world.manager[from].site);
}

/* Of all wires of one length at the same time: as a switch that comes and goes. */
msec sim_link_opens(const struct sim_site *from, const struct sim_site *to)
{
	const struct sim_manager *a = sim_manager_at(from), *b = sim_manager_at(to);
	msec off = a && b ? world.off[a->place][b->place] : 0, phase = off ? sim_time.now % (4 * off) : 0;

	return phase < off ? sim_time.now - phase + off : 0;
}

/* A few come very late: behind much that was sent after them. */
msec sim_link_delay(void)
{
	return 1 + sim_some(sim_chance(5) ? world.delay * 20 : world.delay);
}

bool sim_link_loses(void)
{
	return world.loss && sim_chance(world.loss);
}

bool sim_link_doubles(void)
{
	return world.doubles && sim_chance(world.doubles);
}

/* ---- raft's messages, and those who tamper with them ------------------------------------------------ */

/* Everybody agrees that it leads, even who never heard of it. */
static void forge_agreement(struct sim_manager *leader, const struct raft_msg *beat)
{
	struct raft_msg msg = { .type = RAFT_MSG_HEARTBEAT_REPLY, .from = beat->to, .to = leader->id, .term = beat->term };
	struct sim_manager *other = sim_manager_by_id(beat->to);

	if (!other)
		return;
	msg.heartbeat_reply.round = beat->heartbeat.round;
	sim_wire_forge(&other->site, &leader->site, &msg);
}

/* Says the leader, as if. */
static void forge_read(struct sim_manager *follower, const struct raft_msg *question)
{
	struct raft_msg msg = { .type = RAFT_MSG_READ_REPLY, .from = question->to, .to = follower->id, .term = question->term };
	struct sim_manager *leader = sim_manager_by_id(question->to);

	if (!leader)
		return;
	msg.read_reply = (struct raft_msg_read_reply){ question->read.token, true, MAX((raft_index)1, view_index(replica_view(follower->replica))) };
	sim_wire_forge(&leader->site, &follower->site, &msg);
}

/* It has everything, says the wire, whatever its disk thinks. */
static void forge_acknowledgement(struct sim_manager *leader, const struct raft_msg *append)
{
	struct raft_msg msg = { .type = RAFT_MSG_APPEND_REPLY, .from = append->to, .to = leader->id, .term = append->term };
	struct sim_manager *other = sim_manager_by_id(append->to);

	if (!other || !other->is_running)
		return;
	msg.append_reply.matched = true;
	msg.append_reply.last_index = append->append.prev_index + append->append.entry_count;
	msg.append_reply.last_term = append->append.entries[append->append.entry_count - 1].term;
	sim_wire_forge(&other->site, &leader->site, &msg);
}

/* Right after it has voted it dies, and is back at once. */
static void stumble(struct sim_event *event)
{
	struct sim_manager *m = CONTAINER_OF(event, struct sim_manager, stumble);

	sim_manager_stop(m, DEATH_KILLED);
	sim_manager_start(m);
}

static void tamper(struct sim_manager *from, struct raft_msg *msg)
{
	switch (world.sabotage) {
	case SABOTAGE_VOTES_TWICE:
		if (msg->type == RAFT_MSG_VOTE_REPLY || msg->type == RAFT_MSG_PRE_VOTE_REPLY)
			msg->vote_reply.granted = true;
		return;
	case SABOTAGE_ACKS_EARLY:
		if (msg->type == RAFT_MSG_APPEND && msg->append.entry_count)
			forge_acknowledgement(from, msg);
		return;
	case SABOTAGE_FORGETS_VOTES:
		if (msg->type == RAFT_MSG_VOTE_REPLY && msg->vote_reply.granted && sim_chance(500))
			sim_at(&from->stumble, sim_time.now, stumble);
		return;
	case SABOTAGE_COMMITS_EARLY:
		if (msg->type == RAFT_MSG_APPEND)
			msg->append.commit = msg->append.prev_index + msg->append.entry_count;
		return;
	case SABOTAGE_CHANGES_ENTRIES:
		for (size_t i = 0; msg->type == RAFT_MSG_APPEND && i < msg->append.entry_count; i++)
			if (msg->append.entries[i].type == RAFT_ENTRY_NORMAL && sim_chance(50))
				((struct raft_entry *)msg->append.entries)[i].size = 0; /* decodes as no change at all */
		return;
	case SABOTAGE_READS_ALONE:
		if (msg->type == RAFT_MSG_HEARTBEAT)
			forge_agreement(from, msg);
		return;
	case SABOTAGE_ANSWERS_ITSELF:
		if (msg->type == RAFT_MSG_READ)
			forge_read(from, msg);
		return;
	case SABOTAGE_PRAISES_LOGS:
		if (msg->type == RAFT_MSG_VOTE || msg->type == RAFT_MSG_PRE_VOTE)
			msg->vote.last_index = msg->vote.last_term = INT64_MAX;
		return;
	default:
		return;
	}
}

/* So that two stand in one term. */
static bool must_get_lost(const struct raft_msg *msg)
{
	return world.sabotage == SABOTAGE_FORGETS_VOTES && msg->type == RAFT_MSG_VOTE && sim_chance(300);
}

bool sim_see_message(struct sim_site *site, const uint8_t *body, size_t size, struct buf *ret_changed)
{
	struct sim_manager *from = sim_manager_at(site);
	struct arena arena;
	struct raft_msg msg;
	struct err err;
	bool passes = true;

	check(from);
	if (!world.sabotage && body[1] != RAFT_MSG_VOTE_REPLY)
		return true;
	arena_init(&arena, "letter", 64 << 20);
	if (raft_msg_decode(body, size, &arena, &msg, &err) < 0) {
		sim_demand(false, "%s sends what cannot be read: %s", from->name, err.text);
	} else {
		sim_check_message(from, &msg);
		passes = !must_get_lost(&msg);
		tamper(from, &msg);
		if (world.sabotage)
			raft_msg_encode(&msg, ret_changed);
	}
	arena_fini(&arena);
	return passes;
}

/* Of a verb that is brought again nobody is told that it is. */
bool sim_see_frame(struct sim_site *site UNUSED, const uint8_t *bytes, size_t size, struct buf *ret_changed)
{
	static const char repeat[] = "\"Repeat\":true";
	char *found;

	if (world.sabotage != SABOTAGE_FORGETS_REPEATS || size < FRAME_HEAD_BYTES || bytes[4] != FRAME_CALL || bytes[9] != RPC_VERB)
		return false;
	buf_add(ret_changed, bytes, size);
	found = memmem(ret_changed->data, ret_changed->len, repeat, sizeof(repeat) - 1);
	if (!found)
		return false;
	memcpy(found, "\"Xepeat\":true", sizeof(repeat) - 1);
	return true;
}

msec sim_hours_off(void)
{
	msec hours = (msec)(1 + sim_dice(100)) * 3600 * 1000;

	return sim_chance(500) ? hours : -hours;
}
