/* registry_pull.h - `pull`: the agent fetches an image, what it tells on the way is shown. */
#pragma once
#include "applets/cli.h"

struct registry_pull_args { const char *platform; bool quiet, disable_content_trust; };
extern const struct option registry_pull_options[];
int registry_pull(struct cli *cli, const void *args, char **operands);
