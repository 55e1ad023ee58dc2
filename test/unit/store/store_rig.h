/* store_rig.h - a store with its loop, on a disk in memory that fails as it is told (vfs_fault.h) or on a real one, and all it has said. A test
 * is a process of its own, so there is one. */
#pragma once
#include "base/buf.h"
#include "store/store_cluster.h"
#include "test/sim/vfs_fault.h"

struct store_rig {
	struct err err;                          /* of the last call */
	struct loop *loop;
	struct store *store;
	struct store_loaded loaded;
	struct vfs_fault *disk;                  /* "bad"; NULL: a real one */
	struct buf rows;                         /* as loaded: "table/id=bytes " each */
	uint64_t durable;
	unsigned troubles, recoveries, rooms;
	struct err trouble;
	unsigned asked, appended, failed;        /* appends; each must come after the one before */
	struct err append_err;
};
extern struct store_rig rig;
extern const char *const rig_node_tables[2];

void rig_begin(void);                            /* in memory, both parts open */
void rig_end(void);
int rig_open_store(const char *root, const char *vfs);
int rig_open_cluster(void);
void rig_open(const char *root, const char *vfs);        /* both, or panic; rig.loop is there */
void rig_shut(void);
/* Runs the loop until the counter has come so far; false after a minute. */
bool rig_wait(const unsigned *counter, unsigned value);
bool rig_wait_durable(uint64_t index);

int rig_append(uint64_t index);
bool rig_write_state(uint64_t index, const char *id, const char *text);
void rig_on_appended(void *arg, const struct err *e);    /* arg: rig.asked++ */
int rig_collect_row(void *arg, unsigned table, const char *id, const void *bytes, size_t size, struct err *e);   /* arg: a buf as rig.rows */
