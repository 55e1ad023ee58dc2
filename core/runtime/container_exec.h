/* container_exec.h - a process that is to run beside a container's own one, as plain data (docker exec).
 *
 * As in container_spec.h every pointer is the caller's, a NULL string is "", and nothing is resolved. Pure.
 */
#pragma once
#include "base/buf.h"
#include "runtime/container_spec.h"

struct container_exec {
	struct container_strings argv;   /* at least one */
	struct container_strings env;    /* "K=V": replaces the container's own of that name, or is added */
	const char *user;                /* "": the container's; as container_spec's */
	const char *cwd;                 /* "": the container's; it has to be there */
	uint32_t tty_rows, tty_columns;  /* at the start; 0: whatever the kernel begins with */
	bool has_tty;                    /* a terminal of its own; TERM=xterm */
	bool has_stdin;                  /* the client's input; else /dev/null */
	bool has_output;                 /* the client gets it; else /dev/null, or a terminal nobody looks at */
	bool is_privileged;              /* all capabilities; everything else is still the container's */
	bool ends_with_agent;            /* killed when the agent goes (a health check); else it goes on by itself */
};

/* ERR_INVALID: what nobody could run. */
int container_exec_check(const struct container_exec *exec, struct err *err);

/* From the agent to the shim of the same binary. */
int container_exec_encode(const struct container_exec *exec, struct buf *out, struct err *err);
int container_exec_decode(const char *text, size_t length, struct arena *arena, struct container_exec *ret, struct err *err);
