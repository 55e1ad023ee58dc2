/* cgroup_path.h - names of groups and of files in them, for cgroup_io.c and cgroup_kill_io.c. */
#pragma once
#include <stdio.h>

#include "base/panic.h"

enum { PATH_BYTES = 768 };

struct group_path { char text[PATH_BYTES]; };

static inline struct group_path path_of(const char *mount, const char *parent, const char *below)
{
	struct group_path path;

	check(snprintf(path.text, sizeof path.text, "%s/%s%s%s", mount, parent, below[0] ? "/" : "", below) < PATH_BYTES);
	return path;
}

static inline struct group_path path_below(const char *dir, const char *name)
{
	struct group_path path;

	check(snprintf(path.text, sizeof path.text, "%s/%s", dir, name) < PATH_BYTES);
	return path;
}
