/* escape.h - the probe's acts that try to get out, and to do what only the host may. */
#pragma once
#include <stdbool.h>

/* False for a name that is none of these. */
bool escape_act(const char *name, char **words);
/* All system calls of calls.c. */
void calls_act(void);
