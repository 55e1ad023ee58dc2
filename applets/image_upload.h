/* image_upload.h - `image import` and `image load`: a tar goes up as it is read, however large it is.
 */
#pragma once
#include "applets/cli.h"

struct image_import_args { struct strlist changes; const char *message, *platform; };
extern const struct option image_import_options[];
int image_import(struct cli *cli, const void *args, char **operands);

struct image_load_args { const char *input, *platform; bool quiet; };
extern const struct option image_load_options[];
int image_load(struct cli *cli, const void *args, char **operands);
