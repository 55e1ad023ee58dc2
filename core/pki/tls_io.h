/* tls_io.h - TLS 1.3 (RFC 8446) between nodes: a stream on the loop over a TCP or unix socket, never blocking, bounded both ways.
 *
 * Steps of a handshake compute on the work threads, at most two at a time whatever the number of connections, and have ten seconds.
 * The server shows its certificate and the roots it knows, so that a joining node can check the root against its token's digest on this
 * very connection. A client may have no certificate; whoever has one is verified (cert.h), or the handshake fails. Only managers listen:
 * a client refuses a server with another role, or, when it is itself in a cluster, one of another cluster.
 *
 * Order: on_ready once, then on_bytes and on_room, at last one on_end with anything but TLS_ENDED; after that nothing is called any more
 * and the owner must still free it. Nothing is called from within a call of the owner's. Any hook may free the stream.
 * In TLS 1.3 a client is ready before the server has looked at its certificate: a refused client sees on_ready and then TLS_REFUSED.
 * Not here: who may do what, removed nodes (the owner looks at the name in on_ready), keeping alive, redialling, and sessions are not resumed.
 */
#pragma once
#include "os/work.h"
#include "pki/tls_context.h"

enum tls_end {
	TLS_ENDED,              /* the other side has ended its writing (close_notify, 6.1); ours goes on. err is NULL */
	TLS_CUT,                /* reset, or closed without a word: bytes may be missing */
	TLS_TIMEOUT,            /* the handshake took too long, or TCP gave up */
	TLS_REFUSED,            /* one side does not accept the other's certificate, or its absence */
	TLS_PROTOCOL,           /* what came is no TLS, or broken */
	TLS_EXHAUSTED,          /* too many handshakes wait already, or (5.5) as much was said as one key should carry: dial again */
};
struct tls_peer {
	struct cert_facts cert;         /* name.node_id is "" without a certificate */
	const char *root_pem;           /* of a connection by digest: the root that it named. Lives as long as the stream */
};
struct tls_hooks {
	void (*on_ready)(void *arg, const struct tls_peer *peer);
	/* Returns how many bytes were consumed; the rest is kept and given again with more behind it. */
	size_t (*on_bytes)(void *arg, const uint8_t *bytes, size_t size);
	/* After tls_write had said false: half of the queue is free again. May be NULL. */
	void (*on_room)(void *arg);
	/* err has the sentence, without the address of the other side. */
	void (*on_end)(void *arg, enum tls_end end, const struct err *err);
	/* tls_end has been carried out: the socket has all that was queued, and the end behind it. May be NULL. */
	void (*on_sent)(void *arg);
};
/* Whom a client accepts: who is signed by the context's roots, or, with the digest out of a join token, by the one root that has it. */
struct tls_trust { const char *root_digest; };

#define TLS_UNREAD_BYTES (64 * 1024)            /* the most that is kept unread: an on_bytes that consumes nothing of this much ends it */
#define TLS_QUEUE_BYTES  (256 * 1024)           /* unsent bytes from which on tls_write refuses */
#define TLS_WRITE_MAX    (4 * 1024 * 1024)      /* of one write; more is a mistake of ours */

/* The stream takes fd, which may still be connecting, holds the context, and uses loop and work until it is freed. Frees before either. */
struct tls_stream;
struct tls_stream *tls_accept(struct loop *loop, struct work *work, struct tls_context *ctx, int fd, const struct tls_hooks *hooks, void *arg);
struct tls_stream *tls_connect(struct loop *loop, struct work *work, struct tls_context *ctx, int fd, struct tls_trust trust,
			       const struct tls_hooks *hooks, void *arg);
void tls_free(struct tls_stream *stream);       /* NULL is welcome; what is queued is lost */
void tls_set_hooks(struct tls_stream *stream, const struct tls_hooks *hooks, void *arg);        /* a new owner; on_ready is not repeated */

/* All or nothing, copied; what is written in one round of the loop leaves together. False, and nothing taken: not ready, ended, or
 * TLS_QUEUE_BYTES are queued already, and on_room will tell. So a message is never cut, and the queue never longer than both bounds. */
bool tls_write(struct tls_stream *stream, const void *bytes, size_t size);
size_t tls_queued(const struct tls_stream *stream);              /* bytes as they go over the wire */
void tls_pause(struct tls_stream *stream, bool paused);          /* reading */
void tls_end(struct tls_stream *stream);        /* what is queued, then close_notify and FIN; reading goes on */
void tls_cut(struct tls_stream *stream);        /* the same without close_notify: behind the last byte the other side sees TLS_CUT */
const struct tls_peer *tls_peer(const struct tls_stream *stream);       /* NULL until ready */
int tls_fd(const struct tls_stream *stream);    /* for its addresses and options */
