/* image_history.h - `image history`: the steps an image was made in.
 */
#pragma once
#include "applets/cli.h"

struct image_history_args { const char *format; bool human_off, no_trunc, quiet; };
extern const struct option image_history_options[];
int image_history(struct cli *cli, const void *args, char **operands);
