/* fetch_session_io.h - talks to one registry: gets tokens when it is asked for them, follows redirects by our rules.
 *
 * One session an endpoint. A 401 is answered once with what we have: a token from the server that the challenge names, the password for Basic;
 * exchanges that need one at the same time share it, and one that has expired meanwhile is replaced. Credentials go to the registry's own origin
 * and, as the token protocol wants it, to its token server; never to where a redirect leads elsewhere. https never becomes http; http only
 * leads to registries that are insecure by configuration.
 */
#pragma once
#include "image/fetch_http_io.h"
#include "image/fetch_trust_io.h"
#include "image/registry_hosts.h"
#include "image/registry_reply.h"
#include "model/registry_auth.h"

struct fetch_session;
struct fetch_session_options {
	struct fetch_http *http;
	const struct registry_endpoint *endpoint;
	const struct fetch_trust *trust;
	const struct registry_hosts *hosts;
	const struct registry_auth *auth;                /* NULL: nobody */
	const char *scope;                               /* to ask for when the registry does not say: "repository:x/y:pull" */
	bool wants_identity;                             /* login: also ask for a token that may be kept */
};
struct fetch_session *fetch_session_new(const struct fetch_session_options *options, struct err *err);
/* With the exchanges that still run, in silence; not from inside an on_done. */
void fetch_session_free(struct fetch_session *session);
/* After a login: what to keep instead of the password; "" when there is no such thing. */
const char *fetch_session_identity(const struct fetch_session *session);

struct fetch_failure {
	enum fetch_fault fault;
	int status;                                      /* 0: no answer */
	struct registry_error error;                     /* when there was one */
	char request[512];                               /* `Get "https://reg/v2/"`, as Docker's messages begin; "": not about a request */
	struct err err;                                  /* otherwise, without the request */
	int64_t retry_after_s;
};
struct fetch_ask {
	const char *path;                                /* "/v2/…" behind the endpoint's address */
	const char *accept;
	int64_t range_from;
	size_t body_max;
	int (*on_bytes)(void *arg, const struct fetch_reply *reply, const uint8_t *bytes, size_t count, struct err *err);
	/* failure NULL: status is 200 or 206. Once, later. */
	void (*on_done)(void *arg, const struct fetch_reply *reply, const struct fetch_failure *failure);
	void *arg;
};
struct fetch_exchange;
struct fetch_exchange *fetch_session_ask(struct fetch_session *session, const struct fetch_ask *ask);
void fetch_exchange_free(struct fetch_exchange *exchange);       /* in silence; NULL is welcome */
