#include "applets/system_df.h"

#include <string.h>

#include "applets/listing.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"
#include "model/image_ref.h"

const struct option system_df_options[] = {
	OPT_STRING(struct system_df_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_BOOL(struct system_df_args, verbose, 'v', "verbose", "Show each of them"),
	OPT_END
};

/* A line of the summary. */
struct kind { size_t total, active; int64_t bytes, reclaimable; };

/* Docker shows the sizes of single images and containers with three digits, all others with four. */
static void put_room(struct columns *table, const char *name, int64_t bytes)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	units_format_room(bytes, &text);
	columns_put(table, name, buf_text(&text));
}

static void put_size(struct columns *table, const char *name, int64_t bytes)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	units_format_size(bytes, &text);
	columns_put(table, name, buf_text(&text));
}

static void put_kind(struct columns *table, const char *name, const struct kind *kind)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	columns_add_row(table);
	columns_put(table, "Type", name);
	columns_putf(table, "TotalCount", "%zu", kind->total);
	columns_putf(table, "Active", "%zu", kind->active);
	put_room(table, "Size", kind->bytes);
	units_format_room(kind->reclaimable, &text);
	if (kind->bytes > 0)
		buf_printf(&text, " (%lld%%)", (long long)(kind->reclaimable * 100 / kind->bytes));
	columns_put(table, "Reclaimable", buf_text(&text));
}

/* Images that containers use keep what they share with nobody. */
static struct kind sum_images(yyjson_val *df)
{
	struct kind kind = { .bytes = dig_int(df, "LayersSize") };
	yyjson_arr_iter iter;
	yyjson_val *image;

	kind.reclaimable = kind.bytes;
	yyjson_arr_iter_init(dig(df, "Images"), &iter);
	while ((image = yyjson_arr_iter_next(&iter))) {
		kind.total++;
		if (dig_int(image, "Containers") <= 0)
			continue;
		kind.active++;
		kind.reclaimable -= dig_int(image, "Size") - dig_int(image, "SharedSize");
	}
	return kind;
}

static struct kind sum_containers(yyjson_val *df)
{
	struct kind kind = { 0 };
	yyjson_arr_iter iter;
	yyjson_val *container;

	yyjson_arr_iter_init(dig(df, "Containers"), &iter);
	while ((container = yyjson_arr_iter_next(&iter))) {
		const char *state = dig_str(container, "State");
		bool is_active = str_eq(state, "running") || str_eq(state, "paused") ||
				 str_eq(state, "restarting");

		kind.total++;
		kind.active += is_active;
		kind.bytes += dig_int(container, "SizeRw");
		kind.reclaimable += is_active ? 0 : dig_int(container, "SizeRw");
	}
	return kind;
}

static struct kind sum_volumes(yyjson_val *df)
{
	struct kind kind = { 0 };
	yyjson_arr_iter iter;
	yyjson_val *volume;

	yyjson_arr_iter_init(dig(df, "Volumes"), &iter);
	while ((volume = yyjson_arr_iter_next(&iter))) {
		int64_t bytes = dig_int(dig(volume, "UsageData"), "Size");
		bool is_active = dig_int(dig(volume, "UsageData"), "RefCount") > 0;

		kind.total++;
		kind.active += is_active;
		kind.bytes += bytes;
		kind.reclaimable += is_active ? 0 : bytes;
	}
	return kind;
}

static const struct column summary_columns[] = {
	{ "Active", "ACTIVE" }, { "Reclaimable", "RECLAIMABLE" }, { "Size", "SIZE" },
	{ "TotalCount", "TOTAL" }, { "Type", "TYPE" }, { NULL, NULL },
};

static int print_summary(yyjson_val *df, const char *format)
{
	CLEANUP(columns_freep) struct columns *table = columns_new(summary_columns,
		"{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}");
	struct kind images = sum_images(df), containers = sum_containers(df);
	struct kind volumes = sum_volumes(df), cache = { 0 };

	put_kind(table, "Images", &images);
	put_kind(table, "Containers", &containers);
	put_kind(table, "Local Volumes", &volumes);
	put_kind(table, "Build Cache", &cache);
	return listing_print(table, format, false, NULL);
}

/* --- each of them --- */

static const struct column image_columns[] = {
	{ "Containers", "CONTAINERS" }, { "CreatedSince", "CREATED" }, { "ID", "IMAGE ID" },
	{ "Repository", "REPOSITORY" }, { "SharedSize", "SHARED SIZE" }, { "Size", "SIZE" },
	{ "Tag", "TAG" }, { "UniqueSize", "UNIQUE SIZE" }, { NULL, NULL },
};

static void put_id(struct columns *table, const char *id)
{
	const char *hex = str_after(id, "sha256:");

	columns_putf(table, "ID", "%.12s", hex ? hex : id);
}

static void put_age(struct columns *table, int64_t created)
{
	CLEANUP(buf_finip) struct buf age = BUF_INIT;

	listing_age(created * 1000000000, &age);
	columns_putf(table, "CreatedSince", "%s ago", buf_text(&age));
}

static void put_image(struct columns *table, yyjson_val *image)
{
	const char *name = yyjson_get_str(yyjson_arr_get_first(dig(image, "RepoTags")));
	char repository[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err ignored = {0};
	bool is_named = name && image_ref_parse(name, &ref, &ignored) == 0;

	columns_add_row(table);
	columns_put(table, "Repository",
		    is_named ? image_ref_format_familiar_name(&ref, repository) : "<none>");
	columns_put(table, "Tag", is_named ? ref.tag : "<none>");
	put_id(table, dig_str(image, "Id"));
	put_age(table, dig_int(image, "Created"));
	put_size(table, "Size", dig_int(image, "Size"));
	put_room(table, "SharedSize", dig_int(image, "SharedSize"));
	put_room(table, "UniqueSize", dig_int(image, "Size") - dig_int(image, "SharedSize"));
	columns_putf(table, "Containers", "%lld", (long long)dig_int(image, "Containers"));
}

static const struct column container_columns[] = {
	{ "Command", "COMMAND" }, { "CreatedSince", "CREATED" }, { "ID", "CONTAINER ID" },
	{ "Image", "IMAGE" }, { "LocalVolumes", "LOCAL VOLUMES" }, { "Names", "NAMES" },
	{ "Size", "SIZE" }, { "Status", "STATUS" }, { NULL, NULL },
};

static void put_container(struct columns *table, yyjson_val *container)
{
	const char *name = yyjson_get_str(yyjson_arr_get_first(dig(container, "Names")));
	CLEANUP(buf_finip) struct buf command = BUF_INIT, image = BUF_INIT;
	long long volumes = 0;
	yyjson_arr_iter iter;
	yyjson_val *mount;

	yyjson_arr_iter_init(dig(container, "Mounts"), &iter);
	while ((mount = yyjson_arr_iter_next(&iter)))
		volumes += str_eq(dig_str(mount, "Type"), "volume");
	columns_add_row(table);
	put_id(table, dig_str(container, "Id"));
	listing_image(dig_str(container, "Image"), &image);
	columns_put(table, "Image", buf_text(&image));
	listing_ellipsis(dig_str(container, "Command"), 20, &command);
	columns_putf(table, "Command", "\"%s\"", buf_text(&command));
	columns_putf(table, "LocalVolumes", "%lld", volumes);
	put_size(table, "Size", dig_int(container, "SizeRw"));
	put_age(table, dig_int(container, "Created"));
	columns_put(table, "Status", dig_str(container, "Status"));
	columns_put(table, "Names", name && *name == '/' ? name + 1 : name);
}

static const struct column volume_columns[] = {
	{ "Links", "LINKS" }, { "Name", "VOLUME NAME" }, { "Size", "SIZE" }, { NULL, NULL },
};

static void put_volume(struct columns *table, yyjson_val *volume)
{
	columns_add_row(table);
	columns_put(table, "Name", dig_str(volume, "Name"));
	columns_putf(table, "Links", "%lld", (long long)dig_int(dig(volume, "UsageData"), "RefCount"));
	put_room(table, "Size", dig_int(dig(volume, "UsageData"), "Size"));
}

static void print_each(yyjson_val *list, const char *title, const struct column *columns,
		       const char *usual, void (*put)(struct columns *table, yyjson_val *item))
{
	CLEANUP(columns_freep) struct columns *table = columns_new(columns, usual);
	yyjson_arr_iter iter;
	yyjson_val *item;

	cli_printf("%s space usage:\n\n", title);
	yyjson_arr_iter_init(list, &iter);
	while ((item = yyjson_arr_iter_next(&iter)))
		put(table, item);
	listing_print(table, NULL, false, NULL);
}

static int print_verbose(yyjson_val *df)
{
	print_each(dig(df, "Images"), "Images", image_columns,
		   "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t"
		   "{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}", put_image);
	cli_printf("\n");
	print_each(dig(df, "Containers"), "Containers", container_columns,
		   "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t"
		   "{{.CreatedSince}}\t{{.Status}}\t{{.Names}}", put_container);
	cli_printf("\n");
	print_each(dig(df, "Volumes"), "Local Volumes", volume_columns,
		   "{{.Name}}\t{{.Links}}\t{{.Size}}", put_volume);
	cli_printf("\nBuild cache usage: 0B\n\n");
	cli_printf("CACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED\n");
	return EXIT_OK;
}

int system_df(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct system_df_args *df = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;

	if (df->verbose && df->format) {
		err_set(&err, ERR_UNSUPPORTED,
			"--format with --verbose is not supported by swarmbox yet");
		return cli_fail(&err);
	}
	if (!call || call_get(call, &doc, &err, "/system/df") < 0)
		return cli_fail(&err);
	int code = df->verbose ? print_verbose(yyjson_doc_get_root(doc)) :
				 print_summary(yyjson_doc_get_root(doc), df->format);
	yyjson_doc_free(doc);
	return code;
}
