/* ca.h - the root of a cluster's trust: one self-signed P-256 certificate, made by the first manager, in Docker's shape (CN swarm-ca).
 *
 * Certificates: RFC 5280. What others are told of it (TLSInfo) is its PEM, its subject and its public key.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

struct ca_root {
	struct buf cert_pem, key_pem;
	struct buf subject, public_key; /* base64 of the DER */
};
void ca_root_fini(struct ca_root *root);
/* Valid for 20 years from an hour before now. ERR_IO when the random generator or the library fails. */
int ca_root_new(nsec wall, struct ca_root *ret, struct err *err);

/* SHA-256 of the certificate's DER, as join tokens carry it: base 36, 50 digits. */
#define CA_DIGEST_SIZE 51
int ca_digest(const char *cert_pem, char ret_digest[CA_DIGEST_SIZE], struct err *err);
