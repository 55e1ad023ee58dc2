#include "applets/prune.h"

#include <stdio.h>

#include "applets/listing.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"

static bool is_agreed(const char *warning)
{
	char answer[8] = "";

	cli_printf("WARNING! %s\nAre you sure you want to continue? [y/N] ", warning);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static void tell(yyjson_val *reply, const struct prune *prune)
{
	CLEANUP(buf_finip) struct buf size = BUF_INIT;
	yyjson_val *gone = dig(reply, prune->member), *name;
	yyjson_arr_iter iter;

	if (yyjson_arr_size(gone) > 0)
		cli_printf("%s\n", prune->title);
	yyjson_arr_iter_init(gone, &iter);
	while ((name = yyjson_arr_iter_next(&iter)))
		if (prune->print)
			prune->print(name);
		else
			cli_printf("%s\n", yyjson_get_str(name));
	units_format_room(dig_int(reply, "SpaceReclaimed"), &size);
	cli_printf("%sTotal reclaimed space: %s\n", yyjson_arr_size(gone) > 0 ? "\n" : "",
		   buf_text(&size));
}

int prune_run(struct cli *cli, const struct prune *prune, const struct strlist *filters, bool force)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;

	if (!force && !is_agreed(prune->warning))
		return EXIT_OK;
	buf_add_str(&path, prune->path);
	listing_add_filters(filters, &path);
	if (!call || call_post(call, NULL, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	tell(yyjson_doc_get_root(doc), prune);
	yyjson_doc_free(doc);
	return EXIT_OK;
}
