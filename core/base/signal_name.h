/* signal_name.h - signals as people write them: SIGTERM, term, 15, RTMIN+3. */
#pragma once
#include "base/base.h"

/* 1 … 64, or -1. Any case, with or without SIG; numbers are not checked for having a name. */
int signal_parse(const char *text);
/* "SIGTERM", "SIGRTMIN+3", "unknown signal". */
const char *signal_name(int number);
