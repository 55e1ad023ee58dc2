/* signals.h - signals as loop events (signalfd). The set is blocked for the whole process: call before any thread is made. */
#pragma once
#include "os/loop.h"

struct signals;
struct signals *signals_new(struct loop *loop, const int *numbers, size_t count, void (*fn)(void *arg, int number), void *arg);
void signals_free(struct signals *signals);
/* "TERM", "SIGTERM", "15" and "RTMIN+3" to a number, -1 if it is none; and back, "SIGTERM". */
int signal_parse(const char *text);
const char *signal_name(int number);
