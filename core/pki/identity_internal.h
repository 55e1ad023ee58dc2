/* identity_internal.h - saving up to a kill, and the key's text. */
#pragma once
#include "pki/identity_io.h"

#define IDENTITY_STEPS 4
/* As identity_save, but only the first steps of it. */
int identity_save_some(const char *dir, const struct identity *identity, const struct seal_key *lock, unsigned steps, struct err *err);
/* What a key's file holds, opened if it is sealed. */
int identity_read_key(const char *text, const struct seal_key *lock, struct buf *ret_pem, struct err *err);
