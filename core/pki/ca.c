#include "pki/ca.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

#include "base/encode.h"
#include "base/sha256.h"
#include "os/entropy.h"

enum { PEM_BYTES_MAX = 4096, DIGEST_DIGITS = 50, SERIAL_BYTES = 16, ROOT_YEARS = 20, KEY_ID_BYTES = 20 };
static const nsec hour_ns = 3600000000000;

static int failed(struct err *err, const char *what, int code)
{
	char text[128];

	mbedtls_strerror(code, text, sizeof text);
	return err_set(err, ERR_IO, "certificate authority: %s: %s", what, text);
}

static int draw(void *unused, unsigned char *out, size_t count)
{
	(void)unused;
	entropy_fill(out, count);
	return 0;
}

/* "20260131120000", the form x509write wants. */
static void asn1_time(nsec wall, int years, char ret_text[16])
{
	time_t seconds = (time_t)(wall / 1000000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	tm.tm_year += years;
	strftime(ret_text, 16, "%Y%m%d%H%M%S", &tm);
}

void ca_root_fini(struct ca_root *root)
{
	buf_fini(&root->cert_pem);
	buf_fini(&root->key_pem);
	buf_fini(&root->subject);
	buf_fini(&root->public_key);
}

static int make_key(mbedtls_pk_context *key, struct err *err)
{
	int code = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));

	if (code == 0)
		code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), draw, NULL);
	return code == 0 ? 0 : failed(err, "make a key", code);
}

/* RFC 5280 4.2.1.2 wants it in a CA's certificate; the value is RFC 7093's first method, since SHA-1 is not linked. */
static int set_key_identifier(mbedtls_x509write_cert *cert, mbedtls_pk_context *key)
{
	unsigned char der[256], value[2 + KEY_ID_BYTES] = { MBEDTLS_ASN1_OCTET_STRING, KEY_ID_BYTES };
	unsigned char *at = der + sizeof der;
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;
	int size = mbedtls_pk_write_pubkey(&at, der, key);

	if (size < 0)
		return size;
	sha256_init(&sha);
	sha256_add(&sha, at, (size_t)size);
	sha256_finish(&sha, digest);
	memcpy(value + 2, digest, KEY_ID_BYTES);
	return mbedtls_x509write_crt_set_extension(cert, MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER,
						   MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER), 0, value, sizeof value);
}

static int fill(mbedtls_x509write_cert *cert, mbedtls_pk_context *key, nsec wall, struct err *err)
{
	uint8_t serial[SERIAL_BYTES];
	char from[16], until[16];
	int code;

	entropy_fill(serial, sizeof serial);
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x01);       /* positive and not shortened, RFC 5280 4.1.2.2 */
	asn1_time(wall - hour_ns, 0, from);
	asn1_time(wall - hour_ns, ROOT_YEARS, until);
	mbedtls_x509write_crt_set_version(cert, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(cert, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(cert, key);
	mbedtls_x509write_crt_set_issuer_key(cert, key);
	if ((code = mbedtls_x509write_crt_set_serial_raw(cert, serial, sizeof serial)) != 0 ||
	    (code = mbedtls_x509write_crt_set_subject_name(cert, "CN=swarm-ca")) != 0 ||
	    (code = mbedtls_x509write_crt_set_issuer_name(cert, "CN=swarm-ca")) != 0 ||
	    (code = mbedtls_x509write_crt_set_validity(cert, from, until)) != 0 ||
	    (code = mbedtls_x509write_crt_set_basic_constraints(cert, 1, -1)) != 0 ||
	    (code = mbedtls_x509write_crt_set_key_usage(cert, MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN)) != 0 ||
	    (code = set_key_identifier(cert, key)) != 0)
		return failed(err, "describe the root certificate", code);
	return 0;
}

static int describe(const char *cert_pem, size_t size, struct ca_root *ret, struct err *err)
{
	mbedtls_x509_crt parsed;
	int code;

	mbedtls_x509_crt_init(&parsed);
	code = mbedtls_x509_crt_parse(&parsed, (const unsigned char *)cert_pem, size + 1);
	if (code == 0) {
		base64_encode(parsed.subject_raw.p, parsed.subject_raw.len, &ret->subject);
		base64_encode(parsed.pk_raw.p, parsed.pk_raw.len, &ret->public_key);
	}
	mbedtls_x509_crt_free(&parsed);
	return code == 0 ? 0 : failed(err, "read the root certificate back", code);
}

static int write_out(mbedtls_x509write_cert *cert, mbedtls_pk_context *key, struct ca_root *ret, struct err *err)
{
	unsigned char pem[PEM_BYTES_MAX];
	int code = mbedtls_x509write_crt_pem(cert, pem, sizeof pem, draw, NULL);

	if (code != 0)
		return failed(err, "sign the root certificate", code);
	buf_add_str(&ret->cert_pem, (const char *)pem);
	code = mbedtls_pk_write_key_pem(key, pem, sizeof pem);
	if (code == 0)
		buf_add_str(&ret->key_pem, (const char *)pem);
	explicit_bzero(pem, sizeof pem);
	if (code != 0)
		return failed(err, "write the root key", code);
	return describe(buf_text(&ret->cert_pem), ret->cert_pem.len, ret, err);
}

int ca_root_new(nsec wall, struct ca_root *ret, struct err *err)
{
	mbedtls_pk_context key;
	mbedtls_x509write_cert cert;
	int rc;

	*ret = (struct ca_root){ 0 };
	if (psa_crypto_init() != PSA_SUCCESS)
		return err_set(err, ERR_IO, "certificate authority: the random generator did not start");
	mbedtls_pk_init(&key);
	mbedtls_x509write_crt_init(&cert);
	rc = make_key(&key, err) < 0 || fill(&cert, &key, wall, err) < 0 || write_out(&cert, &key, ret, err) < 0 ? -1 : 0;
	mbedtls_x509write_crt_free(&cert);
	mbedtls_pk_free(&key);
	if (rc < 0)
		ca_root_fini(ret);
	return rc;
}

int ca_digest(const char *cert_pem, char ret_digest[CA_DIGEST_SIZE], struct err *err)
{
	mbedtls_x509_crt parsed;
	struct sha256 sha;
	uint8_t digest[SHA256_SIZE];
	int code;

	mbedtls_x509_crt_init(&parsed);
	code = mbedtls_x509_crt_parse(&parsed, (const unsigned char *)cert_pem, strlen(cert_pem) + 1);
	if (code == 0) {
		sha256_init(&sha);
		sha256_add(&sha, parsed.raw.p, parsed.raw.len);
		sha256_finish(&sha, digest);
		base36_encode(digest, sizeof digest, DIGEST_DIGITS, ret_digest);
	}
	mbedtls_x509_crt_free(&parsed);
	return code == 0 ? 0 : failed(err, "read the root certificate", code);
}
