/* cli.h - one run of the command line: how it was called, whom it talks to, how it fails.
 */
#pragma once
#include "applets/option.h"
#include "base/buf.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 125 };        /* as docker's */

struct call;
struct cli {
	const char *program;            /* "swarmbox", or "docker" when called by that name */
	const char *path;               /* "swarmbox service ls" */
	const struct command *command;
	const char *host;               /* -H; NULL when not given */
	struct call *call;              /* opened by cli_call */
};

/* The connection to the agent: -H, SWARMBOX_HOST, DOCKER_HOST, the usual place. NULL, with err set,
 * for an address that is no unix socket. Nothing is dialled yet. */
struct call *cli_call(struct cli *cli, struct err *err);
/* "unix:///x" to "/x"; ERR_UNSUPPORTED for other kinds of address. */
int cli_socket_path(const char *host, const char **ret_path, struct err *err);

/* Prints the error as one line on stderr; returns EXIT_FAILED. */
int cli_fail(const struct err *err);
/* The same with how the command is used behind it, as docker answers wrong flags; returns
 * EXIT_USAGE. */
int cli_misused(const struct cli *cli, const struct err *err);
void cli_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Writes to stdout; a reader that has gone (| head) ends the program quietly. */
void cli_print(const char *text, size_t length);
void cli_print_buf(const struct buf *buf);
void cli_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
void cli_fini(struct cli *cli);
