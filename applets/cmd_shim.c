/* cmd_shim.c - `swarmbox shim DIR …` and `swarmbox shim exec …`: no options, no help, no tables, for
 * it is there once for each container. */
#include "applets/cmd_shim.h"

#include <stdio.h>
#include <string.h>

#include "runtime/exec_shim.h"
#include "runtime/shim.h"

int cmd_shim(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[2], EXEC_SHIM_WORD) == 0)
		return exec_shim_run(argv[3]);
	if (argc != 2 + SHIM_WORD_COUNT) {
		fprintf(stderr, "usage: swarmbox shim DIR NETWORK STDIO LOG BYTES FILES | exec LETTERS "
				"(started by the agent)\n");
		return 125;
	}
	return shim_run(argv + 2);
}
