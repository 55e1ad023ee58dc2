/* container_state.h - a container's state in Docker's words. Pure. */
#pragma once
#include "agent/agent_io.h"
#include "base/buf.h"

const char *container_state_name(const struct agent_container *container);      /* created, running, restarting, exited, removing, dead */
/* "Up 3 minutes (healthy)", "Exited (1) 2 hours ago", "Created" */
void container_state_text(const struct agent_container *container, nsec now_wall, struct buf *out);
/* Docker's Running: true while it waits for its restart, too. */
bool container_is_up(const struct agent_container *container);
