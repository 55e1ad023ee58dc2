/* registry_pull.h - `pull`: the agent fetches an image, what it tells on the way is shown. */
#pragma once
#include "applets/cli.h"

struct registry_pull_args { const char *platform; bool quiet; };
extern const struct option registry_pull_options[];
/* --disable-content-trust, also of `run`: signatures are what we have not; to be told not to ask for them is no wish. */
int registry_pull_take_no_trust(void *args, const struct option *option, const char *value, struct err *err);
int registry_pull(struct cli *cli, const void *args, char **operands);
