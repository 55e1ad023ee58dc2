/* defaults.h - what a spec means where it says nothing: Docker's values, for those who print specs and those who act on them.
 *
 * Pure. A spec is stored normalized, not defaulted: what the user left out stays out, so that a later version may choose better.
 */
#pragma once
#include "model/service.h"

/* What Docker's daemon writes into every spec before it stores it: a mode, the number of replicas, and a word where an enumeration
 * inside a given member was left empty; ids for the names of predefined networks. Options that say nothing go. Twice is harmless.
 * What it adds lives in the arena. */
void service_spec_normalize(struct service_spec *spec, struct arena *arena);

/* Everything that GET /services/ID?insertDefaults=true shows: grace period, restart policy, update and rollback settings. */
void service_spec_defaults(struct service_spec *spec, struct arena *arena);

/* One setting each, given or default. */
int restart_condition_of(const struct task_spec *task);         /* never RESTART_UNSET */
nsec restart_delay_ns(const struct task_spec *task);
uint64_t restart_max_attempts(const struct task_spec *task);    /* 0: no limit */
nsec restart_window_ns(const struct task_spec *task);           /* 0: since ever */
nsec stop_grace_ns(const struct task_spec *task);
uint64_t update_parallelism(const struct service_spec *spec);   /* 0: all at once */
bool update_starts_first(const struct service_spec *spec);
