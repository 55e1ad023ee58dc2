#include "pki/cert.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/x509_csr.h>

#include "pki/pki_internal.h"

enum { TEXT_BYTES = 4096 };      /* of one key or request that we write */

static int write_key(mbedtls_pk_context *key, struct buf *out, struct err *err)
{
	unsigned char text[TEXT_BYTES];
	int code = mbedtls_pk_write_key_pem(key, text, sizeof(text));

	if (code == 0)
		buf_add_str(out, (const char *)text);
	explicit_bzero(text, sizeof(text));
	return code == 0 ? 0 : pki_failed(err, "write a key", code);
}

int cert_key_new(struct buf *ret_key_pem, struct err *err)
{
	mbedtls_pk_context key;
	int code, rc = -1;

	if (pki_start(err) < 0)
		return -1;
	mbedtls_pk_init(&key);
	code = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (code == 0)
		code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), pki_draw, NULL);
	rc = code == 0 ? write_key(&key, ret_key_pem, err) : pki_failed(err, "make a key", code);
	mbedtls_pk_free(&key);
	return rc;
}

static int write_request(mbedtls_pk_context *key, const struct cert_name *name, struct buf *out, struct err *err)
{
	mbedtls_x509write_csr request;
	unsigned char text[TEXT_BYTES];
	char subject[2 * sizeof(*name)] = "CN=" PKI_NOBODY;
	int code;

	if (name)
		snprintf(subject, sizeof(subject), "O=%s,OU=%s,CN=%s", name->cluster_id, name->role, name->node_id);
	mbedtls_x509write_csr_init(&request);
	mbedtls_x509write_csr_set_md_alg(&request, MBEDTLS_MD_SHA256);
	mbedtls_x509write_csr_set_key(&request, key);
	code = mbedtls_x509write_csr_set_subject_name(&request, subject);
	if (code == 0)
		code = mbedtls_x509write_csr_pem(&request, text, sizeof(text), pki_draw, NULL);
	mbedtls_x509write_csr_free(&request);
	if (code != 0)
		return pki_failed(err, "write a certificate request", code);
	buf_add_str(out, (const char *)text);
	return 0;
}

int cert_request_new(const char *key_pem, const struct cert_name *name, struct buf *ret_request_pem, struct err *err)
{
	mbedtls_pk_context key;
	int rc;

	if (pki_start(err) < 0)
		return -1;
	mbedtls_pk_init(&key);
	rc = pki_read_key(&key, key_pem, err) < 0 ? -1 : write_request(&key, name, ret_request_pem, err);
	mbedtls_pk_free(&key);
	return rc;
}

int cert_verify(const char *roots_pem, const char *chain_pem, nsec agreed, struct cert_facts *ret, struct err *err)
{
	mbedtls_x509_crt roots, chain;
	int rc = -1;

	if (pki_start(err) < 0)
		return -1;
	mbedtls_x509_crt_init(&roots);
	mbedtls_x509_crt_init(&chain);
	if (pki_read_certs(&roots, roots_pem, "root certificate", err) == 0 && pki_read_certs(&chain, chain_pem, "certificate", err) == 0 &&
	    pki_verify(&chain, &roots, agreed, err) == 0)
		rc = pki_read_facts(&chain, ret, err);
	mbedtls_x509_crt_free(&chain);
	mbedtls_x509_crt_free(&roots);
	return rc;
}

int cert_read(const char *chain_pem, struct cert_facts *ret, struct err *err)
{
	mbedtls_x509_crt chain;
	int rc = -1;

	mbedtls_x509_crt_init(&chain);
	if (pki_read_certs(&chain, chain_pem, "certificate", err) == 0)
		rc = pki_read_facts(&chain, ret, err);
	mbedtls_x509_crt_free(&chain);
	return rc;
}

bool cert_is_of_key(const char *chain_pem, const char *key_pem)
{
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
	struct err unused;
	bool is_it = false;

	if (pki_start(&unused) < 0)
		return false;
	mbedtls_x509_crt_init(&chain);
	mbedtls_pk_init(&key);
	if (pki_read_certs(&chain, chain_pem, "certificate", &unused) == 0 && pki_read_key(&key, key_pem, &unused) == 0)
		is_it = mbedtls_pk_check_pair(&chain.pk, &key, pki_draw, NULL) == 0;
	mbedtls_pk_free(&key);
	mbedtls_x509_crt_free(&chain);
	return is_it;
}
