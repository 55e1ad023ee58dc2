#include "os/entropy.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/encode.h"
#include "base/panic.h"

void entropy_fill(void *bytes, size_t count)
{
	uint8_t *at = bytes;

	while (count) {
		ssize_t got = getrandom(at, count, 0);
		if (got < 0 && errno != EINTR)
			panic("getrandom: %s", strerror(errno));
		if (got > 0) {
			at += got;
			count -= (size_t)got;
		}
	}
}

void entropy_id(char ret_id[ID_SIZE])
{
	uint8_t bytes[ID_ENTROPY_BYTES];

	entropy_fill(bytes, sizeof(bytes));
	id_format(bytes, ret_id);
}

void entropy_hex_id(char ret_id[HEX_ID_SIZE])
{
	uint8_t bytes[HEX_ID_LENGTH / 2];

	entropy_fill(bytes, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), ret_id);
}
