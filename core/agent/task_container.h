/* task_container.h - from an assignment and an image's config to the container that runs it.
 *
 * Pure. What the spec leaves open comes from the image, as `docker run` would merge them.
 */
#pragma once
#include "base/arena.h"
#include "image/image_config.h"
#include "model/task.h"
#include "runtime/container_spec.h"

/* The paths of the volumes its mounts name, in the order of the mounts; NULL where the mount is no volume. */
struct task_volumes { const char *const *paths; size_t count; };

/* ret points into the assignment, layers and volumes; what comes from the config is copied. ERR_INVALID when there is nothing to run ("no command specified") or a signal is unknown. */
int task_container(const struct assignment *assignment, const char *container_id, const char *image_id,
		   const struct image_config *config, const char *const *layers, size_t layer_count, const struct task_volumes *volumes,
		   struct arena *arena, struct container_spec *ret, struct err *err);
/* Stop grace: the spec's, else 10 s. */
msec task_stop_grace_ms(const struct assignment *assignment);
/* Mount source and target for volumes of the image's own VOLUME list that no mount of the spec covers are anonymous. */
size_t task_anonymous_volumes(const struct assignment *assignment, const struct image_config *config, const char **ret_targets, size_t max);

#define TASK_LABEL_ID       "com.docker.swarm.task.id"
#define TASK_LABEL_SERVICE  "com.docker.swarm.service.id"
#define TASK_LABEL_IMAGE    "swarmbox.image.id"
#define TASK_LABEL_LAYERS   "swarmbox.image.layers"     /* diff ids, lowest first, comma separated: to hold them again after a restart */
#define TASK_LABEL_PORTS    "swarmbox.ports.host"       /* "80/tcp=32768,…": what the node chose for host-mode ports */
#define TASK_LABEL_VOLUMES  "swarmbox.volumes.anonymous"/* names, comma separated: they go with the container */
