#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/panic.h"
#include "image/image_platform.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/image/archive_builder.h"
#include "test/unit/image/store_lab.h"
#include "test/unit/runner.h"

static const struct image *get(struct store_lab *lab, const char *name)
{
	const struct image *image;

	return image_store_get(lab->store, name, &image, &lab->err) == 0 ? image : NULL;
}

/* The folders a container of the image gets, top first, as "file=content" of each. */
static const char *dirs_of(struct store_lab *lab, const char *name)
{
	static struct buf out;
	const struct image *image = get(lab, name);
	struct image_hold *hold;
	size_t count;

	buf_fini(&out);
	if (!image || image_hold_new(lab->store, image->id, &hold, &lab->err) < 0)
		return lab->err.text;
	const char *const *dirs = image_hold_dirs(hold, &count);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(strlist_finip) struct strlist names = { 0 };

		check(dir_list(dirs[i], &names, &lab->err) == 0);
		for (size_t n = 0; n < names.count; n++) {
			CLEANUP(str_freep) char *path = path_join(dirs[i], names.items[n]);
			CLEANUP(buf_finip) struct buf text = BUF_INIT;
			struct stat st;

			check(lstat(path, &st) == 0);
			if (S_ISREG(st.st_mode))
				check(file_read(path, 1000, &text, &lab->err) == 0);
			buf_printf(&out, "%s%s%s%s ", names.items[n], S_ISDIR(st.st_mode) ? "/" : S_ISCHR(st.st_mode) && !st.st_rdev ? "!" : "",
				   text.len ? "=" : "", buf_text(&text));
		}
		buf_add_str(&out, "| ");
	}
	image_hold_free(hold);
	return buf_text(&out);
}

static void two_layers(struct build *build, enum build_pack pack)
{
	build_init(build);
	build_add_file(build, "low", "1", pack);
	build_add_file(build, "high", "2", pack);
	build_seal(build, "linux/amd64", "");
}

TEST(image_load_takes_docker_archives_and_layouts_however_they_are_packed)
{
	static const enum build_pack packs[] = { BUILD_PLAIN, BUILD_GZIP, BUILD_ZSTD };
	struct build build;

	for (size_t inner = 0; inner < 3; inner++) {
		two_layers(&build, packs[inner]);
		for (size_t outer = 0; outer < 3; outer++) {
			CLEANUP(buf_finip) struct buf oci = BUF_INIT, docker = BUF_INIT, packed_oci = BUF_INIT, packed_docker = BUF_INIT;
			void (*pack)(const struct buf *, struct buf *) = outer == 1 ? tar_builder_gzip : tar_builder_zstd;
			struct store_lab lab;

			build_oci(&oci, &build, "example.org/a/oci:1");
			build_docker(&docker, &build, "docker:2");
			if (outer) {
				pack(&oci, &packed_oci);
				pack(&docker, &packed_docker);
			}
			store_lab_init(&lab);
			store_lab_open(&lab);
			EXPECT(store_lab_load(&lab, outer ? &packed_oci : &oci, NULL));
			EXPECT_STR(buf_text(&lab.loaded), "example.org/a/oci:1\n");
			EXPECT_STR(lab.id + 7, build.config.digest);
			EXPECT_STR(dirs_of(&lab, "example.org/a/oci:1"), "high=2 | low=1 | ");
			EXPECT_STR(get(&lab, "example.org/a/oci:1")->manifest, build.manifest.digest);
			EXPECT(store_lab_load(&lab, outer ? &packed_docker : &docker, NULL));
			EXPECT_STR(buf_text(&lab.loaded), "docker:2\n");
			EXPECT_STR(lab.id + 7, build.config.digest);
			EXPECT_INT(image_store_count(lab.store), 2);
			EXPECT_STR(get(&lab, "docker:2")->manifest, build.manifest.digest);
			store_lab_settle(&lab);
			EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 4);
			EXPECT_INT(store_lab_count(&lab, "layers"), 3);
			store_lab_fini(&lab);
		}
		build_fini(&build);
	}
}

TEST(image_load_is_there_after_a_restart_and_keeps_the_digest)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct build build;
	struct store_lab lab;

	two_layers(&build, BUILD_GZIP);
	build_oci(&tar, &build, "web:1");
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(store_lab_load(&lab, &tar, ""));
	EXPECT_STR(buf_text(&lab.events), "load web:1\n");
	for (int round = 0; round < 2; round++) {
		CLEANUP(str_freep) char *pinned = str_printf("web@sha256:%s", build.manifest.digest);

		EXPECT(get(&lab, pinned) != NULL);
		EXPECT_STR(dirs_of(&lab, "web:1"), "high=2 | low=1 | ");
		EXPECT_STR(get(&lab, "web:1")->config.cmd.items[0], "/bin/app");
		store_lab_settle(&lab);
		store_lab_close(&lab);
		store_lab_open(&lab);
	}
	build_fini(&build);
	store_lab_fini(&lab);
}

TEST(image_load_takes_several_images_of_an_archive_and_shares_their_layers)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, list = BUF_INIT;
	struct build one, two;
	struct store_lab lab;

	two_layers(&one, BUILD_PLAIN);
	build_init(&two);
	build_add_file(&two, "low", "1", BUILD_PLAIN);
	build_add_file(&two, "other", "3", BUILD_GZIP);
	build_seal(&two, "linux/amd64", "");
	build_put_image(&tar, &one);
	build_put_image(&tar, &two);
	build_descriptor(&list, BUILD_MANIFEST, &one.manifest, ",\"annotations\":{\"io.containerd.image.name\":\"docker.io/library/one:1\","
			 "\"org.opencontainers.image.ref.name\":\"1\"}");
	buf_add_char(&list, ',');
	build_descriptor(&list, BUILD_MANIFEST, &one.manifest, ",\"annotations\":{\"io.containerd.image.name\":\"docker.io/library/one:latest\","
			 "\"org.opencontainers.image.ref.name\":\"latest\"}");
	buf_add_char(&list, ',');
	build_descriptor(&list, BUILD_MANIFEST, &two.manifest, ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"stable\"}");
	build_put_layout(&tar, buf_text(&list));
	tar_builder_end(&tar);

	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(store_lab_load(&lab, &tar, NULL));
	EXPECT_STR(buf_text(&lab.loaded), "one:1 one:latest\n\n");
	EXPECT_STR(dirs_of(&lab, "one"), "high=2 | low=1 | ");
	EXPECT_STR(dirs_of(&lab, two.config.digest), "other=3 | low=1 | ");
	EXPECT_INT(get(&lab, two.config.digest)->tags.count, 0);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 4);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 3 + 4);
	build_fini(&one);
	build_fini(&two);
	store_lab_fini(&lab);
}

TEST(image_load_gives_a_name_to_the_image_that_came_last)
{
	CLEANUP(buf_finip) struct buf first = BUF_INIT, second = BUF_INIT;
	struct build build;
	struct store_lab lab;

	store_lab_init(&lab);
	store_lab_open(&lab);
	build_init(&build);
	build_add_file(&build, "a", "1", BUILD_PLAIN);
	build_seal(&build, "linux/amd64", "");
	build_docker(&first, &build, "app");
	build_seal(&build, "linux/amd64", ",\"author\":\"another\"");
	build_docker(&second, &build, "app");
	EXPECT(store_lab_load(&lab, &first, NULL));
	CLEANUP(str_freep) char *old = str_dup(lab.id);
	EXPECT(store_lab_load(&lab, &second, NULL));
	EXPECT(!str_eq(old, lab.id));
	EXPECT_STR(get(&lab, "app")->config.author, "another");
	EXPECT_INT(get(&lab, old)->tags.count, 0);
	build_fini(&build);
	store_lab_fini(&lab);
}

TEST(image_load_takes_a_layer_that_comes_twice_once)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct build build;
	struct store_lab lab;

	build_init(&build);
	build_add_file(&build, "a", "1", BUILD_PLAIN);
	build_add_file(&build, "b", "2", BUILD_PLAIN);
	build_add_file(&build, "a", "1", BUILD_PLAIN);
	build_seal(&build, "linux/amd64", "");
	build_docker(&tar, &build, "twice");
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(store_lab_load(&lab, &tar, NULL));
	EXPECT_INT(get(&lab, "twice")->layer_count, 3);
	EXPECT_STR(dirs_of(&lab, "twice"), "a=1 | b=2 | ");
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 3);
	build_fini(&build);
	store_lab_fini(&lab);
}

/* ---- platforms -------------------------------------------------------------------------------------------------------------- */

static void make_for(struct build *build, const char *platform)
{
	build_init(build);
	build_add_file(build, "for", platform, BUILD_PLAIN);
	build_seal(build, platform, "");
}

static void put_for(struct buf *tar, struct buf *list, const struct build *build, const char *architecture, const char *variant)
{
	CLEANUP(str_freep) char *more = str_printf(",\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\",\"variant\":\"%s\"}", architecture, variant);

	build_put_image(tar, build);
	if (list->len)
		buf_add_char(list, ',');
	build_descriptor(list, BUILD_MANIFEST, &build->manifest, more);
}

/* An index of amd64, arm v6, arm v7 and an attestation, itself listed in index.json as multi:1. */
static void multi(struct buf *tar, char ret_index[SHA256_HEX_SIZE])
{
	CLEANUP(buf_finip) struct buf list = BUF_INIT, top = BUF_INIT;
	struct build amd64, v6, v7, words;
	struct build_blob index = { 0 };

	make_for(&amd64, "linux/amd64");
	make_for(&v6, "linux/arm/v6");
	make_for(&v7, "linux/arm/v7");
	make_for(&words, "unknown/unknown");
	put_for(tar, &list, &v6, "arm", "v6");
	put_for(tar, &list, &amd64, "amd64", "");
	put_for(tar, &list, &v7, "arm", "v7");
	build_put_image(tar, &words);
	buf_add_char(&list, ',');
	build_descriptor(&list, BUILD_MANIFEST, &words.manifest, ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},"
			 "\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}");
	build_index(&index, buf_text(&list));
	build_put_blob(tar, &index);
	build_descriptor(&top, BUILD_INDEX, &index, ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"multi:1\"}");
	build_put_layout(tar, buf_text(&top));
	tar_builder_end(tar);
	str_copy(ret_index, SHA256_HEX_SIZE, index.digest);
	build_fini(&amd64);
	build_fini(&v6);
	build_fini(&v7);
	build_fini(&words);
	buf_fini(&index.bytes);
}

TEST(image_load_chooses_from_an_index_what_runs_here_or_what_is_asked_for)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	char index[SHA256_HEX_SIZE];
	static const struct { const char *asked, *got; } cases[] = {
		{ "linux/amd64", "for=linux/amd64 | " }, { "linux/arm/v7", "for=linux/arm/v7 | " }, { "linux/arm/v6", "for=linux/arm/v6 | " },
		{ "linux/arm64", "for=linux/arm/v7 | " }, { "linux/arm/v8", "for=linux/arm/v7 | " },
	};
	struct store_lab lab;

	multi(&tar, index);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		store_lab_init(&lab);
		store_lab_open(&lab);
		EXPECT(store_lab_load(&lab, &tar, cases[i].asked));
		EXPECT_STR(dirs_of(&lab, "multi:1"), cases[i].got);
		CLEANUP(str_freep) char *by_index = str_printf("multi:1@sha256:%s", index);
		EXPECT(get(&lab, by_index) == get(&lab, "multi:1") && get(&lab, by_index));
		EXPECT_STR(get(&lab, "multi:1")->digests.items[0], index);
		EXPECT_STR(get(&lab, "multi:1")->digests.items[1], get(&lab, "multi:1")->manifest);
		store_lab_settle(&lab);
		EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 3);
		store_lab_close(&lab);
		store_lab_open(&lab);
		EXPECT(get(&lab, by_index) != NULL);
		store_lab_fini(&lab);
	}
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(!store_lab_load(&lab, &tar, "linux/riscv64"));
	EXPECT_STR(lab.err.text, "image 'docker.io/library/multi:1': no matching manifest for linux/riscv64 in the manifest list entries");
	EXPECT(!store_lab_load(&lab, &tar, "linux/pdp11"));
	EXPECT_STR(lab.err.text, "invalid platform: \"linux/pdp11\": unknown operating system or architecture");
	store_lab_fini(&lab);
}

TEST(image_load_takes_a_single_image_for_another_machine_unless_a_platform_is_asked_for)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct build build;
	struct store_lab lab;

	make_for(&build, "linux/s390x");
	build_docker(&tar, &build, "mainframe:1");
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(!store_lab_load(&lab, &tar, "linux/amd64"));
	EXPECT_STR(lab.err.text, "image with reference docker.io/library/mainframe:1 was found but does not match the specified platform: "
		   "wanted linux/amd64, actual: linux/s390x");
	EXPECT(store_lab_load(&lab, &tar, NULL));
	EXPECT_STR(get(&lab, "mainframe:1")->config.architecture, "s390x");
	build_fini(&build);
	store_lab_fini(&lab);
}

/* index.json itself may be the list of makes. */
TEST(image_load_chooses_among_manifests_of_one_name_in_the_layout_itself)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, list = BUF_INIT;
	struct build amd64, v7;
	struct store_lab lab;

	make_for(&amd64, "linux/amd64");
	make_for(&v7, "linux/arm/v7");
	put_for(&tar, &list, &v7, "arm", "v7");
	put_for(&tar, &list, &amd64, "amd64", "");
	build_put_layout(&tar, buf_text(&list));
	tar_builder_end(&tar);
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(store_lab_load(&lab, &tar, "linux/amd64"));
	EXPECT_STR(buf_text(&lab.loaded), "\n");
	EXPECT_STR(lab.id + 7, amd64.config.digest);
	EXPECT_INT(image_store_count(lab.store), 2);
	build_fini(&amd64);
	build_fini(&v7);
	store_lab_fini(&lab);
}

/* ---- whiteouts -------------------------------------------------------------------------------------------------------------- */

static bool is_opaque(const char *dir, const char *name)
{
	CLEANUP(str_freep) char *path = path_join(dir, name);
	char value;

	return lgetxattr(path, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static void load_layer(struct store_lab *lab, const struct buf *layer)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct build build;

	build_init(&build);
	build_add_file(&build, "low", "1", BUILD_PLAIN);
	build_add_layer(&build, layer, BUILD_GZIP);
	build_seal(&build, "linux/amd64", "");
	build_oci(&tar, &build, "white:1");
	store_lab_init(lab);
	store_lab_open(lab);
	EXPECT(store_lab_load(lab, &tar, NULL));
	EXPECT_STR(lab->err.text, "");
	build_fini(&build);
}

static const char *top_dir(struct store_lab *lab)
{
	static char dir[300];
	struct image_hold *hold;
	size_t count;

	check(image_hold_new(lab->store, get(lab, "white:1")->id, &hold, &lab->err) == 0);
	str_copy(dir, sizeof(dir), image_hold_dirs(hold, &count)[0]);
	image_hold_free(hold);
	return dir;
}

TEST(image_load_turns_whiteouts_into_those_of_overlayfs)
{
	CLEANUP(buf_finip) struct buf layer = BUF_INIT;
	struct store_lab lab;

	TAR_ADD(&layer, .name = ".wh.gone");
	TAR_ADD(&layer, .name = ".wh.linked", .type = '1', .link = ".wh.gone");
	TAR_ADD(&layer, .name = "stays", .data = "x");
	TAR_ADD(&layer, .name = ".wh.stays");
	TAR_ADD(&layer, .name = ".wh.later");
	TAR_ADD(&layer, .name = "later", .data = "y");
	TAR_ADD(&layer, .name = ".wh..wh.aufs");
	TAR_ADD(&layer, .name = ".wh..wh.plnk/", .type = '5', .mode = 0700);
	TAR_ADD(&layer, .name = ".wh..wh.plnk/1.2", .data = "old");
	tar_builder_end(&layer);
	load_layer(&lab, &layer);
	EXPECT_STR(dirs_of(&lab, "white:1"), "gone! later=y linked! stays=x | low=1 | ");
	store_lab_fini(&lab);
}

TEST(image_load_marks_opaque_folders_before_or_behind_what_is_in_them)
{
	CLEANUP(buf_finip) struct buf layer = BUF_INIT;
	struct store_lab lab;

	TAR_ADD(&layer, .name = "first/", .type = '5', .mode = 0755);
	TAR_ADD(&layer, .name = "first/.wh..wh..opq");
	TAR_ADD(&layer, .name = "first/a", .data = "1");
	TAR_ADD(&layer, .name = "last/a", .data = "1");
	TAR_ADD(&layer, .name = "last/.wh..wh..opq");
	TAR_ADD(&layer, .name = ".wh.dir");                                      /* then it comes anew */
	TAR_ADD(&layer, .name = "dir/", .type = '5', .mode = 0700);
	TAR_ADD(&layer, .name = "dir/a", .data = "1");
	TAR_ADD(&layer, .name = ".wh.bare");                                     /* the same, without a word about the folder */
	TAR_ADD(&layer, .name = "bare/deep/a", .data = "1");
	TAR_ADD(&layer, .name = "here/a", .data = "1");
	TAR_ADD(&layer, .name = ".wh.here");
	TAR_ADD(&layer, .name = "plain/a", .data = "1");
	TAR_ADD(&layer, .name = "nothing/.wh..wh..opq");
	tar_builder_end(&layer);
	load_layer(&lab, &layer);
	EXPECT_STR(dirs_of(&lab, "white:1"), "bare/ dir/ first/ here/ last/ nothing/ plain/ | low=1 | ");
	static const char *const opaques[] = { "bare", "dir", "first", "here", "last", "nothing" };
	for (size_t i = 0; i < sizeof(opaques) / sizeof(opaques[0]); i++)
		EXPECT(is_opaque(top_dir(&lab), opaques[i]));
	EXPECT(!is_opaque(top_dir(&lab), "plain"));
	EXPECT(!is_opaque(top_dir(&lab), "bare/deep"));
	store_lab_fini(&lab);
}

/* overlayfs does not heed it there. */
TEST(image_load_leaves_out_what_lies_below_a_layer_with_an_opaque_root)
{
	CLEANUP(buf_finip) struct buf layer = BUF_INIT;
	struct store_lab lab;

	TAR_ADD(&layer, .name = "./", .type = '5', .mode = 0755);
	TAR_ADD(&layer, .name = "./.wh..wh..opq");
	TAR_ADD(&layer, .name = "./only", .data = "1");
	tar_builder_end(&layer);
	load_layer(&lab, &layer);
	for (int round = 0; round < 2; round++) {
		EXPECT_STR(dirs_of(&lab, "white:1"), "only=1 | ");
		EXPECT_INT(get(&lab, "white:1")->layer_count, 2);
		store_lab_close(&lab);
		store_lab_open(&lab);
	}
	store_lab_fini(&lab);
}

/* ---- bounds and ends -------------------------------------------------------------------------------------------------------- */

static void zeros(struct buf *tar, size_t megabytes)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	buf_reserve(&bytes, megabytes << 20);
	memset(bytes.data, 0, megabytes << 20);
	bytes.len = megabytes << 20;
	build_put(tar, "zeros", bytes.data, bytes.len);
	tar_builder_end(tar);
}

TEST(image_load_stops_archives_and_layers_that_swell)
{
	CLEANUP(buf_finip) struct buf layer = BUF_INIT, archive = BUF_INIT, small = BUF_INIT, swollen = BUF_INIT;
	struct build build;
	struct store_lab lab;

	zeros(&layer, 20);
	tar_builder_gzip(&layer, &small);            /* the archive itself is a bomb */
	build_init(&build);
	build_add_layer(&build, &layer, BUILD_GZIP);
	build_seal(&build, "linux/amd64", "");
	build_oci(&archive, &build, "bomb:1");
	EXPECT(small.len < 100000 && archive.len < 100000);
	store_lab_init(&lab);
	lab.max_image_bytes = 10000000;
	store_lab_open(&lab);
	EXPECT(!store_lab_load(&lab, &small, NULL));
	EXPECT_STR(lab.err.text, "the archive unpacks to more than 10000000 bytes");
	EXPECT(!store_lab_load(&lab, &archive, NULL));
	CLEANUP(str_freep) char *error = str_printf("layer sha256:%.12s: the archive unpacks to more than 10000000 bytes", build.layers[0].digest);
	EXPECT_STR(lab.err.text, error);

	/* Each layer may be as large as that, but not all together. */
	build_fini(&build);
	build_init(&build);
	for (int i = 0; i < 3; i++) {
		CLEANUP(buf_finip) struct buf part = BUF_INIT;

		TAR_ADD(&part, .name = i == 0 ? "a" : i == 1 ? "b" : "c", .data = "x");
		zeros(&part, 4);
		build_add_layer(&build, &part, BUILD_GZIP);
	}
	build_seal(&build, "linux/amd64", "");
	build_oci(&swollen, &build, "bomb:2");
	EXPECT(!store_lab_load(&lab, &swollen, NULL));
	EXPECT_STR(lab.err.text, "the layers unpack to more than 10000000 bytes");
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "staging"), 0);
	EXPECT_INT(store_lab_count(&lab, "layers"), 1);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 0);
	build_fini(&build);
	store_lab_fini(&lab);
}

static void never_done(void *arg, const struct image_loaded *loaded, size_t count, const struct err *err)
{
	(void)loaded, (void)count, (void)err;
	*(bool *)arg = true;
}

TEST_TIMEOUT(image_load_can_be_aborted_at_any_moment, 600)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct build build;
	struct store_lab lab;
	size_t layers;

	two_layers(&build, BUILD_ZSTD);
	build_oci(&tar, &build, "x:1");
	store_lab_init(&lab);
	store_lab_open(&lab);
	for (int rounds = 0; rounds < 30; rounds++) {
		struct image_load_events events = { .on_done = never_done };
		struct image_load *load;
		bool was_told = false;

		EXPECT(image_load_begin(lab.store, NULL, &events, &was_told, &load, &lab.err) == 0);
		image_load_feed(load, tar.data, rounds % 3 ? tar.len : tar.len / 2);
		if (rounds % 3)
			image_load_finish(load);
		for (int i = 0; i < rounds && !was_told; i++)
			loop_run_once(lab.loop, 3);
		if (!was_told)
			image_load_abort(load);
		store_lab_pass(&lab);           /* its folder may be on its way yet */
		for (msec until = clock_boot_ms() + 60000; store_lab_count(&lab, "staging") && clock_boot_ms() < until;)
			loop_run_once(lab.loop, 20);
		EXPECT_INT(store_lab_count(&lab, "staging"), 0);
	}
	layers = image_store_count(lab.store) == 2 ? 3 : 1;  /* it may have been too late to abort */
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), layers);
	build_fini(&build);
	store_lab_fini(&lab);
}

TEST(image_loads_are_bounded_and_end_with_the_store)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct build build;
	struct store_lab lab;
	bool was_told = false;

	two_layers(&build, BUILD_PLAIN);
	build_oci(&tar, &build, "x:1");
	store_lab_init(&lab);
	store_lab_open(&lab);
	for (int i = 0; i <= IMAGE_INTAKES_MAX; i++) {
		struct image_load_events events = { .on_done = never_done };
		struct image_load *load;
		int result = image_load_begin(lab.store, NULL, &events, &was_told, &load, &lab.err);

		EXPECT_INT(result, i < IMAGE_INTAKES_MAX ? 0 : -1);
		if (result == 0 && i % 2)
			image_load_feed(load, tar.data, tar.len / 2);
	}
	EXPECT_INT(lab.err.code, ERR_EXHAUSTED);
	for (int i = 0; i < 10; i++)
		loop_run_once(lab.loop, 20);
	store_lab_close(&lab);
	store_lab_open(&lab);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "staging"), 0);
	EXPECT(!was_told);
	build_fini(&build);
	store_lab_fini(&lab);
}

/* An image that lost a layer on disk is whole again when it is loaded once more. */
TEST(image_load_mends_an_image_whose_layer_is_gone)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct build build;
	struct store_lab lab;

	two_layers(&build, BUILD_GZIP);
	build_oci(&tar, &build, "x:1");
	store_lab_init(&lab);
	store_lab_open(&lab);
	EXPECT(store_lab_load(&lab, &tar, NULL));
	store_lab_close(&lab);
	CLEANUP(str_freep) char *layer = str_printf("%s/layers/%s", lab.images, build.diff_ids[1]);
	check(dir_remove_tree(layer, &lab.err) == 0);
	store_lab_open(&lab);
	EXPECT(!get(&lab, "x:1")->is_unpacked);
	EXPECT(store_lab_load(&lab, &tar, NULL));
	EXPECT(get(&lab, "x:1")->is_unpacked);
	EXPECT_STR(dirs_of(&lab, "x:1"), "high=2 | low=1 | ");
	build_fini(&build);
	store_lab_fini(&lab);
}

/* ---- pruning ---------------------------------------------------------------------------------------------------------------- */

static bool is_dangling(void *arg, const struct image *image)
{
	(void)arg;
	return image->tags.count == 0;
}

static bool is_any(void *arg, const struct image *image)
{
	(void)arg;
	EXPECT(!image->is_builtin);
	return true;
}

TEST(image_store_prunes_what_is_wanted_and_nobody_uses)
{
	CLEANUP(buf_finip) struct buf first = BUF_INIT, second = BUF_INIT, third = BUF_INIT;
	struct build build;
	struct store_lab lab;
	char expected[400];

	store_lab_init(&lab);
	store_lab_open(&lab);
	build_init(&build);
	build_add_file(&build, "base", "12345", BUILD_PLAIN);
	build_seal(&build, "linux/amd64", "");
	build_docker(&first, &build, "base:1");
	EXPECT(store_lab_load(&lab, &first, NULL));
	build_add_file(&build, "more", "123", BUILD_PLAIN);
	build_seal(&build, "linux/amd64", "");
	build_docker(&second, &build, NULL);
	EXPECT(store_lab_load(&lab, &second, NULL));
	CLEANUP(str_freep) char *dangling = str_dup(lab.id);
	EXPECT(store_lab_prune(&lab, is_dangling));
	snprintf(expected, sizeof(expected), "Deleted: %.19s\nDeleted: sha256:", dangling);
	EXPECT(str_starts(buf_text(&lab.removed), expected));        /* the image, then the stack of both layers; the base's is still needed */
	EXPECT_INT(lab.removed.len, 2 * strlen("Deleted: sha256:0123456789ab\n"));
	EXPECT_INT(lab.reclaimed, 3);
	EXPECT(get(&lab, dangling) == NULL && get(&lab, "base:1"));
	EXPECT(store_lab_prune(&lab, is_dangling));
	EXPECT_STR(buf_text(&lab.removed), "");
	EXPECT_INT(lab.reclaimed, 0);

	/* All of them, but for the one a stopped container uses. */
	EXPECT(store_lab_load(&lab, &second, NULL));
	build_seal(&build, "linux/amd64", ",\"author\":\"x\"");
	build_docker(&third, &build, "third:1");
	EXPECT(store_lab_load(&lab, &third, NULL));
	str_copy(lab.user_of, sizeof(lab.user_of), get(&lab, "base:1")->id);
	memset(lab.user, 'c', 64);
	EXPECT(store_lab_prune(&lab, is_any));
	EXPECT(strstr(buf_text(&lab.removed), "Untagged: third:1\n"));
	EXPECT_INT(lab.reclaimed, 3);
	EXPECT_INT(image_store_count(lab.store), 2);
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 2);
	EXPECT_INT(store_lab_count(&lab, "blobs/sha256"), 3);
	lab.user[0] = '\0';
	EXPECT(store_lab_prune(&lab, is_any));
	EXPECT_INT(lab.reclaimed, 5);
	EXPECT_INT(image_store_count(lab.store), 1);
	build_fini(&build);
	store_lab_fini(&lab);
}
