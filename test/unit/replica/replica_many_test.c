/* replica_many_test.c - what replica.h promises when there are several managers. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "replica/replica_internal.h"
#include "state/view_internal.h"
#include "test/unit/replica/replica_crowd.h"
#include "test/unit/runner.h"

static struct crowd crowd;

static struct member *begin(size_t count)
{
	crowd_init(&crowd);
	while (crowd.count < count)
		crowd_add(&crowd);
	return crowd_leader(&crowd);
}

static size_t damaged(void)
{
	size_t count = 0;

	for (size_t i = 0; i < crowd.count; i++)
		count += crowd.members[i].is_damaged;
	return count;
}

static void end_with_damage(void)
{
	crowd_fini(&crowd);
}

static void end(void)
{
	EXPECT_INT(damaged(), 0);
	crowd_fini(&crowd);
}

static bool knows_a_leader(void *arg)
{
	return replica_status(((struct member *)arg)->replica).leader != 0;
}

TEST(replica_members_that_join_have_all_there_was)
{
	struct member *first;

	crowd_init(&crowd);
	first = crowd_leader(&crowd);
	EXPECT(crowd_write(first, "before"));
	struct member *second = crowd_add(&crowd), *third = crowd_add(&crowd);
	EXPECT(crowd_write(first, "after"));
	EXPECT(crowd_agrees(&crowd));
	EXPECT(crowd_has(second, "before") && crowd_has(third, "before") && crowd_has(third, "after"));
	EXPECT(crowd_wait(&crowd, knows_a_leader, third));
	struct replica_status status = replica_status(third->replica);
	EXPECT(status.leader == first->id && status.self == third->id && status.role == RAFT_FOLLOWER);
	EXPECT_INT(status.config->count, 3);
	EXPECT_INT(raft_membership_find(status.config, third->id)->suffrage, RAFT_VOTER);
	EXPECT_STR(replica_cluster_id(third->replica), "cluster");
	EXPECT(third->statuses > 0 && third->applied > 0);
	EXPECT_INT(replica_link(third->replica, first->id), RAFT_PEER_UP);
	end();
}

TEST(replica_a_follower_refuses_requests_and_names_who_leads)
{
	struct answer answer;

	begin(3);
	struct member *follower = crowd_follower(&crowd);
	EXPECT(crowd_wait(&crowd, knows_a_leader, follower));
	crowd_ask(follower, "x", &answer);
	EXPECT(!crowd_answered(&crowd, &answer));
	EXPECT_INT(answer.err.code, ERR_UNAVAILABLE);
	EXPECT_STR(answer.err.text, "this manager does not lead: node node1 does");
	EXPECT(crowd_agrees(&crowd));
	EXPECT(!crowd_has(follower, "x"));
	end();
}

TEST(replica_goes_on_when_the_leader_is_killed_and_loses_nothing)
{
	struct member *leader = begin(3);

	EXPECT(crowd_write(leader, "one"));
	crowd_stop(leader);
	struct member *next = crowd_leader(&crowd);
	EXPECT(next && next != leader);
	EXPECT(crowd_has(next, "one"));
	EXPECT(crowd_write(next, "two"));
	crowd_start(leader);
	EXPECT(crowd_agrees(&crowd));
	EXPECT(crowd_has(leader, "one") && crowd_has(leader, "two"));
	EXPECT(crowd_leader(&crowd) == next);
	end();
}

TEST(replica_comes_back_when_all_were_killed)
{
	struct member *leader = begin(3);

	EXPECT(crowd_write(leader, "one"));
	for (size_t i = 0; i < crowd.count; i++)
		crowd_stop(&crowd.members[i]);
	for (size_t i = 0; i < crowd.count; i++)
		crowd_start(&crowd.members[i]);
	leader = crowd_leader(&crowd);
	EXPECT(leader && crowd_has(leader, "one"));
	EXPECT(crowd_write(leader, "two"));
	EXPECT(crowd_agrees(&crowd));
	end();
}

/* Its entry went to nobody; the one of the next leader stands in its place. */
TEST(replica_says_that_a_change_was_not_made_when_another_stands_in_its_place)
{
	struct member *leader = begin(3);
	struct answer answer, second;

	crowd_cut(leader, true);
	crowd_ask(leader, "lost", &answer);
	struct member *next = crowd_leader(&crowd);
	EXPECT(next && next != leader);
	EXPECT(crowd_write(next, "other"));
	EXPECT(!answer.is_done); /* not known yet, and it knows that */
	crowd_cut(leader, false);
	EXPECT(!crowd_answered(&crowd, &answer));
	EXPECT_STR(answer.err.text, "another manager began to lead meanwhile: the change was not made, try again");
	EXPECT_INT(leader->lost, 0);
	EXPECT(crowd_agrees(&crowd));
	EXPECT(!crowd_has(next, "lost"));
	crowd_ask(leader, "again", &second);
	EXPECT(!crowd_answered(&crowd, &second));
	end();
}

/* A leader of yesterday refuses by what it knows: nobody may believe that. */
TEST(replica_tells_a_refusal_only_while_it_certainly_leads)
{
	struct member *leader = begin(3);
	struct answer first, second;

	EXPECT(crowd_write(leader, "one"));
	crowd_ask(leader, "one", &first);
	EXPECT(!crowd_answered(&crowd, &first));
	EXPECT_INT(first.err.code, ERR_CONFLICT);
	crowd_cut(leader, true);
	crowd_ask(leader, "one", &second);
	EXPECT(!crowd_answered(&crowd, &second));
	EXPECT_INT(second.err.code, ERR_UNAVAILABLE);
	EXPECT(!leader->is_leader);
	end();
}

static bool others_have_it(void *arg)
{
	struct member *leader = arg;
	raft_index last = raft_status(leader->replica->raft).last;

	for (size_t i = 0; i < crowd.count; i++)
		if (&crowd.members[i] != leader && raft_status(crowd.members[i].replica->raft).last < last)
			return false;
	return leader->replica->flight.is_up && leader->replica->flight.index == last;
}

/* It reached the others, but not the news of that. */
TEST(replica_says_that_a_change_was_made_when_the_next_leader_has_it)
{
	struct member *leader = begin(3);
	struct answer answer;

	EXPECT(crowd_write(leader, "one"));
	leader->is_deaf = true;
	crowd_ask(leader, "kept", &answer);
	EXPECT(crowd_wait(&crowd, others_have_it, leader));
	crowd_cut(leader, true);
	struct member *next = crowd_leader(&crowd);
	EXPECT(next && next != leader);
	EXPECT(!answer.is_done);
	leader->is_deaf = false;
	crowd_cut(leader, false);
	EXPECT(crowd_answered(&crowd, &answer));
	EXPECT(crowd_agrees(&crowd));
	EXPECT(crowd_has(leader, "kept"));
	end();
}

TEST(replica_reads_on_every_manager_all_that_was_answered_before)
{
	struct member *leader = begin(3);
	struct answer answer;

	for (int round = 0; round < 20; round++) {
		char id[16] = { 'r', (char)('a' + round), 0 };
		EXPECT(crowd_write(leader, id));
		struct member *any = &crowd.members[round % 3];
		replica_read(any->replica, answer_done, memset(&answer, 0, sizeof(answer)));
		EXPECT(crowd_answered(&crowd, &answer));
		EXPECT(crowd_has(any, id));
	}
	end();
}

struct asking { struct member *member; uint64_t before; struct answer answer; };

static bool has_asked(void *arg)
{
	const struct asking *asking = arg;

	return asking->answer.is_done || asking->member->replica->last_token != asking->before;
}

static bool has_read_all(void *member)
{
	return ((struct member *)member)->replica->inbox_count == 0;
}

/* The leader's answer comes when whoever asked has been killed and has begun anew, and asks again. */
TEST(replica_takes_no_answer_to_a_read_of_an_earlier_life)
{
	struct member *leader = begin(3), *follower = crowd_follower(&crowd);
	struct asking asking = { follower, follower->replica->last_token, { 0 } };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct err err;

	replica_read(follower->replica, answer_done, &asking.answer);
	EXPECT(crowd_answered(&crowd, &asking.answer));
	struct raft_msg late = { .type = RAFT_MSG_READ_REPLY, .from = leader->id, .to = follower->id,
				 .read_reply = { follower->replica->last_token, true, 1 } };
	EXPECT_INT(follower->replica->last_token, asking.before + 1);
	crowd_stop(follower);
	crowd_start(follower);
	EXPECT(crowd_agrees(&crowd));
	follower->is_deaf = true;
	EXPECT(crowd_write(leader, "new"));
	asking = (struct asking){ follower, follower->replica->last_token, { 0 } };
	replica_read(follower->replica, answer_done, &asking.answer);
	EXPECT(crowd_wait(&crowd, has_asked, &asking));
	late.term = replica_status(leader->replica).term;
	raft_msg_encode(&late, &bytes);
	EXPECT_INT(replica_receive(follower->replica, leader->name, bytes.data, bytes.len, &err), 0);
	EXPECT(crowd_wait(&crowd, has_read_all, follower));
	EXPECT(!asking.answer.is_done || asking.answer.has_failed);
	end();
}

TEST(replica_refuses_reads_that_nobody_confirms)
{
	struct member *leader = begin(3);
	struct answer answer;

	crowd_cut(leader, true);
	replica_read(leader->replica, answer_done, memset(&answer, 0, sizeof(answer)));
	EXPECT(!crowd_answered(&crowd, &answer));
	EXPECT_INT(answer.err.code, ERR_UNAVAILABLE);
	end();
}

TEST(replica_hands_leadership_over_and_says_when_it_cannot)
{
	struct member *leader = begin(2);
	struct member *other = crowd_follower(&crowd);
	struct answer answer;

	replica_transfer(leader->replica, 0, answer_done, memset(&answer, 0, sizeof(answer)));
	EXPECT(crowd_answered(&crowd, &answer));
	EXPECT(crowd_leader(&crowd) == other);
	EXPECT(crowd_write(other, "one"));
	replica_transfer(leader->replica, 0, answer_done, memset(&answer, 0, sizeof(answer)));
	EXPECT(!crowd_answered(&crowd, &answer));
	EXPECT_STR(answer.err.text, "this manager does not lead");
	crowd_cut(leader, true);
	replica_transfer(other->replica, leader->id, answer_done, memset(&answer, 0, sizeof(answer)));
	EXPECT(!crowd_answered(&crowd, &answer));
	end();
}

TEST(replica_changes_members_one_at_a_time)
{
	struct member *leader = begin(3);
	struct answer first, second, third;

	replica_remove(leader->replica, crowd.members[2].id, answer_done, memset(&first, 0, sizeof(first)));
	replica_remove(leader->replica, crowd.members[1].id, answer_done, memset(&second, 0, sizeof(second)));
	EXPECT(crowd_answered(&crowd, &first));
	EXPECT(!crowd_answered(&crowd, &second));
	EXPECT_STR(second.err.text, "another change of the managers is under way: try again");
	EXPECT_INT(replica_status(leader->replica).config->count, 2);
	replica_remove(leader->replica, leader->id, answer_done, memset(&third, 0, sizeof(third)));
	EXPECT(!crowd_answered(&crowd, &third));
	EXPECT_INT(third.err.code, ERR_CONFLICT);
	end();
}

static bool has_cut(void *arg)
{
	return raft_status(((struct member *)arg)->replica->raft).first > 10;
}

static void write_some(struct member *leader, int count)
{
	for (int i = 0; i < count; i++) {
		char id[16] = { 's', (char)('a' + i % 26), (char)('a' + i / 26), 0 };
		EXPECT(crowd_write(leader, id));
	}
}

/* Alone a manager keeps no log below its state, so whoever joins needs the state itself. */
TEST(replica_a_member_that_is_too_far_behind_gets_a_snapshot)
{
	struct member *leader;

	crowd_init(&crowd);
	leader = crowd_leader(&crowd);
	write_some(leader, 40);
	store_state_checkpoint(leader->store);
	EXPECT(crowd_wait(&crowd, has_cut, leader));
	struct member *second = crowd_add(&crowd);
	EXPECT_INT(second->replaced, 1);
	EXPECT(crowd_agrees(&crowd));
	EXPECT(crowd_has(second, "saa") && crowd_has(second, "snb"));
	EXPECT(crowd_write(leader, "later"));
	EXPECT(crowd_agrees(&crowd));

	crowd_stop(second); /* and it is on its own disk */
	crowd_start(second);
	EXPECT(crowd_has(second, "saa"));
	EXPECT(crowd_leader(&crowd) && crowd_agrees(&crowd));
	EXPECT_INT(second->replaced, 1);
	end();
}

static bool is_installing(void *arg)
{
	return ((struct member *)arg)->replica->install.view != NULL;
}

static void keep_no_logs(void)
{
	for (size_t i = 0; i < crowd.count; i++)
		crowd.members[i].replica->keeps_no_log = true;
}

/* What was in flight is in the snapshot; and just then the log cannot be written, so that raft does not hear of it. */
TEST(replica_does_not_say_of_what_came_in_a_snapshot_that_it_was_not_made)
{
	struct member *leader = begin(3);
	struct answer answer, handed;
	struct err err;

	EXPECT(crowd_write(leader, "one"));
	keep_no_logs();
	leader->is_deaf = true;
	crowd_ask(leader, "kept", &answer);
	EXPECT(crowd_wait(&crowd, others_have_it, leader));
	crowd_cut(leader, true);
	struct member *next = crowd_leader(&crowd);
	EXPECT(next && next != leader);
	write_some(next, 20);
	store_state_checkpoint(next->store);
	EXPECT(crowd_wait(&crowd, has_cut, next));
	leader->is_deaf = false;
	leader->stalls_at_fetch = true;
	crowd_cut(leader, false);
	EXPECT(crowd_wait(&crowd, is_installing, leader));
	EXPECT(!answer.is_done);
	err_set(&err, ERR_IO, "no");
	replica_lose_log(leader->replica, &err);
	leader->stalls_at_fetch = false;
	vfs_fault_hold(leader->disk, false);
	EXPECT(crowd_agrees(&crowd));
	EXPECT(crowd_has(leader, "kept"));
	replica_transfer(next->replica, leader->id, answer_done, memset(&handed, 0, sizeof(handed)));
	EXPECT(crowd_answered(&crowd, &handed));
	EXPECT(!crowd_answered(&crowd, &answer));
	EXPECT(strstr(answer.err.text, "it is not known whether the change was made"));
	end();
}

static bool has_tried(void *arg)
{
	return ((struct member *)arg)->replica->last_ticket >= 2;
}

TEST(replica_a_snapshot_that_breaks_off_changes_nothing_and_comes_again)
{
	struct member *leader;

	crowd_init(&crowd);
	leader = crowd_leader(&crowd);
	write_some(leader, 40);
	store_state_checkpoint(leader->store);
	EXPECT(crowd_wait(&crowd, has_cut, leader));
	crowd.eats_snapshots = true;
	struct member *second = crowd_add_learner(&crowd);
	EXPECT(crowd_wait(&crowd, has_tried, leader));
	EXPECT_INT(second->replaced, 0);
	EXPECT_INT(view_index(replica_view(second->replica)), 0);
	crowd.eats_snapshots = false;
	EXPECT(crowd_agrees(&crowd));
	EXPECT_INT(second->replaced, 1);
	end();
}

/* Pieces still arrive when the leader, which has given all of it away, offers the next. */
TEST(replica_goes_on_with_a_snapshot_that_comes_when_another_is_offered)
{
	struct member *leader = begin(3), *follower = crowd_follower(&crowd);
	struct replica *r = follower->replica;
	struct raft_base base = { .index = 1000, .term = 9 };
	struct err err;

	EXPECT(crowd_wait(&crowd, knows_a_leader, follower));
	crowd_cut(follower, true);
	replica_fetch(r, &base, 7);
	EXPECT_INT(replica_snapshot_bytes(r, 7, "one", 3, &err), 0);
	replica_fetch(r, &base, 8);
	EXPECT_INT(replica_snapshot_bytes(r, 7, "two", 3, &err), 0);
	EXPECT_INT(replica_snapshot_bytes(r, 8, "two", 3, &err), -1);
	r->install.heard_at -= 60000;   /* nothing comes any more */
	replica_fetch(r, &base, 9);
	EXPECT_INT(replica_snapshot_bytes(r, 7, "two", 3, &err), -1);
	EXPECT_INT(replica_snapshot_bytes(r, 9, "two", 3, &err), 0);
	replica_snapshot_end(r, 9, false);
	crowd_cut(follower, false);
	EXPECT(leader->replica && crowd_agrees(&crowd));
	end();
}

TEST(replica_takes_nothing_from_whoever_speaks_for_another)
{
	struct member *leader = begin(2);
	struct raft_msg msg = { .type = RAFT_MSG_VOTE, .from = crowd.members[1].id, .to = leader->id, .term = 9 };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct err err;

	raft_msg_encode(&msg, &bytes);
	EXPECT_INT(replica_receive(leader->replica, "node9", bytes.data, bytes.len, &err), -1);
	EXPECT_INT(err.code, ERR_DENIED);
	EXPECT_INT(replica_receive(leader->replica, "node2", bytes.data, bytes.len - 1, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	end();
}

/* A manager whose disk is full leads no more, and is back when there is room. */
TEST(replica_another_leads_while_the_leaders_disk_is_full)
{
	struct member *leader = begin(3);
	struct answer answer;

	vfs_fault_set_capacity(leader->disk, 1);
	crowd_ask(leader, "full", &answer);
	crowd_answered(&crowd, &answer);
	struct member *next = crowd_leader(&crowd);
	EXPECT(next && next != leader);
	EXPECT(crowd_write(next, "goes on"));
	vfs_fault_set_capacity(leader->disk, 0);
	EXPECT(crowd_agrees(&crowd));
	EXPECT(crowd_has(leader, "goes on"));
	if (!answer.has_failed || !strstr(answer.err.text, "it is not known"))
		EXPECT_INT(crowd_has(leader, "full"), !answer.has_failed);
	end();
}

/* ---- the same state everywhere ------------------------------------------------------------------ */

/* As a row that flips in memory: it shows when the next entry is applied. */
static void rot(struct member *member)
{
	((struct view *)(uintptr_t)replica_view(member->replica))->sum ^= 1;
}

/* The question rides on every 100th heartbeat, and each read that is confirmed is one. */
static void ask_for_sums(struct member *leader)
{
	struct answer answer;

	for (int i = 0; i < 200 && leader->is_leader && damaged() == 0; i++) {
		replica_read(leader->replica, answer_done, memset(&answer, 0, sizeof(answer)));
		crowd_answered(&crowd, &answer);
	}
}

static bool somebody_is_damaged(void *arg UNUSED)
{
	return damaged() > 0;
}

TEST(replica_a_follower_that_differs_is_told_by_the_majority_and_stops)
{
	struct member *leader = begin(3), *follower = crowd_follower(&crowd);
	struct answer answer;

	EXPECT(crowd_write(leader, "x") && crowd_agrees(&crowd));
	ask_for_sums(leader);
	EXPECT_INT(damaged(), 0);
	rot(follower);
	EXPECT(crowd_write(leader, "w") && crowd_has(leader, "w"));
	ask_for_sums(leader);
	EXPECT(crowd_wait(&crowd, somebody_is_damaged, NULL));
	EXPECT(follower->is_damaged);
	EXPECT_INT(damaged(), 1);
	crowd_ask(follower, "y", &answer);
	EXPECT(!crowd_answered(&crowd, &answer));
	EXPECT(strstr(answer.err.text, "is not what most managers hold"));
	EXPECT_INT(replica_status(follower->replica).role, 0);
	EXPECT(crowd_write(leader, "z"));
	end_with_damage();
}

static bool has_some(void *arg)
{
	return crowd_has(arg, "saa");
}

static bool somebody_else_leads(void *arg)
{
	for (size_t i = 0; i < crowd.count; i++)
		if (&crowd.members[i] != arg && crowd.members[i].is_leader)
			return true;
	return false;
}

TEST(replica_a_leader_that_differs_from_all_others_leads_no_more)
{
	struct member *leader = begin(3);

	EXPECT(crowd_write(leader, "x") && crowd_agrees(&crowd));
	rot(leader);
	EXPECT(crowd_write(leader, "w"));
	ask_for_sums(leader);
	EXPECT(crowd_wait(&crowd, somebody_is_damaged, NULL));
	EXPECT(leader->is_damaged);
	EXPECT_INT(damaged(), 1);
	EXPECT(crowd_wait(&crowd, somebody_else_leads, leader));
	end_with_damage();
}

/* With two of five in its hands it would not be outvoted, and nobody could become what it hands out. */
TEST(replica_a_leader_that_has_rotted_hands_out_no_snapshot_and_leads_no_more)
{
	struct member *leader, *fresh;

	crowd_init(&crowd);
	leader = crowd_leader(&crowd);
	write_some(leader, 40);
	store_state_checkpoint(leader->store);
	EXPECT(crowd_wait(&crowd, has_cut, leader));
	crowd_add(&crowd);
	crowd_add(&crowd);
	rot(leader);
	fresh = crowd_add_learner(&crowd);
	EXPECT(crowd_wait(&crowd, somebody_is_damaged, NULL));
	EXPECT(leader->is_damaged);
	EXPECT_INT(damaged(), 1);
	EXPECT(crowd_wait(&crowd, somebody_else_leads, leader));
	EXPECT(crowd_wait(&crowd, has_some, fresh));
	end_with_damage();
}

/* Standard error in a file, for it is there that a human is told. */
static FILE *catch_log(void)
{
	FILE *file = tmpfile();

	EXPECT(file && dup2(fileno(file), STDERR_FILENO) == STDERR_FILENO);
	return file;
}

static int lines_with(FILE *file, const char *text)
{
	char line[1000];
	int count = 0;

	rewind(file);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	return count;
}

static bool has_rotted(void *arg)
{
	return ((struct member *)arg)->replica->has_rotted;
}

/* Whoever would fetch its state from it has none yet, and does not vote. */
TEST(replica_the_only_voter_goes_on_when_it_has_rotted_and_says_so_once)
{
	FILE *told = catch_log();
	struct member *leader;

	crowd_init(&crowd);
	leader = crowd_leader(&crowd);
	write_some(leader, 40);
	store_state_checkpoint(leader->store);
	EXPECT(crowd_wait(&crowd, has_cut, leader));
	rot(leader);
	crowd_add_learner(&crowd);
	EXPECT(crowd_wait(&crowd, has_rotted, leader));
	ask_for_sums(leader); /* many a heartbeat, and it is tried again behind each */
	EXPECT_INT(damaged(), 0);
	EXPECT(leader->is_leader && crowd_write(leader, "on"));
	EXPECT_INT(lines_with(told, "its memory is damaged"), 1);
	fclose(told);
	end();
}

TEST(replica_stops_for_a_file_that_is_damaged_only_where_it_can_be_spared)
{
	struct member *leader = begin(2);
	struct err err;

	err_set(&err, ERR_DAMAGED, "state.db is damaged");
	replica_store_events.on_trouble(leader->replica, &err);
	EXPECT_INT(damaged(), 0);
	EXPECT(crowd_write(leader, "on"));
	crowd_add(&crowd);
	crowd_stop(crowd_follower(&crowd));
	EXPECT(crowd_write(leader, "still"));
	replica_store_events.on_trouble(leader->replica, &err);
	EXPECT_INT(damaged(), 0);
	EXPECT(crowd_write(leader, "and on"));
	end();
}

TEST(replica_of_two_that_differ_nobody_knows_who_is_right)
{
	struct member *leader = begin(2);

	EXPECT(crowd_write(leader, "x") && crowd_agrees(&crowd));
	rot(crowd_follower(&crowd));
	EXPECT(crowd_write(leader, "w"));
	ask_for_sums(leader);
	EXPECT(crowd_write(leader, "y"));
	end();
}
