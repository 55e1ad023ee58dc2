/* terminal.h - the person's own terminal: its size, and raw while a program in a container has it. */
#pragma once
#include <termios.h>

#include "base/err.h"

struct terminal { int fd; bool is_raw; struct termios before; };

/* Each key goes through as it is typed. */
int terminal_make_raw(struct terminal *terminal, int fd, struct err *err);
void terminal_restore(struct terminal *terminal);        /* harmless when it is not raw */
bool terminal_size(int fd, unsigned *ret_rows, unsigned *ret_columns);   /* false: it is no terminal */
