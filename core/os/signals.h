/* signals.h - signals as loop events (signalfd). The set is blocked for the whole process: call before any thread is made. */
#pragma once
#include "base/signal_name.h"
#include "os/loop.h"

struct signals;
struct signals *signals_new(struct loop *loop, const int *numbers, size_t count, void (*fn)(void *arg, int number), void *arg);
void signals_free(struct signals *signals);
