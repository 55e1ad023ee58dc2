#include "agent/secret_files_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "os/log.h"
#include "pki/seal.h"
#include "volume/volume_mount_io.h"

struct secret_files { char *root, *bytes; };

const char *secret_file_name(bool is_config, const char *id, char ret_name[SECRET_FILE_NAME_SIZE])
{
	snprintf(ret_name, SECRET_FILE_NAME_SIZE, "%s-%s", is_config ? "config" : "secret", id);
	return ret_name;
}

static char *root_of(const char *run_root)
{
	return path_join(run_root, "secrets");
}

/* Without swap, so that nothing of it ever is on a disk. */
static int mount_memory(const char *path, struct err *err)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (volume_is_mounted(path) || mount("tmpfs", path, "tmpfs", flags, "mode=0700,noswap") == 0 ||
	    mount("ramfs", path, "ramfs", flags, "mode=0700") == 0)
		return 0;
	return err_sys(err, "mount memory for secrets at '%s'", path);
}

int secret_files_open(const char *run_root, struct secret_files **ret, struct err *err)
{
	struct secret_files *files = NEW(struct secret_files);

	files->root = root_of(run_root);
	files->bytes = path_join(files->root, "bytes");
	if (dir_make(files->root, 0700, err) < 0 || mount_memory(files->root, err) < 0 || dir_make(files->bytes, 0700, err) < 0) {
		secret_files_close(files);
		return -1;
	}
	*ret = files;
	return 0;
}

void secret_files_close(struct secret_files *files)
{
	if (!files)
		return;
	free(files->root);
	free(files->bytes);
	free(files);
}

int secret_files_purge(const char *run_root, struct err *err)
{
	CLEANUP(str_freep) char *root = root_of(run_root);

	return volume_unmount(root, err);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static char *bytes_path(const struct secret_files *files, bool is_config, const char *id)
{
	char name[SECRET_FILE_NAME_SIZE];

	return path_join(files->bytes, secret_file_name(is_config, id, name));
}

bool secret_files_has(const struct secret_files *files, bool is_config, const char *id)
{
	CLEANUP(str_freep) char *path = bytes_path(files, is_config, id);

	return file_exists(path);
}

int secret_files_keep(struct secret_files *files, bool is_config, const char *id, const void *bytes, size_t size, struct err *err)
{
	CLEANUP(str_freep) char *path = bytes_path(files, is_config, id);

	return file_write_atomic(path, bytes, size, 0600, err);
}

/* ---- a container's files ----------------------------------------------------------------------------------------- */

static int write_file(const char *path, const struct buf *bytes, const struct file_target *target, struct err *err)
{
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0);
	uint32_t uid = 0, gid = 0;

	secret_owner(target->uid, &uid);        /* both were checked with the spec */
	secret_owner(target->gid, &gid);
	if (fd < 0 || fd_write_all(fd, bytes->data, bytes->len) < 0 || fchown(fd, uid, gid) < 0 ||
	    fchmod(fd, (mode_t)(target->mode & 07777)) < 0)
		return err_sys(err, "write '%s'", path);
	return 0;
}

struct making {
	const struct secret_files *files;
	const char *folder;
	const struct container_spec_model *own;
	const struct str_array *templates;
	const struct expand_task *self;
	struct arena *arena;
	struct container_mount *mounts;
	size_t count;
};

static int read_bytes(const struct making *making, bool is_config, const char *id, struct buf *out, struct err *err)
{
	CLEANUP(str_freep) char *from = bytes_path(making->files, is_config, id);

	return file_read(from, CONFIG_BYTES_MAX, out, err);
}

/* For a template that asks for it. */
static int bytes_for_template(void *arg, bool is_config, const struct secret_reference *reference, struct arena *arena, const char **ret,
		     size_t *ret_size, struct err *err)
{
	CLEANUP(seal_wipe) struct buf bytes = BUF_INIT;

	if (read_bytes(arg, is_config, reference->id, &bytes, err) < 0)
		return -1;
	*ret = arena_strndup(arena, buf_text(&bytes), bytes.len);
	*ret_size = bytes.len;
	return 0;
}

static int make_file(const struct making *making, bool is_config, const struct secret_reference *reference, const char *path,
		     struct err *err)
{
	CLEANUP(seal_wipe) struct buf bytes = BUF_INIT, expanded = BUF_INIT;
	const char *kind = is_config ? "config" : "secret";
	bool is_template = str_array_has(making->templates, reference->id);

	if (read_bytes(making, is_config, reference->id, &bytes, err) < 0)
		return err_wrap(err, "%s %s", kind, reference->name);
	if (is_template && expand_payload(making->self, making->own, is_config, bytes.data, bytes.len, bytes_for_template, (void *)(uintptr_t)making,
					  &expanded, err) < 0)
		return err_wrap(err, "failed to expand templated %s %s", kind, reference->name);
	if (write_file(path, is_template ? &expanded : &bytes, reference->file, err) < 0)
		return err_wrap(err, "%s %s", kind, reference->name);
	return 0;
}

static int make_files(struct making *making, bool is_config, const struct secret_references *references, struct err *err)
{
	for (size_t i = 0; i < references->count; i++) {
		const struct secret_reference *reference = &references->items[i];
		const char *path = arena_printf(making->arena, "%s/%zu", making->folder, making->count);

		if (make_file(making, is_config, reference, path, err) < 0)
			return -1;
		making->mounts[making->count++] = (struct container_mount){
			.kind = CONTAINER_BIND, .source = path, .target = secret_path(reference, is_config, making->arena), .is_readonly = true,
			.is_hidden = true };
	}
	return 0;
}

int secret_files_make(struct secret_files *files, const struct container_spec_model *own, const struct str_array *templates,
		      const struct expand_task *self, struct arena *arena, struct container_spec *spec, struct err *err)
{
	size_t more = own->secrets.count + own->configs.count;
	struct making making = { files, arena_printf(arena, "%s/%s", files->root, spec->id), own, templates, self, arena,
				 ARENA_ARRAY(arena, struct container_mount, spec->mount_count + more), spec->mount_count };

	if (more == 0)
		return 0;
	if (spec->mount_count)
		memcpy(making.mounts, spec->mounts, spec->mount_count * sizeof *spec->mounts);
	if (dir_make(making.folder, 0700, err) < 0 || make_files(&making, false, &own->secrets, err) < 0 ||
	    make_files(&making, true, &own->configs, err) < 0) {
		secret_files_drop(files, spec->id);
		return -1;
	}
	spec->mounts = making.mounts;
	spec->mount_count = making.count;
	return 0;
}

static void remove_path(const char *path)
{
	struct err err;

	if (dir_remove_tree(path, &err) < 0)
		log_error("secrets: %s", err.text);
}

void secret_files_drop(struct secret_files *files, const char *container_id)
{
	CLEANUP(str_freep) char *folder = NULL;

	if (str_is_empty(container_id))
		return;
	folder = path_join(files->root, container_id);
	remove_path(folder);
}

static void sweep(const char *folder, const struct map *known, const char *but)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	struct err err;

	if (dir_list(folder, &names, &err) < 0) {
		log_error("secrets: %s", err.text);
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		CLEANUP(str_freep) char *path = path_join(folder, names.items[i]);

		if (!str_eq(names.items[i], but) && !map_get(known, names.items[i]))
			remove_path(path);
	}
}

void secret_files_sweep(struct secret_files *files, const struct map *containers, const struct map *needed)
{
	sweep(files->root, containers, "bytes");
	sweep(files->bytes, needed, NULL);
}
