/* stop, restart, pause, unpause, update, wait, rename and prune of containers. */
#include <stdio.h>
#include <string.h>

#include "applets/container_cmds.h"
#include "applets/listing.h"
#include "applets/prune.h"
#include "client/call.h"
#include "client/dig.h"

/* --- stop, restart --- */

const struct option container_stop_options[] = {
	OPT_STRING(struct container_stop_args, signal, 's', "signal", "string", "Signal that asks it to end"),
	OPT_INT(struct container_stop_args, timeout, 't', "timeout", "Seconds from that to the kill"),
	OPT_INT(struct container_stop_args, timeout, 0, "time", NULL),
	OPT_END
};

static int stop_each(struct cli *cli, const char *verb, const struct container_stop_args *stop, char **operands)
{
	CLEANUP(buf_finip) struct buf query = BUF_INIT;
	char number[24];

	buf_add_str(&query, verb);
	call_add_query(&query, "signal", stop->signal);
	if (stop->timeout.given) {
		snprintf(number, sizeof(number), "%lld", (long long)stop->timeout.value);
		call_add_query(&query, "t", number);
	}
	return listing_each(cli, "POST", "/containers/", operands, buf_text(&query));
}

int container_stop(struct cli *cli, const void *args, char **operands)
{
	return stop_each(cli, "/stop", args, operands);
}

int container_restart(struct cli *cli, const void *args, char **operands)
{
	return stop_each(cli, "/restart", args, operands);
}

int container_pause(struct cli *cli, const void *args UNUSED, char **operands)
{
	return listing_each(cli, "POST", "/containers/", operands, "/pause");
}

int container_unpause(struct cli *cli, const void *args UNUSED, char **operands)
{
	return listing_each(cli, "POST", "/containers/", operands, "/unpause");
}

/* --- update --- */

int container_update(struct cli *cli, const void *args, char **operands)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = call && container_flags_update(args, doc, &err) == 0 ? EXIT_OK : cli_fail(&err);

	for (; code == EXIT_OK && *operands; operands++) {
		CLEANUP(buf_finip) struct buf path = BUF_INIT;

		buf_add_str(&path, "/containers/");
		call_add_segment(&path, *operands);
		if (call_post(call, doc, NULL, &err, "%s/update", buf_text(&path)) < 0)
			code = cli_fail(&err);
		else
			cli_printf("%s\n", *operands);
	}
	yyjson_mut_doc_free(doc);
	return code;
}

/* --- wait --- */

static int wait_one(struct call *call, const char *name, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	yyjson_doc *doc = NULL;

	buf_add_str(&path, "/containers/");
	call_add_segment(&path, name);
	if (call_post(call, NULL, &doc, err, "%s/wait", buf_text(&path)) < 0)
		return -1;
	cli_printf("%lld\n", (long long)dig_int(yyjson_doc_get_root(doc), "StatusCode"));
	yyjson_doc_free(doc);
	return 0;
}

int container_wait(struct cli *cli, const void *args UNUSED, char **operands)
{
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = call ? EXIT_OK : cli_fail(&err);

	for (; call && *operands; operands++)
		if (wait_one(call, *operands, &err) < 0)
			code = cli_fail(&err);
	return code;
}

/* --- rename --- */

int container_rename(struct cli *cli, const void *args UNUSED, char **operands)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	buf_add_str(&path, "/containers/");
	call_add_segment(&path, operands[0]);
	buf_add_str(&path, "/rename");
	call_add_query(&path, "name", operands[1]);
	if (call && call_post(call, NULL, NULL, &err, "%s", buf_text(&path)) == 0)
		return EXIT_OK;
	cli_fail(&err);
	cli_warn("Error: failed to rename container named %s", operands[0]);
	return EXIT_FAILED;
}

/* --- prune --- */

const struct option container_prune_options[] = {
	{ OPTION_LIST, 0, "filter", "filter", "Only those that fit: until=TIME, label=KEY[=VALUE]",
	  OPTION_AT(struct container_prune_args, filters, struct strlist), listing_check_filter, NULL },
	OPT_BOOL(struct container_prune_args, force, 'f', "force", "Do not ask"),
	OPT_END
};

int container_prune(struct cli *cli, const void *args, char **operands UNUSED)
{
	static const struct prune what = { .warning = "This will remove all stopped containers.", .path = "/containers/prune",
					   .title = "Deleted Containers:", .member = "ContainersDeleted" };
	const struct container_prune_args *prune = args;

	return prune_run(cli, &what, &prune->filters, prune->force);
}
