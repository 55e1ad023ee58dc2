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
	int64_t max_bytes;

	(void)cli;
	(void)args;
	if (str_to_i64(operands[1], &max_bytes) < 0 || max_bytes <= 0) {
		fprintf(stderr, "unpack: '%s' is not a number of bytes\n", operands[1]);
		return 125;
	}
	/* The root is another one by now and /proc is gone: nothing that runs at exit could do its
	 * work. */
	_exit(unpack_child_main(operands[0], max_bytes));
}

const struct command unpack_command = {
	.name = "unpack",
	.usage = "DIR MAX_BYTES",
	.help = "Unpack the archive on descriptor 0 (started by the agent)",
	.min = 2,
	.max = 2,
	.run = unpack_run,
	.is_hidden = true,
};
