#include "image/unpack_job_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"
#include "image/archive_stage_io.h"
#include "image/tar.h"
#include "image/unpack_confine_io.h"
#include "image/unpack_io.h"
#include "image/unpack_opaque_io.h"
#include "os/file.h"

enum { READ_BYTES = 256 * 1024 };

static const char *const mode_words[] = {
	[UNPACK_ROOT] = "root", [UNPACK_LAYER] = "layer", [UNPACK_CHECK] = "check", [UNPACK_ARCHIVE] = "archive",
};

const char *unpack_mode_word(enum unpack_mode mode)
{
	return mode_words[mode];
}

bool unpack_mode_parse(const char *word, enum unpack_mode *ret)
{
	for (size_t i = 0; i < ARRAY_COUNT(mode_words); i++) {
		if (str_eq(mode_words[i], word)) {
			*ret = (enum unpack_mode)i;
			return true;
		}
	}
	return false;
}

/* What the bytes run through: blob and its digest, inflate, digest of the tar, tar, files. */
struct pipeline {
	const struct unpack_job *job;
	struct sha256 blob_sum, diff_sum;
	int64_t blob_bytes;
	struct inflate *inflate;
	struct tar_reader *tar;
	struct unpack *unpack;
};

static int on_tar_bytes(void *arg, const uint8_t *bytes, size_t count, struct err *err)
{
	struct pipeline *p = arg;

	if (inflate_get_kind(p->inflate) != INFLATE_PLAIN)   /* else the two digests are one */
		sha256_add(&p->diff_sum, bytes, count);
	return p->tar ? tar_reader_feed(p->tar, bytes, count, err) : 0;
}

static int on_opaque(void *arg, int folder_fd, struct err *err)
{
	const struct pipeline *p = arg;

	return unpack_opaque_mark(p->job->opaque_fd, folder_fd, err);
}

static void pipeline_init(struct pipeline *p, const struct unpack_job *job)
{
	*p = (struct pipeline){ .job = job };
	sha256_init(&p->blob_sum);
	sha256_init(&p->diff_sum);
	p->inflate = inflate_new(on_tar_bytes, p);
	if (job->mode == UNPACK_CHECK)
		return;
	p->unpack = unpack_new(job->root_fd, (struct unpack_limits){ .max_bytes = job->max_bytes },
			       job->mode == UNPACK_LAYER ? on_opaque : NULL, p);
	p->tar = tar_reader_new(&unpack_events, p->unpack);
}

static void pipeline_fini(struct pipeline *p)
{
	inflate_free(p->inflate);
	tar_reader_free(p->tar);
	unpack_free(p->unpack);
}

static int pipeline_feed(struct pipeline *p, const uint8_t *bytes, size_t count, struct err *err)
{
	p->blob_bytes += (int64_t)count;
	if (p->blob_bytes > p->job->max_bytes)
		return err_set(err, ERR_INVALID, "the archive is longer than %lld bytes", (long long)p->job->max_bytes);
	sha256_add(&p->blob_sum, bytes, count);
	if (p->job->blob_fd >= 0 && fd_write_all(p->job->blob_fd, bytes, count) < 0)
		return err_sys(err, "keep the archive");
	return inflate_feed(p->inflate, bytes, count, err);
}

static void put_digest(struct sha256 *sum, char ret_text[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	sha256_finish(sum, digest);
	hex_encode(digest, sizeof(digest), ret_text);
}

static int write_note(const struct pipeline *p, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	unpack_list_unlisted(p->unpack, &text);
	return fd_write_all(p->job->note_fd, text.data, text.len) < 0 ? err_sys(err, "note folders that are not listed") : 0;
}

static int pipeline_finish(struct pipeline *p, struct unpack_report *ret, struct err *err)
{
	struct unpack_stats stats = { 0 };

	if (inflate_finish(p->inflate, err) < 0)
		return -1;
	if (p->tar && (tar_reader_finish(p->tar, err) < 0 || unpack_finish(p->unpack, &stats, err) < 0))
		return -1;
	if (p->job->note_fd >= 0 && write_note(p, err) < 0)
		return -1;
	/* One call for some ten thousand files; the rename that makes them count comes after it. */
	if (syncfs(p->job->root_fd) < 0 || (p->job->blob_fd >= 0 && fsync(p->job->blob_fd) < 0))
		return err_sys(err, "write to disk");
	*ret = (struct unpack_report){
		.blob_bytes = p->blob_bytes, .kind = inflate_get_kind(p->inflate), .data_bytes = stats.data_bytes,
		.entries = stats.entries, .newest_s = p->tar ? tar_reader_newest_s(p->tar) : 0, .xattrs_skipped = stats.xattrs_skipped,
	};
	put_digest(&p->blob_sum, ret->blob);
	if (ret->kind == INFLATE_PLAIN)
		str_copy(ret->diff_id, sizeof(ret->diff_id), ret->blob);
	else
		put_digest(&p->diff_sum, ret->diff_id);
	str_copy(ret->xattr_skipped, sizeof(ret->xattr_skipped), stats.xattr_skipped);
	return 0;
}

static int pipeline_run(struct pipeline *p, uint8_t *buffer, struct unpack_report *ret, struct err *err)
{
	for (;;) {
		ssize_t got = read(p->job->in_fd, buffer, READ_BYTES);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "read the archive");
		if (got == 0)
			return pipeline_finish(p, ret, err);
		if (pipeline_feed(p, buffer, (size_t)got, err) < 0)
			return -1;
	}
}

int unpack_job_run(const struct unpack_job *job, struct unpack_report *ret, struct err *err)
{
	uint8_t *buffer = mem_new(1, READ_BYTES);
	struct pipeline p;

	pipeline_init(&p, job);
	int result = pipeline_run(&p, buffer, ret, err);
	pipeline_fini(&p);
	free(buffer);
	return result;
}

static int run_job(const struct unpack_job *job, struct buf *line, struct err *err)
{
	struct unpack_report report;

	if (unpack_job_run(job, &report, err) < 0)
		return -1;
	unpack_report_format(&report, line);
	return 0;
}

static int run_archive(const struct unpack_job *job, const char *platform, struct buf *line, struct err *err)
{
	struct archive_plan plan;

	if (archive_stage_run(job->in_fd, job->root_fd, job->max_bytes, str_eq(platform, "-") ? NULL : platform, &plan, err) < 0)
		return -1;
	archive_plan_format(&plan, line);
	archive_plan_fini(&plan);
	return 0;
}

static int run_in(struct unpack_job *job, const char *dir, const char *platform, struct buf *line, struct err *err)
{
	CLEANUP(fd_closep) int opaque_fd = -1, root_fd = -1;
	pid_t marker = -1;

	if (unpack_confine_place(dir, err) < 0 || (job->mode == UNPACK_LAYER && unpack_opaque_start(&opaque_fd, &marker, err) < 0))
		return -1;
	int result = unpack_confine_rights(err);
	if (result == 0 && (root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		result = err_sys(err, "open the folder to unpack into");
	job->root_fd = root_fd;
	job->opaque_fd = opaque_fd;
	if (result == 0)
		result = job->mode == UNPACK_ARCHIVE ? run_archive(job, platform, line, err) : run_job(job, line, err);
	fd_closep(&opaque_fd);
	opaque_fd = -1;
	if (marker > 0)
		waitpid(marker, NULL, 0);            /* its end of the socket is closed: it ends */
	return result;
}

/* The agent may still be sending when we already know that it is no use; it stops when it has read the report. To close at once
 * would let its writes fail before it has. */
static void drain(int fd)
{
	char waste[16 * 1024];
	ssize_t got;

	do
		got = read(fd, waste, sizeof(waste));
	while (got > 0 || (got < 0 && errno == EINTR));
}

int unpack_child_main(enum unpack_mode mode, const char *dir, int64_t max_bytes, const char *platform)
{
	CLEANUP(buf_finip) struct buf line = BUF_INIT;
	struct unpack_job job = { .mode = mode, .in_fd = STDIN_FILENO, .blob_fd = mode == UNPACK_ROOT ? UNPACK_BESIDE_FD : -1,
				  .note_fd = mode == UNPACK_LAYER ? UNPACK_BESIDE_FD : -1, .max_bytes = max_bytes };
	struct err err = { 0 };
	int result = run_in(&job, dir, platform, &line, &err);

	if (result < 0)
		unpack_report_format_error(&err, &line);
	if (fd_write_all(STDOUT_FILENO, line.data, line.len) < 0)
		return 1;
	if (result < 0 && (mode == UNPACK_ROOT || mode == UNPACK_ARCHIVE))
		drain(STDIN_FILENO);
	return result < 0;
}
