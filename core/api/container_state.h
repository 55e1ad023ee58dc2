/* container_state.h - a container's state in Docker's words. Pure. */
#pragma once
#include "agent/health.h"
#include "base/buf.h"
#include "runtime/runtime.h"

const char *container_state_name(const struct runtime_info *info);              /* created, running, exited, removing */
/* "Up 3 minutes (healthy)", "Exited (1) 2 hours ago", "Created"; health NULL: it is not checked */
void container_state_text(const struct runtime_info *info, const struct health *health, nsec now_wall, struct buf *out);
