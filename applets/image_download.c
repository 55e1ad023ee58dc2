#include "applets/image_download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/call.h"
#include "os/file.h"

enum { PIECE_BYTES = 256 * 1024 };

const struct option image_save_options[] = {
	OPT_STRING(struct image_save_args, output, 'o', "output", "string",
		   "Write to this file instead of the standard output"),
	OPT_STRING(struct image_save_args, platform, 0, "platform", "string",
		   "Refuse images that are not for this one, such as linux/arm64"),
	OPT_END
};

static int copy(struct http_client *client, int fd, struct err *err)
{
	static char piece[PIECE_BYTES];
	size_t count;

	do {
		if (http_client_read(client, piece, sizeof(piece), &count, err) < 0)
			return err_wrap(err, "the archive is not complete");
		if (fd_write_all(fd, piece, count) < 0)
			return err_sys(err, "write the archive");
	} while (count);
	return 0;
}

static int copy_and_sync(struct http_client *client, int fd, const char *path, struct err *err)
{
	if (copy(client, fd, err) < 0)
		return -1;
	return fsync(fd) < 0 ? err_sys(err, "write %s", path) : 0;
}

/* Under another name until it is whole: what was there before is no worse for a broken archive. What
 * is no plain file (a pipe, /dev/null) is written as it is. */
static int copy_to_file(struct http_client *client, const char *path, struct err *err)
{
	CLEANUP(str_freep) char *part = str_printf("%s.part-XXXXXX", path);
	struct stat st;
	bool is_special = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
	CLEANUP(fd_closep) int fd = is_special ? open(path, O_WRONLY | O_CLOEXEC) :
						 mkostemp(part, O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_IO, "invalid output path: open %s: %s", path, strerror(errno));
	if (is_special)
		return copy(client, fd, err);
	if (copy_and_sync(client, fd, path, err) == 0) {
		if (rename(part, path) == 0)
			return 0;
		err_sys(err, "rename to %s", path);
	}
	unlink(part);
	return -1;
}

int image_save(struct cli *cli, const void *args, char **operands)
{
	const struct image_save_args *save = args;
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct http_client *client;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (call && !save->output && isatty(STDOUT_FILENO)) {
		err_set(&err, ERR_INVALID,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
		return cli_fail(&err);
	}
	buf_add_str(&path, "/images/get");
	for (; *operands; operands++)
		call_add_query(&path, "names", *operands);
	call_add_query(&path, "platform", save->platform);
	if (!call || call_stream(call, "GET", &client, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	int result = save->output ? copy_to_file(client, save->output, &err) :
				    copy(client, STDOUT_FILENO, &err);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}
