#include "image/image_store.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/image/store_lab.h"
#include "test/unit/image/tar_builder.h"
#include "test/unit/runner.h"

static void small_root(struct buf *out, const char *text)
{
	TAR_ADD(out, .name = "etc/", .type = '5', .mode = 0755, .mtime = 1700000000);
	TAR_ADD(out, .name = "etc/motd", .data = text, .mtime = 1700000123);
	tar_builder_end(out);
}

static bool import_text(struct store_lab *lab, const char *ref, const char *text)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	small_root(&tar, text);
	return store_lab_import(lab, ref, &tar, NULL);
}

static const struct image *get(struct store_lab *lab, const char *name)
{
	const struct image *image;

	return image_store_get(lab->store, name, &image, &lab->err) == 0 ? image : NULL;
}

/* Content of a file in the lowest layer of an image. */
static const char *content(struct store_lab *lab, const char *name, const char *path)
{
	static struct buf out;
	const struct image *image = get(lab, name);
	struct image_hold *hold;
	struct err err;
	size_t count;

	buf_fini(&out);
	if (!image || image_hold_new(lab->store, image->id, &hold, &err) < 0)
		return NULL;
	CLEANUP(str_freep) char *file = path_join(image_hold_dirs(hold, &count)[0], path);
	image_hold_free(hold);
	return file_read(file, 1 << 20, &out, &err) == 0 ? buf_text(&out) : NULL;
}

TEST(image_store_always_has_the_built_in_image)
{
	struct store_lab lab;

	store_lab_init(&lab);
	store_lab_open(&lab);
	const struct image *image = get(&lab, "swarmbox"), *pinned;
	EXPECT(image && image->is_builtin && image->is_unpacked);
	EXPECT_INT(image_store_count(lab.store), 1);
	EXPECT_STR(image->tags.items[0], "swarmbox:latest");
	EXPECT_STR(image->config.cmd.items[0], "/swarmbox");
	EXPECT_STR(image->config.cmd.items[1], "whoami");
	EXPECT_STR(image->config.exposed_ports.items[0], "80/tcp");
	struct stat self;
	EXPECT(stat(lab.self, &self) == 0 && image->size_bytes > self.st_size);
	EXPECT_STR(content(&lab, "swarmbox", "etc/group"), "root:x:0:\nnogroup:x:65534:\n");

	EXPECT(image_store_pin(lab.store, "swarmbox", &pinned, &lab.err) == -1);
	EXPECT_INT(lab.err.code, ERR_NOT_FOUND);
	struct strlist digests = { 0 };
	image_repo_digests(image, &digests);
	EXPECT_INT(digests.count, 0);
	EXPECT(!store_lab_remove(&lab, "swarmbox", true));
	EXPECT(strstr(lab.err.text, "(cannot be forced) - it is built into swarmbox"));
	EXPECT(!store_lab_tag(&lab, "swarmbox", "other"));
	EXPECT_STR(lab.err.text, "conflict: swarmbox:latest is built into swarmbox and takes no other name");
	store_lab_settle(&lab);
	EXPECT(get(&lab, "swarmbox") != NULL);
	EXPECT_STR(content(&lab, "swarmbox", "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
	store_lab_fini(&lab);
}

TEST(image_store_makes_the_built_in_image_again_only_for_another_binary)
{
	struct store_lab lab;
	char id[SHA256_HEX_SIZE], root[256], copy[128];
	struct stat before, after;

	store_lab_init(&lab);
	store_lab_open(&lab);
	str_copy(id, sizeof(id), get(&lab, "swarmbox")->id);
	snprintf(root, sizeof(root), "%s/layers/%s", lab.images, get(&lab, "swarmbox")->layers[0].diff_id);
	EXPECT(stat(root, &before) == 0);
	store_lab_close(&lab);
	store_lab_open(&lab);
	EXPECT_STR(get(&lab, "swarmbox")->id, id);
	EXPECT(stat(root, &after) == 0 && after.st_ino == before.st_ino && after.st_ctime == before.st_ctime);
	store_lab_close(&lab);

	snprintf(copy, sizeof(copy), "%s/other", lab.dir);
	EXPECT(file_write_atomic(copy, "another binary", 14, 0755, &lab.err) == 0);
	str_copy(lab.self, sizeof(lab.self), copy);
	store_lab_open(&lab);
	EXPECT(!str_eq(get(&lab, "swarmbox")->id, id));
	EXPECT_STR(content(&lab, "swarmbox", "swarmbox"), "another binary");
	EXPECT_INT(image_store_count(lab.store), 1);
	/* A container of the old one may still run: its layer stays until the sweep knows of no hold. */
	EXPECT_INT(store_lab_count(&lab, "layers"), 2);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 1);
	store_lab_fini(&lab);
}

TEST(image_store_imports_an_archive_and_finds_it_again_after_a_restart)
{
	struct store_lab lab;

	store_lab_init(&lab);
	store_lab_open(&lab);
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	small_root(&tar, "hello");
	EXPECT(store_lab_import(&lab, "web:1", &tar, "CMD [\"/bin/web\"]\nEXPOSE 80"));
	EXPECT_STR(buf_text(&lab.events), "import id\ntag web:1\n");
	for (int round = 0; round < 2; round++) {
		const struct image *image = get(&lab, "web:1"), *same;

		EXPECT(image != NULL);
		EXPECT_STR(content(&lab, "web:1", "etc/motd"), "hello");
		EXPECT_STR(lab.id + 7, image->id);
		EXPECT_STR(image->config.cmd.items[0], "/bin/web");
		EXPECT_INT(image->config.created, 1700000123LL * 1000000000);
		EXPECT_INT(image->size_bytes, 5);
		EXPECT_STR(image->config.architecture, "amd64");
		EXPECT_STR(image->config.history[0].comment, "Imported from -");
		EXPECT(get(&lab, lab.id) == image && get(&lab, image->id) == image);
		char start[13], pinned[160];
		snprintf(start, sizeof(start), "%.12s", image->id);
		EXPECT(get(&lab, start) == image);
		snprintf(pinned, sizeof(pinned), "web:1@sha256:%s", image->manifest);
		EXPECT(get(&lab, pinned) == image);
		EXPECT(image_store_pin(lab.store, "web:1", &same, &lab.err) == 0 && same == image);
		EXPECT(image_store_at(lab.store, 0) == image && image_store_at(lab.store, 1)->is_builtin);
		EXPECT(image_store_at(lab.store, 2) == NULL);
		store_lab_settle(&lab);
		EXPECT_INT(store_lab_count(&lab, "staging"), 0);
		EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 3);
		store_lab_close(&lab);
		store_lab_open(&lab);
	}
	EXPECT(get(&lab, "web") == NULL);
	EXPECT_STR(lab.err.text, "No such image: web:latest");
	EXPECT(get(&lab, "Web") == NULL);
	EXPECT_INT(lab.err.code, ERR_INVALID);
	store_lab_fini(&lab);
}

TEST(image_import_gives_the_same_image_for_the_same_tar_however_it_is_packed)
{
	struct store_lab lab;
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, gzip = BUF_INIT, zstd = BUF_INIT;
	char id[80];

	small_root(&tar, "same");
	tar_builder_gzip(&tar, &gzip);
	tar_builder_zstd(&tar, &zstd);
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(store_lab_import(&lab, "a", &tar, NULL));
	str_copy(id, sizeof(id), lab.id);
	EXPECT(store_lab_import(&lab, "b", &gzip, NULL));
	EXPECT_STR(lab.id, id);
	EXPECT(store_lab_import(&lab, "c", &zstd, NULL));
	EXPECT_STR(lab.id, id);
	EXPECT_INT(image_store_count(lab.store), 2);
	EXPECT_INT(get(&lab, "a")->tags.count, 3);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 3);
	store_lab_fini(&lab);

	store_lab_init(&lab);                        /* another host, which gets it compressed first */
	store_lab_open(&lab);
	EXPECT(store_lab_import(&lab, "c", &zstd, NULL));
	EXPECT_STR(lab.id, id);
	store_lab_fini(&lab);
}

TEST(image_import_says_what_is_wrong_and_leaves_nothing)
{
	struct store_lab lab;
	CLEANUP(buf_finip) struct buf bad = BUF_INIT, empty = BUF_INIT, text = BUF_INIT, big = BUF_INIT;

	TAR_ADD(&bad, .name = "../evil", .data = "x");
	tar_builder_end(&bad);
	buf_add_str(&text, "this is no archive, but it is longer than one block would have to be, were it one");
	for (int i = 0; i < 100; i++)
		buf_add_str(&big, "0123456789012345678901234567890123456789 not a tar either\n");
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(!store_lab_import(&lab, "x", &bad, NULL));
	EXPECT_STR(lab.err.text, "entry '../evil': its path climbs out of the root");
	EXPECT_INT(lab.err.code, ERR_INVALID);
	EXPECT(!store_lab_import(&lab, "x", &empty, NULL));
	EXPECT_STR(lab.err.text, "the archive is empty");
	EXPECT(!store_lab_import(&lab, "x", &text, NULL));
	EXPECT_STR(lab.err.text, "not a tar archive: it ends in its first header");
	EXPECT(!store_lab_import(&lab, "x", &big, NULL));
	EXPECT_STR(lab.err.text, "not a tar archive: wrong checksum in a header");
	EXPECT(!store_lab_import(&lab, "Bad", &bad, NULL));
	EXPECT_STR(lab.err.text, "invalid reference format: repository name (library/Bad) must be lowercase");
	EXPECT(!store_lab_import(&lab, "swarmbox", &bad, NULL));
	EXPECT_STR(lab.err.text, "conflict: swarmbox:latest is built into swarmbox and keeps its name");
	EXPECT(!store_lab_import(&lab, "x", &bad, "RUN x"));
	EXPECT_STR(lab.err.text, "RUN is not a valid change command");
	store_lab_settle(&lab);
	EXPECT_INT(image_store_count(lab.store), 1);
	EXPECT_INT(store_lab_count(&lab, "staging"), 0);
	EXPECT_INT(store_lab_count(&lab, "layers"), 1);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 0);
	store_lab_fini(&lab);
}

TEST(image_import_of_much_data_stops_the_sender_and_goes_on)
{
	struct store_lab lab;
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, gzip = BUF_INIT, megabytes = BUF_INIT;

	for (int i = 0; i < 400000; i++)
		buf_printf(&megabytes, "line %d of a file that is larger than every queue\n", i);
	TAR_ADD(&tar, .name = "big", .data = buf_text(&megabytes));
	tar_builder_end(&tar);
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(store_lab_import(&lab, "big", &tar, NULL));
	EXPECT_INT(get(&lab, "big")->size_bytes, megabytes.len);
	store_lab_close(&lab);
	lab.max_image_bytes = 1000000;
	store_lab_open(&lab);
	EXPECT(!store_lab_import(&lab, "big2", &tar, NULL));
	EXPECT_STR(lab.err.text, "the archive is longer than 1000000 bytes");
	tar_builder_gzip(&tar, &gzip);
	lab.max_image_bytes = (int64_t)gzip.len + 1000000;
	store_lab_close(&lab);
	store_lab_open(&lab);
	EXPECT(!store_lab_import(&lab, "big3", &gzip, NULL));
	EXPECT(strstr(lab.err.text, "the archive unpacks to more than") != NULL);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "staging"), 0);
	store_lab_fini(&lab);
}

static void never_done(void *arg, const char *id, const struct err *err)
{
	(void)id, (void)err;
	*(bool *)arg = true;
}

TEST(image_import_can_be_aborted_at_any_moment)
{
	struct store_lab lab;
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	small_root(&tar, "aborted");
	store_lab_init(&lab);
	store_lab_open(&lab);
	for (int rounds = 0; rounds < 12; rounds++) {
		struct image_import_options options = { .ref = "x" };
		struct image_import_events events = { NULL, never_done };
		struct image_import *import;
		bool was_told = false;

		EXPECT(image_import_begin(lab.store, &options, &events, &was_told, &import, &lab.err) == 0);
		image_import_feed(import, tar.data, tar.len / 2);
		for (int i = 0; i < rounds; i++)
			loop_run_once(lab.loop, 5);
		image_import_abort(import);
		for (int i = 0; i < 5; i++)
			loop_run_once(lab.loop, 20);
		EXPECT(!was_told);
	}
	for (msec until = clock_boot_ms() + 60000; store_lab_count(&lab, "staging") && clock_boot_ms() < until;)
		loop_run_once(lab.loop, 100);
	EXPECT_INT(store_lab_count(&lab, "staging"), 0);
	EXPECT_INT(image_store_count(lab.store), 1);
	store_lab_fini(&lab);
}

TEST(image_imports_are_bounded_and_end_with_the_store)
{
	struct store_lab lab;
	struct image_import_options options = { .ref = "x" };
	bool was_told = false;

	store_lab_init(&lab);
	store_lab_open(&lab);
	for (int i = 0; i <= IMAGE_IMPORTS_MAX; i++) {
		struct image_import_events events = { NULL, never_done };
		struct image_import *import;
		int result = image_import_begin(lab.store, &options, &events, &was_told, &import, &lab.err);

		EXPECT_INT(result, i < IMAGE_IMPORTS_MAX ? 0 : -1);
	}
	EXPECT_INT(lab.err.code, ERR_EXHAUSTED);
	for (int i = 0; i < 10; i++)
		loop_run_once(lab.loop, 20);
	store_lab_close(&lab);
	store_lab_open(&lab);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "staging"), 0);
	EXPECT(!was_told);
	store_lab_fini(&lab);
}

TEST(image_store_moves_names_and_keeps_what_lost_its_name)
{
	struct store_lab lab;
	char first[80];

	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(import_text(&lab, "app", "one"));
	str_copy(first, sizeof(first), lab.id);
	EXPECT(import_text(&lab, "app", "two"));
	EXPECT(!str_eq(first, lab.id));
	EXPECT_STR(get(&lab, "app")->id, lab.id + 7);
	EXPECT_INT(get(&lab, first)->tags.count, 0);
	EXPECT(store_lab_tag(&lab, first, "docker.io/library/old:1"));
	EXPECT(store_lab_tag(&lab, first, "ghcr.io/o/old"));
	EXPECT(!store_lab_tag(&lab, "nothing", "x"));
	EXPECT_STR(lab.err.text, "No such image: nothing:latest");
	EXPECT(!store_lab_tag(&lab, "app", "swarmbox:latest"));
	EXPECT(!store_lab_tag(&lab, "app", "sha256:abc"));
	EXPECT_STR(lab.err.text, "refusing to create an ambiguous tag using digest algorithm as name");
	store_lab_close(&lab);
	store_lab_open(&lab);
	EXPECT_INT(get(&lab, first)->tags.count, 2);
	EXPECT_STR(get(&lab, first)->tags.items[0], "ghcr.io/o/old:latest");
	EXPECT_STR(get(&lab, first)->tags.items[1], "old:1");
	CLEANUP(strlist_finip) struct strlist digests = { 0 };
	image_repo_digests(get(&lab, first), &digests);
	EXPECT_INT(digests.count, 2);
	EXPECT(strncmp(digests.items[1], "old@sha256:", 11) == 0);
	store_lab_fini(&lab);
}

TEST(image_store_removes_by_dockers_rules)
{
	struct store_lab lab;
	char expected[400], id[80];

	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(import_text(&lab, "app", "one"));
	str_copy(id, sizeof(id), lab.id);
	EXPECT(store_lab_tag(&lab, "app", "app:2"));
	EXPECT(!store_lab_remove(&lab, id, false));
	snprintf(expected, sizeof(expected), "conflict: unable to delete %.12s (must be forced) - image is referenced in multiple repositories", id + 7);
	EXPECT_STR(lab.err.text, expected);
	EXPECT(store_lab_remove(&lab, "app:2", false));
	EXPECT_STR(buf_text(&lab.removed), "Untagged: app:2\n");

	str_copy(lab.user_of, sizeof(lab.user_of), id + 7);
	memset(lab.user, 'c', 64);
	EXPECT(!store_lab_remove(&lab, "app", false));
	snprintf(expected, sizeof(expected), "conflict: unable to remove repository reference \"app\" (must force) - container cccccccccccc is "
		 "using its referenced image %.12s", id + 7);
	EXPECT_STR(lab.err.text, expected);
	EXPECT(!store_lab_remove(&lab, id, false));
	snprintf(expected, sizeof(expected), "conflict: unable to delete %.12s (must be forced) - image is being used by stopped container cccccccccccc", id + 7);
	EXPECT_STR(lab.err.text, expected);
	lab.user_runs = true;
	EXPECT(!store_lab_remove(&lab, id, true));
	snprintf(expected, sizeof(expected), "conflict: unable to delete %.12s (cannot be forced) - image is being used by running container cccccccccccc", id + 7);
	EXPECT_STR(lab.err.text, expected);
	EXPECT(store_lab_remove(&lab, "app", true));
	EXPECT_STR(buf_text(&lab.removed), "Untagged: app:latest\n");
	EXPECT(get(&lab, id) != NULL);               /* the running container still needs it */
	lab.user[0] = '\0';
	EXPECT(store_lab_remove(&lab, id, false));
	EXPECT(strstr(buf_text(&lab.removed), "Deleted: sha256:") == lab.removed.data);
	EXPECT(get(&lab, id) == NULL);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 1);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 0);
	EXPECT(!store_lab_remove(&lab, "app", false));
	EXPECT_STR(lab.err.text, "No such image: app:latest");
	store_lab_fini(&lab);
}

TEST(image_hold_keeps_layers_of_a_removed_image_until_it_is_freed)
{
	struct store_lab lab;
	struct image_hold *hold, *adopted, *none;
	char diff_id[SHA256_HEX_SIZE];
	size_t count;

	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(import_text(&lab, "app", "held"));
	EXPECT(image_hold_new(lab.store, lab.id, &hold, &lab.err) == 0);
	str_copy(diff_id, sizeof(diff_id), image_hold_diff_ids(hold, &count)[0]);
	EXPECT_INT(count, 1);
	EXPECT(store_lab_remove(&lab, "app", true));
	store_lab_settle(&lab);
	EXPECT(file_exists(image_hold_dirs(hold, &count)[0]));
	EXPECT(image_hold_new(lab.store, lab.id, &none, &lab.err) == -1);
	image_hold_free(hold);

	store_lab_close(&lab);                       /* the agent dies before the sweep; a container lives on */
	store_lab_open(&lab);
	EXPECT(image_hold_adopt(lab.store, (const char *const[]){ diff_id }, 1, &adopted, &lab.err) == 0);
	store_lab_settle(&lab);
	EXPECT(file_exists(image_hold_dirs(adopted, &count)[0]));
	image_hold_free(adopted);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 1);
	EXPECT(image_hold_adopt(lab.store, (const char *const[]){ diff_id }, 1, &none, &lab.err) == -1);
	EXPECT_INT(lab.err.code, ERR_NOT_FOUND);
	store_lab_fini(&lab);
}

static void damage(struct store_lab *lab, const char *name, const char *text)
{
	CLEANUP(str_freep) char *path = path_join(lab->images, name);

	check(file_write_atomic(path, text, strlen(text), 0600, &lab->err) == 0);
}

TEST(image_store_opens_with_damaged_files_and_sweeps_nothing_it_cannot_know)
{
	struct store_lab lab;
	char blob[160];

	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(import_text(&lab, "good", "good"));
	EXPECT(import_text(&lab, "bad", "bad"));
	snprintf(blob, sizeof(blob), "blobs/sha256/%s", get(&lab, "bad")->manifest);
	store_lab_close(&lab);
	damage(&lab, blob, "{}");
	store_lab_open(&lab);
	EXPECT(get(&lab, "good") != NULL);
	EXPECT(get(&lab, "bad") == NULL);
	store_lab_close(&lab);

	damage(&lab, "index.json", "{\"manifests\": [");
	store_lab_open(&lab);
	EXPECT(get(&lab, "good") == NULL);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 3);
	EXPECT(import_text(&lab, "good", "good"));
	EXPECT_STR(content(&lab, "good", "etc/motd"), "good");
	store_lab_close(&lab);
	store_lab_open(&lab);
	EXPECT(get(&lab, "good") != NULL);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 3);
	store_lab_fini(&lab);
}

TEST(image_store_sweeps_what_a_crash_left)
{
	struct store_lab lab;
	char path[200];

	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(import_text(&lab, "app", "kept"));
	store_lab_close(&lab);
	snprintf(path, sizeof(path), "%s/staging/0123/layer/root/half", lab.images);
	EXPECT(dir_make(path, 0755, &lab.err) == 0);
	snprintf(path, sizeof(path), "%s/layers/0123/root", lab.images);
	EXPECT(dir_make(path, 0755, &lab.err) == 0);
	damage(&lab, "blobs/sha256/0123", "x");
	store_lab_open(&lab);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "staging"), 0);
	EXPECT_INT(store_lab_count(&lab, "layers"), 2);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 3);
	EXPECT_STR(content(&lab, "app", "etc/motd"), "kept");
	store_lab_fini(&lab);
}

/* A disk of its own for the lab, which only this test's process sees. */
static void mount_small_disk(struct store_lab *lab, long bytes)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%ld", bytes);
	check(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	check(mount("tmpfs", lab->dir, "tmpfs", 0, options) == 0);
}

TEST(image_import_on_a_full_disk_says_so_and_gives_the_room_back)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, megabytes = BUF_INIT;
	struct store_lab lab;
	struct stat self;

	for (int i = 0; i < 100000; i++)
		buf_printf(&megabytes, "line %d of a file that does not fit\n", i);
	TAR_ADD(&tar, .name = "big", .data = buf_text(&megabytes));
	tar_builder_end(&tar);
	store_lab_init(&lab);
	check(stat(lab.self, &self) == 0);
	mount_small_disk(&lab, (long)self.st_size + 2 * 1024 * 1024);
	store_lab_open(&lab);
	for (int i = 0; i < 3; i++) {
		EXPECT(!store_lab_import(&lab, "big", &tar, NULL));
		EXPECT(str_ends(lab.err.text, "No space left on device"));
		store_lab_settle(&lab);
		EXPECT_INT(store_lab_count(&lab, "staging"), 0);
		EXPECT(import_text(&lab, "small", "fits"));
		EXPECT(store_lab_remove(&lab, "small", false));
		store_lab_settle(&lab);
	}
	store_lab_close(&lab);
	check(umount2(lab.dir, MNT_DETACH) == 0);
	store_lab_fini(&lab);
}

TEST(image_import_puts_a_damaged_layer_back)
{
	struct store_lab lab;
	char path[200];

	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(import_text(&lab, "app", "whole"));
	snprintf(path, sizeof(path), "%s/layers/%s/size", lab.images, get(&lab, "app")->layers[0].diff_id);
	EXPECT(unlink(path) == 0);
	*strrchr(path, '/') = '\0';
	store_lab_close(&lab);
	store_lab_open(&lab);
	EXPECT(!get(&lab, "app")->is_unpacked);
	EXPECT(content(&lab, "app", "etc/motd") == NULL);
	EXPECT(import_text(&lab, "app", "whole"));
	EXPECT(get(&lab, "app")->is_unpacked);
	EXPECT_STR(content(&lab, "app", "etc/motd"), "whole");
	store_lab_fini(&lab);
}
