/* confirm.h - asks before something is removed that nobody named.
 */
#pragma once
#include <stdbool.h>

/* Prints the warning and "Are you sure you want to continue? [y/N] "; true for y or yes, any case. The
 * end of the input is a no. */
bool confirm(const char *warning);
