#include <string.h>
#include <sys/utsname.h>

#include "applets/listing.h"
#include "base/version.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/inspect.h"

struct version_args { const char *format; };

static const struct option version_options[] = {
	OPT_STRING(struct version_args, format, 'f', "format", "string", LISTING_INSPECT_HELP),
	OPT_END
};

/* Names of architectures as Docker writes them. */
static const char *architecture(void)
{
	static const char *const names[][2] = {
		{ "x86_64", "amd64" }, { "aarch64", "arm64" }, { "armv7l", "arm" },
	};
	static struct utsname uts;

	if (uname(&uts) < 0)
		return "unknown";
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (str_eq(names[i][0], uts.machine))
			return names[i][1];
	return uts.machine;
}

static yyjson_mut_val *client_version(yyjson_mut_doc *doc)
{
	yyjson_mut_val *client = yyjson_mut_obj(doc);

	yyjson_mut_obj_add_str(doc, client, "Version", version_text());
	yyjson_mut_obj_add_str(doc, client, "ApiVersion", "1.50");
	yyjson_mut_obj_add_str(doc, client, "GitCommit", version_build());
	yyjson_mut_obj_add_str(doc, client, "Os", "linux");
	yyjson_mut_obj_add_str(doc, client, "Arch", architecture());
	return client;
}

/* {"Client":{…},"Server":{…}}; Server null when nobody answers. */
static yyjson_doc *whole_version(yyjson_doc *server)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_val(doc, root, "Client", client_version(doc));
	yyjson_mut_obj_add_val(doc, root, "Server",
			       server ? yyjson_val_mut_copy(doc, yyjson_doc_get_root(server)) :
					yyjson_mut_null(doc));
	yyjson_doc *made = yyjson_mut_doc_imut_copy(doc, NULL);
	yyjson_mut_doc_free(doc);
	return made;
}

static void add_server(struct buf *out, yyjson_val *server)
{
	buf_printf(out, "\nServer: %s\n Engine:\n", dig_str(server, "Platform.Name"));
	buf_printf(out, "  Version:\t%s\n", dig_str(server, "Version"));
	buf_printf(out, "  API version:\t%s (minimum version %s)\n", dig_str(server, "ApiVersion"),
		   dig_str(server, "MinAPIVersion"));
	buf_printf(out, "  Git commit:\t%s\n", dig_str(server, "GitCommit"));
	buf_printf(out, "  OS/Arch:\t%s/%s\n", dig_str(server, "Os"), dig_str(server, "Arch"));
	buf_printf(out, "  Kernel:\t%s\n", dig_str(server, "KernelVersion"));
}

static void print_version(yyjson_val *whole)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT, out = BUF_INIT;
	yyjson_val *client = dig(whole, "Client"), *server = dig(whole, "Server");

	buf_printf(&text, "Client:\n Version:\t%s\n API version:\t%s\n Git commit:\t%s\n OS/Arch:\t%s/%s\n",
		   dig_str(client, "Version"), dig_str(client, "ApiVersion"),
		   dig_str(client, "GitCommit"), dig_str(client, "Os"), dig_str(client, "Arch"));
	if (server)
		add_server(&text, server);
	columns_align(buf_text(&text), 20, 1, &out);
	cli_print_buf(&out);
}

static int version_run(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct version_args *version = args;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err no_server = {0}, err = {0};
	struct call *call = cli_call(cli, &no_server);
	yyjson_doc *server = NULL;
	int code = EXIT_OK;

	if (!call || call_get(call, &server, &no_server, "/version") < 0)
		code = EXIT_FAILED;
	yyjson_doc *whole = whole_version(server);
	yyjson_val *root = yyjson_doc_get_root(whole);
	if (!version->format)
		print_version(root);
	else if (inspect_print(&root, 1, inspect_format_of_one(version->format), &out, &err) < 0)
		code = cli_fail(&err);
	cli_print_buf(&out);
	if (no_server.code)
		cli_fail(&no_server);
	yyjson_doc_free(whole);
	yyjson_doc_free(server);
	return code;
}

const struct command version_command = {
	.name = "version", .usage = "[OPTIONS]", .help = "Show the versions of command line and agent",
	.options = version_options, .args_size = sizeof(struct version_args), .run = version_run,
};
