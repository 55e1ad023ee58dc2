#include "image/image_layout_io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/file.h"
#include "os/layer_mark.h"

#define INDEX "index.json"
#define DAMAGED "index.json.damaged"
#define BLOBS "blobs/sha256"

char *image_layout_blob_path(const char *dir, const char *digest)
{
	return str_printf("%s/" BLOBS "/%s", dir, digest);
}

static int make_in(const char *dir, const char *name, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(dir, name);

	return dir_make(path, 0700, err);
}

/* An empty index is written last: its being there says that the layout is a whole one. */
int image_layout_make(const char *dir, struct err *err)
{
	CLEANUP(str_freep) char *index = path_join(dir, INDEX), *damaged = path_join(dir, DAMAGED), *layout = path_join(dir, "oci-layout");
	CLEANUP(buf_finip) struct buf empty = BUF_INIT;

	if (make_in(dir, BLOBS, err) < 0 || make_in(dir, "layers", err) < 0 || make_in(dir, "staging", err) < 0)
		return -1;
	if (!file_exists(layout) && file_write_durable(layout, IMAGE_LAYOUT_TEXT, strlen(IMAGE_LAYOUT_TEXT), 0600, err) < 0)
		return -1;
	if (file_exists(index) || file_exists(damaged))
		return 0;
	image_index_format(&(struct image_index){ 0 }, &empty);
	return image_layout_write_index(dir, &empty, err);
}

int image_layout_read_index(const char *dir, struct image_index *ret, bool *ret_is_damaged, struct err *err)
{
	CLEANUP(str_freep) char *index = path_join(dir, INDEX), *damaged = path_join(dir, DAMAGED);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	*ret = (struct image_index){ 0 };
	*ret_is_damaged = file_exists(damaged);
	if (!file_exists(index))
		return 0;
	if (file_read(index, IMAGE_INDEX_MAX_BYTES, &text, err) == 0 && image_index_parse(buf_text(&text), text.len, ret, err) == 0)
		return 0;
	if (err->code == ERR_IO)
		return -1;
	if (rename(index, damaged) < 0)
		return err_sys(err, "move '%s' aside", index);
	*ret_is_damaged = true;
	return 0;
}

int image_layout_write_index(const char *dir, const struct buf *text, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(dir, INDEX);

	return file_write_durable(path, text->data, text->len, 0600, err);
}

/* ---- reading images --------------------------------------------------------------------------------------------------------- */

static int check_digest(const char *path, const struct buf *content, const char *digest, struct err *err)
{
	char found[SHA256_HEX_SIZE];

	sha256_hex(buf_text(content), content->len, found);
	if (!str_eq(found, digest))
		return err_set(err, ERR_IO, "blob '%s' is damaged: its content has the digest %s", path, found);
	return 0;
}

typedef int read_fn(const char *dir, const char *digest, size_t max_bytes, struct buf *out, struct err *err);

static int read_blob(const char *dir, const char *digest, size_t max_bytes, struct buf *out, struct err *err)
{
	CLEANUP(str_freep) char *path = image_layout_blob_path(dir, digest);

	return file_read(path, max_bytes, out, err) < 0 ? -1 : check_digest(path, out, digest, err);
}

/* What lies there may be anything: a link, or a pipe that never says a word. */
static int read_staged(const char *dir, const char *digest, size_t max_bytes, struct buf *out, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(dir, digest);
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_sys(err, "blob sha256:%s", digest);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "blob sha256:%s is no file", digest);
	return file_read(path, max_bytes, out, err) < 0 ? -1 : check_digest(path, out, digest, err);
}

static int combine(const struct image_blob *blob, const struct image_manifest *manifest, struct image *image, struct err *err)
{
	const struct image_words *diff_ids = &image->config.diff_ids;

	if (diff_ids->count != manifest->layer_count)
		return err_set(err, ERR_INVALID, "image manifest: %zu layers, but the config names %zu", manifest->layer_count, diff_ids->count);
	str_copy(image->id, sizeof(image->id), manifest->config.digest);
	str_copy(image->manifest, sizeof(image->manifest), blob->digest);
	image->is_docker_manifest = manifest->is_docker;
	image->layers = NEW_ARRAY(struct image_layer, manifest->layer_count);
	image->layer_count = manifest->layer_count;
	for (size_t i = 0; i < manifest->layer_count; i++) {
		struct image_layer *layer = &image->layers[i];

		str_copy(layer->diff_id, sizeof(layer->diff_id), diff_ids->items[i]);
		str_copy(layer->blob, sizeof(layer->blob), manifest->layers[i].digest);
		layer->blob_bytes = manifest->layers[i].bytes;
	}
	return 0;
}

static int load(const char *dir, read_fn *read_one, const struct image_blob *blob, struct image **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT, config = BUF_INIT;
	struct image_manifest manifest;

	if (read_one(dir, blob->digest, IMAGE_MANIFEST_MAX_BYTES, &text, err) < 0 ||
	    image_manifest_parse(buf_text(&text), text.len, &manifest, err) < 0 ||
	    read_one(dir, manifest.config.digest, IMAGE_CONFIG_MAX_BYTES, &config, err) < 0)
		return -1;
	struct image *image = NEW(struct image);
	if (image_config_parse(buf_text(&config), config.len, &image->config, err) < 0) {
		free(image);
		return -1;
	}
	if (combine(blob, &manifest, image, err) < 0) {
		image_free(image);
		return -1;
	}
	image->manifest_bytes = (int64_t)text.len;
	*ret = image;
	return 0;
}

int image_layout_load(const char *dir, const struct image_blob *manifest, struct image **ret, struct err *err)
{
	return load(dir, read_blob, manifest, ret, err);
}

int image_layout_load_staged(const char *folder, const char *manifest, struct image **ret, struct err *err)
{
	struct image_blob blob = { 0 };

	str_copy(blob.digest, sizeof(blob.digest), manifest);
	return load(folder, read_staged, &blob, ret, err);
}

/* ---- layers ----------------------------------------------------------------------------------------------------------------- */

int image_layout_list_layers(const char *dir, struct strlist *ret, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(dir, "layers");

	return dir_list(path, ret, err);
}

int image_layout_layer_size(const char *dir, const char *diff_id, int64_t *ret, struct err *err)
{
	CLEANUP(str_freep) char *path = str_printf("%s/layers/%s/size", dir, diff_id);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (file_read(path, 64, &text, err) < 0)
		return -1;
	if (str_to_i64(buf_text(&text), ret) < 0 || *ret < 0)
		return err_set(err, ERR_IO, "'%s' holds no size", path);
	return 0;
}

char *image_layout_layer_root(const char *dir, const char *diff_id)
{
	return str_printf("%s/layers/%s/root", dir, diff_id);
}

bool image_layout_layer_hides_lower(const char *dir, const char *diff_id)
{
	CLEANUP(str_freep) char *root = image_layout_layer_root(dir, diff_id);
	CLEANUP(fd_closep) int fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && opaque_is_set(fd);
}

/* ---- staging ---------------------------------------------------------------------------------------------------------------- */

char *image_layout_stage_path(const char *dir, const char *name)
{
	return str_printf("%s/staging/%s", dir, name);
}

int image_layout_stage_layer(const char *stage, struct err *err)
{
	CLEANUP(str_freep) char *root = path_join(stage, "layer/root");

	if (dir_make(root, 0755, err) < 0)
		return -1;
	/* mkdir(2) heeds the umask, and this is what a container's root looks like when the archive does not say. */
	return chmod(root, 0755) < 0 ? err_sys(err, "stage '%s'", stage) : 0;
}

int image_layout_stage(const char *stage, int *ret_blob_fd, struct err *err)
{
	CLEANUP(str_freep) char *blob = path_join(stage, "blob");

	if (image_layout_stage_layer(stage, err) < 0)
		return -1;
	CLEANUP(fd_closep) int fd = open(blob, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "stage '%s'", stage);
	*ret_blob_fd = fd_take(&fd);
	return 0;
}

static int move_durable(const char *from, const char *to, const char *folder, struct err *err)
{
	if (rename(from, to) < 0)
		return err_sys(err, "move '%s' to '%s'", from, to);
	return dir_sync(folder, err);
}

/* A layer is first moved to staging: half a layer must never stand under its own name. */
static int remove_layer(const char *dir, const char *folder, const char *name, struct err *err)
{
	CLEANUP(str_freep) char *from = path_join(folder, name), *to = str_printf("%s/staging/removed-%s", dir, name);

	if (dir_remove_tree(to, err) < 0)
		return -1;
	if (rename(from, to) < 0)
		return err_sys(err, "move '%s' to '%s'", from, to);
	return dir_remove_tree(to, err);
}

int image_layout_settle_layer(const char *dir, const char *stage, const char *diff_id, int64_t size_bytes, struct err *err)
{
	CLEANUP(str_freep) char *from = path_join(stage, "layer"), *size = path_join(from, "size");
	CLEANUP(str_freep) char *folder = path_join(dir, "layers"), *to = path_join(folder, diff_id);
	int64_t old_size;
	char text[32];

	if (image_layout_layer_size(dir, diff_id, &old_size, err) == 0)
		return 0;
	if (file_exists(to) && remove_layer(dir, folder, diff_id, err) < 0)      /* damaged: its size is not there */
		return -1;
	snprintf(text, sizeof(text), "%" PRId64, size_bytes);
	if (file_write_durable(size, text, strlen(text), 0600, err) < 0)
		return -1;
	return move_durable(from, to, folder, err);
}

int image_layout_settle_blob(const char *dir, const char *from, const char *digest, struct err *err)
{
	CLEANUP(str_freep) char *to = image_layout_blob_path(dir, digest), *folder = path_join(dir, BLOBS);

	return file_exists(to) ? 0 : move_durable(from, to, folder, err);
}

int image_layout_put_blob(const char *dir, const char *digest, const struct buf *content, struct err *err)
{
	CLEANUP(str_freep) char *path = image_layout_blob_path(dir, digest);

	return file_exists(path) ? 0 : file_write_durable(path, content->data, content->len, 0600, err);
}

/* ---- sweeping --------------------------------------------------------------------------------------------------------------- */

static int remove_entry(const char *dir, const char *folder, const char *name, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(folder, name);

	(void)dir;
	return dir_remove_tree(path, err);
}

typedef int remove_fn(const char *dir, const char *folder, const char *name, struct err *err);

static int sweep_folder(const char *dir, const char *name, const struct map *keep, remove_fn *remove, struct err *err)
{
	CLEANUP(str_freep) char *folder = path_join(dir, name);
	CLEANUP(strlist_finip) struct strlist names = { 0 };

	if (dir_list(folder, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (!map_get(keep, names.items[i]) && remove(dir, folder, names.items[i], err) < 0)
			return -1;
	return 0;
}

int image_layout_sweep(const char *dir, const struct map *blobs, const struct map *layers, const struct map *keep_staged, struct err *err)
{
	if ((layers && sweep_folder(dir, "layers", layers, remove_layer, err) < 0) ||
	    (blobs && sweep_folder(dir, BLOBS, blobs, remove_entry, err) < 0))
		return -1;
	return sweep_folder(dir, "staging", keep_staged, remove_entry, err);
}
