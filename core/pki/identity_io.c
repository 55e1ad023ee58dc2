#include "pki/identity_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "pki/identity_internal.h"
#include "pki/unlock_key.h"

enum { FILE_BYTES_MAX = 2 * CERT_PEM_MAX };
static const char root_file[] = "swarm-root-ca.crt", chain_file[] = "swarm-node.crt", key_file[] = "swarm-node.key",
		  next_key_file[] = "swarm-node.key.next", key_purpose[] = "node key";

void identity_fini(struct identity *identity)
{
	buf_fini(&identity->roots_pem);
	buf_fini(&identity->chain_pem);
	seal_wipe(&identity->key_pem);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int write_file(const char *dir, const char *name, const char *text, struct err *err)
{
	char *path = path_join(dir, name);
	int rc = file_write_durable(path, text, strlen(text), 0600, err);

	free(path);
	return rc;
}

static int write_next_key(const char *dir, const char *key_pem, const struct seal_key *lock, struct err *err)
{
	struct buf text = BUF_INIT;
	int rc = lock ? seal_text_close(lock, key_purpose, key_pem, &text, err) : 0;

	if (rc == 0)
		rc = write_file(dir, next_key_file, lock ? buf_text(&text) : key_pem, err);
	buf_fini(&text);
	return rc;
}

static int adopt_next_key(const char *dir, struct err *err)
{
	char *from = path_join(dir, next_key_file), *to = path_join(dir, key_file);
	int rc = rename(from, to) == 0 ? dir_sync(dir, err) : err_sys(err, "rename '%s'", from);

	free(from);
	free(to);
	return rc;
}

int identity_save_some(const char *dir, const struct identity *identity, const struct seal_key *lock, unsigned steps, struct err *err)
{
	if (!cert_is_of_key(buf_text(&identity->chain_pem), buf_text(&identity->key_pem)))
		return err_set(err, ERR_INVALID, "identity: key and certificate do not belong together");
	if (steps < 1)
		return 0;
	if (dir_make(dir, 0700, err) < 0 || write_next_key(dir, buf_text(&identity->key_pem), lock, err) < 0)
		return -1;
	if (steps < 2)
		return 0;
	if (identity_save_roots(dir, buf_text(&identity->roots_pem), err) < 0)
		return -1;
	if (steps < 3)
		return 0;
	if (write_file(dir, chain_file, buf_text(&identity->chain_pem), err) < 0)
		return -1;
	return steps < IDENTITY_STEPS ? 0 : adopt_next_key(dir, err);
}

int identity_save(const char *dir, const struct identity *identity, const struct seal_key *lock, struct err *err)
{
	return identity_save_some(dir, identity, lock, IDENTITY_STEPS, err);
}

int identity_save_roots(const char *dir, const char *roots_pem, struct err *err)
{
	return write_file(dir, root_file, roots_pem, err);
}

int identity_remove(const char *dir, struct err *err)
{
	/* Without a certificate there is no identity, so it goes first. */
	static const char *const files[] = { chain_file, key_file, next_key_file, root_file };

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		char *path = path_join(dir, files[i]);
		int rc = unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, "remove '%s'", path);

		free(path);
		if (rc < 0)
			return -1;
	}
	return file_exists(dir) ? dir_sync(dir, err) : 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int read_file(const char *dir, const char *name, struct buf *out, struct err *err)
{
	char *path = path_join(dir, name);
	int rc = file_read(path, FILE_BYTES_MAX, out, err);

	free(path);
	return rc;
}

int identity_read_key(const char *text, const struct seal_key *lock, struct buf *ret_pem, struct err *err)
{
	return unlock_key_open(lock, key_purpose, text, ret_pem, err);
}

/* The key in this file, if it is the certificate's. ERR_NOT_FOUND when there is no such file, or it has another key. */
static int try_key(const char *dir, const char *name, const struct seal_key *lock, struct identity *identity, struct err *err)
{
	struct buf text = BUF_INIT, pem = BUF_INIT;
	int rc = -1;

	if (read_file(dir, name, &text, err) == 0 && identity_read_key(buf_text(&text), lock, &pem, err) == 0) {
		rc = cert_is_of_key(buf_text(&identity->chain_pem), buf_text(&pem))
			     ? 0 : err_set(err, ERR_NOT_FOUND, "%s: the key of another certificate", name);
		if (rc == 0)
			buf_add(&identity->key_pem, pem.data, pem.len);
		identity->is_sealed = seal_text_is_sealed(buf_text(&text));
	}
	seal_wipe(&text);
	seal_wipe(&pem);
	return rc;
}

/* After a kill in the middle of a save the next key may be the right one already; then the save is finished, else it is forgotten. */
static int load_key(const char *dir, const struct seal_key *lock, struct identity *identity, struct err *err)
{
	char *next = path_join(dir, next_key_file);
	struct err unused;
	int rc;

	if (try_key(dir, next_key_file, lock, identity, &unused) == 0) {
		rc = adopt_next_key(dir, err);
	} else {
		rc = try_key(dir, key_file, lock, identity, err);
		if (rc == 0)
			unlink(next);
		else if (err->code == ERR_NOT_FOUND)
			err_set(err, ERR_INVALID, "%s/%s: no key of the certificate beside it", dir, key_file);
	}
	free(next);
	return rc;
}

int identity_load(const char *dir, const struct seal_key *lock, struct identity *ret, struct err *err)
{
	struct identity identity = { 0 };

	if (read_file(dir, chain_file, &identity.chain_pem, err) < 0)
		return -1;
	if (cert_read(buf_text(&identity.chain_pem), &identity.facts, err) < 0) {
		err_wrap(err, "%s/%s", dir, chain_file);
	} else if (read_file(dir, root_file, &identity.roots_pem, err) < 0) {
		err->code = ERR_INVALID;
	} else if (cert_verify(buf_text(&identity.roots_pem), buf_text(&identity.chain_pem), 0, &identity.facts, err) < 0) {
		err->code = ERR_INVALID;
		err_wrap(err, "%s", dir);
	} else if (load_key(dir, lock, &identity, err) == 0) {
		*ret = identity;
		return 0;
	} else if (err->code == ERR_UNAVAILABLE) {
		*ret = identity;
		return -1;
	}
	identity_fini(&identity);
	return -1;
}
