/* ports.h - published ports of services: may this one have them? */
#pragma once
#include "base/err.h"
#include "state/overlay.h"

/* ERR_INVALID in swarmkit's words when a port that the spec asks for belongs to another service: an ingress port collides with
 * any mode, two host-mode ports do not collide (the scheduler keeps them apart). service_id: the service itself, passed over. */
int ports_check(const struct overlay *overlay, const char *service_id, const struct endpoint_spec *endpoint, struct err *err);
