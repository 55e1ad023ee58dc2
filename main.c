/* main.c - one binary, many names.
 *
 * A shim is one process a container: it comes before anything else is set up, for what is touched
 * here is touched a thousand times on a busy host.
 */
#include <string.h>

#include "applets/applets.h"
#include "applets/cmd_shim.h"

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "shim") == 0)
		return cmd_shim(argc, argv);
	return applets_main(argc, argv);
}
