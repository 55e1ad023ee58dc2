/* pki_internal.h - what the files of this room share of mbedTLS: reading and judging certificates. */
#pragma once
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "pki/ca.h"

int pki_start(struct err *err);                  /* before anything else of mbedTLS; often, from any thread */
int pki_failed(struct err *err, const char *what, int code);     /* ERR_IO: "what: " and the library's words; -1 */
int pki_draw(void *unused, unsigned char *out, size_t size);     /* a random generator as the library wants one */

bool pki_is_p256(const mbedtls_pk_context *key);
int pki_read_key(mbedtls_pk_context *key, const char *pem, struct err *err);
#define PKI_NOBODY "join"        /* in a request that leaves the name to who signs: the library reads none without a subject */
/* `what` stands in front of the words: "certificate", "root certificate". All that is in the text must be readable. */
int pki_read_certs(mbedtls_x509_crt *certs, const char *pem, const char *what, struct err *err);
/* A subject may have parts of a name, each once, and nothing else; is it a whole one? */
int pki_read_subject(const mbedtls_x509_name *subject, const char *what, struct cert_name *ret, struct err *err);
nsec pki_wall_of(const mbedtls_x509_time *time);
int pki_read_facts(const mbedtls_x509_crt *cert, struct cert_facts *ret, struct err *err);
void pki_digest(const mbedtls_x509_crt *cert, char ret_digest[CA_DIGEST_SIZE]);

/* P-256 with SHA-256 and nothing else. */
extern const mbedtls_x509_crt_profile pki_profile;
/* One certificate's share of a verification: dates by the rule of cert.h. */
void pki_judge_dates(const mbedtls_x509_crt *cert, nsec agreed, uint32_t *flags);
/* ERR_DENIED with the reason that the flags give; -1. */
int pki_refuse(struct err *err, const mbedtls_x509_crt *leaf, uint32_t flags);
int pki_verify(mbedtls_x509_crt *chain, mbedtls_x509_crt *roots, nsec agreed, struct err *err);
