/* container_exec.c - what a process beside a container's own is told, and what is refused. */
#include "runtime/container_exec.h"

#include <string.h>

#include "base/str.h"
#include "runtime/spec_json.h"

#define FIELD(member, kind_) { .name = #member, .kind = kind_, .at = offsetof(struct container_exec, member) }

static const struct spec_field exec_fields[] = {
	FIELD(argv, SPEC_TEXTS),
	FIELD(env, SPEC_TEXTS),
	FIELD(user, SPEC_TEXT),
	FIELD(cwd, SPEC_TEXT),
	FIELD(tty_rows, SPEC_U32),
	FIELD(tty_columns, SPEC_U32),
	FIELD(has_tty, SPEC_BOOL),
	FIELD(has_stdin, SPEC_BOOL),
	FIELD(has_output, SPEC_BOOL),
	FIELD(is_privileged, SPEC_BOOL),
	FIELD(ends_with_agent, SPEC_BOOL),
	{ .kind = SPEC_END }
};

int container_exec_check(const struct container_exec *exec, struct err *err)
{
	if (!exec->argv.count || str_is_empty(exec->argv.items[0]))
		return err_set(err, ERR_INVALID, "No exec command specified");
	if (!str_is_empty(exec->cwd) && exec->cwd[0] != '/')
		return err_set(err, ERR_INVALID, "Cwd must be an absolute path");
	for (size_t i = 0; i < exec->env.count; i++)
		if (exec->env.items[i][0] == '=' || !strchr(exec->env.items[i], '='))
			return err_set(err, ERR_INVALID, "invalid environment variable: %.200s", exec->env.items[i]);
	if (exec->tty_rows > UINT16_MAX || exec->tty_columns > UINT16_MAX)
		return err_set(err, ERR_INVALID, "a terminal of %u by %u is too large", exec->tty_rows, exec->tty_columns);
	return 0;
}

int container_exec_encode(const struct container_exec *exec, struct buf *out, struct err *err)
{
	CLEANUP(spec_json_mut_freep) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	yyjson_mut_doc_set_root(doc, spec_fields_encode(doc, exec_fields, exec));
	if (spec_json_write(doc, "exec", out, err) < 0)
		return -1;
	return out->len <= CONTAINER_SPEC_MAX_BYTES ? 0 : err_set(err, ERR_INVALID, "exec: larger than %d bytes", CONTAINER_SPEC_MAX_BYTES);
}

int container_exec_decode(const char *text, size_t length, struct arena *arena, struct container_exec *ret, struct err *err)
{
	CLEANUP(spec_json_freep) yyjson_doc *doc = spec_json_read(text, length, "exec", err);
	struct container_exec exec = { .user = NULL };

	if (!doc || spec_fields_decode(yyjson_doc_get_root(doc), exec_fields, "exec", arena, &exec, err) < 0)
		return -1;
	if (container_exec_check(&exec, err) < 0)
		return -1;
	*ret = exec;
	return 0;
}
