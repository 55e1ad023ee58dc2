#include "model/sysctl_name.h"

#include <string.h>

#include "base/str.h"

bool sysctl_name_is_own(const char *name, bool is_on_host_network)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
					   "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced" };

	if (strchr(name, '/') || strstr(name, ".."))
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(ipc); i++)
		if (str_eq(name, ipc[i]))
			return true;
	return str_starts(name, "fs.mqueue.") || (!is_on_host_network && str_starts(name, "net."));
}
