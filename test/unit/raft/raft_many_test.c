/* raft_many_test.c - what one promise of raft.h comes to with several managers, one test each; virtual time throughout. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/panic.h"
#include "base/str.h"
#include "raft/raft_impl.h"
#include "test/unit/raft/raft_world.h"
#include "test/unit/runner.h"

static struct world *world;

static struct node *begin(uint64_t seed, size_t voters)
{
	world = NEW(struct world);
	world_init(world, seed, SABOTAGE_NONE);
	for (int i = 0; i < 100; i++) {
		struct node *leader = world_leader(world);
		if (leader && world_voters(world, leader) == voters)
			break;
		if (leader && raft_status(leader->raft).config->count < voters)
			world_add(world);
		else
			world_promote(world);
		world_run(world, 200);
	}
	struct node *leader = world_leader(world);
	EXPECT(leader && world_voters(world, leader) == voters);
	return leader;
}

static void end(void)
{
	EXPECT_STR(world->why, "");
	world_fini(world);
	free(world);
}

static msec time_until_led(const struct node *not_by)
{
	msec before = world->now;

	while (world->now - before < 20000) {
		struct node *leader = world_leader(world);
		if (leader && leader != not_by)
			break;
		world_run(world, 5);
	}
	return world->now - before;
}

static int by_time(const void *a, const void *b)
{
	msec x = *(const msec *)a, y = *(const msec *)b;

	return x < y ? -1 : x > y;
}

TEST(raft_replaces_a_leader_whose_process_died_in_a_fifth_of_a_second)
{
	msec took[51];

	for (size_t i = 0; i < ARRAY_COUNT(took); i++) {
		struct node *leader = begin(i, 3);
		world_crash(world, leader);
		heap_put(&world->events, &leader->back, world->now + 60000);
		took[i] = time_until_led(leader);
		end();
	}
	qsort(took, ARRAY_COUNT(took), sizeof(took[0]), by_time);
	EXPECT(took[25] <= 200);
	EXPECT(took[50] <= 1500);
}

/* A vote that was given is said again after a write, for the first time may have been lost; not to a leader, at every write. */
TEST(raft_says_no_vote_again_when_the_term_has_its_leader)
{
	struct node *leader = begin(1, 3);

	world_transfer(world, leader);
	world_run(world, 2000);
	struct node *next = world_leader(world);
	EXPECT(next && next != leader && world->votes > 0);
	unsigned before = world->votes, acknowledged = world->acknowledged;
	for (int i = 0; i < 50; i++) {
		world_propose(world, next);
		world_run(world, 50);
	}
	EXPECT(world->acknowledged > acknowledged);
	EXPECT_INT(world->votes, before);
	end();
}

TEST(raft_replaces_a_leader_that_is_cut_off_in_two_election_timeouts)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct node *leader = begin(seed, 3);
		for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
			world_cut(world, world_place(world, leader), i);
			world_cut(world, i, world_place(world, leader));
		}
		EXPECT(time_until_led(leader) <= 2500);
		world_run(world, 1000);
		EXPECT_INT(raft_status(leader->raft).role == RAFT_LEADER, false); /* it knows that it leads no more */
		end();
	}
}

TEST(raft_replaces_a_leader_that_is_deaf_in_little_more_than_one_election_timeout)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct node *leader = begin(seed, 3);
		msec before = world->now;

		for (size_t i = 0; i < WORLD_NODES_MAX; i++)
			world_cut(world, i, world_place(world, leader));
		for (const struct node *now = leader; world->now - before < 5000 && (!now || now == leader); now = world_leader(world))
			world_run(world, 5);
		EXPECT(world->now - before <= RAFT_ELECTION_MIN_MS * 3 / 2);
		end();
	}
}

TEST(raft_a_member_that_was_cut_off_comes_back_without_disturbing_anybody)
{
	struct node *leader = begin(3, 5);
	struct node *other = world_any(world);

	while (other == leader)
		other = world_any(world);
	raft_term term = raft_status(leader->raft).hard.term;
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		world_cut(world, world_place(world, other), i);
		world_cut(world, i, world_place(world, other));
	}
	world_run(world, 30000);
	EXPECT_INT(raft_status(other->raft).role, RAFT_PRE_CANDIDATE);
	EXPECT_INT(raft_status(other->raft).hard.term, term);
	EXPECT_INT(raft_status(other->raft).leader, 0);
	/* nor when it has heard that nobody would vote for it */
	struct raft_msg no = { .type = RAFT_MSG_PRE_VOTE_REPLY, .to = other->id, .term = term };
	struct raft_event event = { .type = RAFT_EVENT_RECEIVE, .receive = { &no } };
	struct raft_out out;
	struct err err;
	for (size_t i = 0, told = 0; told < 3 && i < raft_status(other->raft).config->count; i++) {
		no.from = raft_status(other->raft).config->members[i].id;
		if (no.from == other->id)
			continue;
		told++;
		EXPECT_INT(raft_step(other->raft, &event, other->clock_offset + world->now * other->clock_rate / 1000, &out, &err), 0);
	}
	EXPECT_INT(raft_status(other->raft).role, RAFT_FOLLOWER);
	EXPECT_INT(raft_status(other->raft).leader, 0);
	world_heal(world);
	world_run(world, 2000);
	EXPECT(world_leader(world) == leader);
	EXPECT_INT(raft_status(leader->raft).hard.term, term);
	EXPECT_INT(raft_status(other->raft).leader, leader->id);
	end();
}

TEST(raft_hands_leadership_over_in_a_few_round_trips)
{
	struct node *leader = begin(4, 3);
	msec before = world->now;

	world_transfer(world, leader);
	while (world->now - before < 1000 && (!world_leader(world) || world_leader(world) == leader))
		world_run(world, 1);
	EXPECT(world->now - before <= 100);
	end();
}

TEST(raft_a_leader_that_is_given_up_lets_another_stand)
{
	struct node *leader = begin(6, 3);
	struct raft_msg msg;

	EXPECT(raft_farewell(leader->raft, &msg));
	EXPECT_INT(msg.type, RAFT_MSG_TIMEOUT_NOW);
	EXPECT_INT(msg.term, raft_status(leader->raft).hard.term);
	EXPECT_INT(msg.from, leader->id);
	struct node *next = world_find(world, msg.to);
	EXPECT(next && next != leader && !raft_farewell(next->raft, &msg));
	end();
}

TEST(raft_a_leader_whose_disk_stands_still_makes_way)
{
	struct node *leader = begin(5, 3);

	world_slow_disk(world, leader, 10000);
	EXPECT(time_until_led(leader) <= 1500);
	struct node *next = world_leader(world);
	world_propose(world, next);
	raft_index before = world->highest;
	world_run(world, 500);
	EXPECT(world->highest > before);
	end();
}

TEST(raft_a_leader_with_the_only_good_disk_stays)
{
	struct node *leader = begin(6, 3);

	for (size_t i = 0; i < WORLD_NODES_MAX; i++)
		if (world->nodes[i].is_running && &world->nodes[i] != leader)
			world_slow_disk(world, &world->nodes[i], 3000);
	world_run(world, 1000);
	world_slow_disk(world, leader, 2000);
	world_run(world, 1500);
	EXPECT(world_leader(world) == leader);
	end();
}

TEST(raft_waits_longer_when_disks_are_slow_and_not_when_they_are_good_again)
{
	struct node *leader = begin(7, 3);
	msec longest = 0;

	EXPECT_INT(raft_status(leader->raft).hard.election_ms, RAFT_ELECTION_MIN_MS);
	world->delay = 120;
	for (int i = 0; i < 100; i++) {
		if ((leader = world_leader(world)))
			world_propose(world, leader);
		world_run(world, 100);
		if ((leader = world_leader(world)))
			longest = MAX(longest, raft_status(leader->raft).hard.election_ms);
	}
	EXPECT(longest >= 1000);
	world->delay = 5;
	for (int i = 0; i < 300; i++) {
		if ((leader = world_leader(world)))
			world_propose(world, leader);
		world_run(world, 100);
	}
	EXPECT(leader && raft_status(leader->raft).hard.election_ms == RAFT_ELECTION_MIN_MS);
	end();
}

/* What TCP makes of a wire that is off for a moment: what was on its way comes, late. */
TEST(raft_does_not_wait_longer_for_a_wire_that_flaps)
{
	struct node *leader;
	msec longest = 0;

	begin(8, 3);
	for (int i = 0; i < 1000; i++) {
		world->delay = i % 20 == 19 ? 600 : 5;
		if ((leader = world_leader(world)))
			world_propose(world, leader);
		world_run(world, world->delay == 5 ? 20 : 2);
		world->delay = 5;
		if ((leader = world_leader(world)) && i > 100)
			longest = MAX(longest, raft_status(leader->raft).hard.election_ms);
	}
	EXPECT(longest > 0 && longest <= 1000);
	end();
}

static struct node *learner_of(void)
{
	for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
		struct node *node = &world->nodes[i];
		struct node *leader = world_leader(world);
		const struct raft_member *member =
			node->id ? raft_membership_find(raft_status(leader->raft).config, node->id) : NULL;
		if (member && member->suffrage == RAFT_LEARNER)
			return node;
	}
	return NULL;
}

TEST(raft_a_learner_receives_and_does_not_count)
{
	struct node *leader = begin(8, 1);

	world_add(world);
	world_run(world, 500);
	struct node *learner = learner_of();
	EXPECT(learner && learner->memory.base.index == leader->memory.base.index);
	world_crash(world, learner);
	heap_put(&world->events, &learner->back, world->now + 60000);
	raft_index before = world->highest;
	world_propose(world, leader);
	world_run(world, 200);
	EXPECT(world->highest > before); /* the one voter goes on without it */
	end();
}

TEST(raft_a_learner_that_hears_nothing_any_more_knows_of_no_leader)
{
	struct node *leader = begin(8, 1);

	world_add(world);
	world_run(world, 500);
	struct node *learner = learner_of();
	EXPECT(learner && raft_status(learner->raft).leader == leader->id);
	for (size_t i = 0; i < WORLD_NODES_MAX; i++)
		world_cut(world, i, world_place(world, learner));
	world_run(world, 2 * RAFT_ELECTION_MIN_MS);
	EXPECT_INT(raft_status(learner->raft).leader, 0);
	EXPECT_INT(raft_status(learner->raft).role, RAFT_FOLLOWER);
	world_heal(world);
	world_run(world, 500);
	EXPECT_INT(raft_status(learner->raft).leader, leader->id);
	end();
}

TEST(raft_a_read_whose_connection_broke_is_told_to_come_again)
{
	struct node *leader = begin(8, 3), *other = world_any(world);

	while (other == leader)
		other = world_any(world);
	world_cut(world, world_place(world, leader), world_place(world, other));
	world_read(world, other);
	world_run(world, 10);
	EXPECT_INT(other->raft->read_count, 1);
	world_heal(world); /* the connection is up, as if it were another one */
	EXPECT_INT(other->raft->read_count, 0);
	EXPECT_INT(world->confirmed_reads, 0);
	end();
}

static msec now_of(const struct node *node)
{
	return node->clock_offset + world->now * node->clock_rate / 1000;
}

static struct node *follower_of(const struct node *leader)
{
	struct node *other = world_any(world);

	while (other == leader)
		other = world_any(world);
	return other;
}

/* No connection breaks: a queue was full, or another of two connections took the place of the first. */
TEST(raft_a_question_that_got_lost_is_asked_again)
{
	struct node *leader = begin(8, 3), *other = follower_of(leader);

	for (int i = 0; i < 2; i++) {
		size_t from = world_place(world, i ? leader : other), to = world_place(world, i ? other : leader);
		world->cut[from][to] = true;    /* first the question, then the answer */
		world_read(world, other);
		world_run(world, 20);
		EXPECT_INT(other->raft->read_count, 1);
		world->cut[from][to] = false;
		world_run(world, RAFT_ELECTION_MIN_MS);
		EXPECT_INT(other->raft->read_count, 0);
		EXPECT_INT(world->confirmed_reads, i + 1);
	}
	end();
}

static size_t reads_told(struct node *node, struct node *leader, uint64_t token, bool is_confirmed)
{
	struct raft_msg msg = { .type = RAFT_MSG_READ_REPLY, .from = leader->id, .to = node->id, .term = raft_status(leader->raft).hard.term,
				.read_reply = { token, is_confirmed, 5 } };
	struct raft_event event = { .type = RAFT_EVENT_RECEIVE, .receive = { &msg } };
	struct raft_out out;
	struct err err;

	EXPECT_INT(raft_step(node->raft, &event, now_of(node), &out, &err), 0);
	for (size_t i = 0; i < out.read_count; i++)
		EXPECT(out.reads[i].is_confirmed == is_confirmed && out.reads[i].token <= token);
	return out.read_count;
}

TEST(raft_an_answer_to_a_question_is_one_to_all_before_it_and_a_refusal_is_not)
{
	struct node *leader = begin(8, 3), *other = follower_of(leader);

	world_cut(world, world_place(world, other), world_place(world, leader));
	for (int i = 0; i < 5; i++)
		world_read(world, other);
	EXPECT_INT(other->raft->read_count, 5);
	EXPECT_INT(reads_told(other, leader, 2, false), 1);
	EXPECT_INT(reads_told(other, leader, 4, true), 3);
	EXPECT_INT(reads_told(other, leader, 3, true), 0);
	EXPECT_INT(other->raft->read_count, 1);
	EXPECT_INT(reads_told(other, leader, 5, true), 1);
	memset(other->reads, 0, sizeof(other->reads));
	end();
}

/* A wire that was off: what was answered meanwhile comes at once. */
TEST(raft_sends_a_log_once_to_whoever_answers_a_hundred_heartbeats_at_once)
{
	struct node *leader = begin(8, 3), *other = follower_of(leader);
	struct raft_msg msg = { .type = RAFT_MSG_HEARTBEAT_REPLY, .from = other->id, .to = leader->id };
	struct raft_event event = { .type = RAFT_EVENT_RECEIVE, .receive = { &msg } };
	size_t first = world_place(world, leader), second = world_place(world, other), sent = 0;
	struct raft_out out;
	struct err err;

	world_cut(world, first, second);
	world_cut(world, second, first);
	for (int i = 0; i < 30; i++) {
		world_propose(world, leader);
		world_run(world, RAFT_ELECTION_MIN_MS / 5);
	}
	msg.term = raft_status(leader->raft).hard.term;
	for (uint64_t back = 40; back > 0; back--) {
		msg.heartbeat_reply.round = leader->raft->round - back;
		EXPECT_INT(raft_step(leader->raft, &event, now_of(leader), &out, &err), 0);
		for (size_t i = 0; i < out.message_count; i++)
			sent += out.messages[i].type == RAFT_MSG_APPEND && out.messages[i].to == other->id && out.messages[i].append.entry_count;
	}
	EXPECT_INT(sent, 1);
	memset(world->cut, 0, sizeof(world->cut));
	world_run(world, RAFT_ELECTION_MIN_MS);
	EXPECT(leader->memory.base.index == world->highest && other->memory.base.index == world->highest);
	end();
}

static int promote(struct node *leader, raft_id id, struct err *err)
{
	struct raft_event event = { .type = RAFT_EVENT_CHANGE_MEMBER };
	struct raft_out out;

	event.change_member.change = RAFT_MAKE_VOTER;
	event.change_member.member.id = id;
	return raft_step(leader->raft, &event, now_of(leader), &out, err);
}

/* Its host has no power, and TCP has not noticed. */
TEST(raft_makes_no_voter_of_whoever_it_does_not_hear)
{
	struct node *leader = begin(8, 1), *learner;
	struct err err;

	world_add(world);
	world_run(world, 500);
	learner = learner_of();
	EXPECT(learner && learner->memory.base.index == leader->memory.base.index);
	world_cut(world, world_place(world, learner), world_place(world, leader));
	world_run(world, 2 * RAFT_ELECTION_MIN_MS);
	EXPECT_INT(promote(leader, learner->id, &err), -1);
	EXPECT_STR(err.text, "node node2 has not caught up yet");
	EXPECT_INT(err.code, ERR_UNAVAILABLE);
	memset(world->cut, 0, sizeof(world->cut));
	world_run(world, RAFT_ELECTION_MIN_MS);
	world_promote(world);
	world_run(world, RAFT_ELECTION_MIN_MS);
	EXPECT_INT(world_voters(world, leader), 2);
	end();
}

static bool would_vote(struct node *node, raft_id from)
{
	struct raft_status status = raft_status(node->raft);
	struct raft_msg msg = { .type = RAFT_MSG_PRE_VOTE, .from = from, .to = node->id, .term = status.hard.term + 1,
				.vote = { .last_index = status.last, .last_term = status.hard.term } };
	struct raft_event event = { .type = RAFT_EVENT_RECEIVE, .receive = { &msg } };
	struct raft_out out;
	struct err err;

	EXPECT_INT(raft_step(node->raft, &event, now_of(node), &out, &err), 0);
	EXPECT_INT(out.message_count, 1);
	return out.messages[0].vote_reply.granted;
}

TEST(raft_does_not_defend_a_leader_against_itself)
{
	struct node *leader = begin(8, 3), *other = follower_of(leader);

	EXPECT(!would_vote(other, 6 - leader->id - other->id));
	EXPECT(would_vote(other, leader->id));
	end();
}

TEST(raft_replaces_a_leader_whose_process_is_back_at_once)
{
	msec took[21];

	for (size_t i = 0; i < ARRAY_COUNT(took); i++) {
		struct node *leader = begin(i, 5);

		world_crash(world, leader);
		world_start(world, leader);
		took[i] = time_until_led(NULL);
		end();
	}
	qsort(took, ARRAY_COUNT(took), sizeof(took[0]), by_time);
	EXPECT(took[10] <= 200); /* votes may be split */
	EXPECT(took[20] <= 1500);
}

static int change(struct node *leader, enum raft_member_change what, raft_id id, struct err *err)
{
	struct raft_event event = { .type = RAFT_EVENT_CHANGE_MEMBER };
	struct raft_out out;

	event.change_member.change = what;
	event.change_member.member.id = id;
	str_copy(event.change_member.member.node_id, ID_SIZE, "node9");
	return raft_step(leader->raft, &event, leader->clock_offset + world->now * 2, &out, err);
}

/* The leader's news that nothing but the commit has moved. */
TEST(raft_answers_a_probe_and_not_the_news_of_a_commit)
{
	struct node *leader = begin(12, 3), *other = world_any(world);

	while (other == leader)
		other = world_any(world);
	world_propose(world, leader);
	world_run(world, 500);
	struct raft_status status = raft_status(other->raft);
	EXPECT(status.durable == status.last && status.commit == status.last);
	struct raft_msg msg = {
		.type = RAFT_MSG_APPEND, .from = leader->id, .to = other->id, .term = status.hard.term,
		.append = { .prev_index = status.last, .prev_term = status.hard.term, .commit = status.last },
	};
	struct raft_event event = { .type = RAFT_EVENT_RECEIVE, .receive = { &msg } };
	msec now = other->clock_offset + world->now * other->clock_rate / 1000;
	struct raft_out out;
	struct err err;
	EXPECT_INT(raft_step(other->raft, &event, now, &out, &err), 0);
	EXPECT_INT(out.message_count, 0);
	msg.append.sent_ms = 1;
	EXPECT_INT(raft_step(other->raft, &event, now, &out, &err), 0);
	EXPECT_INT(out.message_count, 1);
	EXPECT(out.messages[0].append_reply.matched && out.messages[0].append_reply.last_index == status.last);
	end();
}

TEST(raft_refuses_changes_of_members_that_make_no_sense)
{
	struct node *leader = begin(9, 3);
	struct err err;

	EXPECT_INT(change(leader, RAFT_REMOVE, leader->id, &err), -1);
	EXPECT_STR(err.text, "node node1 leads: leadership must be handed over first");
	EXPECT_INT(change(leader, RAFT_REMOVE, 4711, &err), -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	EXPECT_INT(change(leader, RAFT_ADD_LEARNER, 2, &err), -1);
	EXPECT_STR(err.text, "node node9 is a manager already");
	EXPECT_INT(change(leader, RAFT_MAKE_VOTER, 2, &err), -1);
	EXPECT_STR(err.text, "node node2 votes already");
	EXPECT_INT(change(leader, RAFT_ADD_LEARNER, 4711, &err), 0);
	EXPECT_INT(change(leader, RAFT_ADD_LEARNER, 4712, &err), -1);
	EXPECT_STR(err.text, "another change of the managers is under way: try again");
	world_fini(world);
	free(world);
}

TEST(raft_messages_survive_the_wire_and_nothing_else_does)
{
	struct raft_entry entries[] = { { 7, 3, RAFT_ENTRY_NORMAL, 99, "abc", 3 }, { 8, 3, RAFT_ENTRY_NOOP, 99, NULL, 0 } };
	struct raft_msg msg = { .type = RAFT_MSG_APPEND, .from = 1, .to = 2, .term = 3,
				.append = { 6, 2, 5, 1234, entries, 2 } };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct raft_msg back;
	struct arena arena;
	struct err err;

	arena_init(&arena, "test", 1 << 20);
	raft_msg_encode(&msg, &bytes);
	EXPECT_INT(raft_msg_decode(bytes.data, bytes.len, &arena, &back, &err), 0);
	EXPECT_INT(back.append.entry_count, 2);
	EXPECT_INT(back.append.entries[0].size, 3);
	EXPECT(memcmp(back.append.entries[0].bytes, "abc", 3) == 0);
	EXPECT_INT(back.append.sent_ms, 1234);
	for (size_t cut = 0; cut < bytes.len; cut++)
		EXPECT_INT(raft_msg_decode(bytes.data, cut, &arena, &back, &err), -1);
	buf_add(&bytes, "", 1);
	EXPECT_INT(raft_msg_decode(bytes.data, bytes.len, &arena, &back, &err), -1);
	EXPECT_STR(err.text, "a raft message of 39 bytes that is none");
	arena_fini(&arena);
}
