/* program_io.h - the last step of a process inside a container: the user's program in its place. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "runtime/container_spec.h"

enum { PROGRAM_FAILED = 126, PROGRAM_NOT_FOUND = 127 };

char *const *program_argv(const struct container_strings *words, struct arena *arena);   /* ended by NULL */
/* Looked for in env's PATH, here and now, unless its name has a slash. Returns only when it failed, with the exit code a shell has for that and Docker's words. */
int program_exec(char *const *argv, char *const *env, struct arena *arena, struct err *err);
