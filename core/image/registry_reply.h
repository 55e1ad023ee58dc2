/* registry_reply.h - the small JSON that registries and token servers answer with: tokens and errors; and Docker's sentences for the latter.
 *
 * Pure. Distribution's specification ("Token Authentication", "errors"), with what other servers send instead: {"details":…}, {"message":…}.
 */
#pragma once
#include "base/err.h"
#include "model/image_ref.h"

#define REGISTRY_REPLY_MAX_BYTES (64 * 1024)
#define REGISTRY_TOKEN_SIZE      (16 * 1024)

struct registry_token {
	char token[REGISTRY_TOKEN_SIZE];                 /* fit for a header line */
	char refresh_token[REGISTRY_TOKEN_SIZE];         /* "": none. What `login` keeps instead of the password */
	int64_t expires_in_s;                            /* at least 60, as the specification says */
};
int registry_token_parse(const char *json, size_t bytes, struct registry_token *ret, struct err *err);

enum registry_fault {
	REGISTRY_OTHER, REGISTRY_UNAUTHORIZED, REGISTRY_DENIED, REGISTRY_MANIFEST_UNKNOWN, REGISTRY_NAME_UNKNOWN, REGISTRY_TOO_MANY,
};
/* text: "manifest unknown: manifest unknown", as Docker prints such an error. One line, whatever was sent. */
struct registry_error { enum registry_fault fault; char text[512]; };
/* Never fails: what has no meaning becomes "received unexpected HTTP status: 502 Bad Gateway". challenge_error: that of WWW-Authenticate, or "". */
void registry_error_read(int status, const char *challenge_error, const char *body, size_t bytes, struct registry_error *ret);
const char *registry_status_text(int status);            /* "Bad Gateway"; "" when unknown */

/* What a person is told: "manifest for x:1 not found: …", "pull access denied for x, repository does not exist or may require 'docker login': …".
 * request: `Get "https://…"`, put in front of what is about the registry and not about the image. Returns -1. */
int registry_error_tell(const struct registry_error *error, const struct image_ref *ref, const char *request, struct err *err);
