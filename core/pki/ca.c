#include "pki/ca.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/x509_csr.h>

#include "base/encode.h"
#include "base/sha256.h"
#include "base/str.h"
#include "os/entropy.h"
#include "pki/pki_internal.h"
#include "pki/seal.h"

enum { TEXT_BYTES = 4096, DIGEST_DIGITS = 50, SERIAL_BYTES = 16, ROOT_YEARS = 20, KEY_ID_BYTES = 20, NAME_BYTES = 512 };
static const nsec hour_ns = 3600000000000;

/* A certificate as it will be. */
struct plan {
	const char *subject, *issuer;
	mbedtls_pk_context *subject_key, *issuer_key;
	char from[16], until[16];       /* "20260131120000" */
	bool is_ca;
};

static void date(nsec wall, int years, char ret_text[16])
{
	time_t seconds = (time_t)(MAX(wall, 0) / 1000000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	tm.tm_year += years;
	strftime(ret_text, 16, "%Y%m%d%H%M%S", &tm);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* RFC 5280 4.2.1.2 wants it in a CA's certificate; the value is RFC 7093's first method, since SHA-1 is not linked. */
static int set_key_identifier(mbedtls_x509write_cert *cert, mbedtls_pk_context *key)
{
	unsigned char der[256], value[2 + KEY_ID_BYTES] = { MBEDTLS_ASN1_OCTET_STRING, KEY_ID_BYTES };
	unsigned char *at = der + sizeof(der);
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
						   MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER), 0, value, sizeof(value));
}

/* Both ends of a connection show the same certificate (RFC 5280 4.2.1.12). */
static int set_purposes(mbedtls_x509write_cert *cert)
{
	static char client_auth[] = MBEDTLS_OID_CLIENT_AUTH, server_auth[] = MBEDTLS_OID_SERVER_AUTH;
	mbedtls_asn1_sequence client = { { MBEDTLS_ASN1_OID, sizeof(client_auth) - 1, (unsigned char *)client_auth }, NULL };
	mbedtls_asn1_sequence server = { { MBEDTLS_ASN1_OID, sizeof(server_auth) - 1, (unsigned char *)server_auth }, &client };

	return mbedtls_x509write_crt_set_ext_key_usage(cert, &server);
}

static int fill(mbedtls_x509write_cert *cert, const struct plan *plan)
{
	const unsigned usage = plan->is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
	uint8_t serial[SERIAL_BYTES];
	int code;

	entropy_fill(serial, sizeof(serial));
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x01);       /* positive and not shortened, RFC 5280 4.1.2.2 */
	mbedtls_x509write_crt_set_version(cert, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(cert, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(cert, plan->subject_key);
	mbedtls_x509write_crt_set_issuer_key(cert, plan->issuer_key);
	if ((code = mbedtls_x509write_crt_set_serial_raw(cert, serial, sizeof(serial))) != 0 ||
	    (code = mbedtls_x509write_crt_set_subject_name(cert, plan->subject)) != 0 ||
	    (code = mbedtls_x509write_crt_set_issuer_name(cert, plan->issuer)) != 0 ||
	    (code = mbedtls_x509write_crt_set_validity(cert, plan->from, plan->until)) != 0 ||
	    (code = mbedtls_x509write_crt_set_basic_constraints(cert, plan->is_ca, -1)) != 0 ||
	    (code = mbedtls_x509write_crt_set_key_usage(cert, usage)) != 0)
		return code;
	return plan->is_ca ? set_key_identifier(cert, plan->subject_key) : set_purposes(cert);
}

static int write_cert(const struct plan *plan, struct buf *out, struct err *err)
{
	mbedtls_x509write_cert cert;
	unsigned char text[TEXT_BYTES];
	int code;

	mbedtls_x509write_crt_init(&cert);
	code = fill(&cert, plan);
	if (code == 0)
		code = mbedtls_x509write_crt_pem(&cert, text, sizeof(text), pki_draw, NULL);
	mbedtls_x509write_crt_free(&cert);
	if (code != 0)
		return pki_failed(err, "sign a certificate", code);
	buf_add_str(out, (const char *)text);
	return 0;
}

/* ---- roots ------------------------------------------------------------------------------------------------------- */

void ca_root_fini(struct ca_root *root)
{
	buf_fini(&root->cert_pem);
	seal_wipe(&root->key_pem);
	buf_fini(&root->subject);
	buf_fini(&root->public_key);
}

static void tell(const mbedtls_x509_crt *cert, struct buf *subject, struct buf *public_key)
{
	base64_encode(cert->subject_raw.p, cert->subject_raw.len, subject);
	base64_encode(cert->pk_raw.p, cert->pk_raw.len, public_key);
}

static int check_root(mbedtls_x509_crt *cert, mbedtls_pk_context *key, struct err *err)
{
	if (cert->next || !cert->MBEDTLS_PRIVATE(ca_istrue))
		return err_set(err, ERR_INVALID, "root certificate: must be a single one that may sign others");
	if (!pki_is_p256(&cert->pk))
		return err_set(err, ERR_UNSUPPORTED, "root certificate: a key other than P-256 is not supported by swarmbox yet");
	if (mbedtls_pk_check_pair(&cert->pk, key, pki_draw, NULL) != 0)
		return err_set(err, ERR_INVALID, "root certificate: its key is another one");
	return pki_verify(cert, cert, 0, err);
}

static int write_root(const mbedtls_x509_crt *cert, mbedtls_pk_context *key, struct ca_root *root, struct err *err)
{
	unsigned char text[TEXT_BYTES];
	size_t size;
	int code = mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", cert->raw.p, cert->raw.len, text,
					    sizeof(text), &size);

	if (code == 0) {
		buf_add_str(&root->cert_pem, (const char *)text);
		code = mbedtls_pk_write_key_pem(key, text, sizeof(text));
	}
	if (code == 0)
		buf_add_str(&root->key_pem, (const char *)text);
	explicit_bzero(text, sizeof(text));
	return code == 0 ? 0 : pki_failed(err, "root certificate", code);
}

int ca_root_take(const char *cert_pem, const char *key_pem, struct ca_root *ret, struct err *err)
{
	mbedtls_x509_crt cert;
	mbedtls_pk_context key;
	struct ca_root root = { 0 };
	int rc = -1;

	if (pki_start(err) < 0)
		return -1;
	mbedtls_x509_crt_init(&cert);
	mbedtls_pk_init(&key);
	if (pki_read_certs(&cert, cert_pem, "root certificate", err) == 0 && pki_read_key(&key, key_pem, err) == 0 &&
	    check_root(&cert, &key, err) == 0) {
		tell(&cert, &root.subject, &root.public_key);
		root.not_after = pki_wall_of(&cert.valid_to);
		rc = write_root(&cert, &key, &root, err);
	}
	if (rc == 0)
		*ret = root;
	else
		ca_root_fini(&root);
	mbedtls_pk_free(&key);
	mbedtls_x509_crt_free(&cert);
	return rc;
}

int ca_root_new(nsec wall, struct ca_root *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf cert_pem = BUF_INIT;
	struct buf key_pem = BUF_INIT;
	struct plan plan = { .subject = "CN=swarm-ca", .issuer = "CN=swarm-ca", .is_ca = true };
	mbedtls_pk_context key;
	int rc = -1;

	*ret = (struct ca_root){ 0 };
	mbedtls_pk_init(&key);
	plan.subject_key = plan.issuer_key = &key;
	date(wall - hour_ns, 0, plan.from);
	date(wall - hour_ns, ROOT_YEARS, plan.until);
	if (cert_key_new(&key_pem, err) == 0 && pki_read_key(&key, buf_text(&key_pem), err) == 0 && write_cert(&plan, &cert_pem, err) == 0)
		rc = ca_root_take(buf_text(&cert_pem), buf_text(&key_pem), ret, err);
	mbedtls_pk_free(&key);
	seal_wipe(&key_pem);
	return rc;
}

int ca_digest(const char *cert_pem, char ret_digest[CA_DIGEST_SIZE], struct err *err)
{
	mbedtls_x509_crt parsed;
	int rc;

	mbedtls_x509_crt_init(&parsed);
	rc = pki_read_certs(&parsed, cert_pem, "root certificate", err);
	if (rc == 0)
		pki_digest(&parsed, ret_digest);
	mbedtls_x509_crt_free(&parsed);
	return rc;
}

void pki_digest(const mbedtls_x509_crt *cert, char ret_digest[CA_DIGEST_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, cert->raw.p, cert->raw.len);
	sha256_finish(&sha, digest);
	base36_encode(digest, sizeof(digest), DIGEST_DIGITS, ret_digest);
}

/* ---- signing ----------------------------------------------------------------------------------------------------- */

struct signing {
	mbedtls_x509_crt ca;
	mbedtls_pk_context key;
	char issuer[NAME_BYTES];
};

static void signing_fini(struct signing *s)
{
	mbedtls_x509_crt_free(&s->ca);
	mbedtls_pk_free(&s->key);
}

static int signing_init(struct signing *s, const struct ca_signer *signer, struct err *err)
{
	mbedtls_x509_crt_init(&s->ca);
	mbedtls_pk_init(&s->key);
	if (pki_start(err) == 0 && pki_read_certs(&s->ca, signer->cert_pem, "root certificate", err) == 0 &&
	    pki_read_key(&s->key, signer->key_pem, err) == 0 && check_root(&s->ca, &s->key, err) == 0) {
		int size = mbedtls_x509_dn_gets(s->issuer, sizeof(s->issuer), &s->ca.subject);
		if (size >= 0)
			return 0;
		pki_failed(err, "root certificate", size);
	}
	signing_fini(s);
	return -1;
}

/* RFC 2986 4.2: the request is signed with the key that it is for. */
static bool proves_possession(mbedtls_x509_csr *request)
{
	unsigned char hash[SHA256_SIZE];
	struct sha256 sha;

	if (request->MBEDTLS_PRIVATE(sig_md) != MBEDTLS_MD_SHA256)
		return false;
	sha256_init(&sha);
	sha256_add(&sha, request->cri.p, request->cri.len);
	sha256_finish(&sha, hash);
	return mbedtls_pk_verify(&request->pk, MBEDTLS_MD_SHA256, hash, sizeof(hash), request->MBEDTLS_PRIVATE(sig).p,
				 request->MBEDTLS_PRIVATE(sig).len) == 0;
}

static int check_wish(const char *word, const char *wanted, const char *given, struct err *err)
{
	return str_is_empty(wanted) || str_eq(wanted, given) ?
		       0 : err_set(err, ERR_DENIED, "certificate request: asks for %s %s, may have %s", word, wanted, given);
}

static int read_request(mbedtls_x509_csr *request, const char *pem, const struct cert_name *name, struct err *err)
{
	struct cert_name wish;
	int code;

	if (strnlen(pem, CERT_PEM_MAX + 1) > CERT_PEM_MAX)
		return err_set(err, ERR_INVALID, "certificate request: longer than %d bytes", CERT_PEM_MAX);
	code = mbedtls_x509_csr_parse(request, (const unsigned char *)pem, strlen(pem) + 1);
	if (code != 0) {
		pki_failed(err, "certificate request", code);
		err->code = ERR_INVALID;
		return -1;
	}
	if (!pki_is_p256(&request->pk))
		return err_set(err, ERR_INVALID, "certificate request: not for a P-256 key");
	if (!proves_possession(request))
		return err_set(err, ERR_INVALID, "certificate request: not signed with SHA-256 and the key that it is for");
	if (pki_read_subject(&request->subject, "certificate request", &wish, err) < 0)
		return -1;
	if (str_eq(wish.node_id, PKI_NOBODY))
		wish.node_id[0] = '\0';
	if (check_wish("node", wish.node_id, name->node_id, err) < 0 || check_wish("role", wish.role, name->role, err) < 0)
		return -1;
	return check_wish("cluster", wish.cluster_id, name->cluster_id, err);
}

/* No certificate outlives what signs it; one that has ended ends nothing more. */
static nsec end_of(const mbedtls_x509_crt *ca, nsec wall)
{
	nsec end = pki_wall_of(&ca->valid_to);

	return end > wall ? end : INT64_MAX;
}

int ca_sign(const struct ca_signer *signer, const char *request_pem, const struct cert_name *name, nsec wall, nsec lifetime,
	    struct buf *ret_chain_pem, struct err *err)
{
	struct signing s;
	mbedtls_x509_csr request;
	char subject[NAME_BYTES];
	struct plan plan = { .subject = subject, .issuer = s.issuer, .subject_key = &request.pk, .issuer_key = &s.key };
	int rc = -1;

	if (signing_init(&s, signer, err) < 0)
		return -1;
	mbedtls_x509_csr_init(&request);
	snprintf(subject, sizeof(subject), "O=%s,OU=%s,CN=%s", name->cluster_id, name->role, name->node_id);
	date(wall - hour_ns, 0, plan.from);
	date(wall + MIN(MAX(lifetime, 0), end_of(&s.ca, wall) - wall), 0, plan.until);
	if (read_request(&request, request_pem, name, err) == 0 && write_cert(&plan, ret_chain_pem, err) == 0) {
		if (signer->cross_pem)
			buf_add_str(ret_chain_pem, signer->cross_pem);
		rc = 0;
	}
	mbedtls_x509_csr_free(&request);
	signing_fini(&s);
	return rc;
}

int ca_cross_sign(const struct ca_signer *old, const char *new_cert_pem, nsec wall, struct buf *ret_cross_pem, struct err *err)
{
	struct signing s;
	mbedtls_x509_crt cert;
	char subject[NAME_BYTES];
	struct plan plan = { .subject = subject, .issuer = s.issuer, .subject_key = &cert.pk, .issuer_key = &s.key, .is_ca = true };
	int rc = -1;

	if (signing_init(&s, old, err) < 0)
		return -1;
	mbedtls_x509_crt_init(&cert);
	if (pki_read_certs(&cert, new_cert_pem, "root certificate", err) == 0) {
		date(wall - hour_ns, 0, plan.from);
		date(pki_wall_of(&s.ca.valid_to), 0, plan.until);
		rc = mbedtls_x509_dn_gets(subject, sizeof(subject), &cert.subject) < 0 ?
			     err_set(err, ERR_INVALID, "root certificate: its subject is too long") : write_cert(&plan, ret_cross_pem, err);
	}
	mbedtls_x509_crt_free(&cert);
	signing_fini(&s);
	return rc;
}

int ca_issuer(const char *roots_pem, const char *chain_pem, struct buf *ret_subject, struct buf *ret_public_key, struct err *err)
{
	mbedtls_x509_crt roots, chain;
	int rc = -1;

	if (pki_start(err) < 0)
		return -1;
	mbedtls_x509_crt_init(&roots);
	mbedtls_x509_crt_init(&chain);
	if (pki_read_certs(&roots, roots_pem, "root certificate", err) == 0 && pki_read_certs(&chain, chain_pem, "certificate", err) == 0) {
		/* What follows in the chain, if anything, is the issuer; else the root with which it verifies. */
		mbedtls_x509_crt *issuer = chain.next;
		for (mbedtls_x509_crt *root = &roots; root && !issuer; root = root->next) {
			mbedtls_x509_crt *others = root->next;
			root->next = NULL;
			if (pki_verify(&chain, root, 0, err) == 0)
				issuer = root;
			root->next = others;
		}
		if (issuer) {
			tell(issuer, ret_subject, ret_public_key);
			rc = 0;
		}
	}
	mbedtls_x509_crt_free(&chain);
	mbedtls_x509_crt_free(&roots);
	return rc;
}
