/* tls_context.h - what a side of a TLS connection brings along: whom it trusts, and who it is.
 *
 * Counted, because connections outlive it: at renewal or root rotation the owner makes a new one, hands that to what opens from now on and
 * drops his own; each connection holds the one it was opened with. Cannot be changed, but for the agreed time, and any thread may use it.
 */
#pragma once
#include "pki/cert.h"

struct tls_context;
/* roots: PEM, one or, during a rotation, two; NULL for a node that has not joined. chain and key: its own, both or neither.
 * ERR_INVALID when they cannot be read, do not belong together or the chain is not signed by one of the roots. */
int tls_context_new(const char *roots_pem, const char *chain_pem, const char *key_pem, struct tls_context **ret, struct err *err);
struct tls_context *tls_context_hold(struct tls_context *ctx);
void tls_context_drop(struct tls_context *ctx);                  /* NULL is welcome */

/* The newest time that the cluster agrees on: what expired before it is refused. Never goes back. A new context knows none: say it again. */
void tls_context_agree(struct tls_context *ctx, nsec agreed);
/* One's own; NULL without a certificate. */
const struct cert_facts *tls_context_own(const struct tls_context *ctx);
