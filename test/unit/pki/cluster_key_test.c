#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/str.h"
#include "os/file.h"
#include "pki/cluster_key_io.h"
#include "pki/unlock_key.h"
#include "test/unit/runner.h"

static void in_folder(void (*fn)(const char *root))
{
	char root[] = "/tmp/cluster-key-XXXXXX";
	struct err err;

	EXPECT(mkdtemp(root));
	fn(root);
	dir_remove_tree(root, &err);
}

static void keep_and_load(const char *root)
{
	CLEANUP(str_freep) char *path = str_printf("%s/certificates/cluster.key", root);
	struct seal_key key, again;
	struct stat st;
	struct err err;

	EXPECT_INT(cluster_key_load(root, NULL, &again, &err), -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	seal_key_new(&key);
	EXPECT_INT(cluster_key_save(root, &key, NULL, &err), 0);
	EXPECT_INT(cluster_key_load(root, NULL, &again, &err), 0);
	EXPECT(memcmp(&key, &again, sizeof key) == 0);
	EXPECT_INT(stat(path, &st), 0);
	EXPECT_INT(st.st_mode & 07777, 0600);
	EXPECT_INT(cluster_key_remove(root, &err), 0);
	EXPECT_INT(cluster_key_remove(root, &err), 0);
	EXPECT_INT(cluster_key_load(root, NULL, &again, &err), -1);
}

TEST(a_cluster_s_key_is_kept_for_its_owner_alone)
{
	in_folder(keep_and_load);
}

static void refuse_damaged(const char *root)
{
	CLEANUP(str_freep) char *path = str_printf("%s/certificates/cluster.key", root);
	const char *const damaged[] = { "", "\n", "AAAA\n", "not base64 at all, not base64 at all, not ba\n",
					"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" };
	struct seal_key key;
	struct err err;

	seal_key_new(&key);
	EXPECT_INT(cluster_key_save(root, &key, NULL, &err), 0);
	for (size_t i = 0; i < ARRAY_COUNT(damaged); i++) {
		EXPECT_INT(file_write_atomic(path, damaged[i], strlen(damaged[i]), 0600, &err), 0);
		EXPECT_INT(cluster_key_load(root, NULL, &key, &err), -1);
		EXPECT_INT(err.code, ERR_INVALID);
		EXPECT(strstr(err.text, path) != NULL);
	}
}

TEST(a_damaged_key_file_is_named)
{
	in_folder(refuse_damaged);
}

static void lock_and_unlock(const char *root)
{
	CLEANUP(str_freep) char *path = str_printf("%s/certificates/cluster.key", root);
	CLEANUP(buf_finip) struct buf text = BUF_INIT, plain = BUF_INIT;
	struct seal_key key, lock, next, again;
	struct err err;

	seal_key_new(&key);
	seal_key_new(&lock);
	seal_key_new(&next);
	EXPECT_INT(cluster_key_save(root, &key, &lock, &err), 0);
	base64_encode(key.bytes, sizeof key.bytes, &plain);
	EXPECT_INT(file_read(path, 4096, &text, &err), 0);
	EXPECT(!strstr(buf_text(&text), buf_text(&plain)));
	EXPECT_INT(cluster_key_load(root, NULL, &again, &err), -1);
	EXPECT_INT(err.code, ERR_UNAVAILABLE);
	EXPECT_STR(err.text, UNLOCK_NEEDED);
	EXPECT_INT(cluster_key_load(root, &next, &again, &err), -1);
	EXPECT_INT(err.code, ERR_UNAUTHORIZED);
	EXPECT_STR(err.text, "swarm could not be unlocked: invalid key provided");
	EXPECT_INT(cluster_key_load(root, &lock, &again, &err), 0);
	EXPECT(memcmp(&key, &again, sizeof key) == 0);

	/* rotated, then without one */
	EXPECT_INT(cluster_key_save(root, &key, &next, &err), 0);
	EXPECT_INT(cluster_key_load(root, &lock, &again, &err), -1);
	EXPECT_INT(cluster_key_load(root, &next, &again, &err), 0);
	EXPECT_INT(cluster_key_save(root, &key, NULL, &err), 0);
	EXPECT_INT(cluster_key_load(root, &lock, &again, &err), 0);
	EXPECT(memcmp(&key, &again, sizeof key) == 0);
}

TEST(a_locked_key_opens_with_its_lock_alone)
{
	in_folder(lock_and_unlock);
}
