/* fetch_http_io.h - one HTTP exchange after the other over libcurl, on the loop. Nobody else sees libcurl.
 *
 * Knows TLS, proxies and connections that are kept, and nothing of registries: no redirect is followed, no password is sent that is not given,
 * nothing is tried again. What is broken is told as a fault (fetch_retry.h) and in the words Docker's users know ("dial tcp reg:5000: connect:
 * connection refused", "x509: certificate signed by unknown authority"). Bounded: headers, bodies that are kept, silence.
 */
#pragma once
#include "base/buf.h"
#include "image/fetch_proxy.h"
#include "image/fetch_retry.h"
#include "image/registry_challenge.h"
#include "os/loop.h"

#define FETCH_STALL_MS   30000
#define FETCH_CONNECT_MS 20000

struct fetch_tls {
	const struct buf *ca;                            /* PEM; all that is trusted */
	const struct buf *cert, *key;                    /* PEM; NULL or empty: none */
	bool is_unchecked;                               /* whoever answers is believed */
};

struct fetch_reply {
	int status;
	char location[FETCH_PATH_SIZE];
	char type[256];
	char digest[136];                                /* Docker-Content-Digest */
	bool is_cut;                                     /* a header above was too long to be kept */
	struct registry_challenges challenges;
	int64_t range_from;                              /* Content-Range; -1: none */
	int64_t retry_after_s;
	struct buf body;
};

struct fetch_request {
	const struct fetch_url *url;
	const struct fetch_tls *tls;
	const char *accept;                              /* NULL: none; so with the next two */
	const char *authorization;
	const char *form;                                /* makes it a POST */
	int64_t range_from;                              /* 0: all of it */
	size_t body_max;                                 /* of a body that is kept: a longer one is FETCH_REFUSED */
	/* Bytes of a 200 or 206 go here when it is set, all other bodies are kept. -1 ends the exchange with FETCH_REFUSED and that error. */
	int (*on_bytes)(void *arg, const struct fetch_reply *reply, const uint8_t *bytes, size_t count, struct err *err);
	/* err NULL: the server has answered, whatever it said. The call is gone; the reply until this returns. */
	void (*on_done)(void *arg, const struct fetch_reply *reply, enum fetch_fault fault, const struct err *err);
	void *arg;
};

struct fetch_http;
struct fetch_http_options {
	struct loop *loop;
	struct fetch_proxies proxies;                    /* what they point at must live on */
	const char *user_agent;                          /* so must this */
	msec stall_ms;                                   /* 0: FETCH_STALL_MS */
	/* Connects instead of us to "10.0.0.2:2377": a connected stream, which is ours then, or -1 and why. NULL: we do it. May block for a moment. */
	int (*dial)(void *arg, const char *address, struct err *err);
	void *dial_arg;
};
struct fetch_http *fetch_http_new(const struct fetch_http_options *options);
void fetch_http_free(struct fetch_http *http);           /* with the calls that still run, in silence */

struct fetch_call;
/* Everything is copied but tls and what it points at. on_done comes later, never from inside. */
struct fetch_call *fetch_http_start(struct fetch_http *http, const struct fetch_request *request);
void fetch_call_free(struct fetch_call *call);           /* in silence; NULL is welcome */
