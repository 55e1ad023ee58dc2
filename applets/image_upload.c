#include "applets/image_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/call.h"
#include "client/dig.h"
#include "model/image_ref.h"
#include "os/file.h"

#define PIECE_BYTES (256 * 1024)
#define MAX_REPLY (4 * 1024 * 1024)

const struct option image_import_options[] = {
	OPT_LIST(struct image_import_args, changes, 'c', "change", "list",
		 "Setting of the image, as a line of a Dockerfile: CMD, ENV, USER, WORKDIR ..."),
	OPT_STRING(struct image_import_args, message, 'm', "message", "string",
		   "Words kept with the image"),
	OPT_STRING(struct image_import_args, platform, 0, "platform", "string",
		   "Platform it is for, such as linux/arm64 (default this host's)"),
	OPT_END
};

static int open_source(const char *name, int *ret_fd, struct err *err)
{
	if (str_eq(name, "-")) {
		*ret_fd = dup(STDIN_FILENO);
		return *ret_fd < 0 ? err_sys(err, "standard input") : 0;
	}
	if (str_starts(name, "http://") || str_starts(name, "https://"))
		return err_set(err, ERR_UNSUPPORTED,
			       "import from a URL is not supported by swarmbox: fetch %s first", name);
	*ret_fd = open(name, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(err, ERR_NOT_FOUND, "open %s: %s", name, strerror(errno)) : 0;
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

static int upload(struct http_client *client, int fd, struct err *err)
{
	static char piece[PIECE_BYTES];
	bool answered = false;

	while (!answered) {
		ssize_t got = read(fd, piece, sizeof(piece));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "read the tar");
		if (got == 0)
			return http_client_send_end(client, err);
		if (http_client_send_piece(client, piece, (size_t)got, &answered, err) < 0)
			return -1;
	}
	return 0;                       /* what it has to say is in its reply */
}

/* Lines of JSON: status is for people, error ends it. */
static int print_message(const char *line, struct err *err)
{
	yyjson_doc *doc = yyjson_read(line, strlen(line), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	int result = 0;

	if (dig(root, "error"))
		result = err_set(err, ERR_IO, "%s", dig_str(root, "error"));
	else if (dig(root, "status"))
		cli_printf("%s\n", dig_str(root, "status"));
	yyjson_doc_free(doc);
	return result;
}

static int print_reply(struct http_client *client, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	int result = 0;

	if (http_client_read_all(client, MAX_REPLY, &text, err) < 0)
		return -1;
	struct strlist lines = str_split(buf_text(&text), '\n');
	for (size_t i = 0; i < lines.count && result == 0; i++)
		result = print_message(lines.items[i], err);
	strlist_fini(&lines);
	return result;
}

static int import(struct call *call, const struct image_import_args *args, char **operands, int fd,
		  struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct http_client *client;

	buf_add_str(&path, "/images/create?fromSrc=-");
	if (add_reference(&path, operands[1], err) < 0)
		return -1;
	call_add_query(&path, "message", args->message);
	call_add_query(&path, "platform", args->platform);
	for (size_t i = 0; i < args->changes.count; i++)
		call_add_query(&path, "changes", args->changes.items[i]);
	if (call_upload(call, "application/x-tar", &client, err, "%s", buf_text(&path)) < 0 ||
	    upload(client, fd, err) < 0 || call_upload_end(call, err) < 0)
		return -1;
	return print_reply(client, err);
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
