/* disk_usage.h - how much lies in containers and volumes: their trees are measured on a work thread, many in one go. What is gone by the time the
 * answer is made is left out by whoever makes it.
 */
#pragma once
#include "api/api_internal.h"

#define USAGE_BUSY "too much is waiting for the work threads"
struct usage;
typedef void usage_done_fn(void *arg, const struct usage *usage);

struct usage *usage_new(struct api *api);
void usage_add_container(struct usage *usage, const struct agent_container *container);
void usage_add_volume(struct usage *usage, const char *name);
/* Takes it; the callback gets it once more, and it ends with that. False, and none is made, when too much is waiting. */
bool usage_measure(struct usage *usage, usage_done_fn *done, void *arg);
void usage_free(struct usage *usage);

size_t usage_count(const struct usage *usage);
/* In the order in which they were added: a container's id or a volume's name. */
const char *usage_name(const struct usage *usage, size_t at, bool *ret_is_container);
int64_t usage_bytes(const struct usage *usage, size_t at);
/* SizeRw and SizeRootFs, as `ps -s` tells them. */
void usage_put_sizes(const struct usage *usage, size_t at, yyjson_mut_doc *doc, yyjson_mut_val *container);
