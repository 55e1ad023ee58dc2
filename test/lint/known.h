/* known.h - read before each source by clang-tidy alone (lint.sh): what these small functions of base do, said where the analyzer can
 * see it. It reads one source at a time, and without this it follows paths on which an error was set and yet success returned. */
#pragma once
#include "base/err.h"
#include "base/str.h"

static inline int known_failure(int always_minus_one) { (void)always_minus_one; return -1; }
#define err_set(...)  known_failure(err_set(__VA_ARGS__))
#define err_sys(...)  known_failure(err_sys(__VA_ARGS__))
#define err_wrap(...) known_failure(err_wrap(__VA_ARGS__))

static inline bool known_is_empty(const char *s) { return !s || !*s; }
#define str_is_empty(s) known_is_empty(s)
