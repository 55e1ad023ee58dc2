/* image_platform.h - the machine an image is for: "linux/arm64/v8".
 *
 * Pure. Words and their other spellings as containerd's platforms package knows them. Only Linux.
 */
#pragma once
#include "base/err.h"

struct image_platform { char os[16], architecture[16], variant[8]; };

/* This binary's: {"linux", "amd64", ""}. */
struct image_platform image_platform_host(void);
/* Of the fields of a config or of an index, "" where they are absent; other spellings are made the usual one ("armhf" is arm/v7, arm64's "v8" is ""). False
 * for what can be no platform: then all of ret is "". */
bool image_platform_read(const char *os, const char *architecture, const char *variant, struct image_platform *ret);
/* How well an image for `has` runs on a machine that is `wants`: 0 is best, each older variant of its kind is one worse (arm64, then arm v8, v7, v6, v5;
 * amd64 v3, v2, v1, then 386); -1: not at all. As containerd chooses. An os or architecture of "" in `has` fits nothing. */
int image_platform_rank(const struct image_platform *wants, const struct image_platform *has);
/* "linux/arm/v7". */
#define IMAGE_PLATFORM_TEXT_SIZE 44
const char *image_platform_format(const struct image_platform *platform, char ret_text[IMAGE_PLATFORM_TEXT_SIZE]);
/* "" and NULL are the host's; also "linux", "arm64", "linux/x86_64". ERR_INVALID names the text. */
int image_platform_parse(const char *text, struct image_platform *ret, struct err *err);
