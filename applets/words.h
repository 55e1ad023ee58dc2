/* words.h - texts that hold several: command lines, comma lists with quotes, environment files.
 *
 * Pure but for words_env_file.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

/* A command line as a POSIX shell splits it: blanks, 'single', "double", backslash; no expansion,
 * "#" starts a comment. */
int words_split(const char *text, struct strlist *ret, struct err *err);
/* One record of comma-separated values, RFC 4180: a,"b,c",d. */
int words_csv(const char *text, struct strlist *ret, struct err *err);
/* KEY=VALUE lines; a bare KEY takes the value that our own environment has, or is left out; "#"
 * starts a comment line. */
int words_env_file(const char *path, struct strlist *ret, struct err *err);
/* The same for one word of the command line; false when the variable is not set here and the word
 * is to be kept as it is. */
void words_env(const char *word, struct strlist *ret);
