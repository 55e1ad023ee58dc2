#include "applets/image_download.h"

#include <unistd.h>

#include "applets/download.h"

const struct option image_save_options[] = {
	OPT_STRING(struct image_save_args, output, 'o', "output", "string",
		   "Write to this file instead of the standard output"),
	OPT_STRING(struct image_save_args, platform, 0, "platform", "string",
		   "Refuse images that are not for this one, such as linux/arm64"),
	OPT_END
};

int image_save(struct cli *cli, const void *args, char **operands)
{
	const struct image_save_args *save = args;
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct http_client *client;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (call && !save->output && isatty(STDOUT_FILENO)) {
		err_set(&err, ERR_INVALID,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
		return cli_fail(&err);
	}
	buf_add_str(&path, "/images/get");
	for (; *operands; operands++)
		call_add_query(&path, "names", *operands);
	call_add_query(&path, "platform", save->platform);
	if (!call || call_stream(call, "GET", &client, &err, "%s", buf_text(&path)) < 0)
		return cli_fail(&err);
	int result = save->output ? download_to_file(client, save->output, true, "the archive", &err) :
				    download_to_fd(client, STDOUT_FILENO, "the archive", &err);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}
