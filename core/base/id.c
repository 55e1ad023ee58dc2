#include "base/id.h"

#include <string.h>

#include "base/encode.h"

void id_format(const uint8_t entropy[ID_ENTROPY_BYTES], char ret_id[ID_SIZE])
{
	uint8_t number[ID_ENTROPY_BYTES];

	memcpy(number, entropy, sizeof(number));
	number[0] &= 1;                      /* 2^129 < 36^25 < 2^130 */
	base36_encode(number, sizeof(number), ID_LENGTH, ret_id);
}

static bool consists_of(const char *text, size_t length, const char *alphabet)
{
	return text && strlen(text) == length && strspn(text, alphabet) == length;
}

bool id_is_valid(const char *id)
{
	return consists_of(id, ID_LENGTH, "0123456789abcdefghijklmnopqrstuvwxyz");
}

bool hex_id_is_valid(const char *id)
{
	return consists_of(id, HEX_ID_LENGTH, "0123456789abcdef");
}
