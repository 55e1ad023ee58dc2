#include <stdlib.h>
#include <string.h>

#include "applets/listing.h"
#include "base/panic.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/inspect.h"

struct inspect_args { const char *format, *type; bool size; };

static const struct option inspect_options[] = {
	OPT_STRING(struct inspect_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_BOOL(struct inspect_args, size, 's', "size", "Show how much a container has written, too"),
	OPT_STRING(struct inspect_args, type, 0, "type", "string",
		   "Only things of that type: container, image, network, volume, service, task, node, secret, config"),
	OPT_END
};

/* In this order an object is looked for; those of the swarm only by a manager. */
static const struct kind { const char *name, *path, *behind; bool of_swarm; } kinds[] = {
	{ "container", "/containers/", "/json", false }, { "image", "/images/", "/json", false },
	{ "network", "/networks/", "", false },          { "volume", "/volumes/", "", false },
	{ "service", "/services/", "?insertDefaults=true", true },           { "task", "/tasks/", "", true },
	{ "node", "/nodes/", "", true },                 { "secret", "/secrets/", "", true },
	{ "config", "/configs/", "", true },
};

static bool is_manager(struct call *call)
{
	yyjson_doc *info = NULL;
	struct err err = {0};
	bool yes = call_get(call, &info, &err, "/info") == 0 &&
		   dig_bool(yyjson_doc_get_root(info), "Swarm.ControlAvailable");

	yyjson_doc_free(info);
	return yes;
}

/* A name that cannot be one of this kind is simply none of it. */
static bool is_absent(const struct call *call, const struct err *err)
{
	return call_status(call) == 404 || strstr(err->text, "invalid reference format") ||
	       strstr(err->text, "not supported");
}

static int find(struct call *call, const char *name, const char *type, bool with_size, yyjson_doc **ret,
		struct err *err)
{
	int has_swarm = -1;

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		CLEANUP(buf_finip) struct buf segment = BUF_INIT;

		if (type && !str_eq(type, kinds[i].name))
			continue;
		if (kinds[i].of_swarm && !type && has_swarm < 0)
			has_swarm = is_manager(call);
		if (kinds[i].of_swarm && !type && !has_swarm)
			break;
		call_add_segment(&segment, name);
		bool has_size = str_eq(kinds[i].name, "container");
		if (call_get(call, ret, err, "%s%s%s%s", kinds[i].path, buf_text(&segment),
			     kinds[i].behind, with_size && has_size ? "?size=1" : "") == 0) {
			if (with_size && !has_size)
				cli_warn("WARNING: --size ignored for %s", kinds[i].name);
			return 0;
		}
		if (type || !is_absent(call, err))
			return -1;
	}
	return err_set(err, ERR_NOT_FOUND, "Error: No such object: %s", name);
}

static int check_type(const char *type, struct err *err)
{
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		if (str_eq(kinds[i].name, type))
			return 0;
	return err_set(err, ERR_INVALID, "unknown type: \"%s\": must be one of \"container\", \"image\", \"network\", "
		       "\"node\", \"service\", \"task\", \"volume\"", type);
}

static int print_all(yyjson_doc **docs, size_t count, const char *format)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	yyjson_val **roots = NEW_ARRAY(yyjson_val *, count + 1);
	struct err err = {0};

	for (size_t i = 0; i < count; i++)
		roots[i] = yyjson_doc_get_root(docs[i]);
	int code = inspect_print(roots, count, format, &out, &err) < 0 ? cli_fail(&err) : EXIT_OK;
	cli_print_buf(&out);
	free(roots);
	return code;
}

static int inspect_run(struct cli *cli, const void *args, char **operands)
{
	const struct inspect_args *inspect = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	struct strlist errors = {0};
	size_t count = 0, found = 0;

	if (!call || (inspect->type && check_type(inspect->type, &err) < 0))
		return cli_fail(&err);
	while (operands[count])
		count++;
	yyjson_doc **docs = NEW_ARRAY(yyjson_doc *, count + 1);
	for (size_t i = 0; i < count; i++) {
		if (find(call, operands[i], inspect->type, inspect->size, &docs[found], &err) == 0)
			found++;
		else
			strlist_add(&errors, err.text);
	}
	int code = print_all(docs, found, inspect->format);
	for (size_t i = 0; i < errors.count; i++) {
		cli_warn("%s", errors.items[i]);
		code = EXIT_FAILED;
	}
	strlist_fini(&errors);
	for (size_t i = 0; i < found; i++)
		yyjson_doc_free(docs[i]);
	free(docs);
	return code;
}

const struct command inspect_command = {
	.name = "inspect", .usage = "[OPTIONS] NAME|ID [NAME|ID...]",
	.help = "Show all about things of any kind", .options = inspect_options, .min = 1,
	.max = COMMAND_MANY, .args_size = sizeof(struct inspect_args), .run = inspect_run,
};
