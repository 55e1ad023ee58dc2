/* sealed.h - what of the state only who has the cluster's key can read, besides secrets: the root's key, join tokens, the unlock key,
 * registry passwords.
 *
 * Whoever makes one seals it before it enters a verb or a change; whoever uses it opens it (seal_text_open) and wipes what it was opened
 * into. key NULL, a manager that has not been given the cluster's key, seals nothing. All but sealing is pure.
 */
#pragma once
#include "pki/seal.h"
#include "state/overlay.h"

#define SEALED_ROOT_KEY      "root key"
#define SEALED_WORKER_TOKEN  "worker join token"
#define SEALED_MANAGER_TOKEN "manager join token"
#define SEALED_UNLOCK_KEY    "unlock key"
#define SEALED_REGISTRY_AUTH "registry credentials"

/* In the arena; what is empty or sealed already stays. */
int sealed_close(const struct seal_key *key, const char *purpose, const char *text, struct arena *arena, char **ret, struct err *err);
/* New tokens that name this root. */
int sealed_tokens_new(const struct seal_key *key, const char *root_pem, struct arena *arena, struct join_tokens *ret, struct err *err);
/* A new unlock key, as people keep it. */
int sealed_unlock_key_new(const struct seal_key *key, struct arena *arena, char **ret, struct err *err);
/* A service's credentials: the old text when it says the same, since the same bytes are never sealed the same and another text restarts tasks. */
int sealed_registry_auth(const struct seal_key *key, const char *old, const char *new, struct arena *arena, char **ret, struct err *err);
/* What rows of before have plainly is sealed: at most max changes. False when nothing is left of it. */
bool sealed_mend(const struct view *view, const struct seal_key *key, size_t max, struct change_list *out);
