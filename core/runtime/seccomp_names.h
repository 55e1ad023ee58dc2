/* seccomp_names.h - the table behind seccomp.h. */
#pragma once

#define SECCOMP_ALWAYS (-1)
struct seccomp_name {
	char number[40];                 /* "202", "(0 + 5)"; or the macro's own name where the architecture has no such call */
	int cap;                         /* the capability that allows it, or SECCOMP_ALWAYS */
};
extern const struct seccomp_name seccomp_names[];        /* ended by an empty number */
