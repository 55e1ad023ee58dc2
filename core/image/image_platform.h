/* image_platform.h - the machine an image is for: "linux/arm64/v8".
 *
 * Pure. Words and their other spellings as containerd's platforms package knows them. Only Linux.
 */
#pragma once
#include "base/err.h"

struct image_platform { char os[16], architecture[16], variant[8]; };

/* This binary's: {"linux", "amd64", ""}. */
struct image_platform image_platform_host(void);
/* "" and NULL are the host's; also "linux", "arm64", "linux/x86_64". ERR_INVALID names the text. */
int image_platform_parse(const char *text, struct image_platform *ret, struct err *err);
