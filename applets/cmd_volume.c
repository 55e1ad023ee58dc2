#include <string.h>

#include "applets/listing.h"
#include "applets/prune.h"
#include "applets/spec_edit.h"
#include "client/call.h"
#include "client/dig.h"

struct volume_ls_args { struct strlist filters; const char *format; bool quiet; };

static const struct option volume_ls_options[] = {
	OPT_UNSUPPORTED(0, "cluster"),
	OPT_FILTER(struct volume_ls_args, filters),
	OPT_STRING(struct volume_ls_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_BOOL(struct volume_ls_args, quiet, 'q', "quiet", "Show only the volumes' names"),
	OPT_END
};

static const struct column volume_columns[] = {
	{ "Availability", "AVAILABILITY" }, { "Driver", "DRIVER" }, { "Group", "GROUP" },
	{ "Labels", "LABELS" }, { "Links", "LINKS" }, { "Mountpoint", "MOUNTPOINT" },
	{ "Name", "VOLUME NAME" }, { "Scope", "SCOPE" }, { "Size", "SIZE" }, { "Status", "STATUS" },
	{ NULL, NULL },
};

static const char *const unknown[] = { "Availability", "Group", "Links", "Size", "Status" };

static int volume_ls(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct volume_ls_args *ls = args;
	CLEANUP(columns_freep) struct columns *table =
		columns_new(volume_columns, "{{.Driver}}\t{{.Name}}");
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	yyjson_arr_iter iter;
	yyjson_val *volume;

	buf_add_str(&path, "/volumes");
	listing_add_filters(&ls->filters, &path);
	if (!call || call_get(call, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	yyjson_arr_iter_init(dig(yyjson_doc_get_root(doc), "Volumes"), &iter);
	while ((volume = yyjson_arr_iter_next(&iter))) {
		CLEANUP(buf_finip) struct buf labels = BUF_INIT;

		columns_add_row(table);
		/* of a volume of this host Docker does not know them either */
		for (size_t i = 0; i < ARRAY_COUNT(unknown); i++)
			columns_put(table, unknown[i], "N/A");
		columns_put(table, "Driver", dig_str(volume, "Driver"));
		columns_put(table, "Name", dig_str(volume, "Name"));
		columns_put(table, "Mountpoint", dig_str(volume, "Mountpoint"));
		columns_put(table, "Scope", dig_str(volume, "Scope"));
		listing_labels(dig(volume, "Labels"), ",", &labels);
		columns_put(table, "Labels", buf_text(&labels));
	}
	yyjson_doc_free(doc);
	return listing_print(table, ls->format, ls->quiet, "Name");
}

struct volume_create_args { const char *driver, *name; struct strlist labels, opts; };

static const struct option volume_create_options[] = {
	OPT_UNSUPPORTED(0, "availability"),
	OPT_STRING(struct volume_create_args, driver, 'd', "driver", "string",
		   "Driver of the volume (default \"local\")"),
	OPT_UNSUPPORTED(0, "group"),
	OPT_LIST(struct volume_create_args, labels, 0, "label", "list", "Label, KEY=VALUE"),
	OPT_UNSUPPORTED(0, "limit-bytes"),
	OPT_STRING(struct volume_create_args, name, 0, "name", "string", NULL),
	OPT_LIST(struct volume_create_args, opts, 'o', "opt", "map", "Option of the driver, KEY=VALUE"),
	OPT_UNSUPPORTED(0, "required-bytes"),
	OPT_UNSUPPORTED(0, "scope"),
	OPT_UNSUPPORTED(0, "secret"),
	OPT_UNSUPPORTED(0, "sharing"),
	OPT_UNSUPPORTED(0, "topology-preferred"),
	OPT_UNSUPPORTED(0, "topology-required"),
	OPT_UNSUPPORTED(0, "type"),
	OPT_END
};

static int put_pairs(yyjson_mut_doc *doc, const char *path, const struct strlist *pairs,
		     struct err *err)
{
	spec_object(doc, path);
	for (size_t i = 0; i < pairs->count; i++) {
		char *key = pairs->items[i];
		size_t length = strcspn(key, "=");
		const char *value = key[length] ? key + length + 1 : "";

		if (length == 0)
			return err_set(err, ERR_INVALID, "'%s' has no name before its value", key);
		key[length] = '\0';
		spec_put(doc, path, key, value);
	}
	return 0;
}

static int make_request(yyjson_mut_doc *doc, const struct volume_create_args *args,
			const char *operand, struct err *err)
{
	if (operand && args->name)
		return err_set(err, ERR_INVALID, "conflicting options: cannot specify a volume-name "
			       "through both --name and as a positional arg");
	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	spec_set_str(doc, "Name", operand ? operand : args->name ? args->name : "");
	spec_set_str(doc, "Driver", args->driver ? args->driver : "local");
	return put_pairs(doc, "DriverOpts", &args->opts, err) < 0 ||
	       put_pairs(doc, "Labels", &args->labels, err) < 0 ? -1 : 0;
}

static int volume_create(struct cli *cli, const void *args, char **operands)
{
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_doc *reply = NULL;
	int code = EXIT_OK;

	if (!call || make_request(doc, args, operands[0], &err) < 0 ||
	    call_post(call, doc, &reply, &err, "/volumes/create") < 0)
		code = cli_fail(&err);
	else
		cli_printf("%s\n", dig_str(yyjson_doc_get_root(reply), "Name"));
	yyjson_doc_free(reply);
	yyjson_mut_doc_free(doc);
	return code;
}

struct volume_inspect_args { const char *format; };

static const struct option volume_inspect_options[] = {
	OPT_STRING(struct volume_inspect_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_END
};

static int volume_inspect(struct cli *cli, const void *args, char **operands)
{
	const struct volume_inspect_args *inspect = args;

	return listing_inspect(cli, "/volumes/", operands, "", inspect->format, NULL);
}

struct volume_rm_args { bool force; };

static const struct option volume_rm_options[] = {
	OPT_BOOL(struct volume_rm_args, force, 'f', "force", "One that is not there is fine"),
	OPT_END
};

static int volume_rm(struct cli *cli, const void *args, char **operands)
{
	const struct volume_rm_args *rm = args;

	return listing_each(cli, "DELETE", "/volumes/", operands, rm->force ? "?force=1" : "");
}

struct volume_prune_args { struct strlist filters; bool all, force; };

static const struct option volume_prune_options[] = {
	OPT_BOOL(struct volume_prune_args, all, 'a', "all", "Those with a name too, not only anonymous ones"),
	{ OPTION_LIST, 0, "filter", "filter", "Remove only what fits: label=, label!=",
	  OPTION_AT(struct volume_prune_args, filters, struct strlist), listing_check_filter, NULL },
	OPT_BOOL(struct volume_prune_args, force, 'f', "force", "Do not ask"),
	OPT_END
};

static int volume_prune(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct volume_prune_args *prune = args;
	struct prune what = {
		.path = "/volumes/prune", .title = "Deleted Volumes:",
		.member = "VolumesDeleted",
		.warning = prune->all ? "This will remove all local volumes not used by at least one container." :
			   "This will remove anonymous local volumes not used by at least one container.",
	};
	struct strlist filters = {0};

	for (size_t i = 0; i < prune->filters.count; i++) {
		if (prune->all && str_starts(prune->filters.items[i], "all=")) {
			strlist_fini(&filters);
			cli_warn("conflicting options: cannot specify both --all and --filter all=1");
			return EXIT_FAILED;
		}
		strlist_add(&filters, prune->filters.items[i]);
	}
	if (prune->all)
		listing_add_filter(&filters, "all", "true");
	int code = prune_run(cli, &what, &filters, prune->force);
	strlist_fini(&filters);
	return code;
}

static const struct command volume_commands[] = {
	{ .name = "create", .usage = "[OPTIONS] [VOLUME]", .help = "Make a volume",
	  .options = volume_create_options, .max = 1, .args_size = sizeof(struct volume_create_args),
	  .run = volume_create },
	{ .name = "inspect", .usage = "[OPTIONS] VOLUME [VOLUME...]", .help = "Show all about volumes",
	  .options = volume_inspect_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct volume_inspect_args), .run = volume_inspect },
	{ .name = "ls", .spellings = "volume ls, volume list", .usage = "[OPTIONS]",
	  .help = "List the volumes of this host", .options = volume_ls_options,
	  .args_size = sizeof(struct volume_ls_args), .run = volume_ls },
	{ .name = "prune", .usage = "[OPTIONS]", .help = "Remove volumes that nothing uses",
	  .options = volume_prune_options, .args_size = sizeof(struct volume_prune_args),
	  .run = volume_prune },
	{ .name = "rm", .spellings = "volume rm, volume remove", .usage = "[OPTIONS] VOLUME [VOLUME...]",
	  .help = "Remove volumes", .options = volume_rm_options, .min = 1,
	  .max = COMMAND_MANY, .args_size = sizeof(struct volume_rm_args), .run = volume_rm },
	{ .name = NULL },
};

const struct command volume_command = {
	.name = "volume", .help = "Manage volumes", .commands = volume_commands,
};
