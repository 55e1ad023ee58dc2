/* main.c - one binary, many names.
 *
 * Knows its version and nothing else so far.
 */
#include <stdio.h>
#include <string.h>

#include "base/version.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("swarmbox version %s, build %s\n", version_text(), version_build());
		return 0;
	}
	fputs("usage: swarmbox --version\n", stderr);
	return 1;
}
