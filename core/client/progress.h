/* progress.h - when a service has converged, and what to say on the way.
 *
 * Pure: fed with what three calls of the API returned and the time, it says which lines changed, by
 * Docker's rules and in its words: tasks by slot or node, the one with the lowest desired state
 * counts; converged when all run; done when that has held for the monitor time.
 */
#pragma once
#include <yyjson.h>

#include "base/err.h"

/* A line of the display, known by its id ("overall progress", "1/3", "verify"; "" for a line of its
 * own). total 0: no bar. */
typedef void progress_line_fn(void *arg, const char *id, const char *text, unsigned current,
			      unsigned total);

struct progress;
struct progress *progress_new(const char *service_id, progress_line_fn *line, void *arg);
void progress_free(struct progress *progress);
bool progress_is_converged(const struct progress *progress);
/* tasks: those of the service that are up to date. Returns 1 when it is over, 0 to go on, -1 when
 * it failed (update paused). */
int progress_step(struct progress *progress, yyjson_val *service, yyjson_val *tasks,
		  yyjson_val *nodes, msec now, struct err *err);
