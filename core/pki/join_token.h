/* join_token.h - "SWMTKN-1-<digest of the root certificate>-<secret>": what a node needs to know whom to trust and to be let in. */
#pragma once
#include "pki/ca.h"

#define JOIN_TOKEN_SIZE 100
/* A fresh secret of 128 random bits, in base 36, 25 digits. */
void join_token_new(const char ca_digest[CA_DIGEST_SIZE], char ret_token[JOIN_TOKEN_SIZE]);
