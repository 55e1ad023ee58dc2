/* A process that imports, loads and removes is killed at random instants; whatever it had been told was done must be there afterwards, whole, and
 * nothing else may be left once the store has been swept.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "base/panic.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/image/archive_builder.h"
#include "test/unit/image/store_lab.h"
#include "test/unit/image/tar_builder.h"
#include "test/unit/runner.h"

enum { NAMES = 4 };

/* What was acknowledged, one line each: "name version" or "name -". */
static void acknowledge(int fd, int name, int version)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%d %d\n", name, version);

	check(write(fd, line, (size_t)length) == length);
}

static void pack(struct buf *tar, int version)
{
	char text[32];

	snprintf(text, sizeof(text), "version %d", version);
	TAR_ADD(tar, .name = "a/b/version", .data = text, .mtime = 1000 + version);
	for (int i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof(name), "file%d", i);
		TAR_ADD(tar, .name = name, .data = text);
	}
	tar_builder_end(tar);
}

/* On a layer that all of them share. */
static void pack_image(struct buf *archive, const char *ref, int version)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;
	struct build build;

	pack(&tar, version);
	build_init(&build);
	build_add_file(&build, "base", "the same for all", BUILD_GZIP);
	build_add_layer(&build, &tar, version % 3);
	build_seal(&build, "linux/amd64", "");
	if (version % 2)
		build_oci(archive, &build, ref);
	else
		build_docker(archive, &build, ref);
	build_fini(&build);
}

static void be_busy(struct store_lab *lab, int fd, unsigned seed)
{
	store_lab_open(lab);
	image_store_sweep(lab->store);
	for (int step = 0;; step++) {
		CLEANUP(buf_finip) struct buf tar = BUF_INIT;
		int name = (int)(seed + (unsigned)step) % NAMES, version = (int)seed * 1000 + step;
		char ref[16];

		snprintf(ref, sizeof(ref), "n%d:1", name);
		if (step % 5 == 3) {
			acknowledge(fd, name, -2);           /* about to: either is right */
			if (store_lab_remove(lab, ref, false))
				acknowledge(fd, name, -1);
			continue;
		}
		acknowledge(fd, name, -2);
		if (step % 5 == 1) {
			pack(&tar, version);
			check(store_lab_import(lab, ref, &tar, NULL));
		} else {
			pack_image(&tar, ref, version);
			check(store_lab_load(lab, &tar, NULL));
		}
		acknowledge(fd, name, version);
	}
}

static void check_image(struct store_lab *lab, const struct image *image, int version)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct image_hold *hold;
	struct err err;
	size_t count;
	char want[32];

	EXPECT(image->is_unpacked);
	EXPECT(image_hold_new(lab->store, image->id, &hold, &err) == 0);
	CLEANUP(str_freep) char *path = path_join(image_hold_dirs(hold, &count)[0], "a/b/version");
	CLEANUP(str_freep) char *last = path_join(image_hold_dirs(hold, &count)[0], "file19");
	image_hold_free(hold);
	EXPECT(file_read(path, 100, &text, &err) == 0);
	EXPECT(file_exists(last));
	if (version >= 0) {
		snprintf(want, sizeof(want), "version %d", version);
		EXPECT_STR(buf_text(&text), want);
	}
}

/* What all images together refer to, each once. */
static void count_parts(struct store_lab *lab, size_t *ret_blobs, size_t *ret_layers)
{
	CLEANUP(map_freep) struct map *blobs = map_new(), *layers = map_new();

	for (size_t i = 0; i < image_store_count(lab->store); i++) {
		struct image *image = (struct image *)(uintptr_t)image_store_at(lab->store, i);

		for (size_t n = 0; n < image->layer_count; n++) {
			map_put(layers, image->layers[n].diff_id, image);
			if (!image->is_builtin)
				map_put(blobs, image->layers[n].blob, image);
		}
		if (!image->is_builtin) {
			map_put(blobs, image->id, image);
			map_put(blobs, image->manifest, image);
		}
	}
	*ret_blobs = map_count(blobs);
	*ret_layers = map_count(layers);
}

static void verify(struct store_lab *lab, const int *known)
{
	size_t blobs, layers;

	store_lab_open(lab);
	for (int name = 0; name < NAMES; name++) {
		const struct image *image;
		char ref[16];

		snprintf(ref, sizeof(ref), "n%d:1", name);
		bool is_there = image_store_get(lab->store, ref, &image, &lab->err) == 0;
		if (known[name] == -1)
			EXPECT(!is_there);
		if (known[name] >= 0)
			EXPECT(is_there);
		if (is_there)
			check_image(lab, image, known[name]);
	}
	store_lab_settle(lab);
	count_parts(lab, &blobs, &layers);
	EXPECT_INT(store_lab_count(lab, "blobs/sha256"), blobs);
	EXPECT_INT(store_lab_count(lab, "layers"), layers);
	EXPECT_INT(store_lab_count(lab, "staging"), 0);
	store_lab_close(lab);
}

static void take_acknowledged(int fd, int *known)
{
	char text[65536];
	ssize_t got, have = 0;

	while ((got = read(fd, text + have, sizeof(text) - 1 - (size_t)have)) > 0)
		have += got;
	text[have] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *end, *last;
		long name = strtol(line, &end, 10), version = strtol(end, &last, 10);
		check(end > line && last > end && name >= 0 && name < NAMES);
		known[name] = (int)version;
	}
}

TEST_TIMEOUT(image_store_survives_being_killed_at_any_instant, 600)
{
	int known[NAMES] = { -1, -1, -1, -1 };
	struct store_lab lab;

	store_lab_init(&lab);
	for (unsigned round = 1; round <= 15; round++) {
		struct timespec nap = { 0, (long)(round * 37 % 16) * 30000000 + 5000000 };
		int ends[2], status;

		check(pipe2(ends, O_CLOEXEC) == 0);
		pid_t pid = fork();
		if (pid == 0)
			be_busy(&lab, ends[1], round);
		close(ends[1]);
		nanosleep(&nap, NULL);               /* the instant is the point */
		check(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
		EXPECT(WIFSIGNALED(status));
		take_acknowledged(ends[0], known);
		close(ends[0]);
		verify(&lab, known);
	}
	store_lab_fini(&lab);
}
