/* cmd_fetch.c - the agent's child that speaks to registries; nothing for people. See
 * image/fetch_child_io.h.
 */
#include <unistd.h>

#include "applets/cli.h"
#include "applets/option.h"
#include "image/fetch_child_io.h"

static int fetch_run(struct cli *cli UNUSED, const void *args UNUSED, char **operands)
{
	/* The root is another one by now: nothing that runs at exit could do its work. */
	_exit(fetch_child_main(operands[0]));
}

const struct command fetch_command = {
	.name = "fetch",
	.usage = "[DIR]",
	.help = "Speak to a registry for the agent (started by the agent)",
	.max = 1,
	.run = fetch_run,
	.is_hidden = true,
};
