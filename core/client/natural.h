/* natural.h - the order people expect of names with numbers in them: web.2 before web.10.
 */
#pragma once

/* Runs of digits compare as numbers, everything else by bytes; as strcmp. */
int natural_compare(const char *a, const char *b);
