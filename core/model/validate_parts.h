/* validate_parts.h - the checks of container_parts.h and of lists beside them, for whoever describes a container. Pure; Docker's words. */
#pragma once
#include "base/err.h"
#include "model/container_parts.h"

/* The words of the manager are "ContainerSpec: Interval in HealthConfig cannot …", those of an engine "Interval in Healthcheck cannot …". */
int validate_health(const struct health_config *health, const char *in_front, const char *member, struct err *err);
int validate_ulimits(const struct ulimit *items, size_t count, struct err *err);
int validate_sysctls(const struct str_map *sysctls, bool is_on_host_network, struct err *err);
int validate_caps(const struct str_array *add, const struct str_array *drop, struct err *err);
int validate_dns(const struct dns_config *dns, struct err *err);
int validate_oom_score(int64_t value, struct err *err);
int validate_groups(const struct str_array *groups, struct err *err);
/* An address and what it belongs to, as in hosts(5); "host-gateway" is the address of the host as seen from the container. */
#define HOST_GATEWAY "host-gateway"
int validate_host_entry(const char *address, const char *names, struct err *err);
/* Below something, and never out of it: not absolute, no "..". */
bool path_is_local(const char *path);
