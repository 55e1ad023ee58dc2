/* task_container.h - from an assignment and an image's config to the container that runs the task.
 *
 * Pure. container_plan.h does what is not a task's alone.
 */
#pragma once
#include "agent/container_plan.h"
#include "model/task.h"

/* own: the assignment's, expanded. host_gateway: see container_wish. ret points into the assignment, layers and volumes; the rest is copied. Errors as container_plan's. */
int task_container(const struct assignment *assignment, const struct container_spec_model *own, const char *container_id, const char *image_id,
		   const struct image_config *config, const char *const *layers, size_t layer_count, const struct container_volumes *volumes,
		   const char *host_gateway, struct arena *arena, struct container_spec *ret, struct err *err);
/* What stands behind TASK_LABEL_HEALTH; absent or damaged: no check. */
struct health_config task_health(const struct container_spec *spec, struct arena *arena);
enum container_network task_network(const struct task_spec *task);
/* Stop grace: the spec's, else 10 s. */
msec task_stop_grace_ms(const struct assignment *assignment);

#define TASK_LABEL_ID       "com.docker.swarm.task.id"
#define TASK_LABEL_SERVICE  "com.docker.swarm.service.id"
/* What a restarted agent must find again stands in labels of the container, whose spec outlives us. */
#define TASK_LABEL_IMAGE    "swarmbox.image.id"
#define TASK_LABEL_LAYERS   "swarmbox.image.layers"     /* diff ids, lowest first, comma separated: to hold them again after a restart */
#define TASK_LABEL_PORTS    "swarmbox.ports.host"       /* "80/tcp=32768,…": what the node chose for host-mode ports */
#define TASK_LABEL_HEALTH   "swarmbox.health"           /* how its health is checked, as JSON */
#define TASK_LABEL_VOLUMES  "swarmbox.volumes.anonymous"/* names, comma separated: they go with the container */
bool task_label_is_inner(const char *key);               /* one of these five, which nobody is shown */
