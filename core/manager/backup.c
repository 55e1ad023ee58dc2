#include "manager/backup.h"

#include <string.h>

#include "base/encode.h"
#include "base/sha256.h"
#include "base/str.h"

static const char magic[] = "SWARMBOX BACKUP\n";
enum { MAGIC_SIZE = sizeof magic - 1, FORMAT = 1 };

static void digest_of(const void *bytes, size_t count, uint8_t ret[SHA256_SIZE])
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, bytes, count);
	sha256_finish(&sha, ret);
}

void backup_encode(const struct backup *backup, struct buf *out)
{
	uint8_t digest[SHA256_SIZE];
	size_t begin = out->len;

	buf_add(out, magic, MAGIC_SIZE);
	put_varint(out, FORMAT);
	put_str(out, backup->cluster_id);
	put_u64(out, (uint64_t)backup->wall);
	put_bytes(out, backup->key, backup->key_size);
	put_bytes(out, backup->snapshot, backup->snapshot_size);
	digest_of(out->data + begin, out->len - begin, digest);
	buf_add(out, digest, sizeof digest);
}

static int get_body(struct reader *in, struct backup *ret)
{
	size_t id_size;
	const uint8_t *id = get_bytes(in, &id_size);
	char cluster_id[ID_SIZE] = "";

	if (in->failed || id_size >= ID_SIZE)
		return -1;
	memcpy(cluster_id, id, id_size);
	*ret = (struct backup){ .wall = (nsec)get_u64(in) };
	memcpy(ret->cluster_id, cluster_id, ID_SIZE);
	ret->key = get_bytes(in, &ret->key_size);
	ret->snapshot = get_bytes(in, &ret->snapshot_size);
	if (in->failed || in->at != in->end || ret->key_size < SEAL_KEY_SIZE || !id_is_valid(cluster_id))
		return -1;
	return 0;
}

int backup_decode(const void *bytes, size_t size, struct backup *ret, struct err *err)
{
	const uint8_t *at = bytes;
	uint8_t digest[SHA256_SIZE];
	struct reader in;
	uint64_t format;

	if (size < MAGIC_SIZE || memcmp(bytes, magic, MAGIC_SIZE) != 0)
		return err_set(err, ERR_INVALID, "this is no backup of swarmbox");
	in = reader_of(at + MAGIC_SIZE, size - MAGIC_SIZE);
	format = get_varint(&in);
	if (!in.failed && format > FORMAT)
		return err_set(err, ERR_UNSUPPORTED, "the backup has format %llu; this version of swarmbox knows up to %d",
			       (unsigned long long)format, FORMAT);
	if (!in.failed && (size_t)(in.end - in.at) > SHA256_SIZE) {
		in.end -= SHA256_SIZE;
		digest_of(bytes, size - SHA256_SIZE, digest);
		if (memcmp(digest, in.end, SHA256_SIZE) == 0 && get_body(&in, ret) == 0)
			return 0;
	}
	return err_set(err, ERR_INVALID, "the backup is damaged, or not all of it is there");
}

/* ---- the key ----------------------------------------------------------------------------------------------------- */

static const char purpose[] = "the cluster's key, in a backup";

int backup_wrap_key(const struct seal_key *key, const struct seal_key *lock, struct buf *out, struct err *err)
{
	if (lock)
		return seal_close(lock, purpose, key->bytes, SEAL_KEY_SIZE, out, err);
	buf_add(out, key->bytes, SEAL_KEY_SIZE);
	return 0;
}

int backup_open_key(const struct backup *backup, const struct seal_key *lock, struct seal_key *ret, bool *ret_is_locked, struct err *err)
{
	CLEANUP(seal_wipe) struct buf key = BUF_INIT;

	*ret_is_locked = backup->key_size != SEAL_KEY_SIZE;
	if (!*ret_is_locked) {
		memcpy(ret->bytes, backup->key, SEAL_KEY_SIZE);
		return 0;
	}
	if (!lock)
		return err_set(err, ERR_UNAUTHORIZED, "the backup is of a locked swarm: its unlock key is needed");
	if (seal_open(lock, purpose, backup->key, backup->key_size, &key, err) < 0 || key.len != SEAL_KEY_SIZE)
		return err_set(err, ERR_UNAUTHORIZED, "invalid key: this is not the unlock key of the backup");
	memcpy(ret->bytes, key.data, SEAL_KEY_SIZE);
	return 0;
}
