/* registry_auth.h - what a person says to a registry: name and password, or a token; and under which name that is kept.
 *
 * Pure. Docker's AuthConfig: JSON in the body of POST /auth, base64url of that JSON in the header X-Registry-Auth, and what a service keeps
 * for its tasks. "auth", base64 of "name:password", is read when there is neither a name nor a password. Heap; fini frees it.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "model/fields.h"

#define REGISTRY_AUTH_MAX_BYTES (64 * 1024)
#define REGISTRY_HUB     "docker.io"                     /* the registry of names without one */
#define REGISTRY_HUB_KEY "https://index.docker.io/v1/"   /* under which Docker's client keeps its password */

struct registry_auth {
	char *username, *password, *auth, *server;
	char *identity_token;                            /* is exchanged for tokens instead of the password */
	char *registry_token;                            /* is sent as it is */
};
extern const struct shape registry_auth_shape;

void registry_auth_fini(struct registry_auth *auth);
bool registry_auth_is_empty(const struct registry_auth *auth);
int registry_auth_parse(const char *json, size_t bytes, struct registry_auth *ret, struct err *err);
void registry_auth_format(const struct registry_auth *auth, struct buf *out);
/* The header's text; NULL and "" are nobody. ERR_INVALID: "invalid X-Registry-Auth header: …". */
int registry_auth_decode(const char *header, struct registry_auth *ret, struct err *err);
void registry_auth_encode(const struct registry_auth *auth, struct buf *out);

/* "name:password", base64, as files and Basic authentication have it. */
void registry_auth_pack(const char *username, const char *password, struct buf *out);
int registry_auth_unpack(const char *text, char **ret_username, char **ret_password);    /* heap */

/* What credentials for this domain of an image's name are kept under. */
const char *registry_auth_key(const char *domain);
/* Of what a person types after `login`, or of a key: "https://reg.example:5000/v1/" is "reg.example:5000"; "" and Docker's own names are
 * "docker.io". On the heap. */
char *registry_auth_domain(const char *server);
