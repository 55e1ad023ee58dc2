/* cmd_unpack.c - the agent's child that unpacks an archive; nothing for people. See
 * image/unpack_job_io.h.
 */
#include <stdio.h>
#include <unistd.h>

#include "applets/cli.h"
#include "applets/option.h"
#include "base/str.h"
#include "image/unpack_job_io.h"

static int unpack_run(struct cli *cli, const void *args, char **operands)
{
	enum unpack_mode mode;
	int64_t max_bytes;

	(void)cli;
	(void)args;
	if (!unpack_mode_parse(operands[0], &mode)) {
		fprintf(stderr, "unpack: '%s' is no mode\n", operands[0]);
		return 125;
	}
	if (str_to_i64(operands[2], &max_bytes) < 0 || max_bytes <= 0) {
		fprintf(stderr, "unpack: '%s' is not a number of bytes\n", operands[2]);
		return 125;
	}
	/* The root is another one by now and /proc is gone: nothing that runs at exit could do its
	 * work. */
	_exit(unpack_child_main(mode, operands[1], max_bytes, operands[3]));
}

const struct command unpack_command = {
	.name = "unpack",
	.usage = "MODE DIR MAX_BYTES PLATFORM",
	.help = "Unpack the archive on descriptor 0 (started by the agent)",
	.min = 4,
	.max = 4,
	.run = unpack_run,
	.is_hidden = true,
};
