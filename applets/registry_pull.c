#include "applets/registry_pull.h"

#include <unistd.h>

#include "applets/registry_login.h"
#include "client/call.h"
#include "client/json_message.h"
#include "client/screen.h"
#include "model/image_ref.h"

const struct option registry_pull_options[] = {
	OPT_UNSUPPORTED('a', "all-tags"),
	{ OPTION_TAKE_BOOL, 0, "disable-content-trust", "", "Do not ask for signatures (default true)", 0, registry_pull_take_no_trust, NULL },
	OPT_STRING(struct registry_pull_args, platform, 0, "platform", "string",
		   "Platform to take from an image with several, such as linux/arm64"),
	OPT_BOOL(struct registry_pull_args, quiet, 'q', "quiet", "Show only the name of what was pulled"),
	OPT_END
};

int registry_pull_take_no_trust(void *args UNUSED, const struct option *option, const char *value, struct err *err)
{
	return str_eq(value, "true") ? 0 : err_set(err, ERR_UNSUPPORTED, "--%s=false is not supported by swarmbox yet", option->name);
}

static void print_nothing(const char *text UNUSED, size_t length UNUSED)
{
}

static int show(struct http_client *client, bool quiet, struct err *err)
{
	unsigned columns = quiet ? 0 : screen_columns(STDOUT_FILENO);
	struct screen *screen = columns ? screen_new(STDOUT_FILENO, columns) : NULL;
	struct json_message_sink sink = { quiet ? print_nothing : cli_print, screen_line, screen };
	int rc = json_message_read(&sink, client, err);

	screen_free(screen);
	return rc;
}

static int exchange(struct call *call, const struct registry_pull_args *args, const struct image_ref *ref,
		    struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	CLEANUP(buf_finip) struct buf name = BUF_INIT;
	struct http_client *client;

	buf_printf(&name, "%s/%s", ref->domain, ref->path);
	buf_add_str(&path, "/images/create");
	call_add_query(&path, "fromImage", buf_text(&name));
	call_add_query(&path, "tag", ref->digest[0] ? ref->digest : ref->tag);
	call_add_query(&path, "platform", args->platform);
	if (registry_login_attach(call, buf_text(&name), err) < 0 ||
	    call_stream(call, "POST", &client, err, "%s", buf_text(&path)) < 0)
		return -1;
	return show(client, args->quiet, err);
}

int registry_pull(struct cli *cli, const void *args, char **operands)
{
	const struct registry_pull_args *pull = args;
	char text[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (!call || image_ref_parse(operands[0], &ref, &err) < 0)
		return cli_fail(&err);
	if (!ref.tag[0] && !ref.digest[0] && !pull->quiet)
		cli_printf("Using default tag: latest\n");
	image_ref_add_default_tag(&ref);
	if (exchange(call, pull, &ref, &err) < 0)
		return cli_fail(&err);
	cli_printf("%s\n", image_ref_format_canonical(&ref, text));
	return EXIT_OK;
}
