/* identity_io.h - a node's identity on disk: DIR/swarm-root-ca.crt, swarm-node.crt and swarm-node.key, all 0600.
 *
 * Key and certificate change together, though they are two files: the new key is first written beside the old one, then the certificate
 * is replaced, then the key; whoever loads takes the key that belongs to the certificate. So a kill at any instruction leaves the old
 * identity or the new one. With autolock the key is sealed with the cluster's key, whose file is
 * locked (cluster_key_io.h), so that another unlock key changes one file alone; certificates are no secret.
 */
#pragma once
#include "pki/cert.h"
#include "pki/seal.h"

struct identity {
	struct buf roots_pem;
	struct buf chain_pem;
	struct buf key_pem;
	struct cert_facts facts;         /* of the certificate */
	bool is_sealed;                  /* the key that was loaded, on the disk */
};
void identity_fini(struct identity *identity);

/* ERR_NOT_FOUND: no identity here. ERR_UNAVAILABLE: locked, and lock is NULL; then certificates and facts are there nevertheless.
 * ERR_UNAUTHORIZED: another lock. ERR_INVALID: a file that is damaged, named. */
int identity_load(const char *dir, const struct seal_key *lock, struct identity *ret, struct err *err);
/* Makes the folder too. facts are not looked at; key and certificate must belong together. */
int identity_save(const char *dir, const struct identity *identity, const struct seal_key *lock, struct err *err);
/* Only what a root rotation changes. */
int identity_save_roots(const char *dir, const char *roots_pem, struct err *err);
int identity_remove(const char *dir, struct err *err);
