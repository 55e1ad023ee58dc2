/* node_log.h - the logs of a node's tasks, read over a stream to it: GET /services/x/logs or /tasks/x/logs of its inner API, line by line.
 *
 * One stream a node, whatever the number of tasks there; the node merges them by time. Nothing is called from within these functions.
 */
#pragma once
#include "api/api_internal.h"
#include "api/log_line.h"

struct node_log;
struct node_log_events {
	/* False: enough for now; nothing comes before node_log_resume. The line itself counts as taken. */
	bool (*on_line)(void *arg, const struct log_line *line);
	/* Once, last. failure NULL: the node has said everything. It is still to be freed. */
	void (*on_end)(void *arg, const struct err *failure);
};
/* what: "/services/x". The manager must be there. */
struct node_log *node_log_new(struct api *api, const char *node_id, const char *what, const struct log_query *query,
			      const struct node_log_events *events, void *arg);
void node_log_resume(struct node_log *log);
void node_log_free(struct node_log *log);                /* NULL is welcome; also from within its callbacks */
