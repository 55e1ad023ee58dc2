/* seccomp_names_i386.c - with the numbers that 32-bit programs have on x86_64. */
#include "runtime/seccomp_names.h"

#if defined(__x86_64__)
#include <asm/unistd_32.h>

#include "runtime/seccomp_list.h"

const char seccomp_names_i386[] = SECCOMP_LIST;
#endif
