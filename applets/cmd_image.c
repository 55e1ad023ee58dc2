#include <string.h>

#include "applets/image_download.h"
#include "applets/image_history.h"
#include "applets/image_upload.h"
#include "applets/listing.h"
#include "applets/prune.h"
#include "applets/registry_pull.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"
#include "model/image_ref.h"

/* --- ls --- */

struct image_ls_args { struct strlist filters; const char *format; bool all, digests, no_trunc, quiet; };

static const struct option image_ls_options[] = {
	OPT_BOOL(struct image_ls_args, all, 'a', "all", "Show all there are (none are hidden here)"),
	OPT_BOOL(struct image_ls_args, digests, 0, "digests", "Show digests"),
	OPT_FILTER(struct image_ls_args, filters),
	OPT_STRING(struct image_ls_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_BOOL(struct image_ls_args, no_trunc, 0, "no-trunc", "Show the IDs in full"),
	OPT_BOOL(struct image_ls_args, quiet, 'q', "quiet", "Show only the images' IDs"),
	OPT_UNSUPPORTED(0, "tree"),
	OPT_END
};

static const struct column image_columns[] = {
	{ "Containers", "CONTAINERS" }, { "CreatedAt", "CREATED AT" }, { "CreatedSince", "CREATED" },
	{ "Digest", "DIGEST" }, { "ID", "IMAGE ID" }, { "Repository", "REPOSITORY" },
	{ "SharedSize", "SHARED SIZE" }, { "Size", "SIZE" }, { "Tag", "TAG" },
	{ "UniqueSize", "UNIQUE SIZE" }, { NULL, NULL },
};
#define USUAL "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
#define WITH_DIGESTS "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"

static void put_id(struct columns *table, const char *id, bool no_trunc)
{
	const char *hex = str_after(id, "sha256:");

	columns_putf(table, "ID", no_trunc ? "%s" : "%.12s", hex && !no_trunc ? hex : id);
}

static void put_image(struct columns *table, yyjson_val *image, const char *repository,
		      const char *tag, const char *digest, bool no_trunc)
{
	CLEANUP(buf_finip) struct buf size = BUF_INIT, age = BUF_INIT, moment = BUF_INIT;
	nsec created = dig_int(image, "Created") * 1000000000;

	columns_add_row(table);
	columns_put(table, "Repository", repository);
	columns_put(table, "Tag", tag);
	columns_put(table, "Digest", *digest ? digest : "<none>");
	put_id(table, dig_str(image, "Id"), no_trunc);
	listing_moment(created, &moment);
	columns_put(table, "CreatedAt", buf_text(&moment));
	listing_age(created, &age);
	columns_putf(table, "CreatedSince", "%s ago", buf_text(&age));
	units_format_size(dig_int(image, "Size"), &size);
	columns_put(table, "Size", buf_text(&size));
	columns_put(table, "UniqueSize", "N/A");
	columns_put(table, "SharedSize", "N/A");
	columns_put(table, "Containers", "N/A");
}

/* The digest of an image under the repository of one of its tags. */
static const char *digest_of(yyjson_val *image, const struct image_ref *tag)
{
	yyjson_arr_iter iter;
	yyjson_val *item;

	yyjson_arr_iter_init(dig(image, "RepoDigests"), &iter);
	while ((item = yyjson_arr_iter_next(&iter))) {
		struct image_ref ref;
		struct err ignored = {0};
		if (image_ref_parse(yyjson_get_str(item), &ref, &ignored) == 0 &&
		    image_ref_is_same_repository(&ref, tag))
			return strchr(yyjson_get_str(item), '@') + 1;
	}
	return "";
}

/* The repository of an image that was pulled by its digest. */
static void put_untagged(struct columns *table, yyjson_val *image, bool no_trunc)
{
	yyjson_val *digests = dig(image, "RepoDigests"), *item;
	yyjson_arr_iter iter;

	if (yyjson_arr_size(digests) == 0)
		put_image(table, image, "<none>", "<none>", "", no_trunc);
	yyjson_arr_iter_init(digests, &iter);
	while ((item = yyjson_arr_iter_next(&iter))) {
		char name[IMAGE_REF_TEXT_SIZE];
		struct image_ref ref;
		struct err ignored = {0};

		if (image_ref_parse(yyjson_get_str(item), &ref, &ignored) == 0)
			put_image(table, image, image_ref_format_familiar_name(&ref, name), "<none>", ref.digest, no_trunc);
	}
}

/* A row for each tag; images without one have one row that says so. */
static void put_tags(struct columns *table, yyjson_val *image, bool no_trunc)
{
	yyjson_val *tags = dig(image, "RepoTags"), *item;
	yyjson_arr_iter iter;

	if (yyjson_arr_size(tags) == 0)
		put_untagged(table, image, no_trunc);
	yyjson_arr_iter_init(tags, &iter);
	while ((item = yyjson_arr_iter_next(&iter))) {
		char name[IMAGE_REF_TEXT_SIZE];
		struct image_ref ref;
		struct err ignored = {0};

		if (image_ref_parse(yyjson_get_str(item), &ref, &ignored) == 0)
			put_image(table, image, image_ref_format_familiar_name(&ref, name), ref.tag,
				  digest_of(image, &ref), no_trunc);
	}
}

static int image_ls(struct cli *cli, const void *args, char **operands)
{
	const struct image_ls_args *ls = args;
	CLEANUP(columns_freep) struct columns *table =
		columns_new(image_columns, ls->digests ? WITH_DIGESTS : USUAL);
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct strlist filters = {0};
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	yyjson_arr_iter iter;
	yyjson_val *image;

	for (size_t i = 0; i < ls->filters.count; i++)
		strlist_add(&filters, ls->filters.items[i]);
	if (operands[0])
		listing_add_filter(&filters, "reference", operands[0]);
	buf_printf(&path, "/images/json%s", ls->all ? "?all=1" : "");
	listing_add_filters(&filters, &path);
	strlist_fini(&filters);
	if (!call || call_get(call, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	yyjson_arr_iter_init(yyjson_doc_get_root(doc), &iter);
	while ((image = yyjson_arr_iter_next(&iter)))
		put_tags(table, image, ls->no_trunc);
	yyjson_doc_free(doc);
	return listing_print(table, ls->format, ls->quiet, "ID");
}

/* --- inspect, tag, rm --- */

struct image_inspect_args { const char *format; };

static const struct option image_inspect_options[] = {
	OPT_STRING(struct image_inspect_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_UNSUPPORTED(0, "platform"),
	OPT_END
};

static int image_inspect(struct cli *cli, const void *args, char **operands)
{
	const struct image_inspect_args *inspect = args;

	return listing_inspect(cli, "/images/", operands, "/json", inspect->format, NULL);
}

static int image_tag(struct cli *cli, const void *args UNUSED, char **operands)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	char name[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (!call)
		return cli_fail(&err);
	if (image_ref_parse(operands[1], &ref, &err) < 0) {
		err_wrap(&err, "Error parsing reference: \"%.200s\" is not a valid repository/tag", operands[1]);
		return cli_fail(&err);
	}
	image_ref_add_default_tag(&ref);
	buf_add_str(&path, "/images/");
	call_add_segment(&path, operands[0]);
	buf_add_str(&path, "/tag");
	call_add_query(&path, "repo", image_ref_format_familiar_name(&ref, name));
	call_add_query(&path, "tag", ref.tag);
	if (call_post(call, NULL, NULL, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	return EXIT_OK;
}

struct image_rm_args { bool force, no_prune; };

static const struct option image_rm_options[] = {
	OPT_BOOL(struct image_rm_args, force, 'f', "force", "Remove it even if it has other names"),
	OPT_BOOL(struct image_rm_args, no_prune, 0, "no-prune", "Keep parents that lose their last name"),
	OPT_UNSUPPORTED(0, "platform"),
	OPT_END
};

static void print_removed(yyjson_val *reply)
{
	yyjson_arr_iter iter;
	yyjson_val *item;

	yyjson_arr_iter_init(reply, &iter);
	while ((item = yyjson_arr_iter_next(&iter))) {
		if (dig(item, "Untagged"))
			cli_printf("Untagged: %s\n", dig_str(item, "Untagged"));
		if (dig(item, "Deleted"))
			cli_printf("Deleted: %s\n", dig_str(item, "Deleted"));
	}
}

static int image_rm(struct cli *cli, const void *args, char **operands)
{
	const struct image_rm_args *rm = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = call ? EXIT_OK : cli_fail(&err);

	for (; call && *operands; operands++) {
		CLEANUP(buf_finip) struct buf path = BUF_INIT;
		yyjson_doc *reply = NULL;

		buf_add_str(&path, "/images/");
		call_add_segment(&path, *operands);
		call_add_query(&path, "force", rm->force ? "1" : NULL);
		call_add_query(&path, "noprune", rm->no_prune ? "1" : NULL);
		if (call_delete(call, &reply, &err, "%s", buf_text(&path)) < 0) {
			cli_fail(&err);
			/* what is not there is gone, which is all that -f asks for */
			code = rm->force && call_status(call) == 404 ? code : EXIT_FAILED;
		}
		print_removed(yyjson_doc_get_root(reply));
		yyjson_doc_free(reply);
	}
	return code;
}

/* --- prune --- */

struct image_prune_args { struct strlist filters; bool all, force; };

static const struct option image_prune_options[] = {
	OPT_BOOL(struct image_prune_args, all, 'a', "all",
		 "Remove all that no container uses, not just those without a name"),
	{ OPTION_LIST, 0, "filter", "filter", "Remove only what fits: until=24h, label=NAME[=VALUE]",
	  OPTION_AT(struct image_prune_args, filters, struct strlist), listing_check_filter, NULL },
	OPT_BOOL(struct image_prune_args, force, 'f', "force", "Do not ask"),
	OPT_END
};

static void print_pruned(yyjson_val *item)
{
	if (dig(item, "Untagged"))
		cli_printf("untagged: %s\n", dig_str(item, "Untagged"));
	if (dig(item, "Deleted"))
		cli_printf("deleted: %s\n", dig_str(item, "Deleted"));
}

static int image_prune(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct image_prune_args *prune = args;
	struct prune what = {
		.path = "/images/prune", .title = "Deleted Images:", .member = "ImagesDeleted",
		.print = print_pruned,
		.warning = prune->all ? "This will remove all images without at least one container "
					"associated to them." :
					"This will remove all dangling images.",
	};
	struct strlist filters = {0};

	for (size_t i = 0; i < prune->filters.count; i++)
		strlist_add(&filters, prune->filters.items[i]);
	listing_add_filter(&filters, "dangling", prune->all ? "false" : "true");
	int code = prune_run(cli, &what, &filters, prune->force);
	strlist_fini(&filters);
	return code;
}

static const struct command image_commands[] = {
	{ .name = "history", .spellings = "image history, history", .usage = "[OPTIONS] IMAGE",
	  .help = "Show the steps an image was made in", .options = image_history_options, .min = 1,
	  .max = 1, .args_size = sizeof(struct image_history_args), .run = image_history },
	{ .name = "import", .spellings = "image import, import",
	  .usage = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
	  .help = "Make an image of the tar of a root file system", .options = image_import_options,
	  .min = 1, .max = 2, .args_size = sizeof(struct image_import_args), .run = image_import },
	{ .name = "inspect", .usage = "[OPTIONS] IMAGE [IMAGE...]", .help = "Show all about images",
	  .options = image_inspect_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct image_inspect_args), .run = image_inspect },
	{ .name = "load", .spellings = "image load, load", .usage = "[OPTIONS]",
	  .help = "Take the images of an archive in", .options = image_load_options,
	  .args_size = sizeof(struct image_load_args), .run = image_load },
	{ .name = "ls", .spellings = "image ls, image list, images",
	  .usage = "[OPTIONS] [REPOSITORY[:TAG]]", .help = "List the images of this host",
	  .options = image_ls_options, .max = 1, .args_size = sizeof(struct image_ls_args),
	  .run = image_ls },
	{ .name = "prune", .usage = "[OPTIONS]", .help = "Remove images that nobody uses",
	  .options = image_prune_options, .args_size = sizeof(struct image_prune_args),
	  .run = image_prune },
	{ .name = "pull", .spellings = "image pull, pull", .usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
	  .help = "Fetch an image from a registry", .options = registry_pull_options, .min = 1,
	  .max = 1, .args_size = sizeof(struct registry_pull_args), .run = registry_pull },
	{ .name = "rm", .spellings = "image rm, image remove, rmi", .usage = "[OPTIONS] IMAGE [IMAGE...]",
	  .help = "Remove images", .options = image_rm_options, .min = 1, .max = COMMAND_MANY,
	  .args_size = sizeof(struct image_rm_args), .run = image_rm },
	{ .name = "save", .spellings = "image save, save", .usage = "[OPTIONS] IMAGE [IMAGE...]",
	  .help = "Write images as an archive", .options = image_save_options, .min = 1,
	  .max = COMMAND_MANY, .args_size = sizeof(struct image_save_args), .run = image_save },
	{ .name = "tag", .spellings = "image tag, tag",
	  .usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", .help = "Give an image one more name",
	  .min = 2, .max = 2, .run = image_tag },
	{ .name = NULL },
};

const struct command image_command = {
	.name = "image", .help = "Manage images", .commands = image_commands,
};
