#include "pki/cluster_key_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/str.h"
#include "os/file.h"
#include "pki/unlock_key.h"

enum { FILE_BYTES_MAX = 4096 };
static const char purpose[] = "cluster key";

static char *folder_of(const char *data_root)
{
	return path_join(data_root, "certificates");
}

static char *path_of(const char *data_root)
{
	CLEANUP(str_freep) char *folder = folder_of(data_root);
	return path_join(folder, "cluster.key");
}

static int decode(const struct buf *text, struct seal_key *ret)
{
	CLEANUP(seal_wipe) struct buf bytes = BUF_INIT;
	size_t length = text->len;

	while (length > 0 && text->data[length - 1] == '\n')
		length--;
	if (base64_decode(buf_text(text), length, &bytes) < 0 || bytes.len != SEAL_KEY_SIZE)
		return -1;
	memcpy(ret->bytes, bytes.data, SEAL_KEY_SIZE);
	return 0;
}

int cluster_key_load(const char *data_root, const struct seal_key *lock, struct seal_key *ret, struct err *err)
{
	CLEANUP(str_freep) char *path = path_of(data_root);
	CLEANUP(seal_wipe) struct buf text = BUF_INIT, plain = BUF_INIT;

	if (file_read(path, FILE_BYTES_MAX, &text, err) < 0)
		return -1;
	if (unlock_key_open(lock, purpose, buf_text(&text), &plain, err) < 0 && err->code != ERR_INVALID)
		return -1;
	if (decode(&plain, ret) < 0)
		return err_set(err, ERR_INVALID, "%s: this is no key of a cluster; put back the file of another manager", path);
	return 0;
}

int cluster_key_save(const char *data_root, const struct seal_key *key, const struct seal_key *lock, struct err *err)
{
	CLEANUP(str_freep) char *folder = folder_of(data_root);
	CLEANUP(str_freep) char *path = path_of(data_root);
	CLEANUP(seal_wipe) struct buf text = BUF_INIT, plain = BUF_INIT;

	base64_encode(key->bytes, sizeof key->bytes, &plain);
	if (lock && seal_text_close(lock, purpose, buf_text(&plain), &text, err) < 0)
		return -1;
	if (!lock)
		buf_add(&text, plain.data, plain.len);
	buf_add_char(&text, '\n');
	if (dir_make(folder, 0700, err) < 0)
		return -1;
	return file_write_durable(path, text.data, text.len, 0600, err);
}

int cluster_key_remove(const char *data_root, struct err *err)
{
	CLEANUP(str_freep) char *path = path_of(data_root);

	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, "remove '%s'", path);
	return 0;
}
