/* registry_login.h - credentials of people for registries, as commands need them. */
#pragma once
#include "base/err.h"

struct call;
/* What config.json keeps for the registry of this image goes along with the next call; without any, an
 * empty one goes, as docker's client does. -1 when the file is broken. */
int registry_login_attach(struct call *call, const char *image, struct err *err);
