/* privileges_io.h - what the container's process gives up before the user's program runs: limits, capabilities, system calls, identity. */
#pragma once
#include "runtime/container_spec.h"
#include "runtime/container_user.h"

/* Whether this process has the capability now. */
bool privileges_have(int cap);

/* In this order. The filter is loaded first, while that still is allowed; Docker's profile lets the rest through. */
int privileges_set_rlimits(const struct container_spec *spec, struct err *err);
int privileges_load_filter(const struct container_spec *spec, struct err *err);
int privileges_become(uint64_t caps, const struct container_user *user, struct err *err);
