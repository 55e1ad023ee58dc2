#include "applets/task_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/names.h"
#include "client/natural.h"

static const struct column task_columns[] = {
	{ "CurrentState", "CURRENT STATE" }, { "DesiredState", "DESIRED STATE" }, { "Error", "ERROR" },
	{ "ID", "ID" }, { "Image", "IMAGE" }, { "Name", "NAME" }, { "Node", "NODE" },
	{ "Ports", "PORTS" }, { NULL, NULL },
};
#define USUAL "{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.Node}}\t{{.DesiredState}}\t{{.CurrentState}}\t" \
	      "{{.Error}}\t{{.Ports}}"

struct row { yyjson_val *task; char *name; nsec created; };

/* By name as people count, the newest of a slot first. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = natural_compare(left->name, right->name);

	if (order != 0)
		return order;
	return left->created > right->created ? -1 : left->created < right->created;
}

static struct row *make_rows(yyjson_val *tasks, struct names *names, size_t *ret_count)
{
	struct row *rows = NEW_ARRAY(struct row, yyjson_arr_size(tasks) + 1);
	yyjson_arr_iter iter;
	yyjson_val *task;

	*ret_count = 0;
	yyjson_arr_iter_init(tasks, &iter);
	while ((task = yyjson_arr_iter_next(&iter))) {
		const char *service = names_service(names, dig_str(task, "ServiceID"));
		int64_t slot = dig_int(task, "Slot");
		struct row *row = &rows[(*ret_count)++];

		row->task = task;
		row->created = dig_time(task, "CreatedAt");
		row->name = slot ? str_printf("%s.%lld", service, (long long)slot) :
				   str_printf("%s.%s", service, dig_str(task, "NodeID"));
	}
	qsort(rows, *ret_count, sizeof(*rows), compare_rows);
	return rows;
}

static void put_error(struct columns *table, const char *error, bool no_trunc)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (!*error)
		return;
	buf_add_char(&text, '"');
	if (no_trunc)
		buf_add_str(&text, error);
	else
		listing_ellipsis(error, 30, &text);
	buf_add_char(&text, '"');
	columns_put(table, "Error", buf_text(&text));
}

static void put_states(struct columns *table, yyjson_val *task)
{
	CLEANUP(buf_finip) struct buf desired = BUF_INIT, current = BUF_INIT, age = BUF_INIT;

	listing_capital(dig_str(task, "DesiredState"), &desired);
	columns_put(table, "DesiredState", buf_text(&desired));
	listing_capital(dig_str(task, "Status.State"), &current);
	listing_age(dig_time(task, "Status.Timestamp"), &age);
	for (char *c = age.data; c && *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	buf_printf(&current, " %s ago", buf_text(&age));
	columns_put(table, "CurrentState", buf_text(&current));
}

static void put_ports(struct columns *table, yyjson_val *task)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_arr_iter iter;
	yyjson_val *port;

	yyjson_arr_iter_init(dig(task, "Status.PortStatus.Ports"), &iter);
	while ((port = yyjson_arr_iter_next(&iter)))
		buf_printf(&text, "%s*:%lld->%lld/%s", text.len ? "," : "",
			   (long long)dig_int(port, "PublishedPort"),
			   (long long)dig_int(port, "TargetPort"), dig_str(port, "Protocol"));
	columns_put(table, "Ports", buf_text(&text));
}

static void put_row(struct columns *table, const struct row *row, bool is_older,
		    struct names *names, bool no_trunc)
{
	CLEANUP(buf_finip) struct buf image = BUF_INIT;
	const char *full = dig_str(row->task, "Spec.ContainerSpec.Image");

	columns_add_row(table);
	columns_putf(table, "ID", no_trunc ? "%s" : "%.12s", dig_str(row->task, "ID"));
	columns_putf(table, "Name", "%s%s", is_older ? " \\_ " : "", row->name);
	if (no_trunc)
		buf_add_str(&image, full);
	else
		listing_image(full, &image);
	columns_put(table, "Image", buf_text(&image));
	columns_put(table, "Node", names_node(names, dig_str(row->task, "NodeID")));
	put_states(table, row->task);
	put_error(table, dig_str(row->task, "Status.Err"), no_trunc);
	put_ports(table, row->task);
}

static int print_tasks(yyjson_val *tasks, struct names *names, const struct task_table_args *args)
{
	CLEANUP(columns_freep) struct columns *table = columns_new(task_columns, USUAL);
	bool is_table = str_is_empty(args->format) || str_starts(args->format, "table");
	bool no_trunc = args->no_trunc || args->quiet;
	size_t count;
	struct row *rows = make_rows(tasks, names, &count);

	for (size_t i = 0; i < count; i++)
		put_row(table, &rows[i], is_table && i > 0 && str_eq(rows[i].name, rows[i - 1].name), names,
			no_trunc);
	for (size_t i = 0; i < count; i++)
		free(rows[i].name);
	free(rows);
	return listing_print(table, args->format, args->quiet, "ID");
}

int task_table_print(struct call *call, const struct task_table_args *args,
		     const struct strlist *filters)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	yyjson_doc *tasks = NULL;
	struct err err = {0};

	buf_add_str(&path, "/tasks");
	listing_add_filters(filters, &path);
	if (call_get(call, &tasks, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	struct names *names = names_new(call, !args->no_resolve);
	int code = print_tasks(yyjson_doc_get_root(tasks), names, args);
	names_free(names);
	yyjson_doc_free(tasks);
	return code;
}
