/* exec_io.h - processes that people run beside a container's own (docker exec): made, started once, asked about; kept for a while after their end.
 *
 * In memory only: a process that was started goes on without the agent, but nobody can ask about it any more, as with Docker.
 */
#pragma once
#include "agent/agent_io.h"
#include "runtime/container_exec.h"

enum { AGENT_EXECS_MAX = 4096, AGENT_EXEC_KEPT_MS = 300000 };

struct agent_exec_info {
	const char *id, *container_id;
	const struct container_exec *exec;
	const char *detach_keys;
	bool is_running, has_ended, was_started;
	int exit_code;
	pid_t pid;
};
/* exec is copied. mark: hexadecimal, with which the id begins; "" for none. ERR_NOT_FOUND, ERR_CONFLICT (it is not running), ERR_INVALID, ERR_EXHAUSTED. */
int agent_exec_new(struct agent *agent, const char *container, const struct container_exec *exec, const char *detach_keys,
		   const char *mark, char ret_id[HEX_ID_SIZE], struct err *err);
/* False: no such one. Everything lives until the next call. */
bool agent_exec_find(const struct agent *agent, const char *id, struct agent_exec_info *ret);
/* for (size_t at = 0; agent_exec_next(agent, &at, &info); ) */
bool agent_exec_next(const struct agent *agent, size_t *at, struct agent_exec_info *ret);

struct agent_exec_events {
	/* stream_fd: -1 when it has no streams, else the callee's. failure: it could not be started, which the info tells as its end. */
	void (*on_started)(void *arg, int stream_fd, const struct err *failure);
	void (*on_exit)(void *arg);     /* the info has its code already */
};
/* is_attached: somebody looks at its output. rows 0: as it was made. -1: nothing is called. */
int agent_exec_start(struct agent *agent, const char *id, bool is_attached, uint32_t rows, uint32_t columns,
		     const struct agent_exec_events *events, void *arg, struct err *err);
/* Whoever started it looks no more; it goes on. */
void agent_exec_leave(struct agent *agent, const char *id);
int agent_exec_resize(struct agent *agent, const char *id, unsigned rows, unsigned columns, struct err *err);
