#include "image/archive_stage_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/panic.h"
#include "image/archive_table.h"
#include "image/docker_archive.h"
#include "image/image_list.h"
#include "image/image_platform.h"
#include "image/inflate.h"
#include "image/oci_index.h"
#include "image/tar.h"
#include "os/file.h"

#define PART "part"                                      /* the file under way; no digest looks so */
enum { READ_BYTES = 256 * 1024 };

struct stage {
	int folder_fd;
	int64_t max_bytes, bytes;
	bool has_platform;                               /* asked for: nothing else will do */
	struct image_platform platform;
	struct archive_table *table;
	struct archive_plan *plan;
	struct tar_reader *tar;

	struct buf name;                                 /* clean, of the file under way */
	char shown[TAR_SHOW_SIZE];
	int file_fd;                                     /* -1: none */
	struct sha256 sum;
	int64_t file_bytes;
};

/* ---- the archive becomes files ---------------------------------------------------------------------------------------------- */

static int begin_file(struct stage *s, struct err *err)
{
	s->file_fd = openat(s->folder_fd, PART, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->file_fd < 0)
		return err_sys(err, "keep '%s'", s->shown);
	sha256_init(&s->sum);
	s->file_bytes = 0;
	return 0;
}

static int on_entry(void *arg, const struct tar_entry *entry, struct err *err)
{
	struct stage *s = arg;

	if (tar_path_clean(entry->path, &s->name, err) < 0)
		return -1;
	tar_show(entry->path, s->shown);
	switch (entry->kind) {
	case TAR_DIR:
		return 0;
	case TAR_FILE:
		if (s->name.len == 0)
			return err_set(err, ERR_INVALID, "entry '%s': the root can only be a folder", s->shown);
		return begin_file(s, err);
	case TAR_HARDLINK:
	case TAR_SYMLINK:
		return archive_table_add_link(s->table, buf_text(&s->name), entry->link, entry->kind == TAR_SYMLINK, err);
	case TAR_CHAR_DEVICE:
	case TAR_BLOCK_DEVICE:
	case TAR_FIFO:
		return err_set(err, ERR_INVALID, "entry '%s': a device or pipe in an archive of images", s->shown);
	}
	panic("no such kind: %d", (int)entry->kind);
}

static int on_data(void *arg, int64_t offset, const uint8_t *bytes, size_t count, struct err *err)
{
	struct stage *s = arg;

	if (offset != s->file_bytes)
		return err_set(err, ERR_UNSUPPORTED, "entry '%s': a file with holes in an archive of images is not supported", s->shown);
	s->file_bytes += (int64_t)count;
	s->bytes += (int64_t)count;
	if (s->bytes > s->max_bytes)
		return err_set(err, ERR_INVALID, "the archive unpacks to more than %lld bytes", (long long)s->max_bytes);
	sha256_add(&s->sum, bytes, count);
	return fd_write_all(s->file_fd, bytes, count) < 0 ? err_sys(err, "keep '%s'", s->shown) : 0;
}

static int on_end(void *arg, struct err *err)
{
	struct stage *s = arg;
	struct archive_file file = { .bytes = s->file_bytes };
	uint8_t digest[SHA256_SIZE];
	int fd = s->file_fd;

	s->file_fd = -1;
	if (close(fd) < 0)
		return err_sys(err, "keep '%s'", s->shown);
	sha256_finish(&s->sum, digest);
	hex_encode(digest, sizeof(digest), file.digest);
	if (renameat(s->folder_fd, PART, s->folder_fd, file.digest) < 0)
		return err_sys(err, "keep '%s'", s->shown);
	return archive_table_add_file(s->table, buf_text(&s->name), &file, err);
}

static const struct tar_events tar_events = { on_entry, on_data, on_end };

static int on_tar_bytes(void *arg, const uint8_t *bytes, size_t count, struct err *err)
{
	return tar_reader_feed(((struct stage *)arg)->tar, bytes, count, err);
}

static int read_all(int in_fd, struct inflate *inflate, uint8_t *buffer, struct err *err)
{
	for (;;) {
		ssize_t got = read(in_fd, buffer, READ_BYTES);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "read the archive");
		if (got == 0)
			return inflate_finish(inflate, err);
		if (inflate_feed(inflate, buffer, (size_t)got, err) < 0)
			return -1;
	}
}

static int take_apart(struct stage *s, int in_fd, struct err *err)
{
	uint8_t *buffer = mem_new(1, READ_BYTES);
	struct inflate *inflate = inflate_new(on_tar_bytes, s);

	s->tar = tar_reader_new(&tar_events, s);
	int result = read_all(in_fd, inflate, buffer, err);
	if (result == 0)
		result = tar_reader_finish(s->tar, err);
	inflate_free(inflate);
	tar_reader_free(s->tar);
	fd_closep(&s->file_fd);
	free(buffer);
	return result;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------ */

static int read_file(const struct stage *s, const char *what, const struct archive_file *file, size_t max_bytes, struct buf *out, struct err *err)
{
	if (file->bytes > (int64_t)max_bytes)
		return err_set(err, ERR_INVALID, "%s: %lld bytes, more than %zu", what, (long long)file->bytes, max_bytes);
	return file_read_at(s->folder_fd, file->digest, max_bytes, out, err);
}

/* The content of that digest; its length must be what the descriptor says. */
static int find_blob(const struct stage *s, const char *what, const struct image_blob *blob, const struct archive_file **ret, struct err *err)
{
	const struct archive_file *file = archive_table_by_digest(s->table, blob->digest), *other;
	char path[16 + SHA256_HEX_SIZE];
	struct err ignored;

	if (!file) {
		snprintf(path, sizeof(path), "blobs/sha256/%s", blob->digest);
		if (archive_table_find(s->table, path, &other, &ignored) == 0)
			return err_set(err, ERR_INVALID, "%s sha256:%s: the archive has another content under this name, sha256:%s", what,
				       blob->digest, other->digest);
		return err_set(err, ERR_INVALID, "%s sha256:%s is not in the archive", what, blob->digest);
	}
	if (file->bytes != blob->bytes)
		return err_set(err, ERR_INVALID, "%s sha256:%s: %lld bytes, but %lld are announced", what, blob->digest, (long long)file->bytes,
			       (long long)blob->bytes);
	*ret = file;
	return 0;
}

static int read_blob(const struct stage *s, const char *what, const struct image_blob *blob, size_t max_bytes, struct buf *out, struct err *err)
{
	const struct archive_file *file;

	return find_blob(s, what, blob, &file, err) < 0 ? -1 : read_file(s, what, file, max_bytes, out, err);
}

/* What was made here lies beside the rest. */
static int write_blob(const struct stage *s, const struct buf *text, char ret_digest[SHA256_HEX_SIZE], struct err *err)
{
	sha256_hex(buf_text(text), text->len, ret_digest);
	CLEANUP(fd_closep) int fd = openat(s->folder_fd, ret_digest, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 || fd_write_all(fd, text->data, text->len) < 0 ? err_sys(err, "write a manifest") : 0;
}

/* ---- what both kinds share -------------------------------------------------------------------------------------------------- */

/* name: of the image, for people. */
static int check_config(const struct stage *s, const char *name, const struct buf *text, size_t layer_count, struct err *err)
{
	struct image_platform platform;
	struct image_config config;
	char wanted[IMAGE_PLATFORM_TEXT_SIZE];
	int result = 0;

	if (image_config_parse(buf_text(text), text->len, &config, err) < 0)
		return -1;
	if (image_config_check_os(&config, err) < 0)
		result = -1;
	else if (config.diff_ids.count != layer_count)
		result = err_set(err, ERR_INVALID, "image manifest: %zu layers, but the config names %zu", layer_count, config.diff_ids.count);
	else if (s->has_platform && (!image_platform_read("linux", config.architecture, config.variant, &platform) ||
				     image_platform_rank(&s->platform, &platform) < 0))
		result = err_set(err, ERR_NOT_FOUND, "image with reference %s was found but does not match the specified platform: wanted %s, "
				 "actual: linux/%.32s%s%.16s", name, image_platform_format(&s->platform, wanted), config.architecture,
				 *config.variant ? "/" : "", config.variant);
	image_config_fini(&config);
	if (result < 0)
		str_make_line(err->text);
	return result;
}

static int add_image(struct stage *s, const char *manifest, const char *index, const struct strlist *names, struct err *err)
{
	struct archive_image *image;

	if (archive_plan_add(s->plan, manifest, index, &image, err) < 0)
		return -1;
	for (size_t i = 0; i < names->count; i++)
		if (archive_plan_name(s->plan, image, names->items[i], err) < 0)
			return -1;
	return 0;
}

/* ---- OCI layout ------------------------------------------------------------------------------------------------------------- */

static int check_layout(const struct stage *s, struct err *err)
{
	const struct archive_file *file;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (archive_table_find(s->table, "oci-layout", &file, err) < 0 || read_file(s, "oci-layout", file, 4096, &text, err) < 0)
		return -1;
	if (!strstr(buf_text(&text), "\"imageLayoutVersion\"") || !strstr(buf_text(&text), "\"1."))
		return err_set(err, ERR_UNSUPPORTED, "oci-layout: not an image layout of version 1");
	return 0;
}

static int check_manifest(const struct stage *s, const char *name, const struct image_blob *blob, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT, config = BUF_INIT;
	struct image_manifest manifest;
	const struct archive_file *ignored;

	if (read_blob(s, "manifest", blob, IMAGE_MANIFEST_MAX_BYTES, &text, err) < 0 ||
	    image_manifest_parse(buf_text(&text), text.len, &manifest, err) < 0 ||
	    read_blob(s, "config", &manifest.config, IMAGE_CONFIG_MAX_BYTES, &config, err) < 0)
		return -1;
	for (size_t i = 0; i < manifest.layer_count; i++)
		if (find_blob(s, "layer", &manifest.layers[i], &ignored, err) < 0)
			return -1;
	return check_config(s, name, &config, manifest.layer_count, err);
}

/* Out of the makes of one image the one for the platform. */
static int choose(const struct stage *s, const struct image_blob *index, struct image_blob *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct image_list list;

	if (read_blob(s, "index", index, IMAGE_LIST_MAX_BYTES, &text, err) < 0 || image_list_parse(buf_text(&text), text.len, &list, err) < 0)
		return -1;
	int result = image_list_choose(&list, &s->platform, ret, err);
	image_list_fini(&list);
	return result;
}

static int add_descriptor(struct stage *s, const struct oci_descriptor *descriptor, struct err *err)
{
	const char *name = *descriptor->name ? descriptor->name : descriptor->blob.digest;
	struct image_blob blob = descriptor->blob;
	struct strlist names = { 0 };

	if (descriptor->kind == OCI_INDEX && choose(s, &descriptor->blob, &blob, err) < 0)
		return err_wrap(err, "image '%s'", name);
	if (check_manifest(s, name, &blob, err) < 0)
		return -1;
	if (*descriptor->name)
		strlist_add(&names, descriptor->name);
	int result = add_image(s, blob.digest, descriptor->kind == OCI_INDEX ? descriptor->blob.digest : NULL, &names, err);
	strlist_fini(&names);
	return result;
}

/* Manifests of one name, or without any, that differ in their platform are one image in several makes: the layout is itself the index. */
static bool is_same_image(const struct oci_descriptor *a, const struct oci_descriptor *b)
{
	return a->has_platform && b->has_platform && str_eq(a->name, b->name) && b->kind != OCI_OTHER && !b->is_attestation &&
	       image_platform_rank(&a->platform, &b->platform) != 0;
}

/* Of several that are one image the best is taken; the first one where none fits. */
static bool is_beaten(const struct stage *s, const struct oci_index *index, const struct oci_descriptor *item)
{
	int rank = oci_descriptor_rank(item, &s->platform);

	for (size_t i = 0; i < index->count; i++) {
		int other = oci_descriptor_rank(&index->items[i], &s->platform);

		if (!is_same_image(item, &index->items[i]))
			continue;
		if (other >= 0 ? rank < 0 || other < rank : rank < 0 && *item->name && &index->items[i] < item)
			return true;
	}
	return false;
}

static int plan_layout(struct stage *s, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	const struct archive_file *file;
	const char *other = NULL;
	struct oci_index index;
	int result = 0;

	if (check_layout(s, err) < 0 || archive_table_find(s->table, "index.json", &file, err) < 0 ||
	    read_file(s, "index.json", file, OCI_INDEX_MAX_BYTES, &text, err) < 0 ||
	    oci_index_parse(buf_text(&text), text.len, &index, err) < 0)
		return -1;
	for (size_t i = 0; i < index.count && result == 0; i++) {
		const struct oci_descriptor *item = &index.items[i];

		if (item->kind == OCI_OTHER)
			other = item->media_type;
		if (item->kind != OCI_OTHER && !item->is_attestation && !is_beaten(s, &index, item))
			result = add_descriptor(s, item, err);
	}
	if (result == 0 && s->plan->count == 0 && other) {
		result = err_set(err, ERR_UNSUPPORTED, "index.json: manifests of type '%.100s' are not supported", other);
		str_make_line(err->text);
	} else if (result == 0 && s->plan->count == 0) {
		result = err_set(err, ERR_INVALID, "index.json: it names no image");
	}
	oci_index_fini(&index);
	return result;
}

/* ---- docker-archive --------------------------------------------------------------------------------------------------------- */

static int peek_kind(const struct stage *s, const struct archive_file *file, enum inflate_kind *ret, struct err *err)
{
	CLEANUP(fd_closep) int fd = openat(s->folder_fd, file->digest, O_RDONLY | O_CLOEXEC);
	uint8_t magic[INFLATE_MAGIC_BYTES];
	ssize_t got = fd < 0 ? -1 : read(fd, magic, sizeof(magic));

	if (got < 0)
		return err_sys(err, "read a layer");
	*ret = inflate_peek(magic, (size_t)got);
	return 0;
}

static int add_docker_image(struct stage *s, const struct docker_archive_image *image, struct err *err)
{
	struct image_manifest manifest = { .layer_count = image->layer_count };
	CLEANUP(buf_finip) struct buf config = BUF_INIT, text = BUF_INIT;
	const struct archive_file *file;
	char digest[SHA256_HEX_SIZE];

	if (archive_table_find(s->table, image->config, &file, err) < 0)
		return err_wrap(err, "manifest.json: Config");
	if (read_file(s, "image config", file, IMAGE_CONFIG_MAX_BYTES, &config, err) < 0 ||
	    check_config(s, image->names.count ? image->names.items[0] : image->config, &config, image->layer_count, err) < 0)
		return -1;
	manifest.config.bytes = file->bytes;
	str_copy(manifest.config.digest, sizeof(manifest.config.digest), file->digest);
	for (size_t i = 0; i < image->layer_count; i++) {
		struct image_blob *layer = &manifest.layers[i];

		if (archive_table_find(s->table, image->layers[i], &file, err) < 0)
			return err_wrap(err, "manifest.json: Layers");
		if (peek_kind(s, file, &layer->kind, err) < 0)
			return -1;
		layer->bytes = file->bytes;
		str_copy(layer->digest, sizeof(layer->digest), file->digest);
	}
	image_manifest_format(&manifest, &text);
	return write_blob(s, &text, digest, err) < 0 ? -1 : add_image(s, digest, NULL, &image->names, err);
}

static int plan_docker(struct stage *s, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	const struct archive_file *file;
	struct docker_archive archive;
	int result = 0;

	if (archive_table_find(s->table, "manifest.json", &file, err) < 0 ||
	    read_file(s, "manifest.json", file, DOCKER_MANIFEST_MAX_BYTES, &text, err) < 0 ||
	    docker_archive_parse(buf_text(&text), text.len, &archive, err) < 0)
		return -1;
	for (size_t i = 0; i < archive.count && result == 0; i++)
		result = add_docker_image(s, &archive.images[i], err);
	docker_archive_fini(&archive);
	return result;
}

/* ----------------------------------------------------------------------------------------------------------------------------- */

static int plan(struct stage *s, struct err *err)
{
	bool has_index = archive_table_has(s->table, "index.json");

	if (has_index && archive_table_has(s->table, "oci-layout"))
		return plan_layout(s, err);
	if (archive_table_has(s->table, "manifest.json"))
		return plan_docker(s, err);
	if (has_index)
		return err_set(err, ERR_INVALID, "no archive of images: index.json without the file oci-layout");
	if (archive_table_has(s->table, "repositories"))
		return err_set(err, ERR_UNSUPPORTED, "archives of Docker before 1.10, without manifest.json, are not supported by swarmbox");
	return err_set(err, ERR_INVALID, "no archive of images: neither manifest.json nor index.json is in it (a root file system is for 'image import')");
}

int archive_stage_run(int in_fd, int folder_fd, int64_t max_bytes, const char *platform, struct archive_plan *ret, struct err *err)
{
	struct stage s = { .folder_fd = folder_fd, .max_bytes = max_bytes, .has_platform = !str_is_empty(platform), .file_fd = -1, .plan = ret };

	*ret = (struct archive_plan){ 0 };
	if (image_platform_parse(platform, &s.platform, err) < 0)
		return -1;
	s.table = archive_table_new();
	int result = take_apart(&s, in_fd, err);
	if (result == 0)
		result = plan(&s, err);
	archive_table_free(s.table);
	buf_fini(&s.name);
	if (result < 0)
		archive_plan_fini(ret);
	return result;
}
