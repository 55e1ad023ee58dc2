/* program_io.c - finding and executing the user's program. */
#include "runtime/program_io.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

char *const *program_argv(const struct container_strings *words, struct arena *arena)
{
	char **argv = ARENA_ARRAY(arena, char *, words->count + 1);

	for (size_t i = 0; i < words->count; i++)
		argv[i] = arena_strdup(arena, words->items[i]);
	return argv;
}

/* Docker's words for what execve says. */
static void exec_error(const char *name, bool was_searched, struct err *err)
{
	if (errno == ENOENT && was_searched)
		err_set(err, ERR_INVALID, "exec: \"%s\": executable file not found in $PATH", name);
	else if (errno == ENOENT && access(name, F_OK) < 0)
		err_set(err, ERR_INVALID, "exec: \"%s\": stat %s: no such file or directory", name, name);
	else if (errno == ENOENT || errno == ENOEXEC)    /* its interpreter is missing */
		err_set(err, ERR_INVALID, "exec %s: %s", name, errno == ENOEXEC ? "exec format error" : "no such file or directory");
	else if (errno == EACCES)
		err_set(err, ERR_INVALID, "exec: \"%s\": permission denied", name);
	else if (errno == EISDIR)
		err_set(err, ERR_INVALID, "exec: \"%s\": is a directory", name);
	else
		err_sys(err, "exec: \"%s\"", name);
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 0111;
}

static const char *path_of_env(char *const *env)
{
	for (; *env; env++)
		if (str_starts(*env, "PATH="))
			return *env + sizeof "PATH=" - 1;
	return "";
}

/* NULL: nothing in PATH is a program of this name. */
static const char *search_path(struct arena *arena, const char *name, const char *path)
{
	for (;; path++) {
		size_t length = strcspn(path, ":");
		const char *found = length ? arena_printf(arena, "%.*s/%s", (int)length, path, name) : name;

		if (length && is_program(found))
			return found;
		path += length;
		if (!*path)
			return NULL;
	}
}

int program_exec(char *const *argv, char *const *env, struct arena *arena, struct err *err)
{
	const char *name = argv[0], *program = strchr(name, '/') ? name : search_path(arena, name, path_of_env(env));

	errno = ENOENT;
	if (program)
		execve(program, argv, env);
	int code = errno == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_FAILED;

	exec_error(program ? program : name, !program, err);
	return code;
}
