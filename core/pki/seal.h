/* seal.h - bytes that only who has the cluster's key can read: payloads of secrets, the root's key.
 *
 * AES-256-GCM (NIST SP 800-38D). Each seal has a data key of its own, drawn for it alone and wrapped by the cluster's key, so neither key
 * ever meets a nonce twice, and whoever forgets what was sealed has forgotten its key. The purpose ("secret <id>") is sealed in: bytes moved
 * to another object do not open.
 *
 * What comes out: u8 version, then nonce, wrapped data key and tag, then nonce, bytes and tag.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#define SEAL_KEY_SIZE 32
#define SEAL_BYTES_MAX (2u << 20)
struct seal_key { uint8_t bytes[SEAL_KEY_SIZE]; };

void seal_key_new(struct seal_key *ret);
void seal_key_forget(struct seal_key *key);      /* its memory too */

/* Appends what was sealed. ERR_INVALID for more than SEAL_BYTES_MAX, ERR_IO when the library fails. */
int seal_close(const struct seal_key *key, const char *purpose, const void *bytes, size_t size, struct buf *out, struct err *err);
/* Appends the bytes. ERR_INVALID for what was never sealed, ERR_DENIED for another key, another purpose or changed bytes. */
int seal_open(const struct seal_key *key, const char *purpose, const void *sealed, size_t size, struct buf *out, struct err *err);
/* The same for what is a text and stays one: "sealed:" and base64. */
int seal_text_close(const struct seal_key *key, const char *purpose, const char *text, struct buf *out, struct err *err);
/* A text that was never sealed (rows and files of before) opens as itself. key NULL: ERR_UNAVAILABLE for one that was. */
int seal_text_open(const struct seal_key *key, const char *purpose, const char *text, struct buf *out, struct err *err);
bool seal_text_is_sealed(const char *text);
/* Zeroes a buffer that held what was sealed, then frees it. */
void seal_wipe(struct buf *buf);
