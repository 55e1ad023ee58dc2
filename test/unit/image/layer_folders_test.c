/* Folders that a layer has only because something lies in them: they look as in the layers below. */
#include <sys/stat.h>

#include "base/panic.h"
#include "os/file.h"
#include "test/unit/image/archive_builder.h"
#include "test/unit/image/store_lab.h"
#include "test/unit/runner.h"

enum { FOLDERS_MAX = 6 };
struct folder { const char *path; int mode; unsigned owner; };

/* A layer of folders with entries of their own, then of one file. */
static void add_layer(struct build *build, const struct folder *folders, const char *file)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	for (size_t i = 0; i < FOLDERS_MAX && folders && folders[i].path; i++)
		TAR_ADD(&tar, .name = folders[i].path, .type = '5', .mode = folders[i].mode, .uid = folders[i].owner, .gid = folders[i].owner,
			.mtime = 1000);
	TAR_ADD(&tar, .name = file, .data = "x");
	tar_builder_end(&tar);
	build_add_layer(build, &tar, BUILD_PLAIN);
}

static const struct folder base[] = { { "var/", 0711, 0 }, { "var/lib/", 0750, 7 }, { "var/lib/x/", 0700, 33 }, { 0 } };
static const struct folder other_base[] = { { "var/", 0755, 0 }, { "var/lib/", 0755, 0 }, { "var/lib/x/", 01777, 5 }, { 0 } };

static bool load(struct store_lab *lab, struct build *build, const char *name)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	build_seal(build, "linux/amd64", "");
	build_docker(&tar, build, name);
	bool is_loaded = store_lab_load(lab, &tar, NULL);
	build_fini(build);
	return is_loaded;
}

/* How many folders a container's root is made of, and "mode owner time" of the paths in the top one: "3: 711 0 1000, 700 33 1000". */
static const char *top_of(struct store_lab *lab, const char *name, const char *const *paths)
{
	static struct buf out;
	const struct image *image;
	struct image_hold *hold;
	struct stat st;
	size_t count;

	buf_fini(&out);
	if (image_store_get(lab->store, name, &image, &lab->err) < 0 || image_hold_new(lab->store, image->id, &hold, &lab->err) < 0)
		return lab->err.text;
	const char *const *dirs = image_hold_dirs(hold, &count);
	buf_printf(&out, "%zu:", count);
	for (; *paths; paths++) {
		CLEANUP(str_freep) char *path = path_join(dirs[0], *paths);

		if (lstat(path, &st) < 0)
			buf_add_str(&out, " -");
		else
			buf_printf(&out, " %o %u %lld,", st.st_mode & 07777, st.st_uid, (long long)(st.st_mtime > 100000 ? 0 : st.st_mtime));
	}
	image_hold_free(hold);
	return buf_text(&out);
}

static const char *const on_the_way[] = { "var", "var/lib", "var/lib/x", NULL };
static const char *const file_only[] = { "var/lib/x/new", NULL };

TEST(layer_folders_look_as_in_the_layers_below)
{
	struct store_lab lab;
	struct build build;

	store_lab_init(&lab);
	store_lab_open(&lab);
	build_init(&build);
	add_layer(&build, base, "var/lib/x/old");
	add_layer(&build, NULL, "var/lib/x/new");
	EXPECT(load(&lab, &build, "app:1"));
	EXPECT_STR(top_of(&lab, "app:1", on_the_way), "3: 711 0 1000, 750 7 1000, 700 33 1000,");
	EXPECT_STR(top_of(&lab, "app:1", file_only), "3: -");

	/* the same layer on another one */
	build_init(&build);
	add_layer(&build, other_base, "var/lib/x/old");
	add_layer(&build, NULL, "var/lib/x/new");
	EXPECT(load(&lab, &build, "app:2"));
	EXPECT_STR(top_of(&lab, "app:2", on_the_way), "3: 755 0 1000, 755 0 1000, 1777 5 1000,");
	EXPECT_INT(store_lab_count(&lab, "layers"), 1 + 2 + 1 + 2);

	/* it stays as long as its image, and no longer */
	store_lab_settle(&lab);
	store_lab_close(&lab);
	store_lab_open(&lab);
	store_lab_settle(&lab);
	EXPECT_STR(top_of(&lab, "app:1", on_the_way), "3: 711 0 1000, 750 7 1000, 700 33 1000,");
	EXPECT(store_lab_remove(&lab, "app:1", false));
	store_lab_settle(&lab);
	EXPECT_INT(store_lab_count(&lab, "layers"), 1 + 2 + 1);
	EXPECT_STR(top_of(&lab, "app:2", on_the_way), "3: 755 0 1000, 755 0 1000, 1777 5 1000,");
	store_lab_fini(&lab);
}

TEST(layer_folders_are_told_by_the_highest_layer_that_lists_them)
{
	static const struct folder middle[] = { { "var/lib/x/", 0770, 8 }, { 0 } };
	struct store_lab lab;
	struct build build;

	store_lab_init(&lab);
	store_lab_open(&lab);
	build_init(&build);
	add_layer(&build, base, "var/lib/x/old");
	add_layer(&build, middle, "var/lib/x/mid");     /* but not var and var/lib */
	add_layer(&build, NULL, "var/lib/x/new");
	add_layer(&build, NULL, "var/lib/x/newest");
	EXPECT(load(&lab, &build, "app:1"));
	EXPECT_STR(top_of(&lab, "app:1", on_the_way), "5: 711 0 1000, 750 7 1000, 770 8 1000,");
	store_lab_fini(&lab);
}

TEST(layer_folders_that_need_nothing_make_no_layer)
{
	static const struct folder plain[] = { { "var/", 0755, 0 }, { 0 } };
	static const char *const none[] = { NULL };
	struct store_lab lab;
	struct build build;

	store_lab_init(&lab);
	store_lab_open(&lab);
	build_init(&build);
	add_layer(&build, base, "var/lib/x/old");
	add_layer(&build, base, "var/lib/x/new");
	EXPECT(load(&lab, &build, "listed"));
	EXPECT_STR(top_of(&lab, "listed", none), "2:");
	build_init(&build);
	add_layer(&build, NULL, "var/lib/x/old");       /* nobody lists it */
	add_layer(&build, NULL, "var/lib/x/new");
	EXPECT(load(&lab, &build, "nobody"));
	EXPECT_STR(top_of(&lab, "nobody", none), "2:");
	build_init(&build);
	add_layer(&build, plain, "var/old");
	add_layer(&build, NULL, "var/new");
	EXPECT(load(&lab, &build, "same"));
	EXPECT_STR(top_of(&lab, "same", none), "2:");
	/* what lies below is hidden */
	static const char *const hiding[] = { "var/lib/.wh.x", "var/lib/.wh..wh..opq", "var/.wh.lib" };
	for (size_t i = 0; i < ARRAY_COUNT(hiding); i++) {
		static const struct folder around[] = { { "var/", 0711, 0 }, { "var/lib/", 0750, 7 }, { 0 } };

		build_init(&build);
		add_layer(&build, base, "var/lib/x/old");
		add_layer(&build, i < 2 ? around : plain, hiding[i]);
		add_layer(&build, around, "var/lib/x/new");
		EXPECT(load(&lab, &build, "hidden"));
		EXPECT_STR(top_of(&lab, "hidden", none), "3:");
	}
	store_lab_fini(&lab);
}

TEST(layer_folders_do_not_follow_links_of_other_layers)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	static const char *const none[] = { NULL };
	struct store_lab lab;
	struct build build;

	store_lab_init(&lab);
	store_lab_open(&lab);
	build_init(&build);
	TAR_ADD(&tar, .name = "etc/", .type = '5', .mode = 0700, .uid = 9);
	TAR_ADD(&tar, .name = "var", .type = '2', .link = "etc");
	tar_builder_end(&tar);
	build_add_layer(&build, &tar, BUILD_PLAIN);
	add_layer(&build, NULL, "var/new");
	EXPECT(load(&lab, &build, "link"));
	EXPECT_STR(top_of(&lab, "link", none), "2:");
	store_lab_fini(&lab);
}
