#include "store/node_db.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/sim/vfs_fault.h"
#include "test/unit/runner.h"

static const char *const names[] = { "one", "other" };
enum { ROW_BYTES = 400000, WRITES = 5 };         /* a hundred pages: the fifth write makes a checkpoint due */
static char payload[ROW_BYTES];

static int open_node(struct node_db *db, struct err *err)
{
	return node_db_open(db, "/disk", "bad", names, ARRAY_COUNT(names), err);
}

/* A row of each table, in one transaction. */
static int write_pair(struct node_db *db, unsigned number, struct err *err)
{
	char id[16];
	struct store_row rows[] = { { 0, id, payload, ROW_BYTES, 0 }, { 1, id, payload, ROW_BYTES, 0 } };

	snprintf(id, sizeof id, "%u", number);
	return node_db_write(db, rows, ARRAY_COUNT(rows), err);
}

static int count_row(void *arg, unsigned table, const char *id UNUSED, const void *bytes UNUSED, size_t size, struct err *err UNUSED)
{
	unsigned *counts = arg;

	EXPECT_INT(size, ROW_BYTES);
	counts[table]++;
	return 0;
}

static void expect_consistent(unsigned acts)
{
	unsigned counts[2] = { 0, 0 };
	struct err err = { 0 };
	struct node_db db;

	if (open_node(&db, &err) < 0) {
		printf("the power went after %u acts\n", acts);
		EXPECT_STR(err.text, "");
		return;
	}
	EXPECT_INT(node_db_load(&db, 0, count_row, counts, &err), 0);
	EXPECT_INT(node_db_load(&db, 1, count_row, counts, &err), 0);
	EXPECT_INT(counts[0], counts[1]);
	node_db_close(&db);
}

/* A checkpoint whose sync of the WAL fails, and the next one, which the power ends after so many acts. */
TEST(node_db_is_whole_when_a_sync_has_failed_and_then_the_power_goes)
{
	for (unsigned acts = 100; acts <= 1300; acts += 200) {
		CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", acts);
		struct err err = { 0 };
		struct node_db db;

		EXPECT_INT(open_node(&db, &err), 0);
		vfs_fault_fail_sync_in(disk, 1);
		for (unsigned i = 0; i < WRITES; i++)
			EXPECT_INT(write_pair(&db, i, &err), 0);
		vfs_fault_unplug_in(disk, acts);
		for (unsigned i = 0; i < 3; i++)
			write_pair(&db, WRITES + i, &err);
		node_db_close(&db);
		vfs_fault_power_loss(disk);
		expect_consistent(acts);
	}
}
