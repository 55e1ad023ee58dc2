/* tls_internal.h - a context as its connections see it. */
#pragma once
#include <mbedtls/ssl.h>

#include "pki/tls_context.h"

enum tls_side { TLS_SERVER, TLS_CLIENT, TLS_CLIENT_BY_DIGEST, TLS_SIDES };

struct tls_context {
	_Atomic unsigned holders;
	_Atomic unsigned handshakes;     /* steps that wait for a work thread or are on it */
	_Atomic nsec agreed;
	mbedtls_x509_crt roots, own;     /* own: the chain, and behind it the roots */
	mbedtls_pk_context key;
	bool has_own;
	struct cert_facts facts;
	mbedtls_ssl_config configs[TLS_SIDES];
	msec handshake_ms;               /* how long one may take */
	uint64_t said_max;               /* bytes on the wire that one connection may write */
};
