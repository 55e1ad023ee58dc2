/* tls_session.h - one TLS 1.3 connection without a socket: bytes of the wire in, bytes of the wire out, plain bytes on the other side.
 *
 * No descriptor and no loop, so that what a stranger may send can be tried byte by byte. One thread at a time. Only whole records (5.1)
 * are taken; who feeds it keeps the rest and gives it again.
 */
#pragma once
#include "pki/tls_io.h"

enum tls_step {
	TLS_STEP_WAIT,          /* for more of the wire */
	TLS_STEP_READY,         /* the handshake is done */
	TLS_STEP_MORE,          /* the limit was reached first: there may be more */
	TLS_STEP_ENDED,         /* close_notify came */
	TLS_STEP_FAILED,        /* for good; an alert may be in out */
};
struct tls_failure { enum tls_end end; struct err err; };

struct tls_session;
/* digest: NULL to trust the context's roots. */
struct tls_session *tls_session_new(struct tls_context *ctx, bool is_server, const char *digest);
void tls_session_free(struct tls_session *session);
struct tls_context *tls_session_context(const struct tls_session *session);
const struct tls_peer *tls_session_peer(const struct tls_session *session);

/* How many of these bytes are whole records, or a header that is none, which the session will refuse. */
size_t tls_session_whole(const uint8_t *bytes, size_t size);
/* What the calls below read from; they say how much of it they used. Stays the caller's. */
struct tls_input { const uint8_t *bytes; size_t size, used; };
enum tls_step tls_session_handshake(struct tls_session *session, struct tls_input *in, struct tls_failure *failure);
/* Appends to plain until nothing is left to read or plain has reached the limit. */
enum tls_step tls_session_read(struct tls_session *session, struct tls_input *in, struct buf *plain, size_t limit, struct tls_failure *failure);
/* -1 when the connection is used up (5.5) or broken. */
int tls_session_write(struct tls_session *session, const void *bytes, size_t size, struct tls_failure *failure);
void tls_session_end(struct tls_session *session);
struct buf *tls_session_out(struct tls_session *session);        /* for the wire; whoever sends it drops it */
