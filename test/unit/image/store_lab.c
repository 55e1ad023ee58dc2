#include "test/unit/image/store_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "image/unpack_job_io.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/runner.h"

/* The test program is also the binary that the store starts its child from: then it is that child. */
__attribute__((constructor)) static void be_the_child(void)
{
	/* musl hands constructors no arguments */
	CLEANUP(buf_finip) struct buf words = BUF_INIT;
	const char *argv[6], *at;
	enum unpack_mode mode;
	size_t count = 0;
	struct err ignored;

	if (file_read("/proc/self/cmdline", 1 << 16, &words, &ignored) < 0)
		return;
	for (at = buf_text(&words); at < buf_text(&words) + words.len && count < ARRAY_COUNT(argv); at += strlen(at) + 1)
		argv[count++] = at;
	if (count == ARRAY_COUNT(argv) && strcmp(argv[0], "swarmbox") == 0 && strcmp(argv[1], "unpack") == 0 &&
	    unpack_mode_parse(argv[2], &mode))
		_exit(unpack_child_main(mode, argv[3], strtoll(argv[4], NULL, 10), argv[5]));
}

static bool find_user(void *arg, const char *image_id, bool running_only, char ret_container[65])
{
	struct store_lab *lab = arg;

	if (!str_eq(image_id, lab->user_of) || !lab->user[0] || (running_only && !lab->user_runs))
		return false;
	str_copy(ret_container, 65, lab->user);
	return true;
}

static void on_event(void *arg, const char *action, const char *image_id, const char *name)
{
	struct store_lab *lab = arg;

	buf_printf(&lab->events, "%s %.20s\n", action, str_eq(image_id, name) ? "id" : name);
}

void store_lab_init(struct store_lab *lab)
{
	memset(lab, 0, sizeof(*lab));
	strcpy(lab->dir, "/tmp/image-store-XXXXXX");
	check(runner_folder(lab->dir));
	snprintf(lab->images, sizeof(lab->images), "%s/images", lab->dir);
	/* A small stand-in would do for the built-in image, but the child must be this program. */
	ssize_t length = readlink("/proc/self/exe", lab->self, sizeof(lab->self) - 1);
	check(length > 0);
	lab->self[length] = '\0';
}

void store_lab_open(struct store_lab *lab)
{
	struct image_store_options options = { .dir = lab->images, .self = lab->self, .max_image_bytes = lab->max_image_bytes,
					       .hooks = { find_user, on_event, lab } };
	struct err err;

	lab->loop = loop_new();
	lab->work = work_new(lab->loop, 2);
	options.loop = lab->loop;
	options.work = lab->work;
	if (image_store_open(&options, &lab->store, &err) < 0)
		panic("%s", err.text);
}

void store_lab_close(struct store_lab *lab)
{
	work_free(lab->work);
	image_store_close(lab->store);
	loop_free(lab->loop);
	lab->store = NULL;
}

void store_lab_fini(struct store_lab *lab)
{
	struct err err;

	if (lab->store)
		store_lab_close(lab);
	check(dir_remove_tree(lab->dir, &err) == 0);
	buf_fini(&lab->events);
	buf_fini(&lab->removed);
	buf_fini(&lab->loaded);
}

void store_lab_wait(struct store_lab *lab)
{
	msec until = clock_boot_ms() + 60000;

	while (!lab->is_done) {
		check(clock_boot_ms() < until);
		loop_run_once(lab->loop, 100);
	}
	lab->is_done = false;
}

static void on_settled(void *arg)
{
	((struct store_lab *)arg)->is_done = true;
}

static void run_nothing(void *arg)
{
	(void)arg;
}

void store_lab_pass(struct store_lab *lab)
{
	for (int i = 0; i < 3; i++) {
		loop_run_once(lab->loop, 10);
		check(work_submit(lab->work, lab->store, run_nothing, on_settled, lab));
		store_lab_wait(lab);
	}
}

void store_lab_settle(struct store_lab *lab)
{
	image_store_sweep(lab->store);
	store_lab_pass(lab);
	/* What an import leaves is cleared up outside of that lane. */
	for (msec until = clock_boot_ms() + 60000; store_lab_count(lab, "staging") && clock_boot_ms() < until;)
		loop_run_once(lab->loop, 10);
}

static void on_import_done(void *arg, const char *id, const struct err *err)
{
	struct store_lab *lab = arg;

	lab->is_done = true;
	lab->has_failed = err != NULL;
	lab->id[0] = '\0';
	if (err)
		lab->err = *err;
	else
		str_copy(lab->id, sizeof(lab->id), id);
}

struct feeding { struct image_import *import; struct image_load *load; const struct buf *archive; size_t at; bool is_paused; };
static struct feeding feeding;

static void on_writable(void *arg)
{
	(void)arg;
	feeding.is_paused = false;
}

static void feed_some(void)
{
	size_t count = MIN(feeding.archive->len - feeding.at, (size_t)64 * 1024);

	const char *piece = buf_text(feeding.archive) + feeding.at;

	feeding.is_paused = feeding.import ? !image_import_feed(feeding.import, piece, count) : !image_load_feed(feeding.load, piece, count);
	feeding.at += count;
	if (feeding.at < feeding.archive->len)
		return;
	if (feeding.import)
		image_import_finish(feeding.import);
	else
		image_load_finish(feeding.load);
}

static bool feed_all(struct store_lab *lab)
{
	bool is_first = true;

	for (; !lab->is_done && (is_first || feeding.at < feeding.archive->len); is_first = false) {
		if (!feeding.is_paused)
			feed_some();
		loop_run_once(lab->loop, feeding.is_paused ? 100 : 0);
	}
	store_lab_wait(lab);
	return !lab->has_failed;
}

bool store_lab_import(struct store_lab *lab, const char *ref, const struct buf *archive, const char *change)
{
	struct image_import_options options = { .ref = ref, .changes = &change, .change_count = change != NULL };
	struct image_import_events events = { on_writable, on_import_done };

	feeding = (struct feeding){ .archive = archive };
	lab->is_done = false;
	if (image_import_begin(lab->store, &options, &events, lab, &feeding.import, &lab->err) < 0)
		return false;
	return feed_all(lab);
}

static void on_load_done(void *arg, const struct image_loaded *loaded, size_t count, const struct err *err)
{
	struct store_lab *lab = arg;

	lab->is_done = true;
	lab->has_failed = err != NULL;
	if (err)
		lab->err = *err;
	for (size_t i = 0; i < count; i++) {
		for (size_t n = 0; n < loaded[i].names.count; n++)
			buf_printf(&lab->loaded, "%s%s", n ? " " : "", loaded[i].names.items[n]);
		buf_add_char(&lab->loaded, '\n');
		snprintf(lab->id, sizeof(lab->id), "sha256:%s", loaded[i].id);
	}
}

bool store_lab_load(struct store_lab *lab, const struct buf *archive, const char *platform)
{
	struct image_load_events events = { on_writable, NULL, on_load_done };

	feeding = (struct feeding){ .archive = archive };
	lab->is_done = false;
	buf_clear(&lab->loaded);
	if (image_load_begin(lab->store, platform, &events, lab, &feeding.load, &lab->err) < 0)
		return false;
	return feed_all(lab);
}

struct receiving { struct store_lab *lab; struct buf *out; bool has_ended; };

static void on_piece(void *arg, const void *bytes, size_t count, const struct err *err)
{
	struct receiving *r = arg;

	r->lab->is_done = true;
	r->lab->has_failed = err != NULL;
	if (err)
		r->lab->err = *err;
	if (count)
		buf_add(r->out, bytes, count);
	r->has_ended = err || count == 0;
}

bool store_lab_save(struct store_lab *lab, const char *const *names, size_t count, struct buf *out)
{
	struct receiving r = { lab, out, false };
	struct image_save *save;

	if (image_save_begin(lab->store, names, count, NULL, &save, &lab->err) < 0)
		return false;
	while (!r.has_ended) {
		lab->is_done = false;
		image_save_next(save, on_piece, &r);
		check(!lab->is_done);
		store_lab_wait(lab);
	}
	image_save_free(save);
	return !lab->has_failed;
}

static void on_done(void *arg, const struct err *err)
{
	struct store_lab *lab = arg;

	lab->is_done = true;
	lab->has_failed = err != NULL;
	if (err)
		lab->err = *err;
}

bool store_lab_tag(struct store_lab *lab, const char *source, const char *target)
{
	lab->is_done = false;
	image_store_tag(lab->store, source, target, on_done, lab);
	check(!lab->is_done);
	store_lab_wait(lab);
	return !lab->has_failed;
}

static void on_removed(void *arg, const struct image_removed *removed, size_t count, const struct err *err)
{
	struct store_lab *lab = arg;

	for (size_t i = 0; i < count; i++)
		buf_printf(&lab->removed, "%s %.19s\n", removed[i].is_untagged ? "Untagged:" : "Deleted:", removed[i].text);
	on_done(arg, err);
}

static void on_pruned(void *arg, const struct image_removed *removed, size_t count, int64_t reclaimed_bytes, const struct err *err)
{
	((struct store_lab *)arg)->reclaimed = reclaimed_bytes;
	on_removed(arg, removed, count, err);
}

bool store_lab_prune(struct store_lab *lab, bool (*wants)(void *arg, const struct image *image))
{
	lab->is_done = false;
	buf_clear(&lab->removed);
	image_store_prune(lab->store, wants, on_pruned, lab);
	check(!lab->is_done);
	store_lab_wait(lab);
	return !lab->has_failed;
}

bool store_lab_remove(struct store_lab *lab, const char *name, bool force)
{
	lab->is_done = false;
	buf_clear(&lab->removed);
	image_store_remove(lab->store, name, force, on_removed, lab);
	check(!lab->is_done);
	store_lab_wait(lab);
	return !lab->has_failed;
}

size_t store_lab_count(struct store_lab *lab, const char *folder)
{
	CLEANUP(str_freep) char *path = path_join(lab->images, folder);
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	struct err err;

	check(dir_list(path, &names, &err) == 0);
	return names.count;
}
