/* prompt.h - a line that a person types.
 */
#pragma once
#include "base/err.h"

/* The words go to stderr. A secret is typed unseen, on a terminal. On the heap, without the end of the line; at most 4096 bytes. */
int prompt_ask(const char *words, bool is_secret, char **ret, struct err *err);
