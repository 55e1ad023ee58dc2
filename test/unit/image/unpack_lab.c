#include "test/unit/image/unpack_lab.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/unpack_job_io.h"
#include "os/file.h"
#include "test/unit/runner.h"

void unpack_lab_init(struct unpack_lab *lab)
{
	char path[128];
	struct err err;

	umask(077);                              /* modes must not depend on it */
	memset(lab, 0, sizeof(*lab));
	strcpy(lab->dir, "/tmp/unpack-XXXXXX");
	check(runner_folder(lab->dir));
	snprintf(path, sizeof(path), "%s/root", lab->dir);
	check(mkdir(path, 0755) == 0);
	snprintf(path, sizeof(path), "%s/outside", lab->dir);
	check(mkdir(path, 0755) == 0);
	snprintf(path, sizeof(path), "%s/outside/secret", lab->dir);
	check(file_write_atomic(path, "secret", 6, 0600, &err) == 0);
}

void unpack_lab_fini(struct unpack_lab *lab)
{
	struct err err;

	if (dir_remove_tree(lab->dir, &err) < 0)
		panic("%s", err.text);
}

/* A writer process, so that a reader that gives up early meets a broken pipe on the other side and not here. */
static int start_writer(const struct buf *archive)
{
	int ends[2];

	check(pipe2(ends, O_CLOEXEC) == 0);
	if (fork() == 0) {
		size_t step = archive->len % 3 == 0 ? 7 : archive->len % 3 == 1 ? 512 : 100000;

		close(ends[0]);
		for (size_t at = 0; at < archive->len; at += step)
			if (fd_write_all(ends[1], archive->data + at, MIN(step, archive->len - at)) < 0)
				break;
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

bool unpack_lab_run(struct unpack_lab *lab, const struct buf *archive, int64_t max_bytes)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/root", lab->dir);
	CLEANUP(fd_closep) int root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), in_fd = start_writer(archive);
	struct unpack_job job = { .mode = UNPACK_ROOT, .in_fd = in_fd, .blob_fd = -1, .note_fd = -1, .root_fd = root_fd, .max_bytes = max_bytes };
	memset(&lab->err, 0, sizeof(lab->err));
	int result = unpack_job_run(&job, &lab->report, &lab->err);
	fd_closep(&in_fd);
	check(wait(NULL) > 0);
	return result == 0;
}

bool unpack_lab_is_unharmed(struct unpack_lab *lab)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 }, outside = { 0 };
	CLEANUP(buf_finip) struct buf secret = BUF_INIT;
	char path[128];
	struct err err;

	check(dir_list(lab->dir, &names, &err) == 0);
	snprintf(path, sizeof(path), "%s/outside", lab->dir);
	check(dir_list(path, &outside, &err) == 0);
	snprintf(path, sizeof(path), "%s/outside/secret", lab->dir);
	if (names.count != 2 || outside.count != 1 || file_read(path, 100, &secret, &err) < 0)
		return false;
	return str_eq(buf_text(&secret), "secret") && !strchr(lab->err.text, '\n') && str_is_utf8(lab->err.text, strlen(lab->err.text));
}

static void list_node(const char *path, const struct stat *st, const char *what, struct buf *out)
{
	char target[256];

	if (S_ISLNK(st->st_mode)) {
		ssize_t length = readlink(path, target, sizeof(target));
		buf_printf(out, " -> %.*s", (int)length, target);
		return;
	}
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		buf_printf(out, " %c %u,%u", S_ISCHR(st->st_mode) ? 'c' : 'b', major(st->st_rdev), minor(st->st_rdev));
	if (S_ISFIFO(st->st_mode))
		buf_add_str(out, " p");
	buf_printf(out, " %o", st->st_mode & 07777);
	if (strchr(what, 'o'))
		buf_printf(out, " %u:%u", st->st_uid, st->st_gid);
	if (strchr(what, 't'))
		buf_printf(out, " @%lld.%09ld", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1)
		buf_printf(out, " = %d", (int)st->st_nlink);
}

static void list_folder(const char *folder, const char *prefix, const char *what, struct buf *out)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	struct err err;

	check(dir_list(folder, &names, &err) == 0);
	for (size_t i = 0; i < names.count; i++) {
		CLEANUP(str_freep) char *path = path_join(folder, names.items[i]);
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		struct stat st;

		check(lstat(path, &st) == 0);
		buf_printf(out, "%s%s%s", prefix, names.items[i], S_ISDIR(st.st_mode) ? "/" : "");
		list_node(path, &st, what, out);
		if (S_ISREG(st.st_mode) && st.st_size < 100 && file_read(path, 100, &text, &err) == 0 && text.len)
			buf_printf(out, " %s", buf_text(&text));
		buf_add_char(out, '\n');
		if (S_ISDIR(st.st_mode)) {
			CLEANUP(str_freep) char *below = str_printf("%s%s/", prefix, names.items[i]);
			list_folder(path, below, what, out);
		}
	}
}

const char *unpack_lab_list(struct unpack_lab *lab, const char *what)
{
	static struct buf out;
	char path[128];

	buf_fini(&out);
	snprintf(path, sizeof(path), "%s/root", lab->dir);
	list_folder(path, "", what, &out);
	return buf_text(&out);
}
