#include "image/image_save.h"

#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "image/tar_header.h"
#include "os/file.h"
#include "test/unit/image/archive_builder.h"
#include "test/unit/image/store_lab.h"
#include "test/unit/runner.h"

#define NAMES(...) (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

static const struct image *get(struct store_lab *lab, const char *name)
{
	const struct image *image;

	return image_store_get(lab->store, name, &image, &lab->err) == 0 ? image : NULL;
}

/* one:1, one:2 and other/repo:1 are one image of a zstd and a plain layer; two has a layer of it and one more. */
static void fill(struct store_lab *lab)
{
	CLEANUP(buf_finip) struct buf first = BUF_INIT, second = BUF_INIT;
	struct build build;

	store_lab_init(lab);
	store_lab_open(lab);
	build_init(&build);
	build_add_file(&build, "low", "1", BUILD_ZSTD);
	build_add_file(&build, "high", "2", BUILD_PLAIN);
	build_seal(&build, "linux/amd64", "");
	build_oci(&first, &build, "one:1");
	build_add_file(&build, "top", "3", BUILD_GZIP);
	build_seal(&build, "linux/amd64", "");
	build_docker(&second, &build, "two");
	build_fini(&build);
	EXPECT(store_lab_load(lab, &first, NULL) && store_lab_load(lab, &second, NULL));
	EXPECT(store_lab_tag(lab, "one:1", "one:2") && store_lab_tag(lab, "one:1", "other/repo:1"));
}

static void forget(struct store_lab *lab)
{
	store_lab_fini(lab);
	store_lab_init(lab);
	store_lab_open(lab);
}

TEST(image_save_gives_back_what_was_loaded_with_the_same_digests)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, again = BUF_INIT;
	struct store_lab lab;
	char one[SHA256_HEX_SIZE], two[SHA256_HEX_SIZE];

	fill(&lab);
	str_copy(one, sizeof(one), get(&lab, "one:1")->manifest);
	str_copy(two, sizeof(two), get(&lab, "two")->manifest);
	EXPECT(store_lab_save(&lab, NAMES("one:1", "two", "one:1"), &tar));
	forget(&lab);
	EXPECT(store_lab_load(&lab, &tar, NULL));
	EXPECT_STR(buf_text(&lab.loaded), "one:1\ntwo:latest\n");
	EXPECT_STR(get(&lab, "one:1")->manifest, one);
	EXPECT_STR(get(&lab, "two")->manifest, two);
	EXPECT(store_lab_save(&lab, NAMES("one:1", "two"), &again));
	EXPECT(again.len == tar.len && memcmp(again.data, tar.data, tar.len) == 0);
	store_lab_fini(&lab);
}

TEST(image_save_is_readable_by_those_who_know_manifest_json_only)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct store_lab lab;
	char one[SHA256_HEX_SIZE];

	fill(&lab);
	str_copy(one, sizeof(one), get(&lab, "one:1")->id);
	EXPECT(store_lab_save(&lab, NAMES("one:1"), &tar));
	/* The layout's file takes another name: what is left is a docker-archive. */
	for (size_t at = 0; at + TAR_BLOCK <= tar.len; at += TAR_BLOCK)
		if (str_eq(tar.data + at, "oci-layout"))
			tar_builder_patch(&tar, at, 0, "oci-nothing", 11);
	forget(&lab);
	EXPECT(store_lab_load(&lab, &tar, NULL));
	EXPECT_STR(buf_text(&lab.loaded), "one:1\n");
	EXPECT_STR(get(&lab, "one:1")->id, one);
	store_lab_fini(&lab);
}

TEST(image_save_takes_names_as_docker_does)
{
	CLEANUP(buf_finip) struct buf all = BUF_INIT, by_id = BUF_INIT, ignored = BUF_INIT;
	struct store_lab lab;
	char id[13];

	fill(&lab);
	snprintf(id, sizeof(id), "%.12s", get(&lab, "one:1")->id);
	EXPECT(store_lab_save(&lab, NAMES("one"), &all));
	EXPECT(store_lab_save(&lab, NAMES(id), &by_id));
	EXPECT(!store_lab_save(&lab, NAMES("one", "none:1"), &ignored));
	EXPECT_STR(lab.err.text, "No such image: none:1");
	EXPECT_INT(lab.err.code, ERR_NOT_FOUND);
	EXPECT(!store_lab_save(&lab, NAMES("one", "swarmbox"), &ignored));
	EXPECT_STR(lab.err.text, "swarmbox:latest is each host's own binary and is not saved: copy the file instead");
	EXPECT_INT(ignored.len, 0);
	forget(&lab);
	EXPECT(store_lab_load(&lab, &all, NULL));
	EXPECT_STR(buf_text(&lab.loaded), "one:1 one:2\n");
	EXPECT(store_lab_load(&lab, &by_id, NULL));
	EXPECT_STR(buf_text(&lab.loaded), "\n");
	store_lab_fini(&lab);
}

TEST(image_save_refuses_an_image_for_another_machine_than_asked_for)
{
	struct store_lab lab;
	struct image_save *save;

	fill(&lab);
	EXPECT(image_save_begin(lab.store, NAMES("one:1"), "linux/arm64", &save, &lab.err) == -1);
	EXPECT_STR(lab.err.text, "image with reference one:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64");
	EXPECT(image_save_begin(lab.store, NAMES("one:1"), "linux/amd64", &save, &lab.err) == 0);
	image_save_free(save);
	store_lab_fini(&lab);
}

TEST(image_save_ends_at_a_damaged_blob_and_names_it)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct store_lab lab;

	fill(&lab);
	CLEANUP(str_freep) char *path = str_printf("%s/blobs/sha256/%s", lab.images, get(&lab, "two")->layers[2].blob);
	EXPECT(file_write_atomic(path, "other", 5, 0600, &lab.err) == 0);
	EXPECT(!store_lab_save(&lab, NAMES("two"), &tar));
	EXPECT(strstr(lab.err.text, "is damaged: its content has the digest sha256:"));
	EXPECT_INT(lab.err.code, ERR_IO);
	store_lab_fini(&lab);
}

static void take_piece(void *arg, const void *bytes, size_t count, const struct err *err)
{
	struct store_lab *lab = arg;

	(void)bytes, (void)count;
	lab->is_done = true;
	lab->has_failed = err != NULL;
}

TEST(image_save_keeps_what_it_saves_while_the_image_is_removed)
{
	struct store_lab lab;
	struct image_save *save;

	fill(&lab);
	EXPECT(store_lab_remove(&lab, "one:2", false) && store_lab_remove(&lab, "other/repo:1", false));
	EXPECT(image_save_begin(lab.store, NAMES("one:1"), NULL, &save, &lab.err) == 0);
	EXPECT(store_lab_remove(&lab, "one:1", false) && store_lab_remove(&lab, "two", false));
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 4);
	lab.is_done = false;
	image_save_next(save, take_piece, &lab);
	store_lab_wait(&lab);
	EXPECT(!lab.has_failed);
	image_save_next(save, take_piece, &lab);
	image_save_free(save);                       /* while it reads */
	lab.is_done = false;
	store_lab_settle(&lab);
	EXPECT(!lab.is_done);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 0);
	store_lab_fini(&lab);
}

TEST(image_save_writes_headers_of_more_than_8_gib)
{
	uint8_t block[TAR_BLOCK];
	struct tar_header header;
	struct err err;

	tar_header_format("blobs/big", TAR_FILE, 0644, INT64_C(9) << 30, 0, block);
	EXPECT(tar_header_decode(block, &header, &err) == 0);
	EXPECT_INT(header.size, INT64_C(9) << 30);
	tar_header_format("blobs/big", TAR_FILE, 0644, (INT64_C(8) << 30) - 1, 0, block);
	EXPECT(tar_header_decode(block, &header, &err) == 0);
	EXPECT_INT(header.size, (INT64_C(8) << 30) - 1);
}
