/* sysctl_name.h - which kernel settings are a container's own to set. Pure. */
#pragma once
#include "base/base.h"

/* Only what lives in a namespace of the container: kernel.msgmax, kernel.shm… and fs.mqueue.* in that of ipc, net.* in that of the network,
 * which a container on the host's network has not. Anything else would change the host. */
bool sysctl_name_is_own(const char *name, bool is_on_host_network);
