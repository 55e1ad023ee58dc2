/* What was sealed and came back changed: a genuine seal, as bytes or as a text, of which the input changes single bytes, or that is opened for
 * something else. It is refused, or nothing was changed; and a text that was never sealed is itself. The first byte says which. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "pki/unlock_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const struct seal_key key = { { 7 } };
static const char purpose[] = "node key", secret[] = "one that must not be read by anybody, and that nobody else may have written";

/* At two bytes' place, one byte; as often as there are three more. */
static void change(char *sealed, size_t size, const uint8_t *bytes, size_t count)
{
	for (; count >= 3; bytes += 3, count -= 3)
		sealed[(bytes[0] << 8 | bytes[1]) % size] = (char)bytes[2];
}

static void try_bytes(const uint8_t *bytes, size_t count)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT, opened = BUF_INIT;
	struct err err;
	char *before;

	check(seal_close(&key, purpose, secret, strlen(secret), &sealed, &err) == 0);
	before = mem_new(sealed.len, 1);
	memcpy(before, sealed.data, sealed.len);
	change(sealed.data, sealed.len, bytes, count);
	if (seal_open(&key, purpose, sealed.data, sealed.len, &opened, &err) == 0)
		check(memcmp(before, sealed.data, sealed.len) == 0 && str_eq(buf_text(&opened), secret));
	else
		check(opened.len == 0 && err.text[0]);
	free(before);
}

static void try_text(const uint8_t *bytes, size_t count)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT, opened = BUF_INIT;
	struct err err;

	check(seal_text_close(&key, purpose, secret, &sealed, &err) == 0);
	change(sealed.data, sealed.len, bytes, count);
	if (seal_text_open(&key, purpose, buf_text(&sealed), &opened, &err) == 0)
		check(str_eq(buf_text(&opened), seal_text_is_sealed(buf_text(&sealed)) ? secret : buf_text(&sealed)));
	else
		check(opened.len == 0 && err.text[0]);
}

static void try_purpose(const uint8_t *bytes, size_t count)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT, opened = BUF_INIT;
	char *other = str_printf("%.*s", (int)count, (const char *)bytes);
	struct err err;

	check(seal_text_close(&key, purpose, secret, &sealed, &err) == 0);
	check((seal_text_open(&key, other, buf_text(&sealed), &opened, &err) == 0) == str_eq(other, purpose));
	free(other);
}

/* No fuzzer makes a seal that opens. */
static void try_stranger(const uint8_t *bytes, size_t count)
{
	CLEANUP(buf_finip) struct buf opened = BUF_INIT;
	char *text = str_printf("%.*s", (int)count, (const char *)bytes);
	struct err err = { 0 };

	if (unlock_key_open(count % 2 ? &key : NULL, purpose, text, &opened, &err) == 0)
		check(!seal_text_is_sealed(text) && str_eq(buf_text(&opened), text));
	else
		check(seal_text_is_sealed(text) && opened.len == 0 && err.text[0]);
	buf_clear(&opened);
	check(seal_open(&key, purpose, bytes, count, &opened, &err) < 0 && opened.len == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static void (*const tries[])(const uint8_t *bytes, size_t count) = { try_bytes, try_text, try_purpose, try_stranger };

	if (count)
		tries[bytes[0] % ARRAY_COUNT(tries)](bytes + 1, count - 1);
	return 0;
}
