/* The image that every host has: its own binary as /swarmbox, and around it the folders and the two files that a small root
 * file system is expected to have. Not in index.json, without blobs; a layer like any other otherwise. Which binary the layer was made
 * of stands in the file "builtin": size, times and inode, so that a start does not read 3 MB to find that nothing changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/id.h"
#include "base/panic.h"
#include "image/image_layout_io.h"
#include "image/image_platform.h"
#include "image/image_store_own.h"
#include "image/tar.h"
#include "os/file.h"

enum { COPY_BYTES = 256 * 1024, KEY_SIZE = 128 };

static const struct content { const char *path; enum tar_kind kind; uint32_t mode; const char *text; } contents[] = {
	{ "dev", TAR_DIR, 0755, NULL },
	{ "etc", TAR_DIR, 0755, NULL },
	{ "etc/group", TAR_FILE, 0644, "root:x:0:\nnogroup:x:65534:\n" },
	{ "etc/passwd", TAR_FILE, 0644, "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n" },
	{ "proc", TAR_DIR, 0755, NULL },
	{ "run", TAR_DIR, 0755, NULL },
	{ "swarmbox", TAR_FILE, 0755, NULL },            /* its text is the binary */
	{ "sys", TAR_DIR, 0755, NULL },
	{ "tmp", TAR_DIR, 01777, NULL },
};

struct builtin {
	struct sha256 sum;                               /* of the tar that would hold the same: the diff id */
	int root_fd;
	int64_t bytes;
};

/* The bytes of one entry go into the file and into the sum. */
static int add_bytes(struct builtin *b, int fd, const void *bytes, size_t count, struct err *err)
{
	sha256_add(&b->sum, bytes, count);
	b->bytes += (int64_t)count;
	return fd_write_all(fd, bytes, count) < 0 ? err_sys(err, "write") : 0;
}

static int add_binary(struct builtin *b, int fd, int binary_fd, int64_t size, struct err *err)
{
	char *buffer = mem_new(1, COPY_BYTES);
	int64_t left = size;
	int result = 0;

	while (left > 0 && result == 0) {
		ssize_t got = read(binary_fd, buffer, (size_t)MIN(left, (int64_t)COPY_BYTES));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			result = got < 0 ? err_sys(err, "read") : err_set(err, ERR_IO, "it changes while it is read");
		else
			result = add_bytes(b, fd, buffer, (size_t)got, err);
		left -= got;
	}
	free(buffer);
	return result;
}

static void add_header(struct builtin *b, const struct content *c, int64_t size)
{
	uint8_t block[TAR_BLOCK];

	tar_header_format(c->path, c->kind, c->mode, size, 0, block);
	sha256_add(&b->sum, block, sizeof(block));
}

static void add_padding(struct builtin *b, int64_t size)
{
	static const uint8_t zero[TAR_BLOCK];

	sha256_add(&b->sum, zero, (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK));
}

static int add_file(struct builtin *b, const struct content *c, int binary_fd, int64_t binary_size, struct err *err)
{
	int64_t size = c->text ? (int64_t)strlen(c->text) : binary_size;
	CLEANUP(fd_closep) int fd = openat(b->root_fd, c->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || fchmod(fd, c->mode) < 0)
		return err_sys(err, "create '%s'", c->path);
	add_header(b, c, size);
	if ((c->text ? add_bytes(b, fd, c->text, strlen(c->text), err) : add_binary(b, fd, binary_fd, size, err)) < 0)
		return -1;
	add_padding(b, size);
	return 0;
}

static int add_folder(struct builtin *b, const struct content *c, struct err *err)
{
	add_header(b, c, 0);
	if (mkdirat(b->root_fd, c->path, 0755) < 0 || fchmodat(b->root_fd, c->path, c->mode, 0) < 0)
		return err_sys(err, "create '%s'", c->path);
	return 0;
}

static int fill(struct builtin *b, int binary_fd, int64_t binary_size, char ret_diff_id[SHA256_HEX_SIZE], struct err *err)
{
	static const uint8_t zero[2 * TAR_BLOCK];
	uint8_t digest[SHA256_SIZE];

	sha256_init(&b->sum);
	for (size_t i = 0; i < ARRAY_COUNT(contents); i++) {
		const struct content *c = &contents[i];

		if ((c->kind == TAR_DIR ? add_folder(b, c, err) : add_file(b, c, binary_fd, binary_size, err)) < 0)
			return -1;
	}
	sha256_add(&b->sum, zero, sizeof(zero));
	sha256_finish(&b->sum, digest);
	hex_encode(digest, sizeof(digest), ret_diff_id);
	return syncfs(b->root_fd) < 0 ? err_sys(err, "sync") : 0;
}

static int make_in_stage(struct image_store *store, const char *stage, int binary_fd, int64_t binary_size, char ret_diff_id[SHA256_HEX_SIZE],
			 struct err *err)
{
	CLEANUP(str_freep) char *root = path_join(stage, "layer/root");
	CLEANUP(fd_closep) int blob_fd = -1;

	if (dir_remove_tree(stage, err) < 0 || image_layout_stage(stage, &blob_fd, err) < 0)
		return -1;
	CLEANUP(fd_closep) int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(err, "open '%s'", root);
	struct builtin b = { .root_fd = root_fd };
	if (fill(&b, binary_fd, binary_size, ret_diff_id, err) < 0 ||
	    image_layout_settle_layer(store->dir, stage, ret_diff_id, b.bytes, err) < 0)
		return -1;
	image_store_add_layer(store, ret_diff_id, b.bytes, false);
	return dir_remove_tree(stage, err);
}

static void format_key(const struct stat *st, char ret_key[KEY_SIZE])
{
	snprintf(ret_key, KEY_SIZE, "%" PRIu64 " %" PRIu64 " %" PRId64 ".%09ld %" PRId64 ".%09ld", (uint64_t)st->st_size, (uint64_t)st->st_ino,
		 (int64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (int64_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

/* The note is the key, a newline, the diff id. Anything else there means: make it again. */
static bool is_made(const struct image_store *store, const char *note, const char *key, char ret_diff_id[SHA256_HEX_SIZE])
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err;

	if (file_read(note, KEY_SIZE + SHA256_HEX_SIZE, &text, &err) < 0)
		return false;
	const char *rest = str_after(buf_text(&text), key);
	if (!rest || *rest != '\n' || !hex_id_is_valid(rest + 1))
		return false;
	str_copy(ret_diff_id, SHA256_HEX_SIZE, rest + 1);
	return map_get(store->layers, ret_diff_id) != NULL;
}

static int make_layer(struct image_store *store, struct stat *ret_st, char ret_diff_id[SHA256_HEX_SIZE], struct err *err)
{
	CLEANUP(str_freep) char *note = path_join(store->dir, "builtin"), *stage = image_layout_stage_path(store->dir, "builtin");
	CLEANUP(fd_closep) int fd = open(store->self, O_RDONLY | O_CLOEXEC);
	char key[KEY_SIZE], text[KEY_SIZE + SHA256_HEX_SIZE];

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return err_sys(err, "open '%s'", store->self);
	format_key(ret_st, key);
	if (is_made(store, note, key, ret_diff_id))
		return 0;
	if (make_in_stage(store, stage, fd, ret_st->st_size, ret_diff_id, err) < 0)
		return -1;
	snprintf(text, sizeof(text), "%s\n%s", key, ret_diff_id);
	return file_write_durable(note, text, strlen(text), 0600, err);
}

static void format_config(const char *diff_id, nsec created, struct buf *out)
{
	struct image_platform platform = image_platform_host();
	struct image_config whole, *config = &whole;

	image_config_init(config);
	config->created = created;
	config->comment = "this host's own binary";
	config->os = arena_strdup(&config->arena, platform.os);
	config->architecture = arena_strdup(&config->arena, platform.architecture);
	config->variant = arena_strdup(&config->arena, platform.variant);
	image_config_add_word(config, &config->cmd, "/swarmbox");
	image_config_add_word(config, &config->cmd, "whoami");
	image_config_add_sorted(config, &config->exposed_ports, "80/tcp");
	image_config_add_word(config, &config->diff_ids, diff_id);
	config->history = ARENA_NEW(&config->arena, struct image_history);
	config->history[0] = (struct image_history){ .created = created, .comment = config->comment };
	config->history_count = 1;
	image_config_format(config, out);
	image_config_fini(config);
}

int image_builtin_open(struct image_store *store, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char diff_id[SHA256_HEX_SIZE];
	struct stat st;

	if (make_layer(store, &st, diff_id, err) < 0)
		return err_wrap(err, "the built-in image");
	struct image *image = NEW(struct image);
	format_config(diff_id, (nsec)st.st_mtim.tv_sec * 1000000000, &text);
	check(image_config_parse(text.data, text.len, &image->config, err) == 0);
	sha256_hex(text.data, text.len, image->id);
	image->is_builtin = true;
	image->layers = NEW(struct image_layer);
	image->layer_count = 1;
	str_copy(image->layers[0].diff_id, SHA256_HEX_SIZE, diff_id);
	strlist_add(&image->tags, IMAGE_BUILTIN_REF);
	image_store_measure(store, image);
	image_set_add(&store->set, image);
	return 0;
}
