#include "raft/raft.h"

#include <string.h>

#include "base/panic.h"
#include "test/unit/raft/raft_disk.h"
#include "test/unit/runner.h"

enum { SELF = 77 };

static struct raft_disk disk;
static struct raft *raft;
static struct raft_out out;
static struct err err;
static msec now = 1000;

static int step(struct raft_event event)
{
	return raft_step(raft, &event, now, &out, &err);
}

static int propose(const char *text)
{
	struct raft_proposal item = { text, strlen(text) };

	return step((struct raft_event){ .type = RAFT_EVENT_PROPOSE, .propose = { &item, 1 } });
}

static int persisted(uint64_t number)
{
	return step((struct raft_event){ .type = RAFT_EVENT_PERSISTED, .persisted = { number } });
}

static int applied(raft_index index)
{
	return step(
		(struct raft_event){ .type = RAFT_EVENT_APPLIED, .applied = { .index = index } });
}

static int start(const struct raft_base *base)
{
	static const struct raft_base nothing;

	raft_free(raft);
	raft = raft_new();
	return step(raft_disk_start(&disk, SELF, base ? base : &nothing));
}

/* Queues this step's persist, syncs it, and tells raft. */
static void finish_persist(void)
{
	uint64_t number = out.persist.number;

	raft_disk_queue(&disk, &out.persist);
	while (raft_disk_sync_one(&disk))
		;
	persisted(number);
}

static void lead(void)
{
	raft_disk_found(&disk, SELF);
	check(start(NULL) == 0);
	finish_persist(); /* the vote */
	finish_persist(); /* the no-op */
}

static void finish(void)
{
	raft_disk_fini(&disk);
	raft_free(raft);
	raft = NULL;
}

TEST(raft_alone_stands_at_once_and_leads_when_its_vote_is_durable)
{
	raft_disk_found(&disk, SELF);
	EXPECT_INT(start(NULL), 0);
	EXPECT_INT(out.persist.number, 1);
	EXPECT_INT(out.persist.hard.term, 2);
	EXPECT_INT(out.persist.hard.vote, SELF);
	EXPECT_INT(out.persist.entry_count, 0);
	EXPECT_INT(raft_status(raft).role, RAFT_CANDIDATE);
	EXPECT_INT(raft_status(raft).leader, 0);
	EXPECT(out.deadline == RAFT_NEVER);
	EXPECT_INT(out.apply_count, 1); /* durable on the only voter is committed */
	EXPECT_INT(out.apply[0].type, RAFT_ENTRY_CONFIG);

	finish_persist();
	EXPECT_INT(raft_status(raft).role, RAFT_LEADER);
	EXPECT_INT(raft_status(raft).leader, SELF);
	EXPECT(out.status_changed);
	EXPECT_INT(out.persist.entry_count, 1);
	EXPECT_INT(out.persist.entries[0].type, RAFT_ENTRY_NOOP);
	EXPECT_INT(out.apply_count, 0);

	finish_persist();
	EXPECT_INT(out.apply_count, 1);
	EXPECT_INT(out.apply[0].index, 2);
	finish();
}

TEST(raft_hands_out_an_entry_only_when_it_is_durable)
{
	lead();
	EXPECT_INT(propose("a"), 0);
	EXPECT_INT(out.proposed_index, 3);
	EXPECT_INT(out.apply_count, 0);
	uint64_t first = out.persist.number;
	raft_disk_queue(&disk, &out.persist);
	EXPECT_INT(propose("b"), 0);
	EXPECT_INT(out.proposed_index, 4);
	raft_disk_queue(&disk, &out.persist);
	EXPECT_INT(out.apply_count, 0);

	persisted(first);
	EXPECT_INT(out.apply_count, 1);
	EXPECT(out.apply[0].index == 3 && memcmp(out.apply[0].bytes, "a", 1) == 0);
	persisted(first + 1);
	EXPECT_INT(out.apply_count, 1);
	EXPECT_INT(out.apply[0].index, 4);
	EXPECT_INT(raft_status(raft).commit, 4);
	finish();
}

TEST(raft_takes_one_completion_for_all_persists_before_it)
{
	lead();
	propose("a");
	propose("b");
	propose("c");
	persisted(out.persist.number);
	EXPECT_INT(out.apply_count, 3);
	finish();
}

TEST(raft_appends_several_proposals_as_one_persist)
{
	struct raft_proposal items[] = { { "one", 3 }, { "two", 3 }, { "three", 5 } };

	lead();
	EXPECT_INT(step((struct raft_event){ .type = RAFT_EVENT_PROPOSE, .propose = { items, 3 } }),
		   0);
	EXPECT_INT(out.persist.entry_count, 3);
	EXPECT_INT(out.persist.entries[2].index, 5);
	EXPECT_INT(out.persist.entries[2].size, 5);
	finish();
}

TEST(raft_refuses_proposals_before_it_leads)
{
	raft_disk_found(&disk, SELF);
	start(NULL);
	EXPECT_INT(propose("a"), -1);
	EXPECT_INT(err.code, ERR_UNAVAILABLE);
	EXPECT_STR(err.text, "this manager does not lead");
	EXPECT_INT(out.persist.number, 0);
	finish();
}

TEST(raft_refuses_what_is_too_large_or_too_many)
{
	static char bytes[RAFT_ENTRY_BYTES_MAX + 1];
	struct raft_proposal large = { bytes, sizeof(bytes) }, full = { bytes, sizeof(bytes) - 1 };
	struct raft_event event = { .type = RAFT_EVENT_PROPOSE, .propose = { &large, 1 } };

	lead();
	EXPECT_INT(step(event), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	event.propose.count = 0;
	EXPECT_INT(step(event), -1);
	EXPECT_INT(err.code, ERR_INVALID);

	event.propose.items = &full;
	event.propose.count = 1;
	for (size_t i = 0; i < RAFT_PENDING_BYTES_MAX / RAFT_ENTRY_BYTES_MAX; i++)
		EXPECT_INT(step(event), 0);
	uint64_t last = out.persist.number;
	EXPECT_INT(step(event), -1);
	EXPECT_INT(err.code, ERR_EXHAUSTED);
	persisted(last);
	EXPECT_INT(step(event), 0);
	finish();
}

TEST(raft_refuses_more_persists_than_it_can_count)
{
	lead();
	for (size_t i = 0; i < RAFT_PERSISTS_MAX; i++)
		EXPECT_INT(propose("x"), 0);
	EXPECT_INT(propose("x"), -1);
	EXPECT_INT(err.code, ERR_EXHAUSTED);
	finish();
}

TEST(raft_goes_on_after_a_restart_with_a_higher_term)
{
	lead();
	propose("a");
	finish_persist();
	raft_disk_lose_unsynced(&disk);

	EXPECT_INT(start(NULL), 0);
	EXPECT_INT(out.persist.hard.term, 3);
	EXPECT_INT(out.apply_count, 3);
	EXPECT(memcmp(out.apply[2].bytes, "a", 1) == 0);
	finish_persist();
	finish_persist();
	EXPECT_INT(out.apply_count, 1);
	EXPECT_INT(out.apply[0].term, 3);
	finish();
}

TEST(raft_applies_only_what_the_state_lacks)
{
	lead();
	propose("a");
	finish_persist();
	propose("b");
	finish_persist();

	struct raft_base base = {
		.index = 3, .term = 2, .config_index = 1, .config = *raft_status(raft).config
	};
	EXPECT_INT(start(&base), 0);
	EXPECT_INT(out.apply_count, 1);
	EXPECT_INT(out.apply[0].index, 4);
	finish();
}

TEST(raft_starts_from_a_log_that_was_cut)
{
	lead();
	propose("a");
	finish_persist();
	propose("b");
	finish_persist();
	struct raft_base base = {
		.index = 4, .term = 2, .config_index = 1, .config = *raft_status(raft).config
	};

	raft_disk_cut(&disk, 3);
	EXPECT_INT(start(&base), 0);
	EXPECT_INT(raft_status(raft).last, 4);
	raft_disk_cut(&disk, 4);
	EXPECT_INT(start(&base), 0);
	EXPECT_INT(raft_status(raft).last, 4);
	finish_persist();
	finish_persist();
	EXPECT_INT(out.apply_count, 1);
	EXPECT_INT(out.apply[0].index, 5);
	finish();
}

TEST(raft_forgets_only_what_was_applied)
{
	lead();
	EXPECT_INT(applied(2), 0);
	propose("a");
	finish_persist();
	EXPECT_INT(applied(3), 0);
	size_t bytes = raft_status(raft).log_bytes;
	step((struct raft_event){ .type = RAFT_EVENT_CUT, .cut = { 3 } });
	EXPECT_INT(raft_status(raft).first, 4);
	EXPECT_INT(raft_status(raft).last, 3);
	EXPECT(raft_status(raft).log_bytes < bytes);
	propose("b");
	finish_persist();
	EXPECT_INT(out.apply[0].index, 4);
	finish();
}

TEST(raft_answers_reads_after_the_first_commit_of_its_term)
{
	struct raft_event ask = { .type = RAFT_EVENT_READ, .read = { .token = 9 } };

	raft_disk_found(&disk, SELF);
	start(NULL);
	EXPECT_INT(step(ask), -1);
	start(NULL);
	finish_persist();
	uint64_t noop = out.persist.number;
	raft_disk_queue(&disk, &out.persist);
	EXPECT_INT(step(ask), 0);
	EXPECT_INT(out.read_count, 0);
	persisted(noop);
	EXPECT_INT(out.read_count, 1);
	EXPECT_INT(out.reads[0].token, 9);
	EXPECT_INT(out.reads[0].index, 2);
	EXPECT(out.reads[0].is_confirmed);
	EXPECT_INT(step(ask), 0);
	EXPECT_INT(out.read_count, 1);
	finish();
}

TEST(raft_time_goes_on_from_the_last_entry_and_never_back)
{
	lead();
	now += 5000;
	propose("a");
	EXPECT_INT(out.persist.entries[0].now_ms, 5000);
	finish_persist();

	now = 10; /* the host restarted: its clock began anew */
	EXPECT_INT(start(NULL), 0);
	EXPECT_INT(raft_cluster_ms(raft, now), 5000);
	now += 7;
	EXPECT_INT(raft_cluster_ms(raft, now), 5007);
	finish();
}

static void expect_broken(const char *text)
{
	EXPECT_INT(start(NULL), -1);
	EXPECT_STR(err.text, text);
}

TEST(raft_tells_what_is_wrong_with_a_damaged_log)
{
	lead();
	propose("a");
	finish_persist();

	disk.log[1].index = 7;
	expect_broken("the log contradicts itself at entry 7: the one before it is missing");
	disk.log[1].index = 2;
	disk.log[2].term = 1;
	expect_broken(
		"the log contradicts itself at entry 3: its term is lower than the one before");
	disk.log[2].term = 9;
	expect_broken("the log contradicts itself at entry 3: its term has never been reached");
	disk.log[2].term = 2;
	disk.log[2].type = 9;
	expect_broken("the log contradicts itself at entry 3: unknown type");
	disk.log[2].type = RAFT_ENTRY_NORMAL;
	raft_disk_cut(&disk, 1);
	expect_broken("the log contradicts itself at entry 1: it is missing");
	disk.hard.term = 3;
	EXPECT_INT(start(&(struct raft_base){ .index = 1, .term = 3 }), -1);
	EXPECT_STR(err.text, "the log contradicts itself at entry 2: its term is lower than the one before");
	raft_disk_cut(&disk, 3);
	expect_broken("neither the log nor the state names the managers");
	finish();
}

TEST(raft_refuses_a_log_older_than_the_state)
{
	struct raft_base base = { .index = 3, .term = 5 };

	lead();
	EXPECT_INT(start(&base), -1);
	EXPECT_INT(err.code, ERR_IO);
	EXPECT_STR(err.text, "the log's term is 2, but the state has applied entries of term 5: "
			     "the log is older than the state");
	finish();
}

TEST(raft_refuses_the_log_of_another_manager)
{
	raft_disk_found(&disk, SELF + 1);
	expect_broken("the log belongs to another manager");
	finish();
}

TEST(raft_membership_survives_its_encoding)
{
	struct raft_membership config = { .cluster_id = "c1",
					  .count = 2,
					  .members = { { 1, RAFT_VOTER, "one" },
						       { 2, RAFT_LEARNER, "two" } } };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct raft_membership got;

	raft_membership_encode(&config, &bytes);
	EXPECT_INT(raft_membership_decode(bytes.data, bytes.len, &got, &err), 0);
	EXPECT_INT(got.count, 2);
	EXPECT_STR(got.cluster_id, "c1");
	EXPECT_STR(got.members[1].node_id, "two");
	EXPECT(raft_membership_find(&got, 2)->suffrage == RAFT_LEARNER);
	EXPECT(raft_membership_find(&got, 3) == NULL);
	for (size_t size = 0; size < bytes.len; size++)
		EXPECT_INT(raft_membership_decode(bytes.data, size, &got, &err), -1);
}

TEST(raft_membership_refuses_a_member_twice_and_no_voter)
{
	struct raft_membership twice = {
		.count = 2, .members = { { 1, RAFT_VOTER, "one" }, { 1, RAFT_VOTER, "two" } }
	};
	struct raft_membership deaf = { .count = 1, .members = { { 1, RAFT_LEARNER, "one" } } };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct raft_membership got;

	raft_membership_encode(&twice, &bytes);
	EXPECT_INT(raft_membership_decode(bytes.data, bytes.len, &got, &err), -1);
	buf_clear(&bytes);
	raft_membership_encode(&deaf, &bytes);
	EXPECT_INT(raft_membership_decode(bytes.data, bytes.len, &got, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
}
