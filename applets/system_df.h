/* system_df.h - `system df`: what images, containers and volumes take on disk.
 */
#pragma once
#include "applets/cli.h"

struct system_df_args { const char *format; bool verbose; };
extern const struct option system_df_options[];
int system_df(struct cli *cli, const void *args, char **operands);
