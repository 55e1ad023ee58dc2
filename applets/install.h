/* install.h - links under which the binary is called: `swarmbox --install DIR [--docker]
 * [NAME...]`.
 */
#pragma once
#include "base/err.h"

/* Makes DIR/swarmbox, DIR/docker if wanted, and DIR/NAME for each name (ended by NULL), all
 * pointing at this binary. Refused: a name that is no command, a file that is there and not our
 * link, and, except for swarmbox itself, a name that some folder of PATH has already. */
int install_links(const char *dir, bool with_docker, char *const *names, struct err *err);
