/* seccomp_words.c - by their names. */
#include "runtime/seccomp_names.h"

#define SECCOMP_WORDS
#include "runtime/seccomp_list.h"

const char seccomp_words[] = SECCOMP_LIST;
