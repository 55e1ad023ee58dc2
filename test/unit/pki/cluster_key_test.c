#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "pki/cluster_key_io.h"
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

	EXPECT_INT(cluster_key_load(root, &again, &err), -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	seal_key_new(&key);
	EXPECT_INT(cluster_key_save(root, &key, &err), 0);
	EXPECT_INT(cluster_key_load(root, &again, &err), 0);
	EXPECT(memcmp(&key, &again, sizeof key) == 0);
	EXPECT_INT(stat(path, &st), 0);
	EXPECT_INT(st.st_mode & 07777, 0600);
	EXPECT_INT(cluster_key_remove(root, &err), 0);
	EXPECT_INT(cluster_key_remove(root, &err), 0);
	EXPECT_INT(cluster_key_load(root, &again, &err), -1);
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
	EXPECT_INT(cluster_key_save(root, &key, &err), 0);
	for (size_t i = 0; i < ARRAY_COUNT(damaged); i++) {
		EXPECT_INT(file_write_atomic(path, damaged[i], strlen(damaged[i]), 0600, &err), 0);
		EXPECT_INT(cluster_key_load(root, &key, &err), -1);
		EXPECT_INT(err.code, ERR_INVALID);
		EXPECT(strstr(err.text, path) != NULL);
	}
}

TEST(a_damaged_key_file_is_named)
{
	in_folder(refuse_damaged);
}
