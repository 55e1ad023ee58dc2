#include "pki/seal.h"

#include <string.h>

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>

#include "base/encode.h"
#include "base/str.h"
#include "os/entropy.h"

enum {
	SEAL_VERSION = 1, NONCE_SIZE = 12, TAG_SIZE = 16,
	WRAPPED_SIZE = NONCE_SIZE + SEAL_KEY_SIZE + TAG_SIZE,
	HEAD_SIZE = 1 + WRAPPED_SIZE, SEALED_MIN = HEAD_SIZE + NONCE_SIZE + TAG_SIZE,
};

static const char text_mark[] = "sealed:";

void seal_key_new(struct seal_key *ret)
{
	entropy_fill(ret->bytes, sizeof ret->bytes);
}

void seal_key_forget(struct seal_key *key)
{
	mbedtls_platform_zeroize(key, sizeof *key);
}

void seal_wipe(struct buf *buf)
{
	if (buf->data)
		mbedtls_platform_zeroize(buf->data, buf->size);
	buf_fini(buf);
}

/* nonce, bytes, tag; out has room for them */
static int encrypt(const struct seal_key *key, const char *purpose, const uint8_t *bytes, size_t size, uint8_t *out)
{
	mbedtls_gcm_context gcm;
	int code;

	entropy_fill(out, NONCE_SIZE);
	mbedtls_gcm_init(&gcm);
	code = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key->bytes, SEAL_KEY_SIZE * 8);
	if (code == 0)
		code = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, size, out, NONCE_SIZE, (const uint8_t *)purpose, strlen(purpose),
						 bytes, out + NONCE_SIZE, TAG_SIZE, out + NONCE_SIZE + size);
	mbedtls_gcm_free(&gcm);
	return code;
}

/* size: of the bytes, without nonce and tag */
static int decrypt(const struct seal_key *key, const char *purpose, const uint8_t *sealed, size_t size, uint8_t *out)
{
	mbedtls_gcm_context gcm;
	int code;

	mbedtls_gcm_init(&gcm);
	code = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key->bytes, SEAL_KEY_SIZE * 8);
	if (code == 0)
		code = mbedtls_gcm_auth_decrypt(&gcm, size, sealed, NONCE_SIZE, (const uint8_t *)purpose, strlen(purpose),
						sealed + NONCE_SIZE + size, TAG_SIZE, sealed + NONCE_SIZE, out);
	mbedtls_gcm_free(&gcm);
	return code;
}

int seal_close(const struct seal_key *key, const char *purpose, const void *bytes, size_t size, struct buf *out, struct err *err)
{
	struct seal_key data;
	uint8_t *at;
	int code;

	if (size > SEAL_BYTES_MAX)
		return err_set(err, ERR_INVALID, "seal: %zu bytes are more than %u", size, SEAL_BYTES_MAX);
	buf_reserve(out, SEALED_MIN + size);
	at = (uint8_t *)out->data + out->len;
	at[0] = SEAL_VERSION;
	seal_key_new(&data);
	code = encrypt(key, purpose, data.bytes, sizeof data.bytes, at + 1);
	if (code == 0)
		code = encrypt(&data, purpose, bytes, size, at + HEAD_SIZE);
	seal_key_forget(&data);
	if (code != 0)
		return err_set(err, ERR_IO, "seal: the cipher failed (%d)", code);
	out->data[out->len += SEALED_MIN + size] = 0;
	return 0;
}

static int open_sealed(const struct seal_key *key, const char *purpose, const uint8_t *sealed, size_t size, struct buf *out)
{
	struct seal_key data;
	size_t bytes = size - SEALED_MIN;
	int code = decrypt(key, purpose, sealed + 1, sizeof data.bytes, data.bytes);

	if (code == 0) {
		buf_reserve(out, bytes);
		code = decrypt(&data, purpose, sealed + HEAD_SIZE, bytes, (uint8_t *)out->data + out->len);
	}
	seal_key_forget(&data);
	if (code == 0)
		out->data[out->len += bytes] = 0;
	return code;
}

int seal_open(const struct seal_key *key, const char *purpose, const void *sealed, size_t size, struct buf *out, struct err *err)
{
	if (size < SEALED_MIN || size > SEALED_MIN + SEAL_BYTES_MAX || *(const uint8_t *)sealed != SEAL_VERSION)
		return err_set(err, ERR_INVALID, "seal: this was never sealed");
	if (open_sealed(key, purpose, sealed, size, out) != 0)
		return err_set(err, ERR_DENIED, "seal: this was sealed with another key, for something else, or was changed since");
	return 0;
}

/* ---- as a text --------------------------------------------------------------------------------------------------- */

bool seal_text_is_sealed(const char *text)
{
	return text && str_starts(text, text_mark);
}

int seal_text_close(const struct seal_key *key, const char *purpose, const char *text, struct buf *out, struct err *err)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT;

	if (seal_close(key, purpose, text, strlen(text), &sealed, err) < 0)
		return -1;
	buf_add_str(out, text_mark);
	base64_encode(sealed.data, sealed.len, out);
	return 0;
}

int seal_text_open(const struct seal_key *key, const char *purpose, const char *text, struct buf *out, struct err *err)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT;

	if (!seal_text_is_sealed(text)) {
		buf_add_str(out, text ? text : "");
		return 0;
	}
	if (!key)
		return err_set(err, ERR_UNAVAILABLE, "seal: the key that opens the %s is not here", purpose);
	text += sizeof text_mark - 1;
	if (base64_decode(text, strcspn(text, "\n"), &sealed) < 0)
		return err_set(err, ERR_INVALID, "seal: the %s is damaged", purpose);
	return seal_open(key, purpose, sealed.data, sealed.len, out, err);
}
