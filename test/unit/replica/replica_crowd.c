#include "test/unit/replica/replica_crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"
#include "raft/raft_impl.h"
#include "replica/replica_internal.h"
#include "test/unit/runner.h"

enum { WAIT_MS = 60000, CHUNK = 100 };

/* ---- letters ---------------------------------------------------------------------------------- */

struct letter {
	struct crowd *crowd;
	char from[16], to[16];          /* names: a stranger writes from nobody's place */
	bool is_fetch;
	raft_id to_id;
	uint64_t ticket;
	struct buf bytes;
};

static struct member *find(struct crowd *crowd, const char *name)
{
	for (size_t i = 0; i < crowd->count; i++)
		if (str_eq(crowd->members[i].name, name))
			return &crowd->members[i];
	return NULL;
}

static struct member *find_id(struct crowd *crowd, raft_id id)
{
	for (size_t i = 0; i < crowd->count; i++)
		if (crowd->members[i].id == id)
			return &crowd->members[i];
	return NULL;
}

/* In one go; the reading end may be gone at any byte. */
static void bring_snapshot(struct letter *letter, struct member *from, struct member *to)
{
	struct replica_snapshot *snapshot;
	char chunk[CHUNK];
	struct err err;
	size_t count;

	if (replica_snapshot_open(from->replica, letter->ticket, &snapshot, &err) < 0)
		return;
	while ((count = replica_snapshot_read(snapshot, chunk, sizeof(chunk))) > 0) {
		if (replica_snapshot_bytes(to->replica, letter->ticket, chunk, count, &err) < 0)
			break;
		if (letter->crowd->eats_snapshots)
			break;
	}
	replica_snapshot_close(snapshot);
	replica_snapshot_end(to->replica, letter->ticket, count == 0);
}

static void deliver(void *arg)
{
	struct letter *letter = arg;
	struct member *from = find(letter->crowd, letter->from), *to = find(letter->crowd, letter->to);
	struct err err;

	if (from && to && to->replica && !from->is_cut && !to->is_cut && !to->is_deaf) {
		if (!letter->is_fetch)
			EXPECT_INT(replica_receive(to->replica, from->name, letter->bytes.data,
						   letter->bytes.len, &err), 0);
		else if (from->replica)
			bring_snapshot(letter, to, from);
	}
	buf_fini(&letter->bytes);
	free(letter);
}

static struct letter *post(struct member *from, raft_id to)
{
	struct member *reader = find_id(from->crowd, to);
	struct letter *letter = NEW(struct letter);

	letter->crowd = from->crowd;
	letter->to_id = to;
	str_copy(letter->from, sizeof(letter->from), from->name);
	str_copy(letter->to, sizeof(letter->to), reader ? reader->name : "?");
	loop_defer(from->crowd->loop, deliver, letter);
	from->crowd->sent++;
	return letter;
}

static void send(void *arg, raft_id to, const char *node_id UNUSED, const void *bytes, size_t size, bool is_question UNUSED)
{
	buf_add(&post(arg, to)->bytes, bytes, size);
}

static void fetch(void *arg, raft_id from, const char *node_id UNUSED, uint64_t ticket)
{
	struct letter *letter = post(arg, from);

	if (((struct member *)arg)->stalls_at_fetch)
		vfs_fault_hold(((struct member *)arg)->disk, true);
	letter->is_fetch = true;
	letter->ticket = ticket;
}

static void on_members(void *arg)
{
	((struct member *)arg)->statuses++;
}

/* ---- hooks ------------------------------------------------------------------------------------ */

static void compose_first(void *arg UNUSED, const struct view *view UNUSED, struct replica_time time UNUSED,
			  size_t max UNUSED, struct change_list *out UNUSED)
{
}

static void on_lost(void *arg)
{
	((struct member *)arg)->lost++;
}

static void on_applied(void *arg, const struct applied *applied)
{
	struct member *member = arg;

	member->applied += applied->event_count > 0;
	/* what is applied is not of the future: a new leader's next entry would be older */
	if (member->replica)
		EXPECT(replica_now(member->replica) >= view_now(replica_view(member->replica)));
}

static void on_replaced(void *arg)
{
	((struct member *)arg)->replaced++;
}

static void on_leader(void *arg, bool is_leader)
{
	((struct member *)arg)->is_leader = is_leader;
}

static void on_stopped(void *arg, const struct err *err)
{
	((struct member *)arg)->is_damaged = true;
	EXPECT_INT(err->code, ERR_DAMAGED);
}

/* ---- life and death --------------------------------------------------------------------------- */

static void tell_links(struct member *member, enum raft_peer_state state)
{
	struct crowd *crowd = member->crowd;

	for (size_t i = 0; i < crowd->count; i++) {
		struct member *other = &crowd->members[i];
		if (other == member || !other->replica)
			continue;
		replica_peer(other->replica, member->id, state);
		if (state == RAFT_PEER_UP)
			replica_peer(member->replica, other->id, state);
	}
}

static void open_store(struct member *member)
{
	static const char *const tables[] = { "setting" };
	struct store_options options = { "/disk", member->name, tables, 1 };
	struct err err;

	if (store_open(&options, member->crowd->loop, &member->store, &err) < 0)
		panic("%s", err.text);
}

static void open_replica(struct member *member)
{
	struct replica_hooks hooks = { compose_first, on_lost, on_applied, on_replaced, on_leader,
				       NULL, on_stopped, member };
	struct replica_transport transport = { send, fetch, on_members, member };
	struct err err;

	member->is_leader = false;
	if (replica_open(member->crowd->loop, member->store, member->name, &hooks, &member->replica, &err) < 0)
		panic("%s", err.text);
	replica_connect(member->replica, &transport);
	tell_links(member, RAFT_PEER_UP);
}

void crowd_start(struct member *member)
{
	open_store(member);
	open_replica(member);
}

void crowd_stop(struct member *member)
{
	vfs_fault_unplug_in(member->disk, 1);
	replica_close(member->replica);
	member->replica = NULL;
	store_close(member->store);
	member->store = NULL;
	vfs_fault_power_loss(member->disk);
	tell_links(member, RAFT_PEER_LOST);
}

void crowd_cut(struct member *member, bool is_cut)
{
	member->is_cut = is_cut;
}

static struct member *new_member(struct crowd *crowd)
{
	struct member *member = &crowd->members[crowd->count++];

	check(crowd->count <= CROWD_MAX);
	*member = (struct member){ .crowd = crowd };
	snprintf(member->name, sizeof(member->name), "node%zu", crowd->count);
	member->disk = vfs_fault_new(member->name, crowd->count);
	return member;
}

/* Followers take it from the leader's heartbeats, and keep it on their disks. */
void crowd_calm(struct replica *leader)
{
	leader->raft->hard.election_ms = CROWD_ELECTION_MS;
	leader->raft->measured_at = INT64_MAX / 2;      /* for good: what it sees on this machine says little */
}

void crowd_init(struct crowd *crowd)
{
	struct err err;

	log_set_level(LOG_LEVEL_ERROR);
	*crowd = (struct crowd){ .loop = loop_new() };
	struct member *first = new_member(crowd);
	open_store(first);
	if (replica_bootstrap(first->store, "cluster", first->name, &err) < 0)
		panic("%s", err.text);
	open_replica(first);
	first->id = replica_status(first->replica).self;
	EXPECT(crowd_leader(crowd) == first);
	crowd_calm(first->replica);
}

void crowd_fini(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++) {
		struct member *member = &crowd->members[i];
		replica_close(member->replica);
		member->replica = NULL;
		store_close(member->store);
	}
	for (int i = 0; i < 3; i++)
		loop_run_once(crowd->loop, 0); /* letters to nobody */
	for (size_t i = 0; i < crowd->count; i++)
		vfs_fault_free(crowd->members[i].disk);
	loop_free(crowd->loop);
}

struct member *crowd_add_learner(struct crowd *crowd)
{
	struct member *leader = crowd_leader(crowd), *member = new_member(crowd);
	struct answer answer;
	struct err err;

	member->id = replica_new_id();
	replica_add_learner(leader->replica, member->id, member->name, answer_done,
			    memset(&answer, 0, sizeof(answer)));
	EXPECT(crowd_answered(crowd, &answer));
	open_store(member);
	if (replica_join(member->store, "cluster", member->name, member->id, &err) < 0)
		panic("%s", err.text);
	open_replica(member);
	return member;
}

struct member *crowd_add(struct crowd *crowd)
{
	struct member *member = crowd_add_learner(crowd);
	struct answer answer = { 0 };

	for (msec end = clock_boot_ms() + WAIT_MS; clock_boot_ms() < end; loop_run_once(crowd->loop, 10)) {
		replica_make_voter(crowd_leader(crowd)->replica, member->id, answer_done,
				   memset(&answer, 0, sizeof(answer)));
		if (crowd_answered(crowd, &answer))
			break;
	}
	EXPECT(answer.is_done && !answer.has_failed);
	return member;
}

/* ---- waiting ------------------------------------------------------------------------------------ */

bool crowd_wait(struct crowd *crowd, crowd_fn *until, void *arg)
{
	msec end = clock_boot_ms() + WAIT_MS;

	while (!until(arg) && clock_boot_ms() < end)
		loop_run_once(crowd->loop, 50);
	return until(arg);
}

static struct member *who_leads(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++)
		if (crowd->members[i].replica && !crowd->members[i].is_cut && crowd->members[i].is_leader)
			return &crowd->members[i];
	return NULL;
}

static bool is_led(void *arg)
{
	return who_leads(arg) != NULL;
}

struct member *crowd_leader(struct crowd *crowd)
{
	crowd_wait(crowd, is_led, crowd);
	return who_leads(crowd);
}

struct member *crowd_follower(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++)
		if (crowd->members[i].replica && !crowd->members[i].is_leader)
			return &crowd->members[i];
	return NULL;
}

static bool agrees(void *arg)
{
	struct crowd *crowd = arg;
	const struct view *first = NULL;

	for (size_t i = 0; i < crowd->count; i++) {
		if (!crowd->members[i].replica)
			continue;
		const struct view *view = replica_view(crowd->members[i].replica);
		if (first && (view_index(view) != view_index(first) || view_sum(view) != view_sum(first)))
			return false;
		first = view;
	}
	return true;
}

bool crowd_agrees(struct crowd *crowd)
{
	return crowd_wait(crowd, agrees, crowd);
}

/* ---- asking ------------------------------------------------------------------------------------ */

void answer_done(void *arg, uint64_t index, const struct err *err)
{
	struct answer *answer = arg;

	EXPECT(!answer->is_done);
	*answer = (struct answer){ .is_done = true, .has_failed = err != NULL, .index = index };
	if (err)
		answer->err = *err;
}

static bool is_answered(void *arg)
{
	return ((struct answer *)arg)->is_done;
}

bool crowd_answered(struct crowd *crowd, struct answer *answer)
{
	EXPECT(crowd_wait(crowd, is_answered, answer));
	return answer->is_done && !answer->has_failed;
}

struct asked { char id[32]; struct answer *answer; };

static int make_slot(void *arg, const struct overlay *overlay UNUSED, struct replica_time time UNUSED,
		     struct change_list *out, struct err *err UNUSED)
{
	struct asked *asked = arg;
	struct slot *slot = change_create(out, KIND_SLOT, asked->id, FIELD_BIT(SLOT_ATTEMPTS));

	slot->attempts = 1;
	return 0;
}

static void slot_done(void *arg, uint64_t index, const struct err *err)
{
	struct asked *asked = arg;

	answer_done(asked->answer, index, err);
	free(asked);
}

void crowd_ask(struct member *member, const char *id, struct answer *answer)
{
	struct asked *asked = NEW(struct asked);

	str_copy(asked->id, sizeof(asked->id), id);
	asked->answer = answer;
	memset(answer, 0, sizeof(*answer));
	replica_request(member->replica, REPLICA_REQUEST, make_slot, slot_done, asked);
}

bool crowd_write(struct member *member, const char *id)
{
	struct answer answer;

	crowd_ask(member, id, &answer);
	return crowd_answered(member->crowd, &answer);
}

bool crowd_has(const struct member *member, const char *id)
{
	return view_find(replica_view(member->replica), KIND_SLOT, id) != NULL;
}
