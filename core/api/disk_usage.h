/* disk_usage.h - how much lies in containers and volumes: their trees are measured on a work thread, many in one go. What is gone by the time the
 * answer is made is left out by whoever makes it.
 */
#pragma once
#include "api/api_internal.h"

#define DISK_USAGE_BUSY "too much is waiting for the work threads"
struct disk_usage;
typedef void disk_usage_done_fn(void *arg, const struct disk_usage *usage);

struct disk_usage *disk_usage_new(struct api *api);
void disk_usage_add_container(struct disk_usage *usage, const struct agent_container *container);
void disk_usage_add_volume(struct disk_usage *usage, const char *name);
/* Takes it; the callback gets it once more, and it ends with that. False, and none is made, when too much is waiting. */
bool disk_usage_measure(struct disk_usage *usage, disk_usage_done_fn *done, void *arg);
void disk_usage_free(struct disk_usage *usage);

size_t disk_usage_count(const struct disk_usage *usage);
/* In the order in which they were added: a container's id or a volume's name. */
const char *disk_usage_name(const struct disk_usage *usage, size_t at, bool *ret_is_container);
int64_t disk_usage_bytes(const struct disk_usage *usage, size_t at);
/* SizeRw and SizeRootFs, as `ps -s` tells them. */
void disk_usage_put_sizes(const struct disk_usage *usage, size_t at, yyjson_mut_doc *doc, yyjson_mut_val *container);
