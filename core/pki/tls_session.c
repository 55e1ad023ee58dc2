#include "pki/tls_session.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/pem.h>

#include "base/panic.h"
#include "base/str.h"
#include "pki/pki_internal.h"
#include "pki/tls_internal.h"

enum { HEADER_BYTES = 5, RECORD_BYTES_MAX = (1 << 14) + 256, PEM_BYTES = 4096 };

struct tls_session {
	mbedtls_ssl_context ssl;
	struct tls_context *ctx;
	bool is_server;
	char digest[CA_DIGEST_SIZE];     /* "" to trust the context's roots */
	uint32_t flags;                  /* of the chain so far */
	struct tls_peer peer;
	struct err *refusal;             /* what the judge found, in the middle of a handshake */
	struct tls_input *in;            /* while a call runs */
	struct buf out;
	uint64_t said;
};

/* ---- the wire ---------------------------------------------------------------------------------------------------- */

static int wire_read(void *arg, unsigned char *bytes, size_t size)
{
	struct tls_session *s = arg;
	size_t count = s->in ? MIN(size, s->in->size - s->in->used) : 0;

	if (!count)
		return MBEDTLS_ERR_SSL_WANT_READ;
	memcpy(bytes, s->in->bytes + s->in->used, count);
	s->in->used += count;
	return (int)count;
}

static int wire_write(void *arg, const unsigned char *bytes, size_t size)
{
	struct tls_session *s = arg;

	buf_add(&s->out, bytes, size);
	s->said += size;
	return (int)size;
}

size_t tls_session_whole(const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (size - at >= HEADER_BYTES) {
		size_t length = (size_t)bytes[at + 3] << 8 | bytes[at + 4];

		/* change_cipher_spec, alert, handshake, application_data */
		if (bytes[at] < 20 || bytes[at] > 23 || length > RECORD_BYTES_MAX)
			return size;
		if (size - at < HEADER_BYTES + length)
			break;
		at += HEADER_BYTES + length;
	}
	return at;
}

struct buf *tls_session_out(struct tls_session *s)
{
	return &s->out;
}

/* ---- judging the other side -------------------------------------------------------------------------------------- */

static int write_pem(const mbedtls_x509_crt *cert, char **ret)
{
	unsigned char text[PEM_BYTES];
	size_t size;

	if (mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", cert->raw.p, cert->raw.len, text,
				     sizeof(text), &size) != 0)
		return -1;
	*ret = str_dup((char *)text);
	return 0;
}

/* The one root that the token names must be in the chain; nothing else is trusted. */
static int judge_by_digest(struct tls_session *s, mbedtls_x509_crt *chain, struct err *err)
{
	mbedtls_x509_crt root, *found = chain;
	char digest[CA_DIGEST_SIZE], *pem = NULL;
	int rc = -1;

	for (; found; found = found->next) {
		pki_digest(found, digest);
		if (str_eq(digest, s->digest))
			break;
	}
	if (!found)
		return err_set(err, ERR_DENIED, "remote CA does not match fingerprint: the join token is of another cluster, or older than its root certificate");
	mbedtls_x509_crt_init(&root);
	if (mbedtls_x509_crt_parse_der(&root, found->raw.p, found->raw.len) != 0 || write_pem(&root, &pem) < 0)
		err_set(err, ERR_DENIED, "root certificate: cannot be read");
	else
		rc = pki_verify(chain, &root, s->ctx->agreed, err);
	mbedtls_x509_crt_free(&root);
	s->peer.root_pem = pem;
	return rc;
}

/* Only managers listen, and only those of one's own cluster are of any use. */
static int judge_name(const struct tls_session *s, const struct cert_name *name, struct err *err)
{
	if (s->is_server || cert_name_is_manager(name)) {
		if (!s->ctx->has_own || str_eq(s->ctx->facts.name.cluster_id, name->cluster_id))
			return 0;
		return err_set(err, ERR_DENIED, "certificate of node %s (%s): of another cluster", name->node_id, name->role);
	}
	return err_set(err, ERR_DENIED, "certificate of node %s (%s): not a manager's", name->node_id, name->role);
}

static int judge(struct tls_session *s, mbedtls_x509_crt *leaf, struct err *err)
{
	if (s->digest[0] ? judge_by_digest(s, leaf, err) < 0 : s->flags != 0 && pki_refuse(err, leaf, s->flags) < 0)
		return -1;
	return pki_read_facts(leaf, &s->peer.cert, err) < 0 ? -1 : judge_name(s, &s->peer.cert.name, err);
}

/* What is fatal is "access denied" for the other side; that its time has run out it cannot know by itself, for its clock is not asked. */
static void tell_expired(struct tls_session *s)
{
	if (s->flags & MBEDTLS_X509_BADCERT_EXPIRED && !(s->flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED))
		(void)mbedtls_ssl_send_alert_message(&s->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED);
}

/* From the root down to the leaf. What is fatal here ends even a handshake that could do without a certificate. */
static int judge_one(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
	struct tls_session *s = arg;
	struct err err;

	pki_judge_dates(cert, s->ctx->agreed, flags);
	s->flags |= *flags;
	*flags = 0;
	if (depth > 0 || judge(s, cert, &err) == 0)
		return 0;
	tell_expired(s);
	s->peer.cert = (struct cert_facts){ 0 };
	s->refusal = NEW(struct err);
	*s->refusal = err;
	return MBEDTLS_ERR_X509_FATAL_ERROR;
}

/* ---- failing ----------------------------------------------------------------------------------------------------- */

/* RFC 8446 6.2, as far as they say something about who we are. */
static const struct { uint8_t alert; const char *words; } refusals[] = {
	{ 42, "bad certificate" }, { 43, "unsupported certificate" }, { 44, "certificate revoked" },
	{ MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED, "its certificate has expired: let it leave the swarm and join again" },
	{ 46, "certificate unknown" }, { 48, "unknown certificate authority" }, { 49, "access denied" }, { 116, "certificate required" },
};

static void fail_by_alert(uint8_t alert, struct tls_failure *failure)
{
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++)
		if (refusals[i].alert == alert) {
			failure->end = TLS_REFUSED;
			err_set(&failure->err, ERR_DENIED, "the other side does not accept this node: %s", refusals[i].words);
			return;
		}
	failure->end = TLS_PROTOCOL;
	err_set(&failure->err, ERR_IO, "the other side ended the TLS connection with alert %d", alert);
}

static enum tls_step fail(struct tls_session *s, int code, struct tls_failure *failure)
{
	if (s->refusal) {
		failure->end = TLS_REFUSED;
		failure->err = *s->refusal;
	} else if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
		fail_by_alert(s->ssl.MBEDTLS_PRIVATE(in_msg)[1], failure);
	} else {
		failure->end = TLS_PROTOCOL;
		pki_failed(&failure->err, "TLS", code);
	}
	return TLS_STEP_FAILED;
}

static bool is_waiting(int code)
{
	return code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

struct tls_session *tls_session_new(struct tls_context *ctx, bool is_server, const char *digest)
{
	struct tls_session *s = NEW(struct tls_session);
	enum tls_side side = is_server ? TLS_SERVER : digest ? TLS_CLIENT_BY_DIGEST : TLS_CLIENT;

	check(!is_server || ctx->has_own);
	s->ctx = tls_context_hold(ctx);
	s->is_server = is_server;
	if (digest)
		str_copy(s->digest, sizeof(s->digest), digest);
	mbedtls_ssl_init(&s->ssl);
	/* Fails for want of memory alone. */
	check(mbedtls_ssl_setup(&s->ssl, &ctx->configs[side]) == 0);
	/* Names of hosts mean nothing here. */
	check(mbedtls_ssl_set_hostname(&s->ssl, NULL) == 0);
	mbedtls_ssl_set_verify(&s->ssl, judge_one, s);
	mbedtls_ssl_set_bio(&s->ssl, s, wire_write, wire_read, NULL);
	return s;
}

void tls_session_free(struct tls_session *s)
{
	if (!s)
		return;
	mbedtls_ssl_free(&s->ssl);
	tls_context_drop(s->ctx);
	buf_fini(&s->out);
	free((char *)s->peer.root_pem);
	free(s->refusal);
	free(s);
}

struct tls_context *tls_session_context(const struct tls_session *s)
{
	return s->ctx;
}

const struct tls_peer *tls_session_peer(const struct tls_session *s)
{
	return &s->peer;
}

enum tls_step tls_session_handshake(struct tls_session *s, struct tls_input *in, struct tls_failure *failure)
{
	int code;

	s->in = in;
	code = mbedtls_ssl_handshake(&s->ssl);
	s->in = NULL;
	if (code == 0)
		return TLS_STEP_READY;
	return is_waiting(code) ? TLS_STEP_WAIT : fail(s, code, failure);
}

enum tls_step tls_session_read(struct tls_session *s, struct tls_input *in, struct buf *plain, size_t limit, struct tls_failure *failure)
{
	int count = 1;

	s->in = in;
	while (plain->len < limit) {
		/* no more comes out than is there: most is a beat of a few bytes */
		size_t there = mbedtls_ssl_get_bytes_avail(&s->ssl) + in->size - in->used;
		size_t room = MIN(MAX(there, (size_t)1), (size_t)MBEDTLS_SSL_IN_CONTENT_LEN);

		buf_reserve(plain, room);
		count = mbedtls_ssl_read(&s->ssl, (unsigned char *)plain->data + plain->len, room);
		if (count < 0)
			break;
		plain->len += (size_t)count;     /* 0 is an empty record */
		plain->data[plain->len] = '\0';
	}
	s->in = NULL;
	if (count >= 0)
		return TLS_STEP_MORE;
	if (count == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return TLS_STEP_ENDED;
	return is_waiting(count) ? TLS_STEP_WAIT : fail(s, count, failure);
}

int tls_session_write(struct tls_session *s, const void *bytes, size_t size, struct tls_failure *failure)
{
	const uint8_t *at = bytes;

	if (s->said >= s->ctx->said_max) {
		failure->end = TLS_EXHAUSTED;
		return err_set(&failure->err, ERR_EXHAUSTED, "TLS: as much was said as one key should carry");
	}
	while (size) {
		int count = mbedtls_ssl_write(&s->ssl, at, size);

		if (count <= 0) {
			fail(s, count, failure);
			return -1;
		}
		at += count;
		size -= (size_t)count;
	}
	return 0;
}

void tls_session_end(struct tls_session *s)
{
	mbedtls_ssl_close_notify(&s->ssl);
}
