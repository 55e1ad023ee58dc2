/* registry_challenge.h - what a registry asks for when it answers 401: the header WWW-Authenticate.
 *
 * Pure. RFC 9110 §11.6.1: several challenges in one header line, parameters quoted or not; Basic (RFC 7617) and Bearer as the distribution
 * project's token specification has it (realm, service, scope, error). Other schemes are skipped, and so is one of ours that makes no sense.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum registry_scheme { REGISTRY_BASIC, REGISTRY_BEARER };
struct registry_challenge {
	enum registry_scheme scheme;
	char realm[1024];                                /* Bearer: address of the token server */
	char service[256], scope[1024];
	char error[64];                                  /* "insufficient_scope", "invalid_token" */
};
#define REGISTRY_CHALLENGES_MAX 8
struct registry_challenges { struct registry_challenge items[REGISTRY_CHALLENGES_MAX]; size_t count; };

/* Adds those of one header line; may be called for each of several. */
void registry_challenges_read(struct registry_challenges *list, const char *value);
/* The one to answer: Bearer before Basic, the first of its kind; NULL when there is none we know. */
const struct registry_challenge *registry_challenges_pick(const struct registry_challenges *list);
/* The address to get a token from, with service, scope and account in its query. scope is asked for when the challenge names none. */
void registry_challenge_token_url(const struct registry_challenge *challenge, const char *scope, const char *account, struct buf *out);
