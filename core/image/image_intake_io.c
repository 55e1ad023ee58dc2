/* One intake goes through: STAGING (a work thread makes the folder), GATHERING (images are added, blobs are given, children unpack), COMMITTING
 * (an op of the store), LEAVING (its folder is removed). Its owner hears of the end once; after that, and after an abort, the rest happens in
 * silence. Jobs on the work threads touch only what is theirs and this intake's folder; the intake waits for all of them before it goes.
 */
#include "image/image_intake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "image/image_intake_own.h"
#include "image/image_layout_io.h"
#include "image/layer_folders_io.h"
#include "os/file.h"
#include "os/log.h"

enum { RETRY_MS = 500 };

static void free_image(struct intake_image *image)
{
	image_free(image->image);
	strlist_fini(&image->tags);
	free(image->repository);
	free(image->layers);
	free(image);
}

static void free_intake(struct image_intake *intake)
{
	list_remove(&intake->link);
	intake->store->intake_count--;
	timer_cancel(&intake->progress);
	timer_cancel(&intake->late);
	for (size_t i = 0; i < intake->layer_count; i++)
		intake_layer_free(intake->layers[i]);
	for (size_t i = 0; i < intake->image_count; i++)
		free_image(intake->images[i]);
	image_edit_fini(&intake->op.edit);
	image_stage_fini(&intake->stage);
	free(intake->images);
	free(intake->layers);
	free(intake->dir);
	free(intake->action);
	free(intake);
}

static void tell(struct image_intake *intake, const struct err *err)
{
	if (intake->is_silent)
		return;
	intake->is_silent = true;
	intake->events.on_done(intake->arg, err);
}

void intake_fail(struct image_intake *intake, const struct err *err)
{
	struct err copy = *err;

	if (intake->state == INTAKE_LEAVING)
		return;
	tell(intake, &copy);
	intake_leave(intake);
}

bool intake_submit(struct image_intake *intake, const void *lane, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
	if (!work_submit(intake->store->work, lane, run, done, arg))
		return false;
	intake->jobs++;
	return true;
}

bool intake_take_back(struct image_intake *intake)
{
	intake->jobs--;
	if (intake->state != INTAKE_LEAVING)
		return true;
	intake_leave(intake);
	return false;
}

void intake_fail_late(struct image_intake *intake, const struct err *err)
{
	if (intake->has_late_err)
		return;
	intake->has_late_err = true;
	intake->late_err = *err;
	timer_set_in(&intake->late, 0);
}

void intake_fail_busy(struct image_intake *intake)
{
	struct err err;

	err_set(&err, ERR_EXHAUSTED, "too much is waiting for the work threads");
	intake_fail_late(intake, &err);
}

/* ---- the folder ------------------------------------------------------------------------------------------------------------- */

static void run_stage(void *arg)
{
	struct image_intake *intake = arg;

	intake->has_failed = dir_make(intake->dir, 0700, &intake->err) < 0;
}

static void done_stage(void *arg)
{
	struct image_intake *intake = arg;

	if (!intake_take_back(intake))
		return;
	intake->state = INTAKE_GATHERING;
	if (intake->has_failed)
		intake_fail(intake, &intake->err);
	else if (intake->events.on_ready)
		intake->events.on_ready(intake->arg);
}

static void run_leave(void *arg)
{
	struct image_intake *intake = arg;

	intake->has_failed = dir_remove_tree(intake->stage.path, &intake->err) < 0;
}

static void done_leave(void *arg)
{
	struct image_intake *intake = arg;

	if (intake->has_failed)
		log_warn("image %s: what it left behind stays until the next start: %s", intake->action, intake->err.text);
	free_intake(intake);
}

void intake_leave(struct image_intake *intake)
{
	bool is_busy = intake->jobs > 0;

	if (intake->state != INTAKE_LEAVING)
		for (size_t i = 0; i < intake->layer_count; i++)
			if (intake->layers[i]->child)
				unpack_child_kill(intake->layers[i]->child);
	intake->state = INTAKE_LEAVING;
	timer_cancel(&intake->progress);
	if (is_busy || intake->children > 0)
		return;
	if (!work_submit(intake->store->work, NULL, run_leave, done_leave, intake))
		timer_set_in(&intake->late, RETRY_MS);
}

static void on_late(void *arg)
{
	struct image_intake *intake = arg;

	if (intake->state == INTAKE_LEAVING)
		intake_leave(intake);
	else if (intake->has_late_err && intake->state != INTAKE_COMMITTING)
		intake_fail(intake, &intake->late_err);
	else if (intake->state == INTAKE_GATHERING)
		intake_layers_start(intake);
}

/* ---- images ----------------------------------------------------------------------------------------------------------------- */

static void run_read(void *arg)
{
	struct intake_image *image = arg;

	image->has_failed = image_layout_load_staged(image->intake->dir, image->manifest, &image->image, &image->err) < 0;
}

static bool is_known(const struct intake_image *image)
{
	const struct image *there = image_set_find(&image->intake->store->set, image->id);

	for (size_t i = 0; there && i < image->tags.count; i++)
		if (!strlist_has(&there->tags, image->tags.items[i]))
			return false;
	return there != NULL;
}

static size_t number_of(const struct image_intake *intake, const struct intake_image *image)
{
	for (size_t i = 0; i < intake->image_count; i++)
		if (intake->images[i] == image)
			return i;
	panic("an image of another intake");
}

static void done_read(void *arg)
{
	struct intake_image *image = arg;
	struct image_intake *intake = image->intake;

	if (!intake_take_back(intake))
		return;
	if (image->has_failed) {
		intake_fail(intake, &image->err);
		return;
	}
	if (image_config_check_os(&image->image->config, &image->err) < 0) {
		intake_fail(intake, &image->err);
		return;
	}
	str_copy(image->id, sizeof(image->id), image->image->id);
	image->is_known = is_known(image);
	image->layer_count = image->image->layer_count;
	image->layers = NEW_ARRAY(size_t, image->layer_count);
	for (size_t i = 0; i < image->layer_count; i++)
		image->layers[i] = intake_layer_add(intake, &image->image->layers[i])->number;
	strlist_add(&image->image->digests, image->index[0] ? image->index : image->manifest);
	if (image->index[0])
		strlist_add(&image->image->digests, image->manifest);
	if (image->repository)
		strlist_add(&image->image->repositories, image->repository);
	intake->events.on_added(intake->arg, number_of(intake, image));
	if (intake->state == INTAKE_GATHERING)
		intake_layers_start(intake);
}

static int add_names(struct image_intake *intake, struct intake_image *image, const struct image_intake_image *from, struct err *err)
{
	for (size_t i = 0; i < from->name_count; i++) {
		CLEANUP(str_freep) char *tag = NULL;

		if (image_set_check_tag(from->names[i], &tag, err) < 0)
			return -1;
		if (intake->name_count++ == IMAGE_INTAKE_NAMES_MAX)
			return err_set(err, ERR_EXHAUSTED, "more than %d names at one time", IMAGE_INTAKE_NAMES_MAX);
		strlist_add(&image->tags, tag);
	}
	return 0;
}

void image_intake_add(struct image_intake *intake, const struct image_intake_image *from)
{
	struct err err;

	check(intake->state == INTAKE_GATHERING && !intake->is_silent);
	struct intake_image *image = NEW(struct intake_image);
	image->intake = intake;
	image->is_from_registry = from->is_from_registry;
	image->repository = str_dup(from->repository);
	str_copy(image->manifest, sizeof(image->manifest), from->manifest);
	str_copy(image->index, sizeof(image->index), from->index ? from->index : "");
	intake->images = mem_resize(intake->images, intake->image_count + 1, sizeof(*intake->images));
	intake->images[intake->image_count++] = image;
	if (intake->image_count > IMAGE_INTAKE_IMAGES_MAX)
		err_set(&err, ERR_EXHAUSTED, "more than %d images at one time", IMAGE_INTAKE_IMAGES_MAX);
	else if (add_names(intake, image, from, &err) == 0) {
		if (!intake_submit(intake, intake, run_read, done_read, image))
			intake_fail_busy(intake);
		return;
	}
	intake_fail_late(intake, &err);
}

/* ---- commit ----------------------------------------------------------------------------------------------------------------- */

static int start_commit(struct image_op *op, struct err *err)
{
	struct image_intake *intake = CONTAINER_OF(op, struct image_intake, op);

	if (intake->is_silent)
		return err_set(err, ERR_CONFLICT, "aborted");
	op->has_edit = true;
	for (size_t i = 0; i < intake->image_count; i++) {
		struct intake_image *image = intake->images[i];

		/* One that lacks a layer on disk may lack its blob as well: then what comes now is the better one. */
		const struct image *there = image_set_find(&op->store->set, image->id);
		bool replaces = image->is_from_registry || (there && !there->is_unpacked);

		image->is_known = is_known(image);
		image_set_plan_add(&op->store->set, image->image, replaces, &op->edit);
		image->image = NULL;                 /* the edit's */
		for (size_t n = 0; n < image->tags.count; n++)
			image_edit_tag(&op->edit, image->id, image->tags.items[n]);
	}
	return 0;
}

static int settle_layer(const struct image_intake *intake, struct intake_layer *layer, struct err *err)
{
	const char *dir = intake->store->dir;

	if (!layer->shown.was_there && !layer->only_check &&
	    image_layout_settle_layer(dir, layer->stage, layer->shown.diff_id, layer->report.data_bytes, err) < 0)
		return -1;
	layer->hides_lower = image_layout_layer_hides_lower(dir, layer->shown.diff_id);
	return layer->blob_is_stored ? 0 : image_layout_settle_blob(dir, layer->blob_path, layer->shown.blob, err);
}

static int settle_named(const struct image_intake *intake, const char *digest, struct err *err)
{
	CLEANUP(str_freep) char *from = path_join(intake->dir, digest);

	return image_layout_settle_blob(intake->store->dir, from, digest, err);
}

static int settle_folders(const struct image_intake *intake, struct intake_image *image, struct err *err)
{
	CLEANUP(str_freep) char *stage = str_printf("%s/folders/%s", intake->stage.path, image->manifest), *root = path_join(stage, "layer/root");
	const char *diff_ids[IMAGE_CONFIG_MAX_LAYERS];
	char id[SHA256_HEX_SIZE];
	bool is_needed;

	if (image->layer_count < 2)
		return 0;
	for (size_t i = 0; i < image->layer_count; i++)
		diff_ids[i] = intake->layers[image->layers[i]]->shown.diff_id;
	if (image_layout_stage_layer(stage, err) < 0 ||
	    layer_folders_make(intake->store->dir, diff_ids, image->layer_count, root, &is_needed, err) < 0)
		return -1;
	if (!is_needed)
		return 0;
	layer_folders_id(diff_ids, image->layer_count, id);
	if (image_layout_settle_layer(intake->store->dir, stage, id, 0, err) < 0)
		return -1;
	memcpy(image->folders, id, sizeof(id));
	return 0;
}

/* From the layers up to the manifests; index.json, which follows, is what makes them count. All of it is on disk before the first of it moves. */
static int run_commit(struct image_op *op, struct err *err)
{
	const struct image_intake *intake = CONTAINER_OF(op, struct image_intake, op);
	CLEANUP(fd_closep) int fd = open(intake->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) < 0)
		return err_sys(err, "write to disk");
	for (size_t i = 0; i < intake->layer_count; i++)
		if (settle_layer(intake, intake->layers[i], err) < 0)
			return -1;
	for (size_t i = 0; i < intake->image_count; i++)
		if (settle_folders(intake, intake->images[i], err) < 0 || settle_named(intake, intake->images[i]->id, err) < 0 ||
		    settle_named(intake, intake->images[i]->manifest, err) < 0)
			return -1;
	return 0;
}

static void tell_events(const struct image_intake *intake)
{
	for (size_t i = 0; i < intake->image_count; i++) {
		const struct intake_image *image = intake->images[i];

		for (size_t n = 0; n < image->tags.count; n++)
			image_store_tell(intake->store, intake->action, image->id, image->tags.items[n]);
		if (image->tags.count == 0)
			image_store_tell(intake->store, intake->action, image->id, image->id);
	}
}

static void done_commit(struct image_op *op)
{
	struct image_intake *intake = CONTAINER_OF(op, struct image_intake, op);

	if (op->has_failed) {
		intake_fail(intake, &op->err);
		return;
	}
	for (size_t i = 0; i < intake->layer_count; i++) {
		struct intake_layer *layer = intake->layers[i];

		if (!layer->shown.was_there && !layer->only_check)
			image_store_add_layer(intake->store, layer->shown.diff_id, layer->report.data_bytes, layer->hides_lower);
		intake_layer_drop(layer);            /* the images have it now */
	}
	for (size_t i = 0; i < intake->image_count; i++)
		if (intake->images[i]->folders[0])
			image_store_add_layer(intake->store, intake->images[i]->folders, 0, false);
	image_store_measure_all(intake->store);
	image_op_want_sweep(intake->store);          /* blobs of a manifest that is another one now */
	tell_events(intake);
	tell(intake, NULL);
	intake_leave(intake);
}

/* The op is a part of the intake, which outlives it. */
static void free_commit(struct image_op *op)
{
	(void)op;
}

void image_intake_commit(struct image_intake *intake)
{
	check(intake->state == INTAKE_GATHERING && !intake->is_silent && intake->jobs == 0 && intake->image_count > 0);
	for (size_t i = 0; i < intake->layer_count; i++)
		check(intake->layers[i]->shown.state == INTAKE_READY);
	intake->state = INTAKE_COMMITTING;
	intake->op = (struct image_op){ .start = start_commit, .run = run_commit, .done = done_commit, .free = free_commit };
	image_op_submit(intake->store, &intake->op);
}

/* ---- the door --------------------------------------------------------------------------------------------------------------- */

int image_intake_begin(struct image_store *store, const char *action, const struct image_intake_events *events, void *arg,
		       struct image_intake **ret, struct err *err)
{
	if (store->intake_count == IMAGE_INTAKES_MAX)
		return err_set(err, ERR_EXHAUSTED, "%d loads and pulls of images are under way: try again when one has ended", IMAGE_INTAKES_MAX);
	struct image_intake *intake = NEW(struct image_intake);
	*intake = (struct image_intake){ .store = store, .action = str_dup(action), .events = *events, .arg = arg };
	list_add_last(&store->intakes, &intake->link);
	store->intake_count++;
	timer_init(&intake->progress, store->loop, intake_layers_progress, intake);
	timer_init(&intake->late, store->loop, on_late, intake);
	image_stage_init(&intake->stage, store);
	intake->dir = path_join(intake->stage.path, "blobs");
	/* Same lane as the store's ops: a sweep that began before does not meet the new folder, a later one knows its name. */
	if (!intake_submit(intake, store, run_stage, done_stage, intake)) {
		free_intake(intake);
		return err_set(err, ERR_EXHAUSTED, "too much is waiting for the work threads");
	}
	*ret = intake;
	return 0;
}

const char *image_intake_dir(const struct image_intake *intake)
{
	return intake->dir;
}

const size_t *image_intake_layers_of(const struct image_intake *intake, size_t image, size_t *ret_count)
{
	check(image < intake->image_count);
	*ret_count = intake->images[image]->layer_count;
	return intake->images[image]->layers;
}

const char *image_intake_id(const struct image_intake *intake, size_t image)
{
	check(image < intake->image_count);
	return intake->images[image]->id;
}

bool image_intake_is_known(const struct image_intake *intake, size_t image)
{
	check(image < intake->image_count);
	return intake->images[image]->is_known;
}

size_t image_intake_layer_count(const struct image_intake *intake)
{
	return intake->layer_count;
}

const struct image_intake_layer *image_intake_layer(const struct image_intake *intake, size_t layer)
{
	check(layer < intake->layer_count);
	return &intake->layers[layer]->shown;
}

void image_intake_fail(struct image_intake *intake, const struct err *err)
{
	check(!intake->is_silent);
	intake_fail_late(intake, err);
}

void image_intake_abort(struct image_intake *intake)
{
	check(!intake->is_silent);
	intake->is_silent = true;
	if (intake->state != INTAKE_COMMITTING)
		intake_leave(intake);
}

void image_intake_close_all(struct image_store *store)
{
	LIST_EACH(item, &store->intakes)
		free_intake(CONTAINER_OF(item, struct image_intake, link));
}
