/* swarm_restore.h - `swarm init --restore`: a backup goes up, and the node that it makes a manager answers like any init.
 */
#pragma once
#include "client/call.h"

/* file "-": the standard input. What is NULL is left to the agent. */
int swarm_restore(struct call *call, const char *file, const char *listen, const char *advertise, const char *data_path,
		  const char *availability, yyjson_doc **ret, struct err *err);
