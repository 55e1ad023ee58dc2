/* join_token.h - "SWMTKN-1-<digest of the root certificate>-<secret>": what a node needs to know whom to trust and to be let in.
 *
 * Docker's words for what is wrong: a text that is no token is told where it was typed; whether it is the right one only a manager knows.
 */
#pragma once
#include "pki/ca.h"

#define JOIN_TOKEN_SIZE 100
#define JOIN_TOKEN_REFUSED "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster"
/* A fresh secret of 128 random bits, in base 36, 25 digits. */
void join_token_new(const char ca_digest[CA_DIGEST_SIZE], char ret_token[JOIN_TOKEN_SIZE]);
/* Whom to trust: the digest for a connection (tls_io.h). ERR_INVALID for what is no token. */
int join_token_parse(const char *token, char ret_digest[CA_DIGEST_SIZE], struct err *err);
/* Is this the cluster's token? Takes the same time wherever they differ. NULL is none. */
bool join_token_matches(const char *token, const char *cluster_token);
