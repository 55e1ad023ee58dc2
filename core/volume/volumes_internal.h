/* volumes_internal.h - what the files of volumes share. Nobody else includes it. */
#pragma once
#include "volume/volumes_io.h"
#include "base/list.h"
#include "base/map.h"
#include "model/volume_options.h"

struct volumes {
	struct store *store;
	struct work *work;
	char *dir;
	struct map *by_name;    /* name -> struct volume, owned */
	struct map *claims;     /* name -> struct strlist of container ids, owned */
	volumes_watch_fn *watcher;
	void *watcher_arg;
	struct list savings;    /* of struct saving, in the order in which the store answers */
	struct list removals;   /* of struct removal, volume_remove_io.c's own */
	struct list jobs;       /* of struct volume_job: under way on a work thread; they write there, we free */
	char lanes[16];         /* by name, so that the jobs of one volume keep their order, also over its removal and its return */
};

/* One thing to do for one volume, in its lane. */
struct volume_job {
	struct list node;
	struct volumes *volumes;
	void (*done)(struct volume_job *job);    /* on the loop; the job is freed behind it */
	void *arg;
	struct arena arena;
	const char *path;       /* …/<name>/_data, or what became of …/<name> */
	struct volume_fs fs;
	struct err err;         /* code 0: it went well */
	int64_t bytes;          /* removal: that its files had, when counted */
	bool counts;
};
struct volume_job *volume_job_new(struct volumes *volumes, void (*done)(struct volume_job *job), void *arg);
void volume_job_free(struct volume_job *job);
/* False when the queue is full; then it is freed and done does not come. */
bool volume_job_submit(struct volume_job *job, const char *name, void (*run)(void *job));
bool volume_drop_user(struct strlist *users, const char *user);           /* whether it was there */
void volume_claims_close(struct volumes *volumes);
void volume_free(struct volume *volume);
/* What a crash interrupted: a row whose folder went before it, folders whose row is gone. */
int volume_removals_resume(struct volumes *volumes, struct err *err);
void volume_removals_close(struct volumes *volumes);
void volume_prune_close(struct volume_job *job);
void volume_use_close(struct volumes *volumes);          /* what is under way: nobody is answered any more */
