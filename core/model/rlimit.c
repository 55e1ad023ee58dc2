/* rlimit.c - the names of resource limits. */
#include "model/rlimit.h"

#include <sys/resource.h>

#include "base/str.h"

int rlimit_find(const char *name)
{
	static const struct { char name[12]; int resource; } limits[] = {
		{ "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU }, { "data", RLIMIT_DATA }, { "fsize", RLIMIT_FSIZE },
		{ "locks", RLIMIT_LOCKS }, { "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE },
		{ "nice", RLIMIT_NICE }, { "nofile", RLIMIT_NOFILE }, { "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS },
		{ "rtprio", RLIMIT_RTPRIO }, { "rttime", RLIMIT_RTTIME }, { "sigpending", RLIMIT_SIGPENDING },
		{ "stack", RLIMIT_STACK }
	};

	for (size_t i = 0; i < ARRAY_COUNT(limits); i++)
		if (str_eq(name, limits[i].name))
			return limits[i].resource;
	return -1;
}
