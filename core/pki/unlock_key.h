/* unlock_key.h - "SWMKEY-1-<base64>": the key of an autolocked cluster, as people keep it. */
#pragma once
#include "pki/seal.h"

#define UNLOCK_KEY_SIZE 64
#define UNLOCK_NEEDED "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it."
void unlock_key_format(const struct seal_key *key, char ret_text[UNLOCK_KEY_SIZE]);
/* ERR_INVALID for what is none; whether it is the right one shows when something is opened with it. */
int unlock_key_parse(const char *text, struct seal_key *ret, struct err *err);
/* seal_text_open for what a lock keeps shut, in Docker's words: ERR_UNAVAILABLE without a lock, ERR_UNAUTHORIZED for another one. */
int unlock_key_open(const struct seal_key *lock, const char *purpose, const char *text, struct buf *out, struct err *err);
