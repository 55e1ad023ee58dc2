/* agent_unit.h - the systemd unit of the agent: written and enabled without systemctl, which may not run yet. */
#pragma once
#include "node/node.h"

/* Writes /etc/systemd/system/swarmbox.service (systemd.service(5)) that starts this binary with these settings, links it into
 * multi-user.target, and prints what to type next. */
int agent_unit_install(const struct node_settings *settings, const char *config, struct err *err);
/* The unit's text. Pure. binary: absolute path. */
void agent_unit_format(const struct node_settings *settings, const char *config, const char *binary, struct buf *out);
