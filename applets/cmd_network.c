#include "applets/listing.h"
#include "client/call.h"
#include "client/dig.h"

struct network_ls_args { struct strlist filters; const char *format; bool no_trunc, quiet; };

static const struct option network_ls_options[] = {
	OPT_FILTER(struct network_ls_args, filters),
	OPT_STRING(struct network_ls_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_BOOL(struct network_ls_args, no_trunc, 0, "no-trunc", "Show the IDs in full"),
	OPT_BOOL(struct network_ls_args, quiet, 'q', "quiet", "Show only the networks' IDs"),
	OPT_END
};

static const struct column network_columns[] = {
	{ "CreatedAt", "CREATED AT" }, { "Driver", "DRIVER" }, { "ID", "NETWORK ID" },
	{ "IPv4", "IPV4" }, { "IPv6", "IPV6" }, { "Internal", "INTERNAL" }, { "Labels", "LABELS" }, { "Name", "NAME" },
	{ "Scope", "SCOPE" }, { NULL, NULL },
};

static void put_network(struct columns *table, yyjson_val *network, bool no_trunc)
{
	CLEANUP(buf_finip) struct buf labels = BUF_INIT, moment = BUF_INIT;

	columns_add_row(table);
	columns_putf(table, "ID", no_trunc ? "%s" : "%.12s", dig_str(network, "Id"));
	columns_put(table, "Name", dig_str(network, "Name"));
	columns_put(table, "Driver", dig_str(network, "Driver"));
	columns_put(table, "Scope", dig_str(network, "Scope"));
	columns_put(table, "IPv4", dig_bool(network, "EnableIPv4") ? "true" : "false");
	columns_put(table, "IPv6", dig_bool(network, "EnableIPv6") ? "true" : "false");
	columns_put(table, "Internal", dig_bool(network, "Internal") ? "true" : "false");
	listing_moment(dig_time(network, "Created"), &moment);
	columns_put(table, "CreatedAt", buf_text(&moment));
	listing_labels(dig(network, "Labels"), ",", &labels);
	columns_put(table, "Labels", buf_text(&labels));
}

static int network_ls(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct network_ls_args *ls = args;
	CLEANUP(columns_freep) struct columns *table =
		columns_new(network_columns, "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}");
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	yyjson_arr_iter iter;
	yyjson_val *network;

	buf_add_str(&path, "/networks");
	listing_add_filters(&ls->filters, &path);
	if (!call || call_get(call, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	yyjson_arr_iter_init(yyjson_doc_get_root(doc), &iter);
	while ((network = yyjson_arr_iter_next(&iter)))
		put_network(table, network, ls->no_trunc);
	yyjson_doc_free(doc);
	return listing_print(table, ls->format, ls->quiet, "ID");
}

struct network_inspect_args { const char *format; bool verbose; };

static const struct option network_inspect_options[] = {
	OPT_STRING(struct network_inspect_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_BOOL(struct network_inspect_args, verbose, 'v', "verbose", "Show more, for diagnosis"),
	OPT_END
};

static int network_inspect(struct cli *cli, const void *args, char **operands)
{
	const struct network_inspect_args *inspect = args;

	return listing_inspect(cli, "/networks/", operands, inspect->verbose ? "?verbose=true" : "",
			       inspect->format, NULL);
}

static const struct command network_commands[] = {
	{ .name = "inspect", .usage = "[OPTIONS] NETWORK [NETWORK...]",
	  .help = "Show all about networks", .options = network_inspect_options, .min = 1,
	  .max = COMMAND_MANY, .args_size = sizeof(struct network_inspect_args),
	  .run = network_inspect },
	{ .name = "ls", .spellings = "network ls, network list", .usage = "[OPTIONS]",
	  .help = "List networks", .options = network_ls_options,
	  .args_size = sizeof(struct network_ls_args), .run = network_ls },
	{ .name = NULL },
};

const struct command network_command = {
	.name = "network", .help = "Show networks", .commands = network_commands,
};
