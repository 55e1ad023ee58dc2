/* outdated.h - has a task to be replaced because its service was changed? The updater asks, and the API for its filter "_up-to-date". */
#pragma once
#include "state/view.h"

/* False for a task of the current version, and for one whose template and endpoint are still the same and which either has the same
 * placement or stands on a node that meets the new constraints. False when the service is gone. */
bool task_is_outdated(const struct view *view, const struct task *task);
