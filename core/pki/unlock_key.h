/* unlock_key.h - "SWMKEY-1-<base64>": the key of an autolocked cluster, as people keep it. */
#pragma once
#include "pki/seal.h"

#define UNLOCK_KEY_SIZE 64
void unlock_key_format(const struct seal_key *key, char ret_text[UNLOCK_KEY_SIZE]);
/* ERR_INVALID for what is none; whether it is the right one shows when something is opened with it. */
int unlock_key_parse(const char *text, struct seal_key *ret, struct err *err);
