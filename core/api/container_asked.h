/* container_asked.h - what inspect tells as Config and HostConfig: a person's request, or what a service wants of its task as if a person had
 * asked for it; with what Docker's daemon fills in. Pure.
 */
#pragma once
#include "agent/agent_io.h"

/* image: NULL when it is not there any more. Results point into container, image and arena. */
void container_asked(const struct agent_container *container, const struct image_config *image, struct arena *arena,
		     struct container_config *ret_config, struct host_config *ret_host);
