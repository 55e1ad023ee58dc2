/* main.c - one binary, many names.
 *
 * A shim is one process a container, and so is an init where one is wanted: they come before
 * anything else is set up, for what is touched here is touched a thousand times on a busy host.
 *
 * Whatever it is, its memory may hold secrets (an agent's, a client's, a helper's): no kernel ever
 * writes it to a disk. Not by RLIMIT_CORE, which containers would inherit and pipes do not heed;
 * what is executed from here dumps core again.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "applets/applets.h"
#include "applets/cmd_shim.h"
#include "runtime/reaper_io.h"

/* A standard descriptor that came closed would be given to the next socket or database that is
 * opened, which then got our words. Held the wrong way around: whoever uses it is told. */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (argc > 0 && strcmp(argv[0], REAPER_NAME) == 0)
		return reaper_run(argv, environ);
	if (argc > 1 && strcmp(argv[1], "shim") == 0)
		return cmd_shim(argc, argv);
	hold_standard_descriptors();
	return applets_main(argc, argv);
}
