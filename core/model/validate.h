/* validate.h - is this spec one that we can keep and run? Asked before anything is created.
 *
 * Pure; looks at one spec alone: what depends on other objects (names, ports in use) is manager/control's. The words are Docker's and
 * swarmkit's, gRPC prefix included, for scripts match them. What Docker would take and only fail to run later (a relative mount
 * target, a signal that is none) is refused here.
 */
#pragma once
#include "model/node_info.h"

enum {
	VALIDATE_NAME_MAX = 63,         /* a DNS label */
	VALIDATE_REPLICAS_MAX = 100000, /* of one service; Docker has no bound, a typing error has */
	VALIDATE_LIST_MAX = 4096,       /* ports, mounts: each is compared with each */
};

/* ERR_INVALID for what makes no sense, ERR_UNSUPPORTED "… is not supported by swarmbox yet" for what Docker would do. Normalized or not. */
int validate_service_spec(const struct service_spec *spec, struct err *err);
int validate_node_spec(const struct node_spec *spec, struct err *err);
/* Of services and of whatever shares their rules: letters, digits, - and _ inside, at most 63 characters. */
int validate_name(const char *name, struct err *err);
