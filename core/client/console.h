/* console.h - our standard streams joined with those of a process in a container, until one side ends.
 *
 * Blocking; signals arrive as calls. The connection is one that call_hijack gave.
 */
#pragma once
#include "base/detach_keys.h"
#include "client/call.h"

enum console_end {
	CONSOLE_ENDED,          /* the process has, or the connection */
	CONSOLE_DETACHED,       /* the person, by his keys */
};
struct console_options {
	struct call_hijacked *connection;
	bool takes_input;       /* ours goes to it */
	bool is_raw;            /* it has a terminal: no frames, and our keys are looked through */
	struct detach_keys keys;
	bool proxies;           /* signals to us are told */
	void (*on_resize)(void *arg);
	void (*on_signal)(void *arg, int number);
	void *arg;
};
/* Blocks the signals that console_run will tell, so that none is lost before it runs; the program's mask is what it was after console_run. */
void console_hold_signals(bool proxies);
int console_run(const struct console_options *options, enum console_end *ret, struct err *err);
