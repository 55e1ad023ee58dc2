/* secret_files_io.h - the bytes of secrets and configs on this host, and the files that containers see of them: in memory that is never
 * swapped, for as long as a task needs them.
 *
 * <run_root>/secrets is a tmpfs without swap (Linux 6.4), else a ramfs, and outlives the agent as its containers do:
 *   bytes/<kind>-<id>       as a manager sent them, so that a task can be started again with no manager in reach
 *   <container id>/<n>      with the owner and mode that its reference asks for; each is bound into the container, read-only
 */
#pragma once
#include "model/expand.h"
#include "runtime/container_spec.h"

struct secret_files;
int secret_files_open(const char *run_root, struct secret_files **ret, struct err *err);
void secret_files_close(struct secret_files *files);     /* everything stays; NULL is welcome */

bool secret_files_has(const struct secret_files *files, bool is_config, const char *id);
int secret_files_keep(struct secret_files *files, bool is_config, const char *id, const void *bytes, size_t size, struct err *err);

/* The files of one container, whose bytes are all kept, and what is bound: appended to spec's mounts, in the arena. templates: the ids of
 * those whose bytes are expanded, for self. On failure nothing is left. */
int secret_files_make(struct secret_files *files, const struct container_spec_model *own, const struct str_array *templates,
		      const struct expand_task *self, struct arena *arena, struct container_spec *spec, struct err *err);
void secret_files_drop(struct secret_files *files, const char *container_id);   /* harmless when there are none */
/* Everything of containers and of secrets that is needed by nobody. needed: "<kind>-<id>" as secret_file_name has it. */
struct map;
void secret_files_sweep(struct secret_files *files, const struct map *containers, const struct map *needed);

#define SECRET_FILE_NAME_SIZE (ID_SIZE + 8)
const char *secret_file_name(bool is_config, const char *id, char ret_name[SECRET_FILE_NAME_SIZE]);

/* Takes the mount away, with everything in it: for a purge. */
int secret_files_purge(const char *run_root, struct err *err);
