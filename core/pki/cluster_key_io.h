/* cluster_key_io.h - the key that opens what managers seal, as one manager keeps it: <data_root>/certificates/cluster.key, 0600, base64.
 *
 * It stands in no log and in no database. The first manager draws it; each other gets it with its role.
 */
#pragma once
#include "pki/seal.h"

/* ERR_NOT_FOUND when there is none; ERR_INVALID for a file that holds none. */
int cluster_key_load(const char *data_root, struct seal_key *ret, struct err *err);
/* Durable, the old one or the new one. */
int cluster_key_save(const char *data_root, const struct seal_key *key, struct err *err);
int cluster_key_remove(const char *data_root, struct err *err);         /* missing is fine */
