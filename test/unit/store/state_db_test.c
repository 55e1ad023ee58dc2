#include "store/state_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/panic.h"
#include "base/str.h"
#include "test/sim/vfs_fault.h"
#include "test/unit/runner.h"

static const char *const names[] = { "service", NULL, "task" };
static struct err err;

static void open_state(struct state_db *db)
{
	if (state_db_open(db, "/disk", "bad", names, ARRAY_COUNT(names), &err) < 0)
		panic("%s", err.text);
}

static int describe(void *arg, unsigned table, const char *id, const void *bytes, size_t size,
		    struct err *e UNUSED)
{
	buf_printf(arg, "%s/%s=%.*s ", names[table], id, (int)size, (const char *)bytes);
	return 0;
}

static int write(struct state_db *db, uint64_t index, struct store_row row)
{
	struct state_write one = {
		false, &row, 1, { .index = index, .term = 1, .members = "m", .members_size = 1 }
	};
	const struct state_write *writes[] = { &one };

	return state_db_write(db, writes, 1, true, &err);
}

static struct store_mark load(struct state_db *db, struct buf *text)
{
	struct store_mark mark = { 0 };

	EXPECT_INT(state_db_load(db, describe, text, &mark, &err), 0);
	free((void *)mark.members);
	return mark;
}

TEST(state_db_gives_rows_back_in_order_of_creation_and_the_mark)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct state_db db;

	open_state(&db);
	EXPECT_INT(load(&db, &text).index, 0);
	EXPECT_STR(buf_text(&text), "");
	write(&db, 1, (struct store_row){ 2, "zz", "first", 5, 1 });
	write(&db, 2, (struct store_row){ 2, "aa", "second", 6, 2 });
	write(&db, 3, (struct store_row){ 0, "web", "", 0, 3 });
	write(&db, 4, (struct store_row){ 2, "gone", "x", 1, 4 });
	write(&db, 5, (struct store_row){ 2, "zz", "changed", 7, 1 });
	EXPECT_INT(write(&db, 6, (struct store_row){ 2, "gone", NULL, 0, 4 }), 0);
	state_db_close(&db);

	open_state(&db);
	struct store_mark mark = load(&db, &text);
	EXPECT_STR(buf_text(&text), "service/web= task/zz=changed task/aa=second ");
	EXPECT_INT(mark.index, 6);
	EXPECT_INT(mark.members_size, 1);
	state_db_close(&db);
}

/* As versions before made it. */
static void make_by_id(void)
{
	struct sql_options options = { .vfs = "bad", .format = 1 };
	struct sql_db sql;
	bool is_new;

	EXPECT_INT(sql_db_open(&sql, "/disk", "state.db", &options, &is_new, &err), 0);
	EXPECT(is_new);
	EXPECT_INT(sql_db_exec(&sql, "CREATE TABLE mark (id INTEGER PRIMARY KEY CHECK (id = 1), idx INTEGER NOT NULL, term INTEGER NOT NULL,"
			       " now_ms INTEGER NOT NULL, sum INTEGER NOT NULL, format_level INTEGER NOT NULL, members_idx INTEGER NOT NULL,"
			       " members BLOB NOT NULL); INSERT INTO mark VALUES (1, 3, 1, 0, 0, 0, 0, x'');"
			       "CREATE TABLE task (id TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL);"
			       "INSERT INTO task VALUES ('zz', 'first'), ('aa', 'second'), ('gone', 'x')", &err), 0);
	EXPECT_INT(sql_db_stamp(&sql, 1, &err), 0);
	sql_db_close(&sql);
}

TEST(state_db_of_before_rows_lay_by_creation_goes_on_as_it_is)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct state_db db;

	make_by_id();
	open_state(&db);
	EXPECT_INT(load(&db, &text).index, 3);
	EXPECT_STR(buf_text(&text), "task/zz=first task/aa=second task/gone=x ");
	EXPECT_INT(write(&db, 4, (struct store_row){ 2, "zz", "changed", 7, 1 }), 0);
	EXPECT_INT(write(&db, 5, (struct store_row){ 2, "gone", NULL, 0, 2 }), 0);
	EXPECT_INT(write(&db, 6, (struct store_row){ 0, "web", "new", 3, 6 }), 0);
	state_db_close(&db);

	open_state(&db);
	buf_clear(&text);
	EXPECT_INT(load(&db, &text).index, 6);
	EXPECT_STR(buf_text(&text), "service/web=new task/zz=changed task/aa=second ");
	state_db_close(&db);
}

TEST(state_db_keeps_numbers_that_use_all_64_bits)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct state_write one = { false, NULL, 0, { 9, 8, 7, UINT64_MAX - 1, 5, 4, NULL, 0 } };
	const struct state_write *writes[] = { &one };
	struct state_db db;

	open_state(&db);
	EXPECT_INT(state_db_write(&db, writes, 1, true, &err), 0);
	struct store_mark mark = load(&db, &text);
	EXPECT(mark.sum == UINT64_MAX - 1);
	EXPECT(mark.index == 9 && mark.term == 8 && mark.now_ms == 7 && mark.format_level == 5 &&
	       mark.members_index == 4 && mark.members_size == 0);
	state_db_close(&db);
}

/* Entry n sets row n and removes row n-3. */
static int entry(struct state_db *db, uint64_t n)
{
	char id[16], old[16];
	snprintf(id, sizeof(id), "%llu", (unsigned long long)n);
	snprintf(old, sizeof(old), "%llu", (unsigned long long)(n - 3));
	struct store_row rows[] = { { 2, id, id, strlen(id), n }, { 2, old, NULL, 0, n - 3 } };
	struct state_write one = { false, rows, 2, { .index = n } };
	const struct state_write *writes[] = { &one };

	return state_db_write(db, writes, 1, true, &err);
}

static void expect_rows_of(struct state_db *db, uint64_t at_least, uint64_t at_most)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	CLEANUP(buf_finip) struct buf want = BUF_INIT;
	uint64_t index = load(db, &got).index;

	EXPECT(index >= at_least && index <= at_most);
	for (uint64_t n = index > 3 ? index - 2 : 1; n <= index; n++)
		buf_printf(&want, "task/%llu=%llu ", (unsigned long long)n, (unsigned long long)n);
	EXPECT_STR(buf_text(&got), buf_text(&want));
}

/* Rows and mark agree whenever the power goes; what was checkpointed is there. */
static bool survives(uint64_t seed, uint64_t unplug_in)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", seed);
	struct state_db db;
	uint64_t done = 0, durable = 0;

	open_state(&db);
	EXPECT_INT(state_db_checkpoint(&db, false, &err), 0);
	vfs_fault_unplug_in(disk, unplug_in);
	while (done < 20 && entry(&db, done + 1) == 0) {
		done++;
		if (done % 7 == 0 && state_db_checkpoint(&db, false, &err) == 0)
			durable = done;
	}
	state_db_close(&db);
	vfs_fault_power_loss(disk);
	open_state(&db);
	expect_rows_of(&db, durable, done + 1);
	state_db_close(&db);
	return done < 20;
}

TEST(state_db_rows_and_mark_agree_when_the_power_goes_at_any_act)
{
	uint64_t unplug_in = 1;

	for (uint64_t seed = 1; seed <= 4; seed++)
		for (unplug_in = 1; survives(seed, unplug_in); unplug_in++)
			;
	EXPECT(unplug_in > 20);
}

TEST(state_db_a_write_that_fails_leaves_nothing)
{
	uint64_t fails = 0;

	for (uint64_t nth = 1; nth < 40; nth++) {
		CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", nth);
		struct state_db db;
		uint64_t done = 0;
		open_state(&db);
		vfs_fault_fail_write_in(disk, nth);
		while (done < 5 && entry(&db, done + 1) == 0)
			done++;
		fails += done < 5;
		while (done < 5 && entry(&db, done + 1) == 0) /* the fault was for once */
			done++;
		EXPECT_INT(done, 5);
		expect_rows_of(&db, 5, 5);
		state_db_close(&db);
	}
	EXPECT(fails > 5);
}
