#include "pki/tls_context.h"

#include <stdlib.h>

#include "base/panic.h"
#include "pki/pki_internal.h"
#include "pki/tls_internal.h"

enum { HANDSHAKE_MS = 10000 };
/* RFC 8446 5.5: AES-GCM should not carry more than 2^24.5 full records, of 2^14 bytes, with one key. New keys come with a new connection. */
static const uint64_t said_max = (uint64_t)1 << 38;

/* AES where processors have instructions for it. */
static const int suites[] = {
#if defined(__x86_64__) || defined(__aarch64__)
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256, MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, 0
#else
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, MBEDTLS_TLS1_3_AES_128_GCM_SHA256, 0
#endif
};
static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE };
static const uint16_t signatures[] = { MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_NONE };
/* RFC 7301: whoever wants to speak something else is told so at once. */
static const char *protocols[] = { "swarmbox", NULL };

static int configure(struct tls_context *ctx, enum tls_side side)
{
	mbedtls_ssl_config *config = &ctx->configs[side];
	int code = mbedtls_ssl_config_defaults(config, side == TLS_SERVER ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
					       MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);

	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_rng(config, pki_draw, NULL);
	mbedtls_ssl_conf_ciphersuites(config, suites);
	mbedtls_ssl_conf_groups(config, groups);
	mbedtls_ssl_conf_sig_algs(config, signatures);
	mbedtls_ssl_conf_cert_profile(config, &pki_profile);
	/* Optional: a joining node has none, and the session's own judge refuses what is bad. */
	mbedtls_ssl_conf_authmode(config, side == TLS_CLIENT ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
	if (side != TLS_CLIENT_BY_DIGEST)
		mbedtls_ssl_conf_ca_chain(config, &ctx->roots, NULL);
	if (code == 0)
		code = mbedtls_ssl_conf_alpn_protocols(config, protocols);
	if (code == 0 && ctx->has_own)
		code = mbedtls_ssl_conf_own_cert(config, &ctx->own, &ctx->key);
	return code;
}

static int read_own(struct tls_context *ctx, const char *roots_pem, const char *chain_pem, const char *key_pem, struct err *err)
{
	if (pki_read_certs(&ctx->own, chain_pem, "certificate", err) < 0 || pki_read_key(&ctx->key, key_pem, err) < 0 ||
	    pki_read_facts(&ctx->own, &ctx->facts, err) < 0 || pki_verify(&ctx->own, &ctx->roots, 0, err) < 0)
		return -1;
	if (mbedtls_pk_check_pair(&ctx->own.pk, &ctx->key, pki_draw, NULL) != 0)
		return err_set(err, ERR_INVALID, "certificate of node %s: its key is another one", ctx->facts.name.node_id);
	ctx->has_own = true;
	return pki_read_certs(&ctx->own, roots_pem, "root certificate", err);
}

static int fill(struct tls_context *ctx, const char *roots_pem, const char *chain_pem, const char *key_pem, struct err *err)
{
	if (roots_pem && pki_read_certs(&ctx->roots, roots_pem, "root certificate", err) < 0)
		return -1;
	if (chain_pem && read_own(ctx, roots_pem, chain_pem, key_pem, err) < 0)
		return -1;
	for (enum tls_side side = 0; side < TLS_SIDES; side++) {
		int code = configure(ctx, side);
		if (code != 0)
			return pki_failed(err, "TLS", code);
	}
	return 0;
}

int tls_context_new(const char *roots_pem, const char *chain_pem, const char *key_pem, struct tls_context **ret, struct err *err)
{
	struct tls_context *ctx;

	check(!chain_pem == !key_pem && (roots_pem || !chain_pem));
	if (pki_start(err) < 0)
		return -1;
	ctx = NEW(struct tls_context);
	ctx->holders = 1;
	ctx->handshake_ms = HANDSHAKE_MS;
	ctx->said_max = said_max;
	mbedtls_x509_crt_init(&ctx->roots);
	mbedtls_x509_crt_init(&ctx->own);
	mbedtls_pk_init(&ctx->key);
	for (enum tls_side side = 0; side < TLS_SIDES; side++)
		mbedtls_ssl_config_init(&ctx->configs[side]);
	if (fill(ctx, roots_pem, chain_pem, key_pem, err) < 0) {
		tls_context_drop(ctx);
		return -1;
	}
	*ret = ctx;
	return 0;
}

struct tls_context *tls_context_hold(struct tls_context *ctx)
{
	ctx->holders++;
	return ctx;
}

void tls_context_drop(struct tls_context *ctx)
{
	if (!ctx || --ctx->holders > 0)
		return;
	for (enum tls_side side = 0; side < TLS_SIDES; side++)
		mbedtls_ssl_config_free(&ctx->configs[side]);
	mbedtls_pk_free(&ctx->key);
	mbedtls_x509_crt_free(&ctx->own);
	mbedtls_x509_crt_free(&ctx->roots);
	free(ctx);
}

void tls_context_agree(struct tls_context *ctx, nsec agreed)
{
	if (agreed > ctx->agreed)
		ctx->agreed = agreed;
}

const struct cert_facts *tls_context_own(const struct tls_context *ctx)
{
	return ctx->has_own ? &ctx->facts : NULL;
}
