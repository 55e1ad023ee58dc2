/* volumes_io.h - local volumes: a folder <data root>/volumes/<name>/_data each, what is known of them in node.db.
 *
 * A volume with a file system of its own (--opt type=, device=, o=) has it mounted at that folder while a container uses it. Mounting
 * and unmounting of one volume are done in the order in which they were asked for, on work threads.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "model/fields.h"
#include "os/work.h"
#include "store/store.h"

struct container_pair;          /* attributes of an event, passed on unread */
struct volumes;
struct volume {
	char *name;
	struct str_map labels, options;
	nsec created_wall;
	bool is_anonymous, is_saved;
	bool is_going;                  /* its row is on its way out: nobody finds it any more */
	struct strlist mounted_for;     /* container ids; only of one with a file system of its own */
};

/* dir: <data root>/volumes, made if missing. What a crash left half removed goes. */
int volumes_open(struct store *store, struct work *work, const char *dir, struct volumes **ret, struct err *err);
void volumes_close(struct volumes *volumes);
/* fn is told of each volume that comes ("create") and goes ("destroy"), whoever made it, and of what volumes_tell is told; what was there before is not told of. */
typedef void volumes_watch_fn(void *arg, const char *action, const char *name, const struct container_pair *extra, size_t extra_count);
void volumes_watch(struct volumes *volumes, volumes_watch_fn *fn, void *arg);
void volumes_tell(const struct volumes *volumes, const char *action, const char *name, const struct container_pair *extra, size_t extra_count);
/* for (size_t at = 0; (v = volumes_next(volumes, &at)); ) in order of creation */
const struct volume *volumes_next(const struct volumes *volumes, size_t *at);
const struct volume *volumes_find(const struct volumes *volumes, const char *name);
const char *volumes_path(const struct volumes *volumes, const char *name, struct buf *out);    /* …/<name>/_data */
/* Existing with the same options is success (Docker). Bad names, drivers, options: ERR_INVALID in Docker's words. name "" invents 64 hex characters. */
int volumes_create(struct volumes *volumes, const char *name, const char *driver, const struct str_map *options, const struct str_map *labels,
		   const struct volume **ret, struct err *err);
/* For somebody who is to be told that it is there. 0: it is on the disk already; 1: done comes from the loop, when it is, or could not be written and is not
 * there; -1: it does not. The one that volumes_create makes for a container is written down behind the container's back, and again when it is next asked for:
 * its folder is found by its name. */
typedef void volumes_saved_fn(void *arg, const struct volume *volume, const struct err *failure);
int volumes_create_saved(struct volumes *volumes, const char *name, const char *driver, const struct str_map *options, const struct str_map *labels,
			 volumes_saved_fn *done, void *arg, const struct volume **ret, struct err *err);
/* One that goes with its container, by 64 hex characters that were chosen before. */
int volumes_create_anonymous(struct volumes *volumes, const char *name, const char *driver, const struct str_map *options,
			     const struct str_map *labels, const struct volume **ret, struct err *err);
typedef void volumes_done_fn(void *arg, const struct err *failure);
/* 0: done comes from the loop when no power loss brings it back, its files follow on a work thread; on failure all of it is still there. NULL: nobody waits.
 * -1: done does not come. ERR_CONFLICT "remove x: volume is in use - [ids]" while a container claims it. */
int volumes_remove(struct volumes *volumes, const char *name, volumes_done_fn *done, void *arg, struct err *err);

/* A container is made with it, from the moment it is asked for until nothing is left of it, whether it runs or not, whether the volume
 * exists yet or not: nobody removes or prunes it meanwhile. In memory: a start of the agent claims again what its containers have. */
void volumes_claim(struct volumes *volumes, const char *name, const char *user);         /* NULL and "" are no volume's */
void volumes_disclaim(struct volumes *volumes, const char *user);                         /* whatever it claims; harmless when that is nothing */
const struct strlist *volumes_claims(const struct volumes *volumes, const char *name);   /* container ids, until the next call */

/* What they have of file systems is mounted, for a container that comes to life. 0: there is nothing to wait for, and done does not come;
 * 1: it comes, from the loop; -1: it does not. On failure none is used. Names that are no volume's, or NULL, are passed over. */
int volumes_use(struct volumes *volumes, const char *const *names, size_t count, const char *user, volumes_done_fn *done, void *arg,
		struct err *err);
/* The container has ended, or will not live: what only it had used is unmounted. Harmless when it uses none. */
void volumes_release(struct volumes *volumes, const char *user);
/* At start: a container that lives uses it. When all are told, what is mounted and used by nobody is unmounted. */
void volumes_adopt(struct volumes *volumes, const char *name, const char *user);
void volumes_settle(struct volumes *volumes);

/* Removes those named which nobody claims and says how many bytes their files had. done comes from the loop, unless -1 is returned. */
typedef void volumes_pruned_fn(void *arg, const struct strlist *removed, int64_t bytes, const struct err *failure);
int volumes_prune(struct volumes *volumes, const struct strlist *names, volumes_pruned_fn *done, void *arg, struct err *err);
/* --purge: whatever is mounted in dir, when nobody lives any more. */
int volumes_unmount_all(const char *dir, struct err *err);
