/* store.h - everything that must survive a crash: raft.db, state.db and node.db, behind one thread.
 *
 * All SQLite calls are made on the store thread. The loop queues work and hears of its end on the
 * loop, in the order in which it was queued. Memory handed in is copied. Errors are values.
 *
 * Here: the store itself, and node.db, which every node has: what this host must remember itself, tables
 * of (id, bytes). synchronous=NORMAL: kept when the process dies, consistent when the power does. A write
 * that fails is its caller's. The other two, on managers only: store_cluster.h.
 */
#pragma once
#include "base/base.h"
#include "base/err.h"
#include "os/loop.h"

enum { STORE_NODE_QUEUE_BYTES = 16 << 20 };      /* rows that wait for node.db */

struct store_row {
	unsigned table;         /* place in the list of names given at open */
	const char *id;
	const void *bytes;      /* NULL: the row goes */
	size_t size;
	uint64_t created;       /* in state.db: by the entry of this index. Part of the row's name, as the id is */
};

struct store_options {
	const char *data_root;          /* made if missing, 0700 */
	const char *vfs;                /* of SQLite, for tests; NULL: the disk */
	const char *const *node_tables; /* names, [a-z_]+; kept by the caller */
	size_t node_table_count;
};

struct store;
/* Blocks until node.db is open and checked. */
int store_open(const struct store_options *options, struct loop *loop, struct store **ret,
	       struct err *err);
/* Writes what is queued, checkpoints, ends the thread. Callbacks that are due are not called. */
void store_close(struct store *store);

typedef void store_done_fn(void *arg, const struct err *err);   /* err NULL: it is on the disk */
/* Returns -1 to stop the load. */
typedef int store_row_fn(void *arg, unsigned table, const char *id, const void *bytes, size_t size,
			 struct err *err);

/* One transaction, all or nothing; done may be NULL. ERR_EXHAUSTED when the queue is full: the disk
 * does not keep up, and the caller comes again later. */
int store_node_write(struct store *store, const struct store_row *rows, size_t count,
		     store_done_fn *done, void *arg, struct err *err);
/* Blocks; rows in order of creation, after all writes queued before. For start-up. row_fn runs on
 * the store thread while the caller waits. */
int store_node_load(struct store *store, unsigned table, store_row_fn *row_fn, void *arg,
		    struct err *err);
