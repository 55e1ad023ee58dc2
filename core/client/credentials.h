/* credentials.h - the passwords that `login` keeps: the member "auths" of Docker's config.json.
 *
 * Pure, apart from credentials_load, _save and _forget, which read and write the file: config.json
 * in $DOCKER_CONFIG or ~/.docker, 0600, replaced as a whole. What else is in the file stays as it
 * is. Credential helpers are other programs: what they keep is not seen here, and
 * *ret_helper says so.
 */
#pragma once
#include "model/registry_auth.h"

#define CREDENTIALS_MAX_BYTES (1024 * 1024)

/* For this domain of an image's name; found under its key or under an address of it
 * ("https://reg.example/v1/"). Nothing there is no error: an empty ret. *ret_helper: the
 * helper that the file names for it, "" for none; on the heap. */
int credentials_find(const char *json, size_t bytes, const char *domain, struct registry_auth *ret,
		     char **ret_helper, struct err *err);
/* The file's new text, with these credentials for the domain or, NULL, without any. json may be
 * "". *ret_had: there were some. */
int credentials_change(const char *json, size_t bytes, const char *domain,
		       const struct registry_auth *auth, struct buf *out, bool *ret_had,
		       struct err *err);

/* Heap. */
char *credentials_path(void);
int credentials_load(const char *domain, struct registry_auth *ret, char **ret_helper, struct err *err);
int credentials_save(const char *domain, const struct registry_auth *auth, bool *ret_had,
		     struct err *err);
