#include "applets/install.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/applets.h"
#include "os/file.h"

static int own_path(char *path, size_t size, struct err *err)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length < 0)
		return err_sys(err, "read /proc/self/exe");
	path[length] = '\0';
	return 0;
}

static bool is_same_file(const char *a, const char *b)
{
	char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);
	bool same = real_a && real_b && strcmp(real_a, real_b) == 0;

	free(real_a);
	free(real_b);
	return same;
}

/* Somebody else's command of that name would stop working, or ours would never be reached. */
static int check_path(const char *name, const char *self, struct err *err)
{
	struct strlist dirs = str_split(getenv("PATH") ? getenv("PATH") : "", ':');
	int result = 0;

	for (size_t i = 0; i < dirs.count && result == 0; i++) {
		char *file = path_join(dirs.items[i][0] ? dirs.items[i] : ".", name);
		if (access(file, X_OK) == 0 && !is_same_file(file, self))
			result = err_set(err, ERR_CONFLICT, "link '%s': PATH has %s already", name, file);
		free(file);
	}
	strlist_fini(&dirs);
	return result;
}

static int make_link(const char *dir, const char *name, const char *self, struct err *err)
{
	char *file = path_join(dir, name);
	int result = 0;

	if (symlink(self, file) < 0 && (errno != EEXIST || !is_same_file(file, self)))
		result = err_sys(err, "link '%s'", file);
	free(file);
	return result;
}

static int check_name(const char *name, const char *self, struct err *err)
{
	char *words[] = { (char *)name, NULL };

	if (!str_eq(name, "docker") && applets_find(words).words == 0)
		return err_set(err, ERR_NOT_FOUND, "link '%s': there is no such command", name);
	return check_path(name, self, err);
}

int install_links(const char *dir, bool with_docker, char *const *names, struct err *err)
{
	char self[4096];

	/* All are checked before the first is made. */
	if (own_path(self, sizeof(self), err) < 0 ||
	    (with_docker && check_name("docker", self, err) < 0))
		return -1;
	for (char *const *name = names; *name; name++)
		if (check_name(*name, self, err) < 0)
			return -1;
	if (dir_make(dir, 0755, err) < 0 || make_link(dir, "swarmbox", self, err) < 0 ||
	    (with_docker && make_link(dir, "docker", self, err) < 0))
		return -1;
	for (; *names; names++)
		if (make_link(dir, *names, self, err) < 0)
			return -1;
	return 0;
}
