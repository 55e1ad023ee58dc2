/* backup_fuzz.c - a backup that somebody hands to init: refused, or whole. The input is the middle: its sum is made here, for no fuzzer finds it. */
#include <string.h>

#include "base/panic.h"
#include "base/sha256.h"
#include "manager/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_refusal(const struct err *err)
{
	check(err->text[0] && (err->code == ERR_INVALID || err->code == ERR_UNSUPPORTED));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(buf_finip) struct buf whole = BUF_INIT, again = BUF_INIT;
	struct backup backup;
	struct sha256 sha;
	uint8_t digest[SHA256_SIZE];
	struct err err;

	if (backup_decode(bytes, size, &backup, &err) < 0)
		check_refusal(&err);
	buf_add_str(&whole, "SWARMBOX BACKUP\n");
	buf_add(&whole, bytes, size);
	sha256_init(&sha);
	sha256_add(&sha, whole.data, whole.len);
	sha256_finish(&sha, digest);
	buf_add(&whole, digest, sizeof digest);
	if (backup_decode(whole.data, whole.len, &backup, &err) < 0) {
		check_refusal(&err);
		return 0;
	}
	backup_encode(&backup, &again);
	check(backup_decode(again.data, again.len, &backup, &err) == 0);
	return 0;
}
