#include "store/log_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "test/sim/vfs_fault.h"
#include "test/unit/runner.h"

static struct err err;

static struct log_db open_log(void)
{
	struct log_db db;

	if (log_db_open(&db, "/disk", "bad", &err) < 0)
		panic("%s", err.text);
	return db;
}

/* Three entries from index on, in this term, whose bytes tell index and term. */
static int append(struct log_db *db, uint64_t index, uint64_t term)
{
	char texts[3][64];
	struct store_entry entries[3];
	struct store_append write = { { term, 7, 500 }, false, entries, 3 };

	for (uint64_t i = 0; i < 3; i++) {
		int length = snprintf(texts[i], sizeof(texts[i]), "entry %llu of term %llu",
				      (unsigned long long)index + i, (unsigned long long)term);
		entries[i] = (struct store_entry){ index + i,   term,     1,
						   (msec)index, texts[i], (size_t)length };
	}
	return log_db_write(db, &write, 1, &err);
}

static bool is_entry(const struct store_entry *entry, uint64_t index, uint64_t term)
{
	char want[64];
	int length = snprintf(want, sizeof(want), "entry %llu of term %llu",
			      (unsigned long long)index, (unsigned long long)term);

	return entry->index == index && entry->term == term && entry->size == (size_t)length &&
	       memcmp(entry->bytes, want, entry->size) == 0;
}

TEST(log_db_gives_back_what_it_took)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
	struct log_db db = open_log();
	struct store_log log;

	EXPECT_INT(log_db_load(&db, &log, &err), 0);
	EXPECT_INT(log.hard.term, 0);
	EXPECT_INT(log.entry_count, 0);
	EXPECT_INT(append(&db, 1, 2), 0);
	EXPECT_INT(append(&db, 4, 3), 0);
	log_db_close(&db);

	db = open_log();
	EXPECT_INT(log_db_load(&db, &log, &err), 0);
	EXPECT_INT(log.hard.term, 3);
	EXPECT_INT(log.hard.vote, 7);
	EXPECT_INT(log.hard.election_ms, 500);
	EXPECT_INT(log.entry_count, 6);
	for (uint64_t i = 0; i < 6; i++)
		EXPECT(is_entry(&log.entries[i], i + 1, i < 3 ? 2 : 3));
	EXPECT_INT(log.entries[4].now_ms, 4);
	store_log_fini(&log);
	log_db_close(&db);
}

TEST(log_db_replaces_what_a_new_leader_overwrites)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
	struct log_db db = open_log();
	struct store_log log;

	append(&db, 1, 1);
	append(&db, 4, 1);
	EXPECT_INT(append(&db, 3, 2), 0);
	EXPECT_INT(log_db_load(&db, &log, &err), 0);
	EXPECT_INT(log.entry_count, 5);
	EXPECT(is_entry(&log.entries[1], 2, 1));
	EXPECT(is_entry(&log.entries[2], 3, 2));
	EXPECT(is_entry(&log.entries[4], 5, 2));
	store_log_fini(&log);
	log_db_close(&db);
}

TEST(log_db_cuts_in_slices)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
	struct log_db db = open_log();
	struct store_log log;
	unsigned slices = 0;
	bool more = true;

	for (uint64_t i = 0; i < 800; i++)
		append(&db, 1 + 3 * i, 1);
	while (more && slices < 100) {
		EXPECT_INT(log_db_cut(&db, 2100, &more, &err), 0);
		slices++;
	}
	EXPECT_INT(slices, 3);
	EXPECT_INT(log_db_cut(&db, 9999, &more, &err), 0);
	EXPECT(!more);
	EXPECT_INT(append(&db, 2401, 1), 0);
	EXPECT_INT(log_db_load(&db, &log, &err), 0);
	EXPECT_INT(log.entry_count, 3);
	EXPECT_INT(log.entries[0].index, 2401);
	store_log_fini(&log);
	log_db_close(&db);
}

/* What a crash at any act of the disk leaves: a log without a gap, whole transactions, and at least
 * what was acknowledged. Returns false when the work was over before the power went. */
static bool survives(uint64_t seed, uint64_t unplug_in, bool sync_fails)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", seed);
	struct log_db db = open_log();
	struct store_log log;
	uint64_t acknowledged = 0;

	EXPECT_INT(append(&db, 1, 1), 0);
	if (sync_fails)
		vfs_fault_fail_sync_in(disk, unplug_in);
	else
		vfs_fault_unplug_in(disk, unplug_in);
	for (uint64_t i = 1; i < 12 && append(&db, 1 + 3 * i, i) == 0; i++)
		acknowledged = i;
	log_db_close(&db);
	vfs_fault_power_loss(disk);

	db = open_log();
	EXPECT_INT(log_db_load(&db, &log, &err), 0);
	EXPECT_INT(log.entry_count % 3, 0);
	EXPECT(log.entry_count >= 3 * (acknowledged + 1));
	EXPECT_INT(log.hard.term, MAX(log.entry_count / 3 - 1, 1));
	for (uint64_t i = 0; i < log.entry_count; i++)
		EXPECT(is_entry(&log.entries[i], i + 1, MAX(i / 3, 1)));
	store_log_fini(&log);
	EXPECT_INT(append(&db, log.entry_count + 1, 99), 0);
	log_db_close(&db);
	return acknowledged < 11;
}

TEST(log_db_keeps_what_it_acknowledged_when_the_power_goes_at_any_act)
{
	uint64_t unplug_in = 1;

	for (uint64_t seed = 1; seed <= 4; seed++)
		for (unplug_in = 1; survives(seed, unplug_in, false); unplug_in++)
			;
	EXPECT(unplug_in > 30);
}

TEST(log_db_keeps_what_it_acknowledged_when_any_sync_fails)
{
	uint64_t sync = 1;

	while (survives(9, sync, true))
		sync++;
	EXPECT(sync > 10);
}

TEST(log_db_settles_what_a_failed_sync_left_in_doubt)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 3);
	struct log_db db = open_log();
	struct store_log shown, kept;

	append(&db, 1, 1);
	vfs_fault_fail_sync_in(disk, 1);
	EXPECT_INT(append(&db, 4, 1), -1);
	log_db_close(&db);

	db = open_log();
	EXPECT_INT(log_db_settle(&db, &err), 0);
	EXPECT_INT(log_db_load(&db, &shown, &err), 0);
	vfs_fault_power_loss(disk);
	log_db_close(&db);
	db = open_log();
	EXPECT_INT(log_db_load(&db, &kept, &err), 0);
	EXPECT_INT(kept.entry_count, shown.entry_count);
	store_log_fini(&shown);
	store_log_fini(&kept);
	log_db_close(&db);
}

TEST(log_db_says_that_the_disk_is_full)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
	struct log_db db = open_log();
	uint64_t index = 1;

	vfs_fault_set_capacity(disk, vfs_fault_bytes(disk) + 100000);
	while (append(&db, index, 1) == 0 && index < 10000)
		index += 3;
	EXPECT_INT(err.code, ERR_IO);
	EXPECT_STR(err.text, "cannot write raft.db: the disk is full");
	log_db_close(&db);

	vfs_fault_set_capacity(disk, 0);
	struct store_log log;
	db = open_log();
	EXPECT_INT(log_db_load(&db, &log, &err), 0);
	EXPECT_INT(log.entry_count, index - 1);
	store_log_fini(&log);
	log_db_close(&db);
}

/* Bit rot anywhere in the file: found, or without effect. Never another entry. */
TEST(log_db_never_gives_back_a_flipped_bit)
{
	unsigned found = 0, tries = 0;

	for (size_t offset = 0; offset < 16384; offset += 37, tries++) {
		CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
		struct log_db db = open_log();
		struct store_log log;
		for (uint64_t i = 0; i < 20; i++)
			append(&db, 1 + 3 * i, 1);
		log_db_close(&db);
		vfs_fault_flip(disk, "/disk/raft.db", offset % (vfs_fault_bytes(disk) - 1));
		if (log_db_open(&db, "/disk", "bad", &err) < 0 ||
		    log_db_load(&db, &log, &err) < 0) {
			found++;
			EXPECT(strstr(err.text, "raft.db") != NULL);
			log_db_close(&db);
			continue;
		}
		EXPECT_INT(log.entry_count, 60);
		for (uint64_t i = 0; i < log.entry_count; i++)
			EXPECT(is_entry(&log.entries[i], i + 1, 1));
		store_log_fini(&log);
		log_db_close(&db);
	}
	EXPECT(found > tries / 10);
}

TEST(log_db_refuses_a_newer_format)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("bad", 1);
	struct log_db db = open_log();

	sql_db_stamp(&db.sql, 2, &err);
	log_db_close(&db);
	EXPECT_INT(log_db_open(&db, "/disk", "bad", &err), -1);
	EXPECT_INT(err.code, ERR_UNSUPPORTED);
	EXPECT_STR(err.text, "/disk/raft.db has format 2; this version of swarmbox knows up to 1");
}

TEST(log_db_refuses_a_stranger)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk UNUSED = vfs_fault_new("bad", 1);
	struct log_db db = open_log();

	sql_db_exec(&db.sql, "PRAGMA application_id=5", &err);
	log_db_close(&db);
	EXPECT_INT(log_db_open(&db, "/disk", "bad", &err), -1);
	EXPECT_STR(err.text, "/disk/raft.db is not a file of swarmbox");
}
