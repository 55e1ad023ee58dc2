/* stop, restart, wait, rename and prune of containers. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "applets/container_cmds.h"
#include "applets/listing.h"
#include "base/units.h"
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
	return call && call_post(call, NULL, NULL, &err, "%s", buf_text(&path)) == 0 ? EXIT_OK : cli_fail(&err);
}

/* --- prune --- */

const struct option container_prune_options[] = {
	{ OPTION_LIST, 0, "filter", "filter", "Only those that fit: until=TIME, label=KEY[=VALUE]",
	  OPTION_AT(struct container_prune_args, filters, struct strlist), listing_check_filter, NULL },
	OPT_BOOL(struct container_prune_args, force, 'f', "force", "Do not ask"),
	OPT_END
};

static bool is_agreed(void)
{
	char answer[8] = "";

	cli_printf("WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ");
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int container_prune(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct container_prune_args *prune = args;
	CLEANUP(buf_finip) struct buf path = BUF_INIT, size = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	yyjson_arr_iter iter;
	yyjson_val *id;

	if (!prune->force && !is_agreed()) {
		cli_warn("container prune has been cancelled");
		return EXIT_FAILED;
	}
	buf_add_str(&path, "/containers/prune");
	listing_add_filters(&prune->filters, &path);
	if (!call || call_post(call, NULL, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	yyjson_arr_iter_init(dig(yyjson_doc_get_root(doc), "ContainersDeleted"), &iter);
	if (yyjson_arr_size(dig(yyjson_doc_get_root(doc), "ContainersDeleted")))
		cli_printf("Deleted Containers:\n");
	while ((id = yyjson_arr_iter_next(&iter)))
		cli_printf("%s\n", yyjson_get_str(id));
	units_format_size(dig_int(yyjson_doc_get_root(doc), "SpaceReclaimed"), &size);
	cli_printf("%sTotal reclaimed space: %s\n", yyjson_arr_size(dig(yyjson_doc_get_root(doc), "ContainersDeleted")) ? "\n" : "", buf_text(&size));
	yyjson_doc_free(doc);
	return EXIT_OK;
}
