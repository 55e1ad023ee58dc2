#include "pki/join_token.h"

#include <stdio.h>

#include "base/encode.h"
#include "os/entropy.h"

enum { SECRET_BYTES = 16, SECRET_DIGITS = 25 };

void join_token_new(const char ca_digest[CA_DIGEST_SIZE], char ret_token[JOIN_TOKEN_SIZE])
{
	uint8_t secret[SECRET_BYTES];
	char text[SECRET_DIGITS + 1];

	entropy_fill(secret, sizeof secret);
	base36_encode(secret, sizeof secret, SECRET_DIGITS, text);
	snprintf(ret_token, JOIN_TOKEN_SIZE, "SWMTKN-1-%s-%s", ca_digest, text);
}
