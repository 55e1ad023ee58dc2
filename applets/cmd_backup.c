#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/cli.h"
#include "applets/download.h"
#include "applets/prompt.h"
#include "applets/swarm_restore.h"
#include "applets/upload.h"
#include "client/call.h"
#include "os/file.h"

/* ---- backup ----------------------------------------------------------------------------------- */

struct backup_args { bool force; };

static const struct option backup_options[] = {
	OPT_BOOL(struct backup_args, force, 'f', "force", "Replace FILE if it exists"),
	OPT_END
};

static int save(struct http_client *client, const char *path, bool may_replace, struct err *err)
{
	if (str_eq(path, "-"))
		return download_to_fd(client, STDOUT_FILENO, "the backup", err);
	return download_to_file(client, path, may_replace, "the backup", err);
}

static int backup_run(struct cli *cli, const void *args, char **operands)
{
	const struct backup_args *backup = args;
	struct http_client *client;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	bool to_stdout = str_eq(operands[0], "-");

	if (call && to_stdout && isatty(STDOUT_FILENO))
		err_set(&err, ERR_INVALID, "cowardly refusing to write a backup to a terminal: name a file, or redirect");
	if (err.code || !call || call_stream(call, "GET", &client, &err, "/swarmbox/backup") < 0 ||
	    save(client, operands[0], backup->force, &err) < 0)
		return cli_fail(&err);
	return EXIT_OK;
}

const struct command backup_command = {
	.name = "backup", .usage = "[OPTIONS] FILE|-",
	.help = "Save the swarm, with its keys and secrets, in a file: keep it safe",
	.options = backup_options, .args_size = sizeof(struct backup_args), .min = 1, .max = 1, .run = backup_run,
};

/* ---- restore ---------------------------------------------------------------------------------- */

static int exchange(struct call *call, const char *path, int fd, yyjson_doc **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf reply = BUF_INIT;
	struct http_client *client;

	if (call_upload(call, "application/octet-stream", &client, err, "%s", path) < 0 || upload_fd(client, fd, "the backup", err) < 0 ||
	    call_upload_end(call, err) < 0 || http_client_read_all(client, 4096, &reply, err) < 0)
		return -1;
	*ret = yyjson_read(reply.data, reply.len, 0);
	return 0;
}

static int ask_unlock_key(struct call *call, struct err *err)
{
	char *key = NULL;

	if (prompt_ask(isatty(STDIN_FILENO) ? "Enter unlock key: " : "", true, &key, err) < 0)
		return -1;
	call_set_header(call, "X-Swarmbox-Unlock-Key", key);
	explicit_bzero(key, strlen(key));
	free(key);
	return 0;
}

int swarm_restore(struct call *call, const char *file, const char *listen, const char *advertise, const char *data_path,
		  const char *availability, yyjson_doc **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	CLEANUP(fd_closep) int fd = str_eq(file, "-") ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "open %s: %s", file, strerror(errno));
	buf_add_str(&path, "/swarmbox/restore");
	call_add_query(&path, "listenAddr", listen);
	call_add_query(&path, "advertiseAddr", advertise);
	call_add_query(&path, "dataPathAddr", data_path);
	call_add_query(&path, "availability", availability);
	result = exchange(call, buf_text(&path), fd, ret, err);
	if (result == 0 || call_status(call) != 401)
		return result;
	/* of a locked swarm: once more, with what opens it */
	if (str_eq(file, "-") || lseek(fd, 0, SEEK_SET) != 0)
		return err_wrap(err, "the unlock key is read from the standard input, so the backup must be a file with a name");
	return ask_unlock_key(call, err) < 0 ? -1 : exchange(call, buf_text(&path), fd, ret, err);
}
