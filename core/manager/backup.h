/* backup.h - a cluster as one file: its state, and the key that opens its secrets.
 *
 * Pure. "SWARMBOX BACKUP\n", then in the codec of base/encode: format, id of the cluster, wall time, the cluster's key, the snapshot (replica/
 * snapshot.h), and the SHA-256 of all that. Whoever has the file has the cluster, its root's key and its secrets; of an autolocked one only
 * together with the unlock key.
 */
#pragma once
#include "base/id.h"
#include "pki/seal.h"

enum { BACKUP_BYTES_MAX = (1 << 29) + (1 << 16) };

struct backup {
	char cluster_id[ID_SIZE];
	nsec wall;                      /* when it was made */
	const void *key;                /* of the cluster; of an autolocked one sealed with the unlock key */
	size_t key_size;
	const void *snapshot;
	size_t snapshot_size;
};
void backup_encode(const struct backup *backup, struct buf *out);
/* key and snapshot point into the bytes, and are not looked at. ERR_INVALID: it is none, or it is damaged; ERR_UNSUPPORTED: of a newer version. */
int backup_decode(const void *bytes, size_t size, struct backup *ret, struct err *err);

/* The key as it travels; lock NULL: not locked. */
int backup_wrap_key(const struct seal_key *key, const struct seal_key *lock, struct buf *out, struct err *err);
/* ERR_UNAUTHORIZED when it is locked, and lock is NULL or another one. ret_is_locked: the cluster is an autolocked one. */
int backup_open_key(const struct backup *backup, const struct seal_key *lock, struct seal_key *ret, bool *ret_is_locked, struct err *err);
