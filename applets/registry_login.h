/* registry_login.h - credentials of people for registries, as commands need them. */
#pragma once
#include "base/err.h"

struct call;
struct buf;
/* What config.json keeps for the registry of this image, as X-Registry-Auth has it; an empty one when
 * there is nothing, as docker's client does. -1 when the file is broken. */
int registry_login_find(const char *image, struct buf *ret_header, struct err *err);
/* It goes along with the next call. */
int registry_login_attach(struct call *call, const char *image, struct err *err);
