/* container_plan.h - from what is wanted of a container (a task's spec, a person's request) and an image's config to the container that runs.
 *
 * Pure. What the wish leaves open comes from the image, as `docker run` would merge them.
 */
#pragma once
#include "base/arena.h"
#include "image/image_config.h"
#include "model/service.h"
#include "runtime/container_spec.h"

enum { CONTAINER_IMAGE_VOLUMES_MAX = 64 };
struct container_wish {
	const char *container_id, *name;
	const struct container_spec_model *own;
	const struct resource_limits *limits;
	const struct log_driver *log;            /* NULL: json-file */
	enum container_network network;
	const char *host_gateway;                /* the host's address as seen from the container, for "host-gateway"; "" when it has none */
};
/* Paths and names of the volumes its mounts mean, in the order of the mounts, those of the image behind them; NULL where the mount is no
 * volume. names NULL: as the mounts have them. */
struct container_volumes { const char *const *paths; size_t count; const char *const *names; };

/* ret points into the wish, layers and volumes; what comes from the config is copied. ERR_INVALID when there is nothing to run
 * ("no command specified"), or a name of a signal, a capability, a log driver is unknown. */
int container_plan(const struct container_wish *wish, const struct image_config *config, const char *const *layers, size_t layer_count,
		   const struct container_volumes *volumes, struct arena *arena, struct container_spec *ret, struct err *err);
/* The image's own VOLUMEs that no mount of the wish covers: they are anonymous. */
size_t container_plan_anonymous_volumes(const struct container_spec_model *own, const struct image_config *config, const char **ret_targets,
					size_t max);
/* The wish's own system call filter, as a host with that kernel (uname(2)'s release) and our architecture would make it: ERR_INVALID when it could not.
 * Nothing is said of what model/validate.h finds: a profile that is too long, capabilities that are none. */
int container_plan_check_filter(const struct container_spec_model *own, const char *kernel, struct err *err);
/* Adds or replaces a label; value is not copied. */
void container_plan_label(struct container_spec *spec, struct arena *arena, const char *key, const char *value);
/* How its health is checked: the wish's over the image's, ready to be run (health_io.h); points into the wish, the rest is copied. */
struct health_config container_plan_health(const struct health_config *own, const struct image_config *config, struct arena *arena);
