#include <stdio.h>
#include <string.h>
#include <time.h>

#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <psa/crypto.h>

#include "base/str.h"
#include "os/entropy.h"
#include "pki/pki_internal.h"

const mbedtls_x509_crt_profile pki_profile = {
	MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256),
	MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA),
	MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1),
	0,
};

int pki_start(struct err *err)
{
	return psa_crypto_init() == PSA_SUCCESS ? 0 : err_set(err, ERR_IO, "certificates: the random generator did not start");
}

int pki_failed(struct err *err, const char *what, int code)
{
	char text[128];

	mbedtls_strerror(code, text, sizeof(text));
	return err_set(err, ERR_IO, "%s: %s", what, text);
}

int pki_draw(void *unused, unsigned char *out, size_t size)
{
	(void)unused;
	entropy_fill(out, size);
	return 0;
}

bool pki_is_p256(const mbedtls_pk_context *key)
{
	return mbedtls_pk_can_do(key, MBEDTLS_PK_ECKEY) && mbedtls_pk_get_bitlen(key) == 256 &&
	       mbedtls_pk_ec(*key)->MBEDTLS_PRIVATE(grp).id == MBEDTLS_ECP_DP_SECP256R1;
}

static int is_too_long(const char *pem, const char *what, struct err *err)
{
	return strnlen(pem, CERT_PEM_MAX + 1) <= CERT_PEM_MAX ? 0 : err_set(err, ERR_INVALID, "%s: longer than %d bytes", what, CERT_PEM_MAX);
}

/* What is not readable was given by somebody: his mistake, not the system's. */
static int unreadable(struct err *err, const char *what, int code)
{
	pki_failed(err, what, code);
	err->code = ERR_INVALID;
	return -1;
}

int pki_read_key(mbedtls_pk_context *key, const char *pem, struct err *err)
{
	int code;

	if (is_too_long(pem, "key", err) < 0)
		return -1;
	code = mbedtls_pk_parse_key(key, (const unsigned char *)pem, strlen(pem) + 1, NULL, 0, pki_draw, NULL);
	if (code != 0)
		return unreadable(err, "key", code);
	return pki_is_p256(key) ? 0 : err_set(err, ERR_INVALID, "key: not a P-256 key");
}

int pki_read_certs(mbedtls_x509_crt *certs, const char *pem, const char *what, struct err *err)
{
	int code;

	if (is_too_long(pem, what, err) < 0)
		return -1;
	code = mbedtls_x509_crt_parse(certs, (const unsigned char *)pem, strlen(pem) + 1);
	if (code > 0)
		return err_set(err, ERR_INVALID, "%s: %d of the certificates in it cannot be read", what, code);
	return code == 0 ? 0 : unreadable(err, what, code);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static const struct part { const char *oid, *word; size_t offset, size; } parts[] = {
	{ MBEDTLS_OID_AT_CN, "node", offsetof(struct cert_name, node_id), sizeof(((struct cert_name *)0)->node_id) },
	{ MBEDTLS_OID_AT_ORG_UNIT, "role", offsetof(struct cert_name, role), sizeof(((struct cert_name *)0)->role) },
	{ MBEDTLS_OID_AT_ORGANIZATION, "cluster", offsetof(struct cert_name, cluster_id), sizeof(((struct cert_name *)0)->cluster_id) },
};

static char *part_of(struct cert_name *name, const struct part *part)
{
	return (char *)name + part->offset;
}

static const struct part *find_part(const mbedtls_x509_buf *oid)
{
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		if (oid->len == strlen(parts[i].oid) && memcmp(oid->p, parts[i].oid, oid->len) == 0)
			return &parts[i];
	return NULL;
}

/* Letters, digits and dashes alone, so that it can be shown and put into a subject. */
static bool is_plain(const mbedtls_x509_buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", text->p[i]) || !text->p[i])
			return false;
	return text->len > 0;
}

int pki_read_subject(const mbedtls_x509_name *subject, const char *what, struct cert_name *ret, struct err *err)
{
	struct cert_name name = { 0 };

	for (; subject && subject->oid.len; subject = subject->next) {
		const struct part *part = find_part(&subject->oid);

		if (!part || *part_of(&name, part) || subject->val.len >= part->size || !is_plain(&subject->val))
			return err_set(err, ERR_INVALID, "%s: its subject is not that of a node", what);
		memcpy(part_of(&name, part), subject->val.p, subject->val.len);
	}
	*ret = name;
	return 0;
}

bool cert_name_is_manager(const struct cert_name *name)
{
	return str_eq(name->role, CERT_ROLE_MANAGER);
}

static bool is_whole(const struct cert_name *name)
{
	return id_is_valid(name->node_id) && id_is_valid(name->cluster_id) &&
	       (cert_name_is_manager(name) || str_eq(name->role, CERT_ROLE_WORKER));
}

bool cert_name_make(const char *node_id, bool is_manager, const char *cluster_id, struct cert_name *ret)
{
	struct cert_name name = { 0 };

	if (!str_copy(name.node_id, sizeof(name.node_id), node_id) || !str_copy(name.cluster_id, sizeof(name.cluster_id), cluster_id))
		return false;
	str_copy(name.role, sizeof(name.role), is_manager ? CERT_ROLE_MANAGER : CERT_ROLE_WORKER);
	if (!is_whole(&name))
		return false;
	*ret = name;
	return true;
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

nsec pki_wall_of(const mbedtls_x509_time *time)
{
	struct tm tm = { .tm_year = time->year - 1900, .tm_mon = time->mon - 1, .tm_mday = time->day,
			 .tm_hour = time->hour, .tm_min = time->min, .tm_sec = time->sec };
	int64_t seconds = timegm(&tm);

	/* nanoseconds end in 2262 */
	return MIN(MAX(seconds, 0), INT64_MAX / 1000000000) * 1000000000;
}

int pki_read_facts(const mbedtls_x509_crt *cert, struct cert_facts *ret, struct err *err)
{
	struct cert_facts facts = { .not_before = pki_wall_of(&cert->valid_from), .not_after = pki_wall_of(&cert->valid_to) };

	if (pki_read_subject(&cert->subject, "certificate", &facts.name, err) < 0)
		return -1;
	if (!is_whole(&facts.name))
		return err_set(err, ERR_INVALID, "certificate: its subject is not that of a node");
	*ret = facts;
	return 0;
}

void pki_judge_dates(const mbedtls_x509_crt *cert, nsec agreed, uint32_t *flags)
{
	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
	if (pki_wall_of(&cert->valid_to) < agreed)
		*flags |= MBEDTLS_X509_BADCERT_EXPIRED;
}

int pki_refuse(struct err *err, const mbedtls_x509_crt *leaf, uint32_t flags)
{
	static const struct { uint32_t flags; const char *words; } reasons[] = {
		{ MBEDTLS_X509_BADCERT_NOT_TRUSTED, "signed by none of the roots of this cluster" },
		{ MBEDTLS_X509_BADCERT_EXPIRED, "expired" },
		{ MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY, "not of a P-256 key signed with SHA-256" },
		{ MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, "not made for connections" },
		{ UINT32_MAX, "not acceptable" },
	};
	struct cert_name name;
	struct err unused;
	size_t i = 0;

	while (!(flags & reasons[i].flags) && i + 1 < ARRAY_COUNT(reasons))
		i++;
	if (pki_read_subject(&leaf->subject, "", &name, &unused) < 0 || str_is_empty(name.node_id))
		return err_set(err, ERR_DENIED, "certificate: %s", reasons[i].words);
	return err_set(err, ERR_DENIED, "certificate of node %s (%s): %s", name.node_id, name.role, reasons[i].words);
}

static int judge_one(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
	const nsec *agreed = arg;

	(void)depth;
	pki_judge_dates(cert, *agreed, flags);
	return 0;
}

int pki_verify(mbedtls_x509_crt *chain, mbedtls_x509_crt *roots, nsec agreed, struct err *err)
{
	uint32_t flags = 0;
	int code = mbedtls_x509_crt_verify_with_profile(chain, roots, NULL, &pki_profile, NULL, &flags, judge_one, &agreed);

	return code == 0 && flags == 0 ? 0 : pki_refuse(err, chain, flags);
}
