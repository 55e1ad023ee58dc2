/* rlimit.h - resource limits (setrlimit(2)) by Docker's names. */
#pragma once

int rlimit_find(const char *name);               /* "nofile" -> RLIMIT_NOFILE; -1 when unknown */
