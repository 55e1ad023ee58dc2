/* store_lab.h - a store in a folder of its own, with loop, work threads and this test program as the binary that helpers are started from. */
#pragma once
#include "base/buf.h"
#include "image/image_import.h"
#include "image/image_load.h"
#include "image/image_save.h"
#include "image/image_store.h"

struct store_lab {
	char dir[64];                            /* the lab's; the store is <dir>/images */
	char images[80], self[512];
	struct loop *loop;
	struct work *work;
	struct image_store *store;
	int64_t max_image_bytes;
	struct buf events;                       /* "import <12 of id>\ntag a:latest\n" */
	char user_of[65];                        /* image id that a container uses */
	bool user_runs;
	char user[65];                           /* the container */
	/* of the last thing waited for */
	bool is_done, has_failed;
	char id[80];
	struct err err;
	int64_t reclaimed;
	struct buf removed;                      /* "Untagged: …\nDeleted: …\n" */
	struct buf loaded;                       /* "a:1 b:1\n\n": a line for each image, with its names */
};

void store_lab_init(struct store_lab *lab);
void store_lab_open(struct store_lab *lab);
void store_lab_close(struct store_lab *lab);
void store_lab_fini(struct store_lab *lab);
void store_lab_wait(struct store_lab *lab);                      /* until is_done; panics after 20 s */
/* Everything of the store goes through one lane of the work threads: what was submitted before this is behind it afterwards. */
void store_lab_pass(struct store_lab *lab);
void store_lab_settle(struct store_lab *lab);                    /* sweeps and rounds until nothing is under way */
/* False and lab->err when it fails. */
bool store_lab_import(struct store_lab *lab, const char *ref, const struct buf *archive, const char *change);
bool store_lab_load(struct store_lab *lab, const struct buf *archive, const char *platform);
/* Appends the archive to out. */
bool store_lab_save(struct store_lab *lab, const char *const *names, size_t count, struct buf *out);
bool store_lab_tag(struct store_lab *lab, const char *source, const char *target);
bool store_lab_remove(struct store_lab *lab, const char *name, bool force);
/* All that `wants` (given the lab); lab->reclaimed. */
bool store_lab_prune(struct store_lab *lab, bool (*wants)(void *arg, const struct image *image));
/* How many names are in <images>/<folder>. */
size_t store_lab_count(struct store_lab *lab, const char *folder);
