/* cmd_shim.c - `swarmbox shim DIR …`: no options, no help, no tables, for it is there once for each
 * container. */
#include "applets/cmd_shim.h"

#include <stdio.h>

#include "runtime/shim.h"

int cmd_shim(int argc, char **argv)
{
	if (argc != 2 + SHIM_WORD_COUNT) {
		fprintf(stderr, "usage: swarmbox shim DIR NETWORK STDIO LOG BYTES FILES (started by the agent)\n");
		return 125;
	}
	return shim_run(argv + 2);
}
