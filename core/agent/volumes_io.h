/* volumes_io.h - local volumes: a folder <data root>/volumes/<name>/_data each, what is known of them in node.db. */
#pragma once
#include "base/err.h"
#include "model/fields.h"
#include "os/work.h"
#include "store/store.h"

struct volumes;
struct volume { char *name; struct str_map labels, options; nsec created_wall; bool is_anonymous; };

/* dir: <data root>/volumes, made if missing. What a crash left half removed goes. */
int volumes_open(struct store *store, struct work *work, const char *dir, struct volumes **ret, struct err *err);
void volumes_close(struct volumes *volumes);
/* fn is told of each volume that comes ("create") and goes ("destroy"), whoever made it; what was there before is not told of. */
void volumes_watch(struct volumes *volumes, void (*fn)(void *arg, const char *action, const char *name), void *arg);
/* for (size_t at = 0; (v = volumes_next(volumes, &at)); ) in order of creation */
const struct volume *volumes_next(const struct volumes *volumes, size_t *at);
const struct volume *volumes_find(const struct volumes *volumes, const char *name);
const char *volumes_path(const struct volumes *volumes, const char *name, struct buf *out);    /* …/<name>/_data */
/* Existing with the same options is success (Docker). Bad names, drivers, options: ERR_INVALID in Docker's words. name "" invents 64 hex characters. */
int volumes_create(struct volumes *volumes, const char *name, const char *driver, const struct str_map *options, const struct str_map *labels,
		   const struct volume **ret, struct err *err);
/* The row goes at once, the files on a work thread. users: container ids that use it; ERR_CONFLICT "remove x: volume is in use - [ids]". */
int volumes_remove(struct volumes *volumes, const char *name, const char *const *users, size_t user_count, struct err *err);
