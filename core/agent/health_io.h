/* health_io.h - runs the health checks of one container, of a task or of a person: the shell of health.h.
 *
 * On the loop's thread. `changed` comes from the loop when the status is a new one, and may free the watch.
 */
#pragma once
#include "agent/health.h"
#include "os/loop.h"
#include "runtime/runtime.h"

struct health_watch;
struct health_watch_options {
	struct loop *loop;
	struct runtime *runtime;
	const char *container_id;
	const struct health_config *config;      /* container_plan_health's, copied */
	void (*changed)(void *arg, enum health_status status);
	void *arg;
};
/* NULL when there is nothing to run: the container has no health. */
struct health_watch *health_watch_new(const struct health_watch_options *options);
/* The container's program has been started, `ago` ago. was_healthy: it is known to be (resumed), else it begins as `starting`. */
void health_watch_start(struct health_watch *watch, msec ago, bool was_healthy);
void health_watch_stop(struct health_watch *watch);      /* no check any more; what is known stays */
void health_watch_resume(struct health_watch *watch);    /* after a stop: from what is known on */
void health_watch_free(struct health_watch *watch);      /* NULL is welcome */
const struct health *health_watch_health(const struct health_watch *watch);      /* NULL for NULL */
const struct health_config *health_watch_config(const struct health_watch *watch);
