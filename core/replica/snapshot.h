/* snapshot.h - the whole state of the cluster as one run of bytes: what it stands for, then every row.
 *
 * Pure. Made of a view between two entries, so it is consistent; read by a manager that is too far behind for the log. The rows are those
 * of state.db, in order of creation; the state sum is checked over them, so that a copy is equal or refused.
 */
#pragma once
#include "raft/raft.h"
#include "state/view.h"
#include "store/store_cluster.h"

enum { SNAPSHOT_BYTES_MAX = 1 << 29 };

/* ERR_DAMAGED, all the same encoded, when the objects are not what the view's sum says: something has changed them behind its back. */
int snapshot_encode(const struct view *view, const struct raft_base *base, struct buf *out, struct err *err);

struct snapshot {
	struct raft_base base;
	uint64_t sum;
	struct view *view;              /* owned */
	struct store_row *rows;         /* owned; ids and bytes point into the bytes given */
	size_t row_count;
};
/* ERR_INVALID for whatever snapshot_encode never makes, ERR_UNSUPPORTED for one of a newer version. */
int snapshot_decode(const void *bytes, size_t size, struct snapshot *ret, struct err *err);
void snapshot_fini(struct snapshot *snapshot);
