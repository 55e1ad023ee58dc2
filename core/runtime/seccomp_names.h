/* seccomp_names.h - the lists behind seccomp.h, and how they are read. */
#pragma once
#include "base/base.h"

/* Calls as one text, each ended by a semicolon: "202;", "(0 + 5);", or the macro's own name where the architecture has no such call. With a condition:
 * "21@21;", the capability that allows it; "56?c;", the filter has rules of its own for it. A call may be there more than once. */
extern const char seccomp_names[];
#if defined(__x86_64__)
extern const char seccomp_names_i386[];
#endif
/* The names of the same calls, in the same order: "accept;accept4;…". */
extern const char seccomp_words[];

enum { SECCOMP_NUMBER_MAX = 600, SECCOMP_PRIVATE_MAX = 16 };     /* above every number; armv7 has a few more from 0xf0000 up (cacheflush, set_tls) */

#define SECCOMP_ALWAYS (-1)
struct seccomp_name {
	int number;                      /* -1: not on this architecture */
	int cap;                         /* or SECCOMP_ALWAYS */
	char rule;                       /* c clone, n clone3, p personality, s socket, m socketcall, x never allowed; else 0 */
};
/* for (const char *at = seccomp_names; seccomp_next(&at, &name);) */
bool seccomp_next(const char **at, struct seccomp_name *ret);
