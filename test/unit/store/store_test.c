#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "test/unit/runner.h"
#include "test/unit/store/store_rig.h"

TEST(store_reports_appends_in_order_and_gives_them_back)
{
	rig_begin();
	EXPECT_INT(rig.loaded.log.hard.term, 0);
	for (uint64_t i = 1; i <= 100; i++)
		EXPECT_INT(rig_append(i), 0);
	EXPECT(rig_wait(&rig.appended, 100));
	rig_shut();
	rig_open("/disk", "bad");
	EXPECT_INT(rig.loaded.log.entry_count, 100);
	EXPECT_INT(rig.loaded.log.hard.vote, 5);
	rig_end();
}

TEST(store_appends_that_wait_together_share_an_fsync)
{
	rig_begin();
	rig_append(1);
	EXPECT(rig_wait(&rig.appended, 1));
	uint64_t before = vfs_fault_acts(rig.disk);
	rig_append(2);
	EXPECT(rig_wait(&rig.appended, 2));
	uint64_t one = vfs_fault_acts(rig.disk) - before;

	vfs_fault_hold(rig.disk, true);
	before = vfs_fault_acts(rig.disk);
	for (uint64_t i = 3; i <= 202; i++)
		rig_append(i);
	vfs_fault_hold(rig.disk, false);
	EXPECT(rig_wait(&rig.appended, 202));
	EXPECT(vfs_fault_acts(rig.disk) - before < 200 * one / 4);
	rig_end();
}

TEST(store_after_a_failed_append_nothing_is_taken_until_the_log_was_read_again)
{
	rig_begin();
	rig_append(1);
	EXPECT(rig_wait(&rig.appended, 1));
	vfs_fault_fail_write_in(rig.disk, 1);
	rig_append(2);
	rig_append(3);
	EXPECT(rig_wait(&rig.failed, 2));
	EXPECT(str_starts(rig.append_err.text, "cannot write raft.db: disk I/O error"));
	rig_append(4);
	EXPECT(rig_wait(&rig.failed, 3));
	EXPECT_INT(rig.appended, 1);
	rig_end();
}

static struct store_log reopened;
static unsigned reopens, reopen_failures;

static void on_reopened(void *arg UNUSED, struct store_log *log, const struct err *e)
{
	reopens += e == NULL;
	reopen_failures += e != NULL;
	if (log)
		reopened = *log;
}

TEST(store_reopens_its_log_and_shows_what_the_disk_holds)
{
	rig_begin();
	rig_append(1);
	EXPECT(rig_wait(&rig.appended, 1));
	vfs_fault_set_capacity(rig.disk, 1);
	rig_append(2);
	EXPECT(rig_wait(&rig.failed, 1));
	EXPECT_STR(rig.append_err.text, "cannot write raft.db: the disk is full");
	vfs_fault_fail_sync_in(rig.disk, 1); /* the first try at opening it again fails too */
	store_log_reopen(rig.store, on_reopened, NULL);
	EXPECT(rig_wait(&reopen_failures, 1));

	vfs_fault_set_capacity(rig.disk, 0);
	store_log_reopen(rig.store, on_reopened, NULL);
	EXPECT(rig_wait(&reopens, 1));
	EXPECT(reopened.entry_count == 1 || reopened.entry_count == 2);
	rig_append(reopened.entry_count + 1);
	EXPECT(rig_wait(&rig.appended, 2));
	store_log_fini(&reopened);
	rig_end();
}

/* More than one round takes, and the loop asks for the log to be read again as soon as it hears of the first: what still waits then is of a
 * raft that is gone. */
static unsigned failed_at_reopening;

static void note_reopened(void *arg, struct store_log *log, const struct err *e)
{
	failed_at_reopening = rig.failed;
	on_reopened(arg, log, e);
}

static void append_large(uint64_t index)
{
	enum { LARGE = 3 << 20 };
	char *bytes = NEW_ARRAY(char, LARGE);
	struct store_hard hard = { 1, 5, 500 };
	struct store_entry entry = { index, 1, 1, 0, bytes, LARGE };

	EXPECT_INT(store_log_append(rig.store, &(struct store_append){ hard, false, &entry, 1 }, rig_on_appended, (void *)(uintptr_t)rig.asked++, &rig.err), 0);
	free(bytes);
}

TEST(store_takes_nothing_into_a_log_that_was_read_again_that_was_meant_for_it_before)
{
	rig_begin();
	rig_append(1);
	EXPECT(rig_wait(&rig.appended, 1));
	vfs_fault_hold(rig.disk, true);
	vfs_fault_fail_write_in(rig.disk, 1);
	for (uint64_t i = 2; i <= 6; i++)
		append_large(i);
	store_log_reopen(rig.store, note_reopened, NULL);
	vfs_fault_hold(rig.disk, false);
	EXPECT(rig_wait(&reopens, 1));
	EXPECT_INT(rig.failed, 5);
	EXPECT_INT(failed_at_reopening, 5);
	EXPECT_INT(reopened.entry_count, 1);
	store_log_fini(&reopened);
	rig_append(2);
	EXPECT(rig_wait(&rig.appended, 2));
	rig_shut();
	rig_open("/disk", "bad");
	EXPECT_INT(rig.loaded.log.entry_count, 2);
	rig_end();
}

TEST(store_cuts_its_log)
{
	rig_begin();
	for (uint64_t i = 1; i <= 20; i++)
		rig_append(i);
	store_log_cut(rig.store, 15);
	EXPECT(rig_wait(&rig.appended, 20));
	rig_append(21); /* a cut happens before the next round's end */
	rig_append(22);
	EXPECT(rig_wait(&rig.appended, 22));
	rig_shut();
	rig_open("/disk", "bad");
	EXPECT_INT(rig.loaded.log.entries[0].index, 16);
	EXPECT_INT(rig.loaded.log.entry_count, 7);
	rig_end();
}

TEST(store_writes_the_state_behind_and_says_when_it_is_durable)
{
	rig_begin();
	EXPECT(rig_write_state(1, "a", "one"));
	EXPECT(rig_write_state(2, "b", "two"));
	EXPECT(rig_write_state(3, "a", NULL));
	store_state_checkpoint(rig.store);
	EXPECT(rig_wait_durable(3));
	vfs_fault_power_loss(rig.disk);
	rig_shut();
	rig_open("/disk", "bad");
	EXPECT_STR(buf_text(&rig.rows), "2/b=two ");
	EXPECT_INT(rig.loaded.mark.index, 3);
	EXPECT(rig.loaded.mark.members_size == 2 && memcmp(rig.loaded.mark.members, "me", 2) == 0);
	rig_end();
}

TEST(store_writes_the_state_when_it_is_closed)
{
	rig_begin();
	rig_write_state(1, "a", "one");
	rig_shut();
	vfs_fault_power_loss(rig.disk);
	rig_open("/disk", "bad");
	EXPECT_STR(buf_text(&rig.rows), "2/a=one ");
	rig_end();
}

TEST(store_keeps_the_state_it_cannot_write_and_says_so_once)
{
	rig_begin();
	vfs_fault_set_capacity(rig.disk, vfs_fault_bytes(rig.disk) + 100);
	rig_write_state(1, "a", "one");
	EXPECT(rig_wait(&rig.troubles, 1));
	EXPECT_STR(rig.trouble.text, "cannot write state.db: the disk is full");
	rig_write_state(2, "b", "two");
	vfs_fault_set_capacity(rig.disk, 0);
	EXPECT(rig_wait(&rig.recoveries, 1));
	store_state_checkpoint(rig.store);
	EXPECT(rig_wait_durable(2));
	EXPECT_INT(rig.troubles, 1);
	rig_end();
}

/* More than one round takes: all of it is in one transaction when that fails. */
TEST(store_writes_a_long_transaction_again_from_its_beginning)
{
	enum { COUNT = 500 };
	CLEANUP(buf_finip) struct buf want = BUF_INIT;
	char id[16];

	rig_begin();
	vfs_fault_set_capacity(rig.disk, vfs_fault_bytes(rig.disk) + 20000);
	for (unsigned i = 1; i <= COUNT; i++) {
		snprintf(id, sizeof(id), "k%u", i);
		rig_write_state(i, id, "a text that is long enough to fill a page or two");
		buf_printf(&want, "2/%s=a text that is long enough to fill a page or two ", id);
	}
	EXPECT(rig_wait(&rig.troubles, 1));
	vfs_fault_set_capacity(rig.disk, 0);
	EXPECT(rig_wait(&rig.recoveries, 1));
	store_state_checkpoint(rig.store);
	EXPECT(rig_wait_durable(COUNT));
	vfs_fault_power_loss(rig.disk);
	rig_shut();
	rig_open("/disk", "bad");
	EXPECT_INT(rig.loaded.mark.index, COUNT);
	EXPECT_STR(buf_text(&rig.rows), buf_text(&want));
	rig_end();
}

TEST(store_says_when_too_much_state_waits_and_when_there_is_room)
{
	enum { ROW = 1 << 20 };
	char *bytes = NEW_ARRAY(char, ROW);
	struct store_row row = { 1, "large", bytes, ROW, 1 };
	struct store_mark mark = { .index = 0 };
	unsigned count = 0;

	rig_begin();
	vfs_fault_hold(rig.disk, true);
	do
		mark.index++;
	while (store_state_write(rig.store, &row, 1, &mark) && ++count < 1000);
	EXPECT(count >= STORE_STATE_QUEUE_BYTES / ROW - 1 && count < 80);
	EXPECT_INT(rig.rooms, 0);
	vfs_fault_hold(rig.disk, false);
	EXPECT(rig_wait(&rig.rooms, 1));
	free(bytes);
	rig_end();
}

static unsigned node_done, node_failed;

static void on_node(void *arg UNUSED, const struct err *e)
{
	node_done += e == NULL;
	node_failed += e != NULL;
}

TEST(store_keeps_what_the_node_must_remember)
{
	struct store_row some[] = { { 1, "data", "x", 1, 0 },
				    { 0, "t1", "run", 3, 0 },
				    { 0, "t2", "run", 3, 0 } };
	struct store_row gone = { .table = 0, .id = "t1" };

	rig_begin();
	EXPECT_INT(store_node_write(rig.store, some, 3, on_node, NULL, &rig.err), 0);
	EXPECT_INT(store_node_write(rig.store, &gone, 1, NULL, NULL, &rig.err), 0);
	EXPECT(rig_wait(&node_done, 1));
	buf_clear(&rig.rows);
	EXPECT_INT(store_node_load(rig.store, 0, rig_collect_row, &rig.rows, &rig.err), 0);
	EXPECT_STR(buf_text(&rig.rows), "0/t2=run ");

	vfs_fault_fail_write_in(rig.disk, 1);
	EXPECT_INT(store_node_write(rig.store, some, 3, on_node, NULL, &rig.err), 0);
	EXPECT(rig_wait(&node_failed, 1));
	buf_clear(&rig.rows);
	EXPECT_INT(store_node_load(rig.store, 0, rig_collect_row, &rig.rows, &rig.err), 0);
	EXPECT_STR(buf_text(&rig.rows), "0/t2=run ");
	rig_end();
}

TEST(store_refuses_when_the_disk_does_not_keep_up)
{
	enum { ROW = 1 << 20 };
	char *bytes = NEW_ARRAY(char, ROW);
	struct store_row row = { 0, "large", bytes, ROW, 0 };
	int count = 0;

	rig_begin();
	vfs_fault_hold(rig.disk, true);
	while (store_node_write(rig.store, &row, 1, NULL, NULL, &rig.err) == 0 && count < 100)
		count++;
	EXPECT(count < 20);
	EXPECT_INT(rig.err.code, ERR_EXHAUSTED);
	EXPECT_STR(rig.err.text, "node.db: the disk does not keep up, 16 MiB wait for it");
	vfs_fault_hold(rig.disk, false);
	free(bytes);
	rig_end();
}

TEST(store_tells_nothing_of_a_cluster_that_was_closed)
{
	rig_begin();
	rig_append(1);
	rig_write_state(1, "a", "one");
	store_cluster_close(rig.store);
	loop_run_once(rig.loop, 50);
	EXPECT_INT(rig.appended + rig.failed, 0);
	EXPECT_INT(rig.durable, 0);
	store_loaded_fini(&rig.loaded);
	EXPECT_INT(rig_open_cluster(), 0);
	EXPECT_INT(rig.loaded.log.entry_count, 1);
	EXPECT_STR(buf_text(&rig.rows), "2/a=one ");
	rig_end();
}

TEST(store_does_not_start_anew_beside_an_orphaned_state)
{
	rig_begin();
	rig_write_state(1, "a", "one");
	rig_shut();
	struct err e;
	sqlite3_vfs *vfs = sqlite3_vfs_find("bad");
	vfs->xDelete(vfs, "/disk/raft.db", 1);
	EXPECT_INT(rig_open_store("/disk", "bad"), 0);
	EXPECT(!store_cluster_exists(rig.store));
	EXPECT_INT(rig_open_cluster(), -1);
	EXPECT_STR(rig.err.text, "/disk/raft.db is missing, but state.db is there: restore it, or move "
			     "state.db away to start anew");
	EXPECT_INT(store_cluster_wipe(rig.store, &e), 0);
	EXPECT_INT(rig_open_cluster(), 0);
	rig_end();
}

TEST(store_replaces_all_rows_by_a_snapshot_and_the_log_by_nothing)
{
	struct store_row some[] = { { 1, "web", "v2", 2, 12 }, { 2, "t9", "x", 1, 40 } };
	struct store_mark mark = { .index = 40, .term = 3, .members = "we", .members_size = 2 };
	struct store_row late = { 2, "t10", "y", 1, 41 };
	struct store_mark mark2 = { .index = 41, .term = 3, .members = "we", .members_size = 2 };
	struct store_append forget = { { 3, 0, 500 }, true, NULL, 0 };

	rig_begin();
	EXPECT_INT(rig_append(1), 0);
	EXPECT(rig_write_state(1, "t1", "old"));
	EXPECT(store_state_replace(rig.store, some, 2, &mark));
	EXPECT(store_state_write(rig.store, &late, 1, &mark2));
	EXPECT(rig_wait_durable(40));
	EXPECT_INT(store_log_append(rig.store, &forget, rig_on_appended, (void *)(uintptr_t)rig.asked++, &rig.err), 0);
	EXPECT(rig_wait(&rig.appended, 2));
	store_cluster_close(rig.store);
	store_loaded_fini(&rig.loaded);
	EXPECT_INT(rig_open_cluster(), 0);
	EXPECT_STR(buf_text(&rig.rows), "1/web=v2 2/t9=x 2/t10=y ");
	EXPECT_INT(rig.loaded.mark.index, 41);
	EXPECT_INT(rig.loaded.log.entry_count, 0);
	EXPECT_INT(rig.loaded.log.hard.term, 3);

	/* and it goes on from anywhere */
	EXPECT_INT(rig_append(42), 0);
	EXPECT(rig_wait(&rig.appended, 3));
	store_log_cut(rig.store, 42);
	EXPECT_INT(rig_append(43), 0);
	EXPECT(rig_wait(&rig.appended, 4));
	store_cluster_close(rig.store);
	store_loaded_fini(&rig.loaded);
	EXPECT_INT(rig_open_cluster(), 0);
	EXPECT_INT(rig.loaded.log.entry_count, 1);
	EXPECT_INT(rig.loaded.log.entries[0].index, 43);
	rig_end();
}
