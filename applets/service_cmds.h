/* service_cmds.h - the commands of the noun service that have files of their own.
 */
#pragma once
#include <yyjson.h>

#include "applets/cli.h"
#include "base/buf.h"

struct service_logs_args {
	bool details, follow, no_resolve, no_task_ids, no_trunc, raw, timestamps;
	const char *since, *tail;
};
extern const struct option service_logs_options[];
int service_logs(struct cli *cli, const void *args, char **operands);

int service_create(struct cli *cli, const void *args, char **operands);
int service_update(struct cli *cli, const void *args, char **operands);
struct service_scale_args { bool detach; };
int service_scale(struct cli *cli, const void *args, char **operands);
/* Waits until the service has converged, saying how it goes; returns the exit code. */
int service_wait(struct cli *cli, struct call *call, const char *service, bool quiet);
/* Waits for the next look at something; true when Ctrl-C came instead. It ends the watching, not the change. */
bool watch_is_interrupted(void);

/* What --pretty says of a service, from its JSON. */
void service_pretty(struct buf *out, yyjson_val *service);
struct service_inspect_args { const char *format; bool pretty; };
int service_inspect(struct cli *cli, const void *args, char **operands);
