#include "pki/unlock_key.h"

#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "base/str.h"

static const char prefix[] = "SWMKEY-1-";

void unlock_key_format(const struct seal_key *key, char ret_text[UNLOCK_KEY_SIZE])
{
	struct buf text = BUF_INIT;

	base64_encode(key->bytes, sizeof(key->bytes), &text);
	/* 32 bytes end in one sign of padding, which Docker leaves out. */
	snprintf(ret_text, UNLOCK_KEY_SIZE, "%s%.*s", prefix, (int)text.len - 1, buf_text(&text));
	seal_wipe(&text);
}

int unlock_key_parse(const char *text, struct seal_key *ret, struct err *err)
{
	const char *at = str_after(text, prefix);
	struct buf bytes = BUF_INIT;
	bool is_key = at && strnlen(at, UNLOCK_KEY_SIZE) < UNLOCK_KEY_SIZE && base64_decode(at, strlen(at), &bytes) == 0 &&
		      bytes.len == sizeof(ret->bytes);

	if (is_key)
		memcpy(ret->bytes, bytes.data, sizeof(ret->bytes));
	seal_wipe(&bytes);
	return is_key ? 0 : err_set(err, ERR_INVALID, "invalid unlock key: it looks like %s<43 letters and digits>", prefix);
}

int unlock_key_open(const struct seal_key *lock, const char *purpose, const char *text, struct buf *out, struct err *err)
{
	if (seal_text_open(lock, purpose, text, out, err) == 0)
		return 0;
	if (err->code == ERR_UNAVAILABLE)
		return err_set(err, ERR_UNAVAILABLE, UNLOCK_NEEDED);
	return err->code == ERR_DENIED ? err_set(err, ERR_UNAUTHORIZED, "swarm could not be unlocked: invalid key provided") : -1;
}
