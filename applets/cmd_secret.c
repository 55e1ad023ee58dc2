/* `secret` and `config`: the same commands twice. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/listing.h"
#include "applets/spec_edit.h"
#include "base/encode.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"
#include "model/secret.h"

/* "swarmbox config ls", or "config ls" by a link of that name */
static bool is_config(const struct cli *cli)
{
	const char *word = strstr(cli->path, "config ");

	return word && (word == cli->path || word[-1] == ' ');
}

static const char *folder(const struct cli *cli)
{
	return is_config(cli) ? "/configs" : "/secrets";
}

/* --- create --- */

struct create_args { struct strlist labels; const char *template_driver; };

static int check_label(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	const char *key = value + strspn(value, " \t");
	size_t length = strcspn(key, "=");

	if (length == 0)
		return err_set(err, ERR_INVALID, "invalid label '%s': empty name", value);
	if (strcspn(key, " \t") < length)
		return err_set(err, ERR_INVALID, "label '%.*s' contains whitespaces", (int)length, key);
	return 0;
}

#define OPT_LABELS \
	{ OPTION_LIST, 'l', "label", "list", "Label, KEY=VALUE", OPTION_AT(struct create_args, labels, struct strlist), check_label, NULL }
#define OPT_TEMPLATE_DRIVER \
	OPT_STRING(struct create_args, template_driver, 0, "template-driver", "string", "Expand {{ }} for each task; 'golang'")

static const struct option create_secret_options[] = {
	OPT_UNSUPPORTED('d', "driver"),
	OPT_LABELS,
	OPT_TEMPLATE_DRIVER,
	OPT_END
};
static const struct option create_config_options[] = {
	OPT_LABELS,
	OPT_TEMPLATE_DRIVER,
	OPT_END
};

/* One byte more than is allowed is enough for the agent to say so. */
static int read_data(const char *file, struct buf *out, struct err *err)
{
	bool is_stdin = str_eq(file, "-");
	const char *name = is_stdin ? "STDIN" : file;
	int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd;

	while (fd >= 0 && out->len <= CONFIG_BYTES_MAX) {
		buf_reserve(out, 65536);
		got = read(fd, out->data + out->len, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		out->len += (size_t)got;
	}
	if (got < 0 && errno == ENOENT)
		err_set(err, ERR_NOT_FOUND, "error reading from %s: open %s: no such file or directory", name, file);
	else if (got < 0)
		err_sys(err, "error reading from %s", name);
	else if (out->len == 0)
		got = err_set(err, ERR_INVALID, "error reading from %s: data is empty", name);
	if (fd >= 0 && !is_stdin)
		close(fd);
	return got < 0 ? -1 : 0;
}

static void add_labels(yyjson_mut_doc *doc, const struct strlist *labels)
{
	spec_object(doc, "Labels");
	for (size_t i = 0; i < labels->count; i++) {
		const char *pair = labels->items[i];
		size_t length = strcspn(pair, "=");
		char *key = str_printf("%.*s", (int)length, pair);

		spec_put(doc, "Labels", key, pair[length] ? pair + length + 1 : "");
		str_freep(&key);
	}
}

static int create(struct cli *cli, const void *args, char **operands)
{
	const struct create_args *create = args;
	CLEANUP(buf_finip) struct buf data = BUF_INIT, text = BUF_INIT;
	struct err err = { 0 };
	struct call *call = cli_call(cli, &err);
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_doc *reply = NULL;
	int code = EXIT_OK;

	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	spec_set_str(doc, "Name", operands[0]);
	add_labels(doc, &create->labels);
	if (!operands[1])
		err_set(&err, ERR_INVALID, "secret file is required");
	if (!call || !operands[1] || read_data(operands[1], &data, &err) < 0) {
		yyjson_mut_doc_free(doc);
		return cli_fail(&err);
	}
	if (!str_is_empty(create->template_driver))
		spec_set_str(doc, "Templating.Name", create->template_driver);
	base64_encode(data.data, data.len, &text);
	spec_set_str(doc, "Data", buf_text(&text));
	if (call_post(call, doc, &reply, &err, "%s/create", folder(cli)) < 0)
		code = cli_fail(&err);
	else
		cli_printf("%s\n", dig_str(yyjson_doc_get_root(reply), "ID"));
	yyjson_doc_free(reply);
	yyjson_mut_doc_free(doc);
	return code;
}

/* --- ls --- */

struct ls_args { struct strlist filters; const char *format; bool quiet; };

static const struct option ls_options[] = {
	OPT_FILTER(struct ls_args, filters),
	OPT_STRING(struct ls_args, format, 0, "format", "string", LISTING_FORMAT_HELP),
	OPT_BOOL(struct ls_args, quiet, 'q', "quiet", "Show only the ids"),
	OPT_END
};

static const struct column secret_columns[] = {
	{ "CreatedAt", "CREATED" }, { "Driver", "DRIVER" }, { "ID", "ID" }, { "Labels", "LABELS" }, { "Name", "NAME" },
	{ "UpdatedAt", "UPDATED" }, { NULL, NULL },
};
static const struct column config_columns[] = {
	{ "CreatedAt", "CREATED" }, { "ID", "ID" }, { "Labels", "LABELS" }, { "Name", "NAME" }, { "UpdatedAt", "UPDATED" },
	{ NULL, NULL },
};

static void put_age(struct columns *table, const char *column, const char *stamp)
{
	CLEANUP(buf_finip) struct buf age = BUF_INIT;
	nsec wall = 0;

	if (stamp_parse(stamp, &wall) < 0)
		return;
	listing_age(wall, &age);
	columns_putf(table, column, "%s ago", buf_text(&age));
}

static void put_row(struct columns *table, yyjson_val *object, bool of_config)
{
	CLEANUP(buf_finip) struct buf labels = BUF_INIT;

	columns_add_row(table);
	columns_put(table, "ID", dig_str(object, "ID"));
	columns_put(table, "Name", dig_str(object, "Spec.Name"));
	if (!of_config)
		columns_put(table, "Driver", dig_str(object, "Spec.Driver.Name"));
	put_age(table, "CreatedAt", dig_str(object, "CreatedAt"));
	put_age(table, "UpdatedAt", dig_str(object, "UpdatedAt"));
	listing_labels(dig(object, "Spec.Labels"), ",", &labels);
	columns_put(table, "Labels", buf_text(&labels));
}

static int ls(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct ls_args *ls = args;
	bool of_config = is_config(cli);
	CLEANUP(columns_freep) struct columns *table = of_config ?
		columns_new(config_columns, "{{.ID}}\t{{.Name}}\t{{.CreatedAt}}\t{{.UpdatedAt}}") :
		columns_new(secret_columns, "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}");
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct err err = { 0 };
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;
	yyjson_val **objects;

	buf_add_str(&path, folder(cli));
	listing_add_filters(&ls->filters, &path);
	if (!call || call_get(call, &doc, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	objects = listing_sorted(yyjson_doc_get_root(doc), "Spec.Name");
	for (size_t i = 0; objects[i]; i++)
		put_row(table, objects[i], of_config);
	free(objects);
	yyjson_doc_free(doc);
	return listing_print(table, ls->format, ls->quiet, "ID");
}

/* --- inspect --- */

struct inspect_args { const char *format; bool pretty; };

static const struct option inspect_options[] = {
	OPT_STRING(struct inspect_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_BOOL(struct inspect_args, pretty, 0, "pretty", "Print it for people"),
	OPT_END
};

static void add_moment(struct buf *out, const char *title, const char *stamp)
{
	CLEANUP(buf_finip) struct buf moment = BUF_INIT;
	nsec wall = 0;

	stamp_parse(stamp, &wall);
	listing_moment(wall, &moment);
	for (char *at = moment.data; at && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at + 32);         /* Docker prints the zone so */
	buf_printf(out, "%s%s\n", title, buf_text(&moment));
}

static void add_pretty(struct buf *out, yyjson_val *object, bool of_config)
{
	yyjson_val *labels = dig(object, "Spec.Labels"), *key;
	const char *gap = of_config ? "\t\t\t" : "              ", *data = dig_str(object, "Spec.Data");
	yyjson_obj_iter iter;

	buf_printf(out, "ID:%s%s\nName:%s%s\n", gap, dig_str(object, "ID"), gap, dig_str(object, "Spec.Name"));
	if (yyjson_obj_size(labels) > 0)
		buf_add_str(out, "Labels:\n");
	yyjson_obj_iter_init(labels, &iter);
	while ((key = yyjson_obj_iter_next(&iter))) {
		const char *value = yyjson_get_str(yyjson_obj_iter_get_val(key));
		buf_printf(out, " - %s%s%s\n", yyjson_get_str(key), str_is_empty(value) ? "" : "=", value ? value : "");
	}
	if (!of_config)
		buf_printf(out, "Driver:            %s\n", dig_str(object, "Spec.Driver.Name"));
	add_moment(out, of_config ? "Created at:            \t" : "Created at:        ", dig_str(object, "CreatedAt"));
	add_moment(out, of_config ? "Updated at:            \t" : "Updated at:        ", dig_str(object, "UpdatedAt"));
	if (of_config) {
		buf_add_str(out, "Data:\n");
		base64_decode(data, strlen(data), out);
		buf_add_char(out, '\n');
	}
}

/* All of them or none. */
static int print_pretty(struct cli *cli, char **names)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = { 0 };
	struct call *call = cli_call(cli, &err);
	int code = call ? EXIT_OK : cli_fail(&err);

	for (; call && *names && code == EXIT_OK; names++) {
		CLEANUP(buf_finip) struct buf name = BUF_INIT;
		yyjson_doc *doc = NULL;

		call_add_segment(&name, *names);
		if (call_get(call, &doc, &err, "%s/%s", folder(cli), buf_text(&name)) == 0) {
			add_pretty(&out, yyjson_doc_get_root(doc), is_config(cli));
		} else {
			code = cli_fail(&err);
		}
		yyjson_doc_free(doc);
	}
	if (code == EXIT_OK)
		cli_print_buf(&out);
	return code;
}

static int inspect(struct cli *cli, const void *args, char **operands)
{
	const struct inspect_args *inspect = args;
	char path[16];

	if (inspect->pretty || str_eq(inspect->format, "pretty"))
		return print_pretty(cli, operands);
	if (inspect->format && str_starts(inspect->format, "pretty")) {
		cli_warn("cannot supply extra formatting options to the pretty template");
		return EXIT_FAILED;
	}
	snprintf(path, sizeof path, "%s/", folder(cli));
	return listing_inspect(cli, path, operands, "", inspect->format, NULL);
}

static int rm(struct cli *cli, const void *args UNUSED, char **operands)
{
	char path[16];

	snprintf(path, sizeof path, "%s/", folder(cli));
	return listing_each(cli, "DELETE", path, operands, "");
}

#define COMMANDS(noun, KIND, create_usage, create_min, options_of_create)                          \
	{ .name = "create", .usage = "[OPTIONS] " KIND " " create_usage,                           \
	  .help = "Make a " noun " of a file's content, or of what comes on standard input",        \
	  .options = options_of_create, .min = create_min, .max = 2,                               \
	  .args_size = sizeof(struct create_args), .run = create },                                \
	{ .name = "inspect", .usage = "[OPTIONS] " KIND " [" KIND "...]", .help = "Show all about " noun "s", \
	  .options = inspect_options, .min = 1, .max = COMMAND_MANY,                               \
	  .args_size = sizeof(struct inspect_args), .run = inspect },                              \
	{ .name = "ls", .spellings = noun " ls, " noun " list", .usage = "[OPTIONS]", .help = "List the " noun "s", \
	  .options = ls_options, .args_size = sizeof(struct ls_args), .run = ls },                 \
	{ .name = "rm", .spellings = noun " rm, " noun " remove", .usage = KIND " [" KIND "...]",   \
	  .help = "Remove " noun "s that no service uses", .min = 1, .max = COMMAND_MANY, .run = rm }, \
	{ .name = NULL }

static const struct command secret_commands[] = { COMMANDS("secret", "SECRET", "[file|-]", 1, create_secret_options) };
static const struct command config_commands[] = { COMMANDS("config", "CONFIG", "file|-", 2, create_config_options) };

const struct command secret_command = { .name = "secret", .help = "Manage secrets", .commands = secret_commands };
const struct command config_command = { .name = "config", .help = "Manage configs", .commands = config_commands };
