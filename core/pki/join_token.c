#include "pki/join_token.h"

#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "base/str.h"
#include "os/entropy.h"

enum { SECRET_BYTES = 16, SECRET_DIGITS = 25, DIGEST_DIGITS = CA_DIGEST_SIZE - 1 };
static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz", prefix[] = "SWMTKN-1-";

void join_token_new(const char ca_digest[CA_DIGEST_SIZE], char ret_token[JOIN_TOKEN_SIZE])
{
	uint8_t secret[SECRET_BYTES];
	char text[SECRET_DIGITS + 1];

	entropy_fill(secret, sizeof(secret));
	base36_encode(secret, sizeof(secret), SECRET_DIGITS, text);
	snprintf(ret_token, JOIN_TOKEN_SIZE, "%s%s-%s", prefix, ca_digest, text);
}

int join_token_parse(const char *token, char ret_digest[CA_DIGEST_SIZE], struct err *err)
{
	const char *at = str_after(token, prefix);

	if (!at || strspn(at, digits) != DIGEST_DIGITS || at[DIGEST_DIGITS] != '-' ||
	    strspn(at + DIGEST_DIGITS + 1, digits) != SECRET_DIGITS || at[DIGEST_DIGITS + 1 + SECRET_DIGITS])
		return err_set(err, ERR_INVALID, "invalid join token");
	memcpy(ret_digest, at, DIGEST_DIGITS);
	ret_digest[DIGEST_DIGITS] = '\0';
	return 0;
}

bool join_token_matches(const char *token, const char *cluster_token)
{
	size_t length = token ? strnlen(token, JOIN_TOKEN_SIZE) : 0;
	unsigned char difference = 0;

	if (!length || !cluster_token || length != strnlen(cluster_token, JOIN_TOKEN_SIZE))
		return false;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)(token[i] ^ cluster_token[i]);
	return difference == 0;
}
