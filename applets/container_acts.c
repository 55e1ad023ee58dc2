/* stop, restart, pause, unpause, update, wait, rename, prune and port of containers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applets/container_body.h"
#include "applets/container_cmds.h"
#include "applets/listing.h"
#include "applets/prune.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/natural.h"

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
	int code = call && container_body_update(args, doc, &err) == 0 ? EXIT_OK : cli_fail(&err);

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

/* --- port --- */

/* "127.0.0.1:8080", behind "80/tcp -> " where all ports are told. */
static void add_bindings(struct strlist *lines, const char *head, yyjson_val *bindings)
{
	yyjson_arr_iter iter;
	yyjson_val *binding;

	yyjson_arr_iter_init(bindings, &iter);
	while ((binding = yyjson_arr_iter_next(&iter))) {
		const char *ip = dig_str(binding, "HostIp");
		bool is_v6 = strchr(ip, ':') != NULL;
		CLEANUP(str_freep) char *line = str_printf("%s%s%s%s%s:%s", head, *head ? " -> " : "", is_v6 ? "[" : "", ip, is_v6 ? "]" : "",
							   dig_str(binding, "HostPort"));

		strlist_add(lines, line);
	}
}

static int natural_order(const void *a, const void *b)
{
	return natural_compare(*(char *const *)a, *(char *const *)b);
}

static int port_lines(yyjson_val *ports, char **operands, struct strlist *lines, struct err *err)
{
	const char *slash = operands[1] ? strchr(operands[1], '/') : NULL;
	CLEANUP(str_freep) char *number = str_printf("%.*s", slash ? (int)(slash - operands[1]) : 64, operands[1] ? operands[1] : "0");
	CLEANUP(str_freep) char *wanted = str_printf("%s/%s", number, slash ? slash + 1 : "tcp");
	yyjson_obj_iter iter;
	yyjson_val *key;
	uint64_t value;

	if (str_to_u64(number, &value) < 0 || value > UINT16_MAX)
		return err_set(err, ERR_INVALID, "Error: invalid port (%s)", number);
	yyjson_obj_iter_init(ports, &iter);
	while ((key = yyjson_obj_iter_next(&iter)))
		if (!operands[1] || str_eq(yyjson_get_str(key), wanted))
			add_bindings(lines, operands[1] ? "" : yyjson_get_str(key), yyjson_obj_iter_get_val(key));
	if (operands[1] && lines->count == 0)
		return err_set(err, ERR_NOT_FOUND, "Error: No public port '%s' published for %s", operands[1], operands[0]);
	return 0;
}

int container_port(struct cli *cli, const void *args UNUSED, char **operands)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	CLEANUP(strlist_finip) struct strlist lines = { 0 };
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	int code = EXIT_OK;

	buf_add_str(&path, "/containers/");
	call_add_segment(&path, operands[0]);
	if (!call || call_get(call, &doc, &err, "%s/json", buf_text(&path)) < 0 ||
	    port_lines(dig(yyjson_doc_get_root(doc), "NetworkSettings.Ports"), operands, &lines, &err) < 0)
		code = cli_fail(&err);
	if (lines.count)
		qsort(lines.items, lines.count, sizeof(*lines.items), natural_order);
	for (size_t i = 0; i < lines.count; i++)
		cli_printf("%s\n", lines.items[i]);
	yyjson_doc_free(doc);
	return code;
}
