#include "manager/backup.h"

#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

static const char state[] = "what a snapshot holds";
static struct err err;

static void make(struct buf *out)
{
	struct backup backup = { .cluster_id = "abcdefghijklmnopqrstuvwxy", .wall = 77, .key = "0123456789abcdef0123456789abcdef",
				 .key_size = SEAL_KEY_SIZE, .snapshot = state, .snapshot_size = sizeof state };

	backup_encode(&backup, out);
}

TEST(backup_comes_back_as_it_was)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct backup read;

	make(&bytes);
	EXPECT_INT(backup_decode(bytes.data, bytes.len, &read, &err), 0);
	EXPECT_STR(read.cluster_id, "abcdefghijklmnopqrstuvwxy");
	EXPECT(read.wall == 77 && read.key_size == SEAL_KEY_SIZE && memcmp(read.key, "0123", 4) == 0);
	EXPECT(read.snapshot_size == sizeof state && memcmp(read.snapshot, state, sizeof state) == 0);
}

TEST(backup_that_was_cut_or_changed_anywhere_is_refused)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct backup read;

	make(&bytes);
	for (size_t i = 0; i < bytes.len; i++) {
		EXPECT_INT(backup_decode(bytes.data, i, &read, &err), -1);
		bytes.data[i] ^= 1;
		EXPECT_INT(backup_decode(bytes.data, bytes.len, &read, &err), -1);
		bytes.data[i] ^= 1;
	}
	EXPECT_INT(backup_decode(bytes.data, bytes.len - 1, &read, &err), -1);
	EXPECT_STR(err.text, "the backup is damaged, or not all of it is there");
	buf_add(&bytes, "x", 1);
	EXPECT_INT(backup_decode(bytes.data, bytes.len, &read, &err), -1);
}

TEST(backup_of_others_and_of_later_versions_is_named)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct backup read;

	EXPECT_INT(backup_decode("SQLite format 3", 15, &read, &err), -1);
	EXPECT_STR(err.text, "this is no backup of swarmbox");
	EXPECT_INT(backup_decode("", 0, &read, &err), -1);
	make(&bytes);
	bytes.data[16] = 9;
	EXPECT_INT(backup_decode(bytes.data, bytes.len, &read, &err), -1);
	EXPECT_STR(err.text, "the backup has format 9; this version of swarmbox knows up to 1");
	EXPECT_INT(err.code, ERR_UNSUPPORTED);
}

TEST(backup_of_a_locked_cluster_opens_with_its_unlock_key_only)
{
	CLEANUP(buf_finip) struct buf wrapped = BUF_INIT, plain = BUF_INIT;
	struct seal_key key, lock, other, got;
	struct backup backup = { .wall = 1 };
	bool is_locked;

	seal_key_new(&key);
	seal_key_new(&lock);
	seal_key_new(&other);
	EXPECT_INT(backup_wrap_key(&key, &lock, &wrapped, &err), 0);
	EXPECT(!memmem(wrapped.data, wrapped.len, key.bytes, 16));
	backup.key = wrapped.data;
	backup.key_size = wrapped.len;
	EXPECT_INT(backup_open_key(&backup, NULL, &got, &is_locked, &err), -1);
	EXPECT_INT(err.code, ERR_UNAUTHORIZED);
	EXPECT_INT(backup_open_key(&backup, &other, &got, &is_locked, &err), -1);
	EXPECT_INT(err.code, ERR_UNAUTHORIZED);
	EXPECT_INT(backup_open_key(&backup, &lock, &got, &is_locked, &err), 0);
	EXPECT(is_locked && memcmp(&got, &key, sizeof got) == 0);
	EXPECT_INT(backup_wrap_key(&key, NULL, &plain, &err), 0);
	backup.key = plain.data;
	backup.key_size = plain.len;
	EXPECT_INT(backup_open_key(&backup, NULL, &got, &is_locked, &err), 0);
	EXPECT(!is_locked && memcmp(&got, &key, sizeof got) == 0);
}
