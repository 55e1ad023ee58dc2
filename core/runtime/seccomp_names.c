/* seccomp_names.c - with the numbers of the architecture we are built for. */
#include "runtime/seccomp_names.h"

#include <asm/unistd.h>

#include "runtime/seccomp_list.h"

const char seccomp_names[] = SECCOMP_LIST;
