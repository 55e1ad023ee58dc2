#include "applets/image_history.h"

#include "applets/listing.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"

enum { SHOWN_LENGTH = 45 };

static int take_human(void *args, const struct option *option, const char *value, struct err *err);

const struct option image_history_options[] = {
	OPT_STRING(struct image_history_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	{ OPTION_TAKE_BOOL, 'H', "human", "", "Show sizes and dates as people do (default true)", 0,
	  take_human, NULL },
	OPT_BOOL(struct image_history_args, no_trunc, 0, "no-trunc", "Show everything in full"),
	OPT_UNSUPPORTED(0, "platform"),
	OPT_BOOL(struct image_history_args, quiet, 'q', "quiet", "Show only the images' IDs"),
	OPT_END
};

static int take_human(void *args, const struct option *option UNUSED, const char *value,
		      struct err *err)
{
	struct image_history_args *history = args;
	bool on = str_eq_nocase(value, "true") || str_eq(value, "1") || str_eq_nocase(value, "t");

	if (!on && !str_eq_nocase(value, "false") && !str_eq(value, "0") && !str_eq_nocase(value, "f"))
		return err_set(err, ERR_INVALID, "invalid argument \"%s\" for \"-H, --human\" flag: "
			       "strconv.ParseBool: parsing \"%s\": invalid syntax", value, value);
	history->human_off = !on;
	return 0;
}

static const struct column history_columns[] = {
	{ "Comment", "COMMENT" }, { "CreatedAt", "CREATED AT" }, { "CreatedBy", "CREATED BY" },
	{ "CreatedSince", "CREATED" }, { "ID", "IMAGE" }, { "Size", "SIZE" }, { NULL, NULL },
};
#define FOR_PEOPLE "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
#define FOR_PROGRAMS "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"

static void put_created(struct columns *table, int64_t created)
{
	CLEANUP(buf_finip) struct buf age = BUF_INIT, moment = BUF_INIT;
	char stamp[STAMP_TEXT_SIZE];

	columns_put(table, "CreatedAt", stamp_format(created * 1000000000, stamp));
	if (created <= 0) {
		columns_put(table, "CreatedSince", "N/A");
		return;
	}
	listing_age(created * 1000000000, &age);
	columns_putf(table, "CreatedSince", "%s ago", buf_text(&age));
}

/* Blanks for tabs, which would be columns. */
static void put_created_by(struct columns *table, const char *text, bool no_trunc)
{
	CLEANUP(buf_finip) struct buf flat = BUF_INIT, cut = BUF_INIT;

	for (; *text; text++)
		buf_add_char(&flat, *text == '\t' ? ' ' : *text);
	if (!no_trunc)
		listing_ellipsis(buf_text(&flat), SHOWN_LENGTH, &cut);
	columns_put(table, "CreatedBy", buf_text(no_trunc ? &flat : &cut));
}

static void put_step(struct columns *table, yyjson_val *step, const struct image_history_args *args)
{
	const char *id = dig_str(step, "Id"), *hex = str_after(id, "sha256:");
	CLEANUP(buf_finip) struct buf size = BUF_INIT;

	columns_add_row(table);
	columns_putf(table, "ID", args->no_trunc || !hex ? "%s" : "%.12s",
		     args->no_trunc || !hex ? id : hex);
	put_created(table, dig_int(step, "Created"));
	put_created_by(table, dig_str(step, "CreatedBy"), args->no_trunc);
	if (args->human_off)
		buf_printf(&size, "%lld", (long long)dig_int(step, "Size"));
	else
		units_format_size(dig_int(step, "Size"), &size);
	columns_put(table, "Size", buf_text(&size));
	columns_put(table, "Comment", dig_str(step, "Comment"));
}

int image_history(struct cli *cli, const void *args, char **operands)
{
	const struct image_history_args *history = args;
	CLEANUP(columns_freep) struct columns *table =
		columns_new(history_columns, history->human_off ? FOR_PROGRAMS : FOR_PEOPLE);
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	yyjson_arr_iter iter;
	yyjson_val *step;

	buf_add_str(&path, "/images/");
	call_add_segment(&path, operands[0]);
	buf_add_str(&path, "/history");
	if (!call || call_get(call, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	yyjson_arr_iter_init(yyjson_doc_get_root(doc), &iter);
	while ((step = yyjson_arr_iter_next(&iter)))
		put_step(table, step, history);
	yyjson_doc_free(doc);
	return listing_print(table, history->format, history->quiet, "ID");
}
