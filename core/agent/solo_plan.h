/* solo_plan.h - from what a person asked for (POST /containers/create) and the image's config to the container that runs.
 *
 * Pure. At create the request is merged with the image's config, once and for all, and its volumes are named; from then on the row of
 * the container is all that is needed, whatever becomes of the image's names. container_plan.h does what services share.
 */
#pragma once
#include "agent/container_plan.h"
#include "model/container.h"

/* Docker's merge. ret lives in the arena and points into asked. ERR_INVALID "no command specified" when there is nothing to run. */
int solo_merge(const struct container_config *asked, const struct image_config *image, struct arena *arena, struct container_config *ret,
	       struct err *err);

/* Where anonymous volumes are needed: VOLUMEs of the merged config that nothing is mounted on, binds and mounts of volumes without a name. */
void solo_anonymous(const struct container_config *merged, const struct host_config *host, struct arena *arena, struct str_array *ret_targets);

/* All that is mounted but tmpfs of HostConfig.Tmpfs: binds, mounts, what comes from other containers, anonymous volumes by their names. */
int solo_mounts(const struct container_row *row, struct arena *arena, struct mount **ret, size_t *ret_count, struct err *err);

struct solo_place {
	const struct mount *mounts;             /* solo_mounts's */
	size_t mount_count;
	const char *const *volume_paths;        /* one for each mount, NULL where it is no volume */
	const char *const *layers;              /* directories, top first */
	size_t layer_count;
	const char *host_gateway;
};
/* ret points into row, place and arena. */
int solo_plan(const struct container_row *row, const struct solo_place *place, struct arena *arena, struct container_spec *ret, struct err *err);

/* Its own, else 10 s; INT64_MAX / 4 for ever (-1). */
msec solo_stop_grace_ms(const struct container_config *config);
