#include "agent/exec_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/entropy.h"

enum { EXEC_ARENA_MAX = 8 << 20 };

struct agent_exec {
	struct agent *agent;
	struct arena arena;             /* owns exec's words */
	struct container_exec exec;
	char id[HEX_ID_SIZE], container_id[HEX_ID_SIZE];
	const char *detach_keys, *command;
	struct runtime_exec *process;   /* while it runs */
	bool was_started, has_ended;
	int exit_code;
	pid_t pid;
	struct agent_exec_events events;        /* NULLs: nobody looks */
	void *arg;
	struct timer forget;
};

static void exec_free(struct agent_exec *exec)
{
	timer_cancel(&exec->forget);
	runtime_exec_free(exec->process);
	map_remove(exec->agent->execs, exec->id);
	arena_fini(&exec->arena);
	free(exec);
}

static void forget(void *arg)
{
	exec_free(arg);
}

void execs_free_all(struct agent *agent)
{
	void *exec;

	for (size_t at = 0; map_next(agent->execs, &at, NULL, &exec);)
		exec_free(exec);
}

static void tell(const struct agent_exec *exec, const char *what, const char *code)
{
	CLEANUP(str_freep) char *action = exec->command && *what != 'd' ? str_printf("exec_%s: %s", what, exec->command) : str_printf("exec_%s", what);
	const struct container_pair extra[] = { { "execID", exec->id }, { "exitCode", code } };

	agent_tell_event(exec->agent, exec->container_id, action, extra, code ? 2 : 1);
}

/* ---- made -------------------------------------------------------------------------------------------------------- */

static struct container_strings copy_words(const struct container_strings *words, struct arena *arena)
{
	struct container_strings ret = { ARENA_ARRAY(arena, const char *, words->count), words->count };

	for (size_t i = 0; i < words->count; i++)
		ret.items[i] = arena_strdup(arena, words->items[i]);
	return ret;
}

static const char *command_of(const struct container_exec *exec, struct arena *arena)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	for (size_t i = 0; i < exec->argv.count; i++)
		buf_printf(&text, "%s%s", i ? " " : "", exec->argv.items[i]);
	return arena_strdup(arena, buf_text(&text));
}

int agent_exec_new(struct agent *agent, const char *container, const struct container_exec *exec, const char *detach_keys,
		   const char *mark, char ret_id[HEX_ID_SIZE], struct err *err)
{
	struct agent_container found;
	struct agent_exec *made;

	if (agent_find_container(agent, container, &found, err) < 0)
		return -1;
	if (found.status == SOLO_RESTARTING)
		return err_set(err, ERR_CONFLICT, "Container %s is restarting, wait until the container is running", found.info.id);
	if (found.status != SOLO_RUNNING)
		return err_set(err, ERR_CONFLICT, "container %s is not running", found.info.id);
	if (found.info.is_paused)
		return err_set(err, ERR_CONFLICT, "Container %s is paused, unpause the container before exec", container);
	if (container_exec_check(exec, err) < 0)
		return -1;
	if (map_count(agent->execs) >= AGENT_EXECS_MAX)
		return err_set(err, ERR_EXHAUSTED, "%d exec instances are known: wait until some of them are forgotten", AGENT_EXECS_MAX);
	made = NEW(struct agent_exec);
	made->agent = agent;
	arena_init(&made->arena, "exec", EXEC_ARENA_MAX);
	made->exec = *exec;
	made->exec.argv = copy_words(&exec->argv, &made->arena);
	made->exec.env = copy_words(&exec->env, &made->arena);
	made->exec.user = arena_strdup(&made->arena, exec->user);
	made->exec.cwd = arena_strdup(&made->arena, exec->cwd);
	made->detach_keys = arena_strdup(&made->arena, detach_keys);
	made->command = command_of(exec, &made->arena);
	timer_init(&made->forget, agent->cfg.loop, forget, made);
	timer_set_in(&made->forget, AGENT_EXEC_KEPT_MS);        /* one that nobody starts */
	entropy_hex_id(made->id);
	memcpy(made->id, mark, strlen(mark));
	str_copy(made->container_id, sizeof made->container_id, found.info.id);
	map_put(agent->execs, made->id, made);
	str_copy(ret_id, HEX_ID_SIZE, made->id);
	tell(made, "create", NULL);
	return 0;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void describe(const struct agent_exec *exec, struct agent_exec_info *ret)
{
	*ret = (struct agent_exec_info){ .id = exec->id, .container_id = exec->container_id, .exec = &exec->exec, .detach_keys = exec->detach_keys,
					 .is_running = exec->was_started && !exec->has_ended, .has_ended = exec->has_ended,
					 .was_started = exec->was_started, .exit_code = exec->exit_code, .pid = exec->pid };
}

bool agent_exec_find(const struct agent *agent, const char *id, struct agent_exec_info *ret)
{
	const struct agent_exec *exec = map_get(agent->execs, id);

	if (exec)
		describe(exec, ret);
	return exec;
}

bool agent_exec_next(const struct agent *agent, size_t *at, struct agent_exec_info *ret)
{
	void *exec;

	if (!map_next(agent->execs, at, NULL, &exec))
		return false;
	describe(exec, ret);
	return true;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void end(struct agent_exec *exec, int code)
{
	exec->has_ended = true;
	exec->exit_code = code;
	runtime_exec_free(exec->process);
	exec->process = NULL;
	timer_set_in(&exec->forget, AGENT_EXEC_KEPT_MS);
}

static void started(void *arg, const struct runtime_exec_started *is, int code, const struct err *failure)
{
	struct agent_exec *exec = arg;
	int fd = failure ? -1 : is->stream_fd;

	if (failure) {
		end(exec, code);
	} else {
		exec->pid = is->pid;
	}
	if (exec->events.on_started)
		exec->events.on_started(exec->arg, fd, failure);
	else if (fd >= 0)
		close(fd);
}

static void ended(void *arg, int code)
{
	struct agent_exec *exec = arg;
	char text[16];

	end(exec, code);
	snprintf(text, sizeof text, "%d", code);
	tell(exec, "die", text);
	if (exec->events.on_exit)
		exec->events.on_exit(exec->arg);
}

int agent_exec_start(struct agent *agent, const char *id, bool is_attached, uint32_t rows, uint32_t columns,
		     const struct agent_exec_events *events, void *arg, struct err *err)
{
	static const struct runtime_exec_events ours = { started, ended };
	struct agent_exec *exec = map_get(agent->execs, id);
	struct container_exec plan;

	if (!exec)
		return err_set(err, ERR_NOT_FOUND, "No such exec instance: %.64s", id);
	if (exec->was_started)
		return err_set(err, ERR_CONFLICT, "exec command %s is already running", exec->id);
	plan = exec->exec;
	plan.has_output = plan.has_output && is_attached;
	plan.has_stdin = plan.has_stdin && is_attached;
	if (rows && columns) {
		plan.tty_rows = rows;
		plan.tty_columns = columns;
	}
	if (runtime_exec_new(agent->cfg.runtime, exec->container_id, &plan, &ours, exec, &exec->process, err) < 0)
		return -1;
	tell(exec, "start", NULL);
	exec->was_started = true;
	exec->events = *events;
	exec->arg = arg;
	timer_cancel(&exec->forget);
	return 0;
}

void agent_exec_leave(struct agent *agent, const char *id)
{
	struct agent_exec *exec = map_get(agent->execs, id);

	if (exec)
		exec->events = (struct agent_exec_events){ 0 };
}

int agent_exec_resize(struct agent *agent, const char *id, unsigned rows, unsigned columns, struct err *err)
{
	struct agent_exec *exec = map_get(agent->execs, id);

	if (!exec)
		return err_set(err, ERR_NOT_FOUND, "No such exec instance: %.64s", id);
	if (!exec->process)
		return err_set(err, ERR_CONFLICT, "exec process is not started");
	return runtime_exec_resize(exec->process, rows, columns, err);
}
