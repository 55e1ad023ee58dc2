/* replica_refound_test.c - what is left of a majority's death, and what a snapshot makes of an empty disk. */
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "replica/replica_internal.h"
#include "test/unit/replica/replica_crowd.h"
#include "test/unit/runner.h"

static struct crowd crowd;

static int leave_a_mark(void *arg, const struct view *view, msec now_ms UNUSED, struct change_list *out, struct err *err)
{
	const char *refused = arg;
	struct slot *slot;

	if (refused)
		return err_set(err, ERR_INVALID, "%s", refused);
	EXPECT(view_find(view, KIND_SLOT, "one") != NULL);
	slot = change_create(out, KIND_SLOT, "mark", FIELD_BIT(SLOT_ATTEMPTS));
	slot->attempts = 1;
	return 0;
}

/* As kill -9, but the store stays for whoever begins anew. */
static void close_replica(struct member *member)
{
	replica_close(member->replica);
	member->replica = NULL;
	member->is_leader = false;
	store_close(member->store);
	member->store = NULL;
}

static struct store *open_store(struct member *member)
{
	static const char *const tables[] = { "setting" };
	struct store_options options = { "/disk", member->name, tables, 1 };
	struct store *store;
	struct err err;

	if (store_open(&options, member->crowd->loop, &store, &err) < 0)
		panic("%s", err.text);
	return store;
}

static int refound(struct member *member, const char *refused, struct err *err)
{
	struct store *store = open_store(member);
	int got = replica_refound(store, member->name, leave_a_mark, (void *)(uintptr_t)refused, err);

	store_close(store);
	return got;
}

static struct member *three(void)
{
	struct member *first;

	crowd_init(&crowd);
	first = crowd_leader(&crowd);
	EXPECT(crowd_write(first, "one"));
	while (crowd.count < 3)
		crowd_add(&crowd);
	EXPECT(crowd_write(first, "two"));
	EXPECT(crowd_agrees(&crowd));
	return first;
}

TEST(refound_makes_one_survivor_lead_with_all_there_was)
{
	struct member *first = three(), *last = &crowd.members[2];
	raft_id was = last->id;
	struct err err;

	crowd_stop(first);
	crowd_stop(&crowd.members[1]);
	close_replica(last);
	EXPECT_INT(refound(last, NULL, &err), 0);
	crowd_start(last);
	EXPECT(crowd_leader(&crowd) == last);
	EXPECT(crowd_has(last, "one") && crowd_has(last, "two") && crowd_has(last, "mark"));
	struct replica_status status = replica_status(last->replica);
	EXPECT(status.self != was && status.config->count == 1);
	EXPECT_STR(replica_cluster_id(last->replica), "cluster");
	EXPECT(crowd_write(last, "three"));
	/* it lasts */
	crowd_stop(last);
	crowd_start(last);
	EXPECT(crowd_leader(&crowd) == last && crowd_has(last, "three"));
	crowd_fini(&crowd);
}

TEST(refound_is_not_disturbed_by_those_of_before_nor_they_by_it)
{
	struct member *first = three(), *last = &crowd.members[2];
	struct err err;

	close_replica(last);
	EXPECT_INT(refound(last, NULL, &err), 0);
	crowd_start(last);                      /* the others live, and know it under its old id */
	EXPECT(crowd_write(last, "new"));
	EXPECT(crowd_write(first, "old"));
	for (int i = 0; i < 100; i++)
		loop_run_once(crowd.loop, 20);
	EXPECT(last->is_leader && first->is_leader);
	EXPECT(!crowd_has(last, "old") && !crowd_has(first, "new"));
	crowd_fini(&crowd);
}

TEST(refound_lets_others_join_again)
{
	struct member *first = three(), *last = &crowd.members[2], *joined;
	struct err err;

	crowd_stop(first);
	crowd_stop(&crowd.members[1]);
	close_replica(last);
	EXPECT_INT(refound(last, NULL, &err), 0);
	crowd_start(last);
	EXPECT(crowd_leader(&crowd) == last);
	last->id = replica_status(last->replica).self;
	joined = crowd_add(&crowd);
	EXPECT(crowd_agrees(&crowd));
	EXPECT(crowd_has(joined, "two") && crowd_has(joined, "mark"));
	crowd_fini(&crowd);
}

TEST(refound_changes_nothing_when_it_is_refused)
{
	struct member *first = three();
	struct err err;

	close_replica(first);
	EXPECT_INT(refound(first, "no, thank you", &err), -1);
	EXPECT_STR(err.text, "no, thank you");
	crowd_start(first);
	EXPECT(crowd_leader(&crowd) != NULL);
	EXPECT(crowd_agrees(&crowd));
	EXPECT_INT(replica_status(first->replica).config->count, 3);
	crowd_fini(&crowd);
}

/* At every write and sync of it: as before, or done. */
TEST(refound_survives_the_loss_of_power_at_any_instruction)
{
	unsigned before = 0, after = 0;
	struct err err;

	for (uint64_t act = 1; after == 0; act++) {
		struct member *first = three(), *last = &crowd.members[2];
		struct store *store;

		crowd_stop(first);
		crowd_stop(&crowd.members[1]);
		close_replica(last);
		store = open_store(last);
		vfs_fault_unplug_in(last->disk, act);
		bool is_done = replica_refound(store, last->name, leave_a_mark, NULL, &err) == 0;
		store_close(store);
		vfs_fault_power_loss(last->disk);
		crowd_start(last);
		EXPECT(crowd_has(last, "one"));
		size_t members = replica_status(last->replica).config->count;
		EXPECT(members == 1 ? crowd_leader(&crowd) == last && crowd_has(last, "mark") : members == 3 && !crowd_has(last, "mark"));
		EXPECT(members == 1 || !is_done);
		before += members == 3;
		after += is_done;
		crowd_fini(&crowd);
		if (act > 200)
			break;
	}
	EXPECT(before > 0 && after > 0);
}

static void save(struct member *member, struct buf *out)
{
	struct err err;

	EXPECT_INT(replica_save(member->replica, out, &err), 0);
}

TEST(restore_makes_a_cluster_of_a_snapshot_on_an_empty_disk)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct member *first = three(), *host;
	struct store *store;
	struct err err;

	save(first, &bytes);
	for (size_t i = 0; i < 3; i++)
		crowd_stop(&crowd.members[i]);
	host = &crowd.members[crowd.count++];
	*host = (struct member){ .crowd = &crowd, .name = "host" };
	host->disk = vfs_fault_new(host->name, 77);
	store = open_store(host);
	EXPECT_INT(replica_restore(store, bytes.data, bytes.len / 2, host->name, leave_a_mark, NULL, &err), -1);
	EXPECT(!replica_exists(store));
	EXPECT_INT(replica_restore(store, bytes.data, bytes.len, host->name, leave_a_mark, NULL, &err), 0);
	EXPECT_INT(replica_restore(store, bytes.data, bytes.len, host->name, leave_a_mark, NULL, &err), -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	store_close(store);
	crowd_start(host);
	EXPECT(crowd_leader(&crowd) == host);
	EXPECT(crowd_has(host, "two") && crowd_has(host, "mark"));
	EXPECT_STR(replica_cluster_id(host->replica), "cluster");
	EXPECT(crowd_write(host, "three"));
	crowd_fini(&crowd);
}

TEST(restore_leaves_no_half_of_a_cluster_when_the_power_goes)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	unsigned none = 0, whole = 0;
	struct err err;

	crowd_init(&crowd);
	EXPECT(crowd_write(crowd_leader(&crowd), "one"));
	save(crowd_leader(&crowd), &bytes);
	crowd_fini(&crowd);
	for (uint64_t act = 1; act < 300 && !whole; act++) {
		struct member *host = &crowd.members[0];

		crowd = (struct crowd){ .loop = loop_new(), .count = 1 };
		*host = (struct member){ .crowd = &crowd, .name = "host" };
		host->disk = vfs_fault_new(host->name, act);
		host->store = open_store(host);
		vfs_fault_unplug_in(host->disk, act);
		bool is_done = replica_restore(host->store, bytes.data, bytes.len, host->name, leave_a_mark, NULL, &err) == 0;
		store_close(host->store);
		vfs_fault_power_loss(host->disk);
		host->store = open_store(host);
		bool is_there = replica_exists(host->store);
		EXPECT(is_there || !is_done);
		store_close(host->store);
		host->store = NULL;
		if (is_there) {
			crowd_start(host);
			EXPECT(crowd_leader(&crowd) == host && crowd_has(host, "mark"));
		}
		none += !is_there;
		whole += is_done;
		crowd_fini(&crowd);
	}
	EXPECT(none > 0 && whole > 0);
}
