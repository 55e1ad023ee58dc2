#include "applets/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/usage.h"
#include "client/call.h"
#include "os/file.h"

#define USUAL_SOCKET "/run/swarmbox/swarmbox.sock"

int cli_socket_path(const char *host, const char **ret_path, struct err *err)
{
	const char *path = str_after(host, "unix://");

	if (!path && host[0] == '/')
		path = host;
	if (!path)
		return err_set(err, ERR_UNSUPPORTED, "host '%.200s': only unix:// sockets are supported; that of another host is brought here by: "
			       "ssh -L /tmp/there.sock:" USUAL_SOCKET " HOST", host);
	if (!*path)
		return err_set(err, ERR_INVALID, "host '%s': the path of a socket is missing, such as " USUAL_SOCKET, host);
	*ret_path = path;
	return 0;
}

struct call *cli_call(struct cli *cli, struct err *err)
{
	static const char *const variables[] = { "SWARMBOX_HOST", "DOCKER_HOST" };
	const char *host = cli->host, *path = USUAL_SOCKET, *from = NULL;

	if (cli->call)
		return cli->call;
	for (size_t i = 0; i < ARRAY_COUNT(variables) && str_is_empty(host); i++)
		host = getenv(from = variables[i]);
	if (!str_is_empty(host) && cli_socket_path(host, &path, err) < 0) {
		if (from)
			err_wrap(err, "%s", from);
		return NULL;
	}
	cli->call = call_new(path);
	call_set_program(cli->call, cli->program);
	return cli->call;
}

int cli_fail(const struct err *err)
{
	fprintf(stderr, "%s\n", err->text);
	return EXIT_FAILED;
}

int cli_misused(const struct cli *cli, const struct err *err)
{
	CLEANUP(buf_finip) struct buf usage = BUF_INIT;

	if (err->code == ERR_UNSUPPORTED) {
		fprintf(stderr, "%s\n", err->text);
		return EXIT_USAGE;
	}
	usage_line(cli->path, cli->command, &usage);
	fprintf(stderr, "%s\n\n%s\n\nRun '%s --help' for more information\n", err->text,
		buf_text(&usage), cli->path);
	return EXIT_USAGE;
}

void cli_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

void cli_print(const char *text, size_t length)
{
	if (fd_write_all(STDOUT_FILENO, text, length) == 0)
		return;
	if (errno != EPIPE)
		fprintf(stderr, "write to the standard output: %s\n", strerror(errno));
	_exit(EXIT_FAILED);
}

void cli_print_buf(const struct buf *buf)
{
	cli_print(buf_text(buf), buf->len);
}

void cli_printf(const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	cli_print_buf(&text);
}

void cli_fini(struct cli *cli)
{
	call_free(cli->call);
}
