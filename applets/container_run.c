/* `create` and `run`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/container_body.h"
#include "applets/container_cmds.h"
#include "applets/container_session.h"
#include "applets/service_flags.h"
#include "base/panic.h"
#include "client/call.h"
#include "client/console.h"
#include "client/dig.h"
#include "model/image_ref.h"
#include "os/file.h"

int container_run_fail(const struct cli *cli, const struct err *err, int code)
{
	cli_warn("%s: %s\n\nRun '%s --help' for more information", cli->program, err->text, cli->path);
	return code;
}

/* --- the image, if it must be fetched --- */

static int check_pull(const char *policy, struct err *err)
{
	static const char *const known[] = { "always", "missing", "never" };

	for (size_t i = 0; policy && i < ARRAY_COUNT(known); i++)
		if (str_eq(known[i], policy))
			return 0;
	return str_is_empty(policy) ? 0 : err_set(err, ERR_INVALID, "invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
						  policy);
}

/* The last line that says "error" is the answer. */
static int take_progress(char *line, bool quiet, struct err *err)
{
	yyjson_doc *doc = yyjson_read(line, strlen(line), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *error = dig_str(root, "error"), *status = dig_str(root, "status"), *id = dig_str(root, "id");
	int result = *error ? err_set(err, ERR_IO, "%s", error) : 0;

	if (result == 0 && !quiet && *status && !dig(root, "progressDetail.total"))
		cli_warn("%s%s%s", id, *id ? ": " : "", status);
	yyjson_doc_free(doc);
	return result;
}

static int read_progress(struct http_client *client, bool quiet, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char bytes[4096], *newline;
	size_t count;
	int result = 0;

	do {
		if (http_client_read(client, bytes, sizeof(bytes), &count, err) < 0)
			return -1;
		buf_add(&text, bytes, count);
		while (result == 0 && text.len && (newline = strchr(text.data, '\n'))) {
			*newline = '\0';
			result = take_progress(text.data, quiet, err);
			buf_drop_front(&text, (size_t)(newline + 1 - text.data));
		}
	} while (count > 0);
	return result;
}

static int pull(struct call *call, const char *image, const struct container_flags *flags, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	char name[IMAGE_REF_TEXT_SIZE];
	struct http_client *client;
	struct image_ref ref;

	if (image_ref_parse(image, &ref, err) < 0)
		return -1;
	image_ref_add_default_tag(&ref);
	buf_add_str(&path, "/images/create");
	call_add_query(&path, "tag", ref.digest[0] ? ref.digest : ref.tag);
	ref.tag[0] = ref.digest[0] = '\0';
	call_add_query(&path, "fromImage", image_ref_format_canonical(&ref, name));
	call_add_query(&path, "platform", flags->platform);
	if (call_stream(call, "POST", &client, err, "%s", buf_text(&path)) < 0)
		return -1;
	return read_progress(client, flags->quiet, err);
}

/* --- create --- */

static int post_create(struct call *call, const struct container_flags *flags, yyjson_mut_doc *body, yyjson_doc **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	buf_add_str(&path, "/containers/create");
	call_add_query(&path, "name", flags->name);
	call_add_query(&path, "platform", flags->platform);
	return call_post(call, body, ret, err, "%s", buf_text(&path));
}

static int post_create_or_pull(struct call *call, const struct container_flags *flags, const char *image, yyjson_mut_doc *body, yyjson_doc **ret,
			       struct err *err)
{
	char familiar[IMAGE_REF_TEXT_SIZE];

	if (str_eq(flags->pull, "always") && pull(call, image, flags, err) < 0)
		return -1;
	if (post_create(call, flags, body, ret, err) == 0)
		return 0;
	if (call_status(call) != 404 || !strstr(err->text, "No such image") || (flags->pull && !str_eq(flags->pull, "missing")))
		return -1;
	if (service_flags_image(image, familiar, sizeof(familiar), err) < 0)
		return -1;
	if (!flags->quiet)
		cli_warn("Unable to find image '%s' locally", familiar);
	return pull(call, image, flags, err) < 0 ? -1 : post_create(call, flags, body, ret, err);
}

static int open_cidfile(const char *path, int *ret_fd, struct err *err)
{
	*ret_fd = -1;
	if (!path)
		return 0;
	*ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (*ret_fd >= 0)
		return 0;
	if (errno == EEXIST)
		return err_set(err, ERR_CONFLICT, "container ID file found, make sure the other container isn't running or delete %s", path);
	return err_sys(err, "failed to create the container ID file '%s'", path);
}

/* The id is the caller's to free. */
static int create(struct call *call, const struct container_flags *flags, const struct container_streams *streams, char **words, char **ret_id,
		  struct err *err)
{
	yyjson_mut_doc *body = yyjson_mut_doc_new(NULL);
	CLEANUP(fd_closep) int cid_fd = -1;
	yyjson_doc *reply = NULL;
	yyjson_arr_iter iter;
	yyjson_val *warning;
	int result;

	result = check_pull(flags->pull, err) < 0 || container_body_make(flags, streams, words, body, err) < 0 ||
		 open_cidfile(flags->cidfile, &cid_fd, err) < 0 || post_create_or_pull(call, flags, words[0], body, &reply, err) < 0 ? -1 : 0;
	yyjson_mut_doc_free(body);
	if (result < 0) {
		if (cid_fd >= 0)
			unlink(flags->cidfile);
		return -1;
	}
	yyjson_arr_iter_init(dig(yyjson_doc_get_root(reply), "Warnings"), &iter);
	while ((warning = yyjson_arr_iter_next(&iter)))
		cli_warn("WARNING: %s", yyjson_get_str(warning));
	*ret_id = str_dup(dig_str(yyjson_doc_get_root(reply), "Id"));
	yyjson_doc_free(reply);
	if (cid_fd >= 0 && fd_write_all(cid_fd, *ret_id, strlen(*ret_id)) < 0)
		return err_sys(err, "failed to write the container ID to '%s'", flags->cidfile);
	return 0;
}

int container_run_create(struct cli *cli, const void *args, char **operands)
{
	const struct container_flags *flags = args;
	CLEANUP(str_freep) char *id = NULL;
	struct container_streams streams;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (!call || container_body_streams(flags, &streams, &err) < 0 || create(call, flags, &streams, operands, &id, &err) < 0)
		return cli_fail(&err);
	cli_printf("%s\n", id);
	return EXIT_OK;
}

/* --- run --- */

/* What a shell says of a command it cannot start. */
static int code_of_start(const struct err *err)
{
	if (strstr(err->text, "executable file not found") || strstr(err->text, "no such file or directory"))
		return 127;
	return strstr(err->text, "permission denied") || strstr(err->text, "is a directory") ? 126 : EXIT_USAGE;
}

/* Attach first, then the wait, then the start: nothing of the output and no end is missed. */
static int start_and_stay(const struct container_session *session, const struct container_flags *flags, const struct container_streams *streams,
			  struct call_hijacked *connection, struct container_wait *wait, int *ret_code, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	int result;

	buf_printf(&path, "/containers/%s/attach?stream=1%s%s%s", session->id, streams->in ? "&stdin=1" : "", streams->out ? "&stdout=1" : "",
		   streams->err ? "&stderr=1" : "");
	call_add_query(&path, "detachKeys", flags->detach_keys);
	*ret_code = EXIT_USAGE;
	console_hold_signals(session->proxies);
	if (call_hijack(session->call, NULL, connection, err, "%s", buf_text(&path)) < 0 ||
	    container_wait_begin(session->call, session->id, flags->rm ? "removed" : "next-exit", wait, err) < 0)
		return -1;
	if (call_post(session->call, NULL, NULL, err, "/containers/%s/start", session->id) < 0) {
		*ret_code = code_of_start(err);
		return -1;
	}
	result = container_session_run(session, connection, err);
	if (result < 0)
		return -1;
	*ret_code = EXIT_OK;
	return result > 0 ? 0 : container_wait_end(wait, ret_code, err);
}

static int stay(struct cli *cli, struct call *call, const struct container_flags *flags, const struct container_streams *streams, const char *id)
{
	CLEANUP(str_freep) char *resize = str_printf("/containers/%s/resize", id);
	const struct container_session session = { .cli = cli, .call = call, .id = id, .resize = resize, .detach_keys = flags->detach_keys,
						   .has_tty = flags->tty, .takes_input = streams->in, .proxies = !flags->no_sig_proxy };
	struct call_hijacked connection = { .fd = -1 };
	struct container_wait wait = {0};
	struct err err = {0};
	int code, result = start_and_stay(&session, flags, streams, &connection, &wait, &code, &err);

	call_hijacked_fini(&connection);
	container_wait_fini(&wait);
	return result < 0 ? container_run_fail(cli, &err, code ? code : EXIT_USAGE) : code;
}

int container_run(struct cli *cli, const void *args, char **operands)
{
	const struct container_flags *flags = args;
	CLEANUP(str_freep) char *id = NULL;
	struct container_streams streams;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (!call || container_body_streams(flags, &streams, &err) < 0)
		return container_run_fail(cli, &err, EXIT_USAGE);
	if (container_session_check(flags->tty, streams.in, &err) < 0)
		return cli_fail(&err);
	if (create(call, flags, &streams, operands, &id, &err) < 0)
		return container_run_fail(cli, &err, EXIT_USAGE);
	if (streams.in || streams.out || streams.err)
		return stay(cli, call, flags, &streams, id);
	if (call_post(call, NULL, NULL, &err, "/containers/%s/start", id) < 0)
		return container_run_fail(cli, &err, code_of_start(&err));
	cli_printf("%s\n", id);
	return EXIT_OK;
}
