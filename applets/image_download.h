/* image_download.h - `image save`: an archive comes down as it is made, however large it is.
 */
#pragma once
#include "applets/cli.h"

struct image_save_args { const char *output, *platform; };
extern const struct option image_save_options[];
int image_save(struct cli *cli, const void *args, char **operands);
