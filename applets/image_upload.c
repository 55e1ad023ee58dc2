#include "applets/image_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/upload.h"
#include "client/call.h"
#include "client/json_message.h"
#include "client/screen.h"
#include "model/image_ref.h"
#include "os/file.h"

const struct option image_import_options[] = {
	OPT_LIST(struct image_import_args, changes, 'c', "change", "list",
		 "Setting of the image, as a line of a Dockerfile: CMD, ENV, USER, WORKDIR ..."),
	OPT_STRING(struct image_import_args, message, 'm', "message", "string",
		   "Words kept with the image"),
	OPT_STRING(struct image_import_args, platform, 0, "platform", "string",
		   "Platform it is for, such as linux/arm64 (default this host's)"),
	OPT_END
};

static int open_file(const char *name, int *ret_fd, struct err *err)
{
	*ret_fd = open(name, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(err, ERR_NOT_FOUND, "open %s: %s", name, strerror(errno)) : 0;
}

static int open_source(const char *name, int *ret_fd, struct err *err)
{
	if (str_eq(name, "-")) {
		*ret_fd = dup(STDIN_FILENO);
		return *ret_fd < 0 ? err_sys(err, "standard input") : 0;
	}
	if (str_starts(name, "http://") || str_starts(name, "https://"))
		return err_set(err, ERR_UNSUPPORTED,
			       "import from a URL is not supported by swarmbox: fetch %s first", name);
	return open_file(name, ret_fd, err);
}

static int add_reference(struct buf *path, const char *reference, struct err *err)
{
	char name[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;

	if (!reference)
		return 0;
	if (image_ref_parse(reference, &ref, err) < 0)
		return -1;
	if (ref.digest[0])
		return err_set(err, ERR_INVALID, "cannot import digest reference: %s", reference);
	image_ref_add_default_tag(&ref);
	call_add_query(path, "repo", image_ref_format_familiar_name(&ref, name));
	call_add_query(path, "tag", ref.tag);
	return 0;
}

static int print_reply(struct http_client *client, struct err *err)
{
	unsigned columns = screen_columns(STDOUT_FILENO);
	struct screen *screen = columns ? screen_new(STDOUT_FILENO, columns) : NULL;
	struct json_message_sink sink = { cli_print, screen_line, screen };
	int result = json_message_read(&sink, client, err);

	screen_free(screen);
	return result;
}

static int exchange(struct call *call, const char *path, int fd, struct err *err)
{
	struct http_client *client;

	if (call_upload(call, "application/x-tar", &client, err, "%s", path) < 0 ||
	    upload_fd(client, fd, "the tar", err) < 0 || call_upload_end(call, err) < 0)
		return -1;
	return print_reply(client, err);
}

static int import(struct call *call, const struct image_import_args *args, char **operands, int fd,
		  struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	buf_add_str(&path, "/images/create?fromSrc=-");
	if (add_reference(&path, operands[1], err) < 0)
		return -1;
	call_add_query(&path, "message", args->message);
	call_add_query(&path, "platform", args->platform);
	for (size_t i = 0; i < args->changes.count; i++)
		call_add_query(&path, "changes", args->changes.items[i]);
	return exchange(call, buf_text(&path), fd, err);
}

int image_import(struct cli *cli, const void *args, char **operands)
{
	CLEANUP(fd_closep) int fd = -1;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (!call || open_source(operands[0], &fd, &err) < 0 ||
	    import(call, args, operands, fd, &err) < 0)
		return cli_fail(&err);
	return EXIT_OK;
}

/* --- load --- */

const struct option image_load_options[] = {
	OPT_STRING(struct image_load_args, input, 'i', "input", "string",
		   "Read from this file instead of the standard input"),
	OPT_STRING(struct image_load_args, platform, 0, "platform", "string",
		   "Platform to take from an archive with several, such as linux/arm64"),
	OPT_BOOL(struct image_load_args, quiet, 'q', "quiet", "Show only what was loaded"),
	OPT_END
};

static int open_input(const struct image_load_args *args, int *ret_fd, struct err *err)
{
	if (args->input)
		return open_file(args->input, ret_fd, err);
	if (isatty(STDIN_FILENO))
		return err_set(err, ERR_INVALID, "requested load from stdin, but stdin is empty");
	return open_source("-", ret_fd, err);
}

int image_load(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct image_load_args *load = args;
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	CLEANUP(fd_closep) int fd = -1;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	bool is_quiet = load->quiet || screen_columns(STDOUT_FILENO) == 0;

	buf_printf(&path, "/images/load?quiet=%d", is_quiet);
	call_add_query(&path, "platform", load->platform);
	if (!call || open_input(load, &fd, &err) < 0 || exchange(call, buf_text(&path), fd, &err) < 0)
		return cli_fail(&err);
	return EXIT_OK;
}
