/* container_state.h - a container's state in Docker's words. Pure. */
#pragma once
#include "base/buf.h"
#include "runtime/runtime.h"

const char *container_state_name(const struct runtime_info *info);              /* created, running, exited, removing */
/* "Up 3 minutes", "Exited (1) 2 hours ago", "Created" */
void container_state_text(const struct runtime_info *info, nsec now_wall, struct buf *out);
