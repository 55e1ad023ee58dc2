/* `top` and `stats`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "applets/container_cmds.h"
#include "applets/listing.h"
#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"

/* --- top --- */

static void add_cells(yyjson_val *row, struct buf *out)
{
	yyjson_arr_iter iter;
	yyjson_val *cell;
	const char *tab = "";

	yyjson_arr_iter_init(row, &iter);
	for (; (cell = yyjson_arr_iter_next(&iter)); tab = "\t")
		buf_printf(out, "%s%s", tab, yyjson_get_str(cell) ? yyjson_get_str(cell) : "");
	buf_add_char(out, '\n');
}

int container_top(struct cli *cli, const void *args UNUSED, char **operands)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT, options = BUF_INIT, rows = BUF_INIT, table = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	yyjson_arr_iter iter;
	yyjson_val *row;

	for (char **word = operands + 1; *word; word++)
		buf_printf(&options, "%s%s", options.len ? " " : "", *word);
	buf_add_str(&path, "/containers/");
	call_add_segment(&path, operands[0]);
	buf_add_str(&path, "/top");
	call_add_query(&path, "ps_args", options.len ? buf_text(&options) : NULL);
	if (!call || call_get(call, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	add_cells(dig(yyjson_doc_get_root(doc), "Titles"), &rows);
	yyjson_arr_iter_init(dig(yyjson_doc_get_root(doc), "Processes"), &iter);
	while ((row = yyjson_arr_iter_next(&iter)))
		add_cells(row, &rows);
	yyjson_doc_free(doc);
	columns_align(buf_text(&rows), 20, 1, &table);
	cli_printf("%s", buf_text(&table));
	return EXIT_OK;
}

/* --- stats --- */

const struct option container_stats_options[] = {
	OPT_BOOL(struct container_stats_args, all, 'a', "all", "Show those that do not run, too"),
	OPT_STRING(struct container_stats_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_BOOL(struct container_stats_args, no_stream, 0, "no-stream", "Show them once"),
	OPT_BOOL(struct container_stats_args, no_trunc, 0, "no-trunc", "Show everything in full"),
	OPT_END
};

static const struct column stats_columns[] = {
	{ "BlockIO", "BLOCK I/O" }, { "CPUPerc", "CPU %" }, { "Container", "CONTAINER" }, { "ID", "CONTAINER ID" }, { "MemPerc", "MEM %" },
	{ "MemUsage", "MEM USAGE / LIMIT" }, { "Name", "NAME" }, { "NetIO", "NET I/O" }, { "PIDs", "PIDS" }, { NULL, NULL },
};
#define USUAL "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"

/* What the last round saw of a container. */
struct reading { int64_t cpu_ns, host_ns; };
struct watch {
	const struct container_stats_args *args;
	struct call *call;
	struct strlist names;           /* of this round */
	bool all_named;                 /* by the person: else all there are */
	struct map *before;             /* id -> struct reading */
};

static void put_pair(struct columns *table, const char *name, void (*format)(int64_t, struct buf *), int64_t left, int64_t right)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	format(left, &text);
	buf_add_str(&text, " / ");
	format(right, &text);
	columns_put(table, name, buf_text(&text));
}

static double cpu_percent(struct watch *watch, yyjson_val *stats)
{
	struct reading now = { dig_int(stats, "cpu_stats.cpu_usage.total_usage"), dig_int(stats, "cpu_stats.system_cpu_usage") };
	struct reading *before = map_get(watch->before, dig_str(stats, "id"));
	double used, passed;

	if (!before) {
		before = NEW(struct reading);
		map_put(watch->before, dig_str(stats, "id"), before);
	}
	used = (double)(now.cpu_ns - before->cpu_ns);
	passed = (double)(now.host_ns - before->host_ns);
	*before = now;
	return used > 0 && passed > 0 ? used / passed * (double)dig_int(stats, "cpu_stats.online_cpus") * 100 : 0;
}

static void put_traffic(struct columns *table, yyjson_val *stats)
{
	int64_t in = 0, out = 0;
	yyjson_obj_iter links;
	yyjson_val *key;

	yyjson_obj_iter_init(dig(stats, "networks"), &links);
	while ((key = yyjson_obj_iter_next(&links))) {
		in += dig_int(yyjson_obj_iter_get_val(key), "rx_bytes");
		out += dig_int(yyjson_obj_iter_get_val(key), "tx_bytes");
	}
	put_pair(table, "NetIO", units_format_size, in, out);
}

static void put_blocks(struct columns *table, yyjson_val *stats)
{
	int64_t in = 0, out = 0;
	yyjson_arr_iter items;
	yyjson_val *item;

	yyjson_arr_iter_init(dig(stats, "blkio_stats.io_service_bytes_recursive"), &items);
	while ((item = yyjson_arr_iter_next(&items))) {
		bool is_read = (*dig_str(item, "op") | 32) == 'r', is_write = (*dig_str(item, "op") | 32) == 'w';

		in += is_read ? dig_int(item, "value") : 0;
		out += is_write ? dig_int(item, "value") : 0;
	}
	put_pair(table, "BlockIO", units_format_size, in, out);
}

static void put_stats(struct watch *watch, struct columns *table, const char *name, yyjson_val *stats)
{
	int64_t limit = dig_int(stats, "memory_stats.limit"), used = dig_int(stats, "memory_stats.usage");
	bool is_v1 = dig(stats, "memory_stats.stats.total_inactive_file");
	int64_t spare = dig_int(stats, is_v1 ? "memory_stats.stats.total_inactive_file" : "memory_stats.stats.inactive_file");
	const char *own = dig_str(stats, "name");

	used = spare < used ? used - spare : used;
	columns_add_row(table);
	columns_put(table, "Container", name);
	columns_putf(table, "ID", watch->args->no_trunc ? "%s" : "%.12s", dig_str(stats, "id"));
	columns_put(table, "Name", *own == '/' ? own + 1 : own);
	columns_putf(table, "CPUPerc", "%.2f%%", cpu_percent(watch, stats));
	columns_putf(table, "MemPerc", "%.2f%%", limit ? (double)used / (double)limit * 100 : 0.0);
	put_pair(table, "MemUsage", units_format_bytes, used, limit);
	put_traffic(table, stats);
	put_blocks(table, stats);
	columns_putf(table, "PIDs", "%lld", (long long)dig_int(stats, "pids_stats.current"));
}

static int find_all(struct watch *watch, struct err *err)
{
	yyjson_doc *doc = NULL;
	yyjson_arr_iter iter;
	yyjson_val *container;

	strlist_fini(&watch->names);
	watch->names = (struct strlist){ 0 };
	if (call_get(watch->call, &doc, err, "/containers/json%s", watch->args->all ? "?all=1" : "") < 0)
		return -1;
	yyjson_arr_iter_init(yyjson_doc_get_root(doc), &iter);
	while ((container = yyjson_arr_iter_next(&iter)))
		strlist_add(&watch->names, dig_str(container, "Id"));
	yyjson_doc_free(doc);
	return 0;
}

/* 1: nothing was there. One that has gone meanwhile is not told, unless somebody asked for it from the start. */
static int look(struct watch *watch, bool first, struct columns *table, struct err *err)
{
	if (!watch->all_named && find_all(watch, err) < 0)
		return -1;
	for (size_t i = 0; i < watch->names.count; i++) {
		CLEANUP(buf_finip) struct buf path = BUF_INIT;
		yyjson_doc *doc = NULL;

		call_add_segment(&path, watch->names.items[i]);
		if (call_get(watch->call, &doc, err, "/containers/%s/stats?stream=0&one-shot=1", buf_text(&path)) == 0)
			put_stats(watch, table, watch->names.items[i], yyjson_doc_get_root(doc));
		else if (call_status(watch->call) != 404 || (first && watch->all_named))
			return -1;
		yyjson_doc_free(doc);
	}
	return watch->all_named && columns_count(table) == 0;
}

/* Over the round before, so that nothing flickers. */
static int show(const struct watch *watch, const struct columns *table, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	const char *line, *end;

	if (columns_print(table, watch->args->format, &text, err) < 0)
		return -1;
	if (watch->args->no_stream) {
		cli_printf("%s", buf_text(&text));
		return 0;
	}
	cli_printf("\033[H");
	for (line = buf_text(&text); (end = strchr(line, '\n')); line = end + 1)
		cli_printf("%.*s\033[K\n", (int)(end - line), line);
	cli_printf("\033[J");
	return fflush(stdout) == 0 ? 0 : err_sys(err, "write");
}

/* The share of the processors needs two readings a second apart: the first round shows nothing. */
static int watch_all(struct watch *watch, struct err *err)
{
	static const struct timespec second = { .tv_sec = 1 };

	for (bool first = true;; first = false) {
		CLEANUP(columns_freep) struct columns *table = columns_new(stats_columns, USUAL);
		int result = look(watch, first, table, err);

		if (result != 0)
			return result < 0 ? -1 : 0;
		if (!first && show(watch, table, err) < 0)
			return -1;
		if (!first && watch->args->no_stream)
			return 0;
		nanosleep(&second, NULL);
	}
}

int container_stats(struct cli *cli, const void *args, char **operands)
{
	struct watch watch = { .args = args, .all_named = operands[0], .before = map_new() };
	struct err err = {0};
	void *reading;
	int result;

	watch.call = cli_call(cli, &err);
	for (; *operands; operands++)
		strlist_add(&watch.names, *operands);
	result = watch.call ? watch_all(&watch, &err) : -1;
	for (size_t at = 0; map_next(watch.before, &at, NULL, &reading);)
		free(reading);
	map_free(watch.before);
	strlist_fini(&watch.names);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}
