/* cluster_key_io.h - the key that opens what managers seal, as one manager keeps it: <data_root>/certificates/cluster.key, 0600, base64.
 *
 * It stands in no log and in no database. The first manager draws it; each other gets it with its role. With autolock the file is sealed
 * with the unlock key (`lock`), and everything else that a manager keeps is sealed with what is in it: another unlock key changes this file
 * alone, and a kill at any instruction leaves the old lock or the new one.
 */
#pragma once
#include "pki/seal.h"

/* ERR_NOT_FOUND when there is none; ERR_INVALID for a file that holds none. */
/* ERR_UNAVAILABLE when it is locked and lock is NULL; ERR_UNAUTHORIZED for another lock. */
int cluster_key_load(const char *data_root, const struct seal_key *lock, struct seal_key *ret, struct err *err);
/* Durable, the old one or the new one. */
int cluster_key_save(const char *data_root, const struct seal_key *key, const struct seal_key *lock, struct err *err);
int cluster_key_remove(const char *data_root, struct err *err);         /* missing is fine */
