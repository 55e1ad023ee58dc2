/* One import goes through: STAGING (a work thread makes the folder), UNPACKING (the child lives), COMMITTING (an op of the store), LEAVING
 * (its folder is removed). Its owner hears of it once; after that, and after an abort, the rest happens in silence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "image/image_changes.h"
#include "image/image_import.h"
#include "image/image_layout_io.h"
#include "image/image_platform.h"
#include "image/image_store_own.h"
#include "image/unpack_child_io.h"
#include "os/file.h"
#include "os/log.h"

enum { RETRY_MS = 500 };

enum import_state { IMPORT_STAGING, IMPORT_UNPACKING, IMPORT_COMMITTING, IMPORT_LEAVING };

struct image_import {
	struct list link;
	struct image_store *store;
	struct image_stage stage;
	struct image_import_events events;
	void *arg;
	enum import_state state;
	bool is_silent;                                  /* its owner has been told, or does not want to be */

	int blob_fd;
	bool has_stage_failed;
	struct err err;
	struct unpack_child *child;                      /* NULL when it is not there yet, or has ended */
	struct unpack_feed feed;
	struct timer retry;                              /* the work threads had no place for the clearing up */

	struct image_config config;
	char *tag;                                       /* familiar; NULL: none */
	struct unpack_report report;
	struct image_op op;
	struct buf config_text, manifest_text;
	char id[SHA256_HEX_SIZE], manifest[SHA256_HEX_SIZE];
};

static void run_stage(void *arg);
static void done_stage(void *arg);
static void leave(struct image_import *import);
static void commit(struct image_import *import);

static void import_free(struct image_import *import)
{
	list_remove(&import->link);
	import->store->import_count--;
	unpack_child_close(import->child);
	timer_cancel(&import->retry);
	fd_closep(&import->blob_fd);
	image_config_fini(&import->config);
	image_edit_fini(&import->op.edit);
	unpack_feed_fini(&import->feed);
	buf_fini(&import->config_text);
	buf_fini(&import->manifest_text);
	image_stage_fini(&import->stage);
	free(import->tag);
	free(import);
}

static void tell(struct image_import *import, const char *id, const struct err *err)
{
	if (import->is_silent)
		return;
	import->is_silent = true;
	import->events.on_done(import->arg, id, err);
}

static void fail(struct image_import *import, const struct err *err)
{
	struct err copy = *err;

	tell(import, NULL, &copy);
	leave(import);
}

/* ---- what the image will be ------------------------------------------------------------------------------------------------- */

static int fill_config(struct image_import *import, const struct image_import_options *options, struct err *err)
{
	struct image_config *config = &import->config;
	struct image_platform platform;

	if (image_platform_parse(options->platform, &platform, err) < 0)
		return err_wrap(err, "invalid platform");
	if (options->change_count > IMAGE_CHANGES_MAX)
		return err_set(err, ERR_INVALID, "%zu changes: more than %d", options->change_count, IMAGE_CHANGES_MAX);
	config->os = arena_strdup(&config->arena, platform.os);
	config->architecture = arena_strdup(&config->arena, platform.architecture);
	config->variant = arena_strdup(&config->arena, platform.variant);
	const char *message = options->message ? options->message : "";
	if (strlen(message) > IMAGE_CHANGE_MAX_BYTES || !str_is_utf8(message, strlen(message)))
		return err_set(err, ERR_INVALID, "a message of more than %d bytes, or no UTF-8 text", IMAGE_CHANGE_MAX_BYTES);
	config->comment = arena_strdup(&config->arena, *message ? message : "Imported from -");
	for (size_t i = 0; i < options->change_count; i++)
		if (image_changes_apply(config, options->changes[i], err) < 0)
			return -1;
	if (str_is_empty(options->ref))
		return 0;
	return image_set_check_tag(options->ref, &import->tag, err);
}

/* Nothing but the archive and the options decides about the bytes, so that the same make the same image everywhere. */
static int compose(struct image_import *import, struct err *err)
{
	const struct unpack_report *report = &import->report;
	struct image_config *config = &import->config;
	struct image_manifest manifest = { .layer_count = 1 };

	config->created = MIN(report->newest_s, INT64_MAX / 1000000000) * 1000000000;
	image_config_add_word(config, &config->diff_ids, report->diff_id);
	config->history = ARENA_NEW(&config->arena, struct image_history);
	config->history[0] = (struct image_history){ .created = config->created, .comment = config->comment };
	config->history_count = 1;
	image_config_format(config, &import->config_text);
	if (import->config_text.len > IMAGE_CONFIG_MAX_BYTES)
		return err_set(err, ERR_INVALID, "the image's configuration is larger than %d bytes", IMAGE_CONFIG_MAX_BYTES);
	sha256_hex(import->config_text.data, import->config_text.len, import->id);

	manifest.config.bytes = (int64_t)import->config_text.len;
	str_copy(manifest.config.digest, sizeof(manifest.config.digest), import->id);
	manifest.layers[0] = (struct image_blob){ .bytes = report->blob_bytes, .kind = report->kind };
	str_copy(manifest.layers[0].digest, sizeof(manifest.layers[0].digest), report->blob);
	image_manifest_format(&manifest, &import->manifest_text);
	sha256_hex(import->manifest_text.data, import->manifest_text.len, import->manifest);
	return 0;
}

static struct image *make_image(const struct image_import *import)
{
	struct image *image = NEW(struct image);
	struct err err;

	/* What was written is read back: the image in memory is the one that the next start will find. */
	check(image_config_parse(import->config_text.data, import->config_text.len, &image->config, &err) == 0);
	str_copy(image->id, sizeof(image->id), import->id);
	str_copy(image->manifest, sizeof(image->manifest), import->manifest);
	image->manifest_bytes = (int64_t)import->manifest_text.len;
	strlist_add(&image->digests, image->manifest);
	image->layers = NEW(struct image_layer);
	image->layer_count = 1;
	image->layers[0].blob_bytes = import->report.blob_bytes;
	str_copy(image->layers[0].diff_id, SHA256_HEX_SIZE, import->report.diff_id);
	str_copy(image->layers[0].blob, SHA256_HEX_SIZE, import->report.blob);
	return image;
}

/* ---- the child -------------------------------------------------------------------------------------------------------------- */

/* A child that gives up says so at once, while the archive is still coming: then nobody waits for the rest of it. */
static void on_line(void *arg, const char *line, size_t bytes)
{
	struct image_import *import = arg;
	struct err err;

	if (unpack_report_parse(line, bytes, &import->report, &err) < 0)
		fail(import, &err);
}

static void on_child_exit(void *arg, const struct err *err)
{
	struct image_import *import = arg;
	struct err fault;

	import->child = NULL;
	unpack_feed_detach(&import->feed);
	if (import->state == IMPORT_LEAVING) {
		leave(import);
	} else if (err) {
		fail(import, err);
	} else if (compose(import, &fault) < 0) {
		fail(import, &fault);
	} else {
		if (import->report.xattrs_skipped)
			log_info("image import: %lld extended attributes of the archive's host were left out, '%s' the first",
				 (long long)import->report.xattrs_skipped, import->report.xattr_skipped);
		commit(import);
	}
}

static void on_writable(void *arg)
{
	struct image_import *import = arg;

	if (!import->is_silent && import->events.on_writable)
		import->events.on_writable(import->arg);
}

static const struct unpack_child_events child_events = { on_writable, on_line, on_child_exit };

static int start_child(struct image_import *import, struct err *err)
{
	CLEANUP(str_freep) char *root = path_join(import->stage.path, "layer/root");
	struct unpack_child_spec spec = { .self = import->store->self, .mode = UNPACK_ROOT, .dir = root, .in_fd = -1, .beside_fd = import->blob_fd,
					  .max_bytes = import->store->max_image_bytes, .max_line_bytes = UNPACK_REPORT_MAX_BYTES };

	if (unpack_child_start(import->store->loop, &spec, &child_events, import, &import->child, err) < 0)
		return -1;
	fd_closep(&import->blob_fd);
	if (unpack_feed_attach(&import->feed, import->child))
		on_writable(import);
	return 0;
}

static void retry_leave(void *arg)
{
	leave(arg);
}

/* ---- staging and leaving ---------------------------------------------------------------------------------------------------- */

static void run_stage(void *arg)
{
	struct image_import *import = arg;

	import->has_stage_failed = image_layout_stage(import->stage.path, &import->blob_fd, &import->err) < 0;
}

static void done_stage(void *arg)
{
	struct image_import *import = arg;

	if (import->state == IMPORT_LEAVING) {               /* aborted meanwhile */
		leave(import);
		return;
	}
	import->state = IMPORT_UNPACKING;
	if (import->has_stage_failed || start_child(import, &import->err) < 0)
		fail(import, &import->err);
}

static void run_leave(void *arg)
{
	struct image_import *import = arg;

	import->has_stage_failed = dir_remove_tree(import->stage.path, &import->err) < 0;
}

static void done_leave(void *arg)
{
	struct image_import *import = arg;

	if (import->has_stage_failed)
		log_warn("image import: what it left behind stays until the next start: %s", import->err.text);
	import_free(import);
}

/* Called again when what it waits for (the folder being made, the child's end) has come. */
static void leave(struct image_import *import)
{
	bool was_staging = import->state == IMPORT_STAGING;

	import->state = IMPORT_LEAVING;
	if (was_staging)
		return;
	if (import->child) {
		unpack_child_kill(import->child);
		return;
	}
	if (!work_submit(import->store->work, NULL, run_leave, done_leave, import))
		timer_set_in(&import->retry, RETRY_MS);
}

/* ---- commit ----------------------------------------------------------------------------------------------------------------- */

static int start_commit(struct image_op *op, struct err *err)
{
	struct image_import *import = CONTAINER_OF(op, struct image_import, op);

	if (import->is_silent)
		return err_set(err, ERR_CONFLICT, "aborted");
	op->has_edit = true;
	if (!image_set_find(&op->store->set, import->id))
		image_set_plan_add(&op->store->set, make_image(import), false, &op->edit);
	if (import->tag)
		image_edit_tag(&op->edit, import->id, import->tag);
	return 0;
}

/* From the layer up to the name: index.json, which follows, is what makes the rest count. An image that is there already keeps its manifest
 * and blob, which may be the same tar compressed otherwise; its layer is put back if it was lost. */
static int run_commit(struct image_op *op, struct err *err)
{
	const struct image_import *import = CONTAINER_OF(op, struct image_import, op);
	const char *dir = op->store->dir;

	if (image_layout_settle_layer(dir, import->stage.path, import->report.diff_id, import->report.data_bytes, err) < 0)
		return -1;
	if (op->edit.add_count == 0)
		return 0;
	CLEANUP(str_freep) char *blob = path_join(import->stage.path, "blob");
	if (image_layout_settle_blob(dir, blob, import->report.blob, err) < 0 ||
	    image_layout_put_blob(dir, import->id, &import->config_text, err) < 0)
		return -1;
	return image_layout_put_blob(dir, import->manifest, &import->manifest_text, err);
}

static void done_commit(struct image_op *op)
{
	struct image_import *import = CONTAINER_OF(op, struct image_import, op);
	struct image_store *store = op->store;
	char id[8 + SHA256_HEX_SIZE];

	if (op->has_failed) {
		fail(import, &op->err);
		return;
	}
	image_store_add_layer(store, import->report.diff_id, import->report.data_bytes, false);
	image_store_measure_all(store);
	image_store_tell(store, "import", import->id, import->id);
	if (import->tag)
		image_store_tell(store, "tag", import->id, import->tag);
	snprintf(id, sizeof(id), "sha256:%s", import->id);
	tell(import, id, NULL);
	leave(import);
}

/* The op is a part of the import, which outlives it. */
static void free_commit(struct image_op *op)
{
	(void)op;
}

static void commit(struct image_import *import)
{
	import->state = IMPORT_COMMITTING;
	import->op = (struct image_op){ .start = start_commit, .run = run_commit, .done = done_commit, .free = free_commit };
	image_op_submit(import->store, &import->op);
}

/* ---- the door --------------------------------------------------------------------------------------------------------------- */

int image_import_begin(struct image_store *store, const struct image_import_options *options, const struct image_import_events *events,
		       void *arg, struct image_import **ret, struct err *err)
{
	if (store->import_count == IMAGE_IMPORTS_MAX)
		return err_set(err, ERR_EXHAUSTED, "%d imports are under way: try again when one has ended", IMAGE_IMPORTS_MAX);
	struct image_import *import = NEW(struct image_import);
	*import = (struct image_import){ .store = store, .events = *events, .arg = arg, .blob_fd = -1 };
	list_add_last(&store->imports, &import->link);
	store->import_count++;
	timer_init(&import->retry, store->loop, retry_leave, import);
	image_config_init(&import->config);
	image_stage_init(&import->stage, store);

	/* Same lane as the store's ops: a sweep that began before does not meet the new folder, a later one knows its name. */
	if (fill_config(import, options, err) < 0) {
		import_free(import);
		return -1;
	}
	if (!work_submit(store->work, store, run_stage, done_stage, import)) {
		import_free(import);
		return err_set(err, ERR_EXHAUSTED, "too much is waiting for the work threads");
	}
	*ret = import;
	return 0;
}

bool image_import_feed(struct image_import *import, const void *bytes, size_t count)
{
	check(!import->is_silent && count <= IMAGE_IMPORT_FEED_MAX);
	return unpack_feed_bytes(&import->feed, bytes, count);
}

void image_import_finish(struct image_import *import)
{
	check(!import->is_silent);
	unpack_feed_finish(&import->feed);
}

void image_import_abort(struct image_import *import)
{
	check(!import->is_silent);
	import->is_silent = true;
	if (import->state != IMPORT_COMMITTING)
		leave(import);
}

void image_import_close_all(struct image_store *store)
{
	LIST_EACH(item, &store->imports)
		import_free(CONTAINER_OF(item, struct image_import, link));
}
