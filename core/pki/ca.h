/* ca.h - the root of a cluster's trust: one self-signed P-256 certificate, made by the first manager, in Docker's shape (CN swarm-ca), and
 * what it signs.
 *
 * Certificates: RFC 5280. What others are told of a root (TLSInfo) is its PEM, its subject and its public key. A root is replaced without
 * a moment in which nodes do not know each other: all are told to trust both, the old one signs the new one's key (`cross`), and what the
 * new one signs carries that along, so that it is accepted by who knows the old one alone; when every node has a certificate of the new
 * one, the old one is forgotten.
 */
#pragma once
#include "pki/cert.h"

struct ca_root {
	struct buf cert_pem, key_pem;
	struct buf subject, public_key; /* base64 of the DER */
	nsec not_after;                 /* wall */
};
void ca_root_fini(struct ca_root *root);
/* Valid for 20 years from an hour before now. ERR_IO when the random generator or the library fails. */
int ca_root_new(nsec wall, struct ca_root *ret, struct err *err);
/* One that somebody brings: a P-256 key and its certificate, which may sign others and has signed itself. What is kept is written anew:
 * the same certificate is always the same text. */
int ca_root_take(const char *cert_pem, const char *key_pem, struct ca_root *ret, struct err *err);

/* SHA-256 of the certificate's DER, as join tokens carry it: base 36, 50 digits. */
#define CA_DIGEST_SIZE 51
int ca_digest(const char *cert_pem, char ret_digest[CA_DIGEST_SIZE], struct err *err);

struct ca_signer {
	const char *cert_pem, *key_pem;
	const char *cross_pem;          /* its key signed by the root before it, while that is still known; or NULL */
};
/* Signs a node's certificate that lasts so long, at most till the signer's end, and is valid from an hour before now: ret_chain_pem is the
 * certificate, then cross_pem. Of the request
 * only the key counts, and the proof that the sender has it: ERR_INVALID without; ERR_DENIED, naming it, when it asks for another name. */
int ca_sign(const struct ca_signer *signer, const char *request_pem, const struct cert_name *name, nsec wall, nsec lifetime,
	    struct buf *ret_chain_pem, struct err *err);
/* The new root's key, signed by the old root for as long as that is valid. */
int ca_cross_sign(const struct ca_signer *old, const char *new_cert_pem, nsec wall, struct buf *ret_cross_pem, struct err *err);
/* Who has signed a chain, out of these roots, as TLSInfo tells it: base64 of the DER. */
int ca_issuer(const char *roots_pem, const char *chain_pem, struct buf *ret_subject, struct buf *ret_public_key, struct err *err);
