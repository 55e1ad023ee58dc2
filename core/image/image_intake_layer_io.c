/* The layers of an intake: what the store has of them, and the children that unpack the rest, a few at a time. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "image/image_intake_own.h"
#include "image/image_layout_io.h"
#include "image/layer_folders_io.h"
#include "os/file.h"

enum { PROGRESS_MS = 100 };

static struct intake_layer *find_layer(const struct image_intake *intake, const struct image_layer *layer)
{
	for (size_t i = 0; i < intake->layer_count; i++)
		if (str_eq(intake->layers[i]->shown.blob, layer->blob) && str_eq(intake->layers[i]->shown.diff_id, layer->diff_id))
			return intake->layers[i];
	return NULL;
}

/* What of it the store has decides what is left to do. */
static void look_into_store(struct image_intake *intake, struct intake_layer *layer)
{
	bool has_layer, has_blob;

	image_store_hold_parts(intake->store, layer->shown.diff_id, layer->shown.blob, &has_layer, &has_blob);
	layer->has_hold = true;
	layer->only_check = has_layer;
	layer->blob_is_stored = has_blob;
	layer->blob_path = has_blob ? image_layout_blob_path(intake->store->dir, layer->shown.blob) : path_join(intake->dir, layer->shown.blob);
	if (has_layer && has_blob) {
		layer->shown.state = INTAKE_READY;
		layer->shown.was_there = true;
	} else {
		layer->shown.state = has_blob ? INTAKE_WAITING : INTAKE_WANTED;
	}
}

struct intake_layer *intake_layer_add(struct image_intake *intake, const struct image_layer *from)
{
	struct intake_layer *layer = find_layer(intake, from);

	if (layer)
		return layer;
	layer = NEW(struct intake_layer);
	*layer = (struct intake_layer){ .intake = intake, .number = intake->layer_count, .fd = -1, .note_fd = -1,
					.shown = { .blob_bytes = from->blob_bytes } };
	str_copy(layer->shown.blob, SHA256_HEX_SIZE, from->blob);
	str_copy(layer->shown.diff_id, SHA256_HEX_SIZE, from->diff_id);
	layer->stage = str_printf("%s/layers/%zu", intake->stage.path, layer->number);
	look_into_store(intake, layer);
	intake->layers = mem_resize(intake->layers, intake->layer_count + 1, sizeof(*intake->layers));
	intake->layers[intake->layer_count++] = layer;
	return layer;
}

void intake_layer_drop(struct intake_layer *layer)
{
	if (layer->has_hold)
		image_store_drop_parts(layer->intake->store, layer->shown.diff_id, layer->shown.blob, layer->only_check, layer->blob_is_stored);
	layer->has_hold = false;
}

void intake_layer_free(struct intake_layer *layer)
{
	unpack_child_close(layer->child);
	fd_closep(&layer->fd);
	fd_closep(&layer->note_fd);
	intake_layer_drop(layer);
	free(layer->blob_path);
	free(layer->stage);
	free(layer);
}

static void show(struct intake_layer *layer, enum image_intake_state state)
{
	struct image_intake *intake = layer->intake;

	layer->shown.state = state;
	if (!intake->is_silent && intake->events.on_layer)
		intake->events.on_layer(intake->arg, layer->number);
}

void intake_layers_progress(void *arg)
{
	struct image_intake *intake = arg;

	for (size_t i = 0; i < intake->layer_count && intake->state == INTAKE_GATHERING; i++) {
		struct intake_layer *layer = intake->layers[i];
		off_t at = layer->child ? lseek(layer->fd, 0, SEEK_CUR) : -1;

		if (at <= layer->shown.done_bytes)
			continue;
		layer->shown.done_bytes = at;
		show(layer, layer->shown.state);
	}
	if (intake->state == INTAKE_GATHERING && intake->children)
		timer_set_in(&intake->progress, PROGRESS_MS);
}

static int compare_report(const struct intake_layer *layer, struct err *err)
{
	const struct image_intake_layer *shown = &layer->shown;
	const struct unpack_report *report = &layer->report;

	if (!str_eq(report->blob, shown->blob))
		return err_set(err, ERR_INVALID, "layer sha256:%s: its content has the digest sha256:%s", shown->blob, report->blob);
	if (!str_eq(report->diff_id, shown->diff_id))
		return err_set(err, ERR_INVALID, "layer sha256:%s: unpacked it is sha256:%s, but the image's configuration wants sha256:%s",
			       shown->blob, report->diff_id, shown->diff_id);
	return 0;
}

static void on_line(void *arg, const char *line, size_t bytes)
{
	struct intake_layer *layer = arg;
	struct err err;

	if (unpack_report_parse(line, bytes, &layer->report, &err) == 0 && compare_report(layer, &err) == 0) {
		layer->has_report = true;
		return;
	}
	if (!strstr(err.text, layer->shown.blob))
		err_wrap(&err, "layer sha256:%.12s", layer->shown.blob);
	intake_fail(layer->intake, &err);
}

static void on_child_exit(void *arg, const struct err *err)
{
	struct intake_layer *layer = arg;
	struct image_intake *intake = layer->intake;
	struct err fault;

	layer->child = NULL;
	intake->children--;
	if (intake->state == INTAKE_LEAVING) {
		intake_leave(intake);
		return;
	}
	fd_closep(&layer->fd);
	if (err) {
		fault = *err;
		err_wrap(&fault, "layer sha256:%.12s", layer->shown.blob);
		intake_fail(intake, &fault);
		return;
	}
	intake->data_bytes += layer->report.data_bytes;
	if (intake->data_bytes > intake->store->max_image_bytes) {
		err_set(&fault, ERR_INVALID, "the layers unpack to more than %lld bytes", (long long)intake->store->max_image_bytes);
		intake_fail(intake, &fault);
		return;
	}
	layer->shown.done_bytes = layer->shown.blob_bytes;
	show(layer, INTAKE_READY);
	if (intake->state == INTAKE_GATHERING)
		intake_layers_start(intake);
}

static const struct unpack_child_events child_events = { NULL, on_line, on_child_exit };

static int open_note(struct intake_layer *layer, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(layer->stage, "layer/" LAYER_FOLDERS_NOTE);

	layer->note_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return layer->note_fd < 0 ? err_sys(err, "create '%s'", path) : 0;
}

static int prepare(struct intake_layer *layer, struct err *err)
{
	CLEANUP(fd_closep) int fd = open(layer->blob_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "layer sha256:%s", layer->shown.blob);
	if (!S_ISREG(st.st_mode) || st.st_size != layer->shown.blob_bytes)
		return err_set(err, ERR_INVALID, "layer sha256:%s: %lld bytes, but %lld are announced", layer->shown.blob, (long long)st.st_size,
			       (long long)layer->shown.blob_bytes);
	if (image_layout_stage_layer(layer->stage, err) < 0 || (!layer->only_check && open_note(layer, err) < 0))
		return -1;
	layer->fd = fd_take(&fd);
	return 0;
}

static void run_prepare(void *arg)
{
	struct intake_layer *layer = arg;

	layer->has_report = prepare(layer, &layer->err) == 0;        /* until the child has one of its own */
}

static int start_child(struct intake_layer *layer, struct err *err)
{
	struct image_intake *intake = layer->intake;
	CLEANUP(str_freep) char *root = path_join(layer->stage, "layer/root");
	struct unpack_child_spec spec = { .self = intake->store->self, .mode = layer->only_check ? UNPACK_CHECK : UNPACK_LAYER, .dir = root,
					  .in_fd = layer->fd, .beside_fd = layer->note_fd, .max_bytes = intake->store->max_image_bytes,
					  .max_line_bytes = UNPACK_REPORT_MAX_BYTES };

	int result = unpack_child_start(intake->store->loop, &spec, &child_events, layer, &layer->child, err);
	fd_closep(&layer->note_fd);
	layer->note_fd = -1;
	return result;
}

static void done_prepare(void *arg)
{
	struct intake_layer *layer = arg;
	struct image_intake *intake = layer->intake;

	intake->children--;                          /* of those about to be; it counts itself from here on */
	if (!intake_take_back(intake))
		return;
	if (!layer->has_report || start_child(layer, &layer->err) < 0) {
		intake_fail(intake, &layer->err);
		return;
	}
	layer->has_report = false;
	intake->children++;
	timer_set_in(&intake->progress, PROGRESS_MS);
}

void intake_layers_start(struct image_intake *intake)
{
	for (size_t i = 0; i < intake->layer_count && intake->children < IMAGE_INTAKE_CHILDREN && intake->state == INTAKE_GATHERING; i++) {
		struct intake_layer *layer = intake->layers[i];

		if (layer->shown.state != INTAKE_WAITING)
			continue;
		if (!intake_submit(intake, NULL, run_prepare, done_prepare, layer)) {
			intake_fail_busy(intake);
			return;
		}
		intake->children++;
		show(layer, INTAKE_UNPACKING);
	}
}

void image_intake_give(struct image_intake *intake, size_t number)
{
	struct intake_layer *layer = intake->layers[number];

	check(number < intake->layer_count && layer->shown.state == INTAKE_WANTED && intake->state == INTAKE_GATHERING);
	layer->shown.state = INTAKE_WAITING;
	timer_set_in(&intake->late, 0);
}
