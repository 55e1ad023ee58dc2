#include "image/fetch_session_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/panic.h"
#include "base/str.h"

enum { TOKEN_ROUNDS = 4 };      /* of one exchange: the first token, and others when that has expired, or others have used it up meanwhile */

struct fetch_session {
	struct fetch_http *http;
	struct fetch_url base;
	bool is_insecure;
	const struct fetch_trust *trust;
	const struct registry_hosts *hosts;
	const struct registry_auth *auth;
	char *scope;
	bool wants_identity;
	struct fetch_tls own_tls, other_tls, bare_tls;   /* other: not ours, checked; bare: not ours, and insecure by configuration */
	struct list exchanges;

	char *authorization;                             /* header, NULL: none yet */
	unsigned generation;                             /* of it */
	struct fetch_call *token_call;                   /* somebody is getting a new one */
	struct fetch_url token_url;
	char *token_authorization, *token_form;
	unsigned token_hops;
	char *identity;
};

struct fetch_exchange {
	struct list link;
	struct fetch_session *session;
	struct fetch_ask ask;
	char *accept;
	struct fetch_url first, url;                     /* first: what was asked for */
	struct fetch_call *call;
	bool has_left;                                   /* a redirect led to another origin: no credentials any more */
	bool waits_for_token;
	unsigned hops, rounds, generation;               /* generation: of the authorization it was sent with */
};

static void send_exchange(struct fetch_exchange *exchange);

/* ---- making ----------------------------------------------------------------------------------------------------------------- */

struct fetch_session *fetch_session_new(const struct fetch_session_options *options, struct err *err)
{
	struct fetch_session *session = NEW(struct fetch_session);
	const struct registry_auth *auth = options->auth;

	*session = (struct fetch_session){ .http = options->http, .is_insecure = options->endpoint->is_insecure, .trust = options->trust,
					   .hosts = options->hosts, .auth = auth, .scope = str_dup(options->scope),
					   .wants_identity = options->wants_identity };
	list_init(&session->exchanges);
	session->own_tls = fetch_trust_tls(options->trust, session->is_insecure, true);
	session->other_tls = fetch_trust_tls(options->trust, false, false);
	session->bare_tls = fetch_trust_tls(options->trust, true, false);
	if (fetch_url_parse(options->endpoint->base, &session->base, err) < 0) {
		fetch_session_free(session);
		return NULL;
	}
	if (auth && !str_is_empty(auth->registry_token) && strspn(auth->registry_token, " \r\n\t") == 0 && !strpbrk(auth->registry_token, "\r\n"))
		session->authorization = str_printf("Bearer %s", auth->registry_token);
	return session;
}

void fetch_session_free(struct fetch_session *session)
{
	if (!session)
		return;
	LIST_EACH(item, &session->exchanges)
		fetch_exchange_free(CONTAINER_OF(item, struct fetch_exchange, link));
	fetch_call_free(session->token_call);
	free(session->authorization);
	free(session->token_authorization);
	free(session->token_form);
	free(session->identity);
	free(session->scope);
	free(session);
}

const char *fetch_session_identity(const struct fetch_session *session)
{
	return session->identity ? session->identity : "";
}

void fetch_exchange_free(struct fetch_exchange *exchange)
{
	if (!exchange)
		return;
	list_remove(&exchange->link);
	fetch_call_free(exchange->call);
	free(exchange->accept);
	free(exchange);
}

/* ---- the end of an exchange ------------------------------------------------------------------------------------------------- */

static void finish(struct fetch_exchange *exchange, const struct fetch_reply *reply, struct fetch_failure *failure)
{
	struct fetch_ask ask = exchange->ask;

	if (failure) {
		CLEANUP(buf_finip) struct buf url = BUF_INIT;

		fetch_url_format(&exchange->first, &url);
		snprintf(failure->request, sizeof(failure->request), "Get \"%.490s\"", buf_text(&url));
	}
	fetch_exchange_free(exchange);
	ask.on_done(ask.arg, reply, failure);
}

static void fail(struct fetch_exchange *exchange, enum fetch_fault fault, const struct err *err)
{
	struct fetch_failure failure = { .fault = fault, .err = *err };

	finish(exchange, NULL, &failure);
}

/* An answer that is no success. */
static void fail_status(struct fetch_exchange *exchange, const struct fetch_reply *reply, enum fetch_fault fault)
{
	const struct registry_challenge *challenge = registry_challenges_pick(&reply->challenges);
	struct fetch_failure failure = { .fault = fault, .status = reply->status, .retry_after_s = reply->retry_after_s };

	registry_error_read(reply->status, challenge ? challenge->error : "", reply->body.data, reply->body.len, &failure.error);
	finish(exchange, reply, &failure);
}

/* ---- credentials ------------------------------------------------------------------------------------------------------------ */

/* The next of those that wait, however many came or went meanwhile. */
static struct fetch_exchange *next_waiting(struct fetch_session *session)
{
	for (struct list *item = session->exchanges.next; item != &session->exchanges; item = item->next)
		if (CONTAINER_OF(item, struct fetch_exchange, link)->waits_for_token)
			return CONTAINER_OF(item, struct fetch_exchange, link);
	return NULL;
}

static void have_authorization(struct fetch_session *session, char *authorization)
{
	struct fetch_exchange *exchange;

	free(session->authorization);
	session->authorization = authorization;
	session->generation++;
	while ((exchange = next_waiting(session))) {
		exchange->waits_for_token = false;
		send_exchange(exchange);
	}
}

static void have_no_authorization(struct fetch_session *session, const struct fetch_failure *failure)
{
	struct fetch_exchange *exchange;

	/* on_done of one may free the session's others, and ask anew: those do not wait */
	while ((exchange = next_waiting(session))) {
		struct fetch_failure copy = *failure;

		exchange->waits_for_token = false;
		finish(exchange, NULL, &copy);
	}
}

static void no_authorization(struct fetch_session *session, enum fetch_fault fault, const struct err *err)
{
	struct fetch_failure failure = { .fault = fault, .err = *err };

	have_no_authorization(session, &failure);
}

static void send_token_call(struct fetch_session *session);

static void take_token(struct fetch_session *session, const struct fetch_reply *reply)
{
	struct registry_token *token = NEW(struct registry_token);
	struct err err;

	if (registry_token_parse(reply->body.data, reply->body.len, token, &err) < 0) {
		no_authorization(session, FETCH_REFUSED, &err);
	} else {
		if (token->refresh_token[0]) {
			free(session->identity);
			session->identity = str_dup(token->refresh_token);
		}
		have_authorization(session, str_printf("Bearer %s", token->token));
	}
	free(token);
}

static void on_token(void *arg, const struct fetch_reply *reply, enum fetch_fault fault, const struct err *err)
{
	struct fetch_session *session = arg;
	struct fetch_failure failure = { .fault = fault, .status = reply->status, .retry_after_s = reply->retry_after_s };
	struct err wrong;

	session->token_call = NULL;
	if (err) {
		CLEANUP(buf_finip) struct buf url = BUF_INIT;

		wrong = *err;
		fetch_url_format(&session->token_url, &url);
		err_wrap(&wrong, "Get \"%.300s\"", buf_text(&url));
		no_authorization(session, fault, &wrong);
	} else if (reply->status == 200) {
		take_token(session, reply);
	} else if (reply->status >= 301 && reply->status <= 308 && reply->location[0] && !session->token_form) {
		struct fetch_url *to = NEW(struct fetch_url);

		if (++session->token_hops > FETCH_REDIRECTS_MAX) {
			err_set(&wrong, ERR_IO, "token server: more than %d redirects", FETCH_REDIRECTS_MAX);
			no_authorization(session, FETCH_REFUSED, &wrong);
		} else if (fetch_url_follow(&session->token_url, reply->location, to, &wrong) < 0) {
			err_wrap(&wrong, "token server");
			no_authorization(session, FETCH_REFUSED, &wrong);
		} else {
			if (!fetch_url_is_same_origin(&session->token_url, to)) {
				free(session->token_authorization);
				session->token_authorization = NULL;
			}
			session->token_url = *to;
			send_token_call(session);
		}
		free(to);
	} else {
		registry_error_read(reply->status, "", reply->body.data, reply->body.len, &failure.error);
		have_no_authorization(session, &failure);
	}
}

static const struct fetch_tls *tls_for(const struct fetch_session *session, const struct fetch_url *url)
{
	char authority[FETCH_AUTHORITY_SIZE];

	if (fetch_url_is_same_origin(url, &session->base))
		return &session->own_tls;
	return registry_hosts_is_insecure(session->hosts, fetch_url_authority(url, authority), NULL, 0) ? &session->bare_tls :
														       &session->other_tls;
}

/* Without TLS one speaks to what is insecure by configuration, or to the registry itself when that is how it was reached. */
static bool may_speak_plainly(const struct fetch_session *session, const struct fetch_url *url)
{
	char authority[FETCH_AUTHORITY_SIZE];

	return fetch_url_is_same_origin(url, &session->base) ||
	       registry_hosts_is_insecure(session->hosts, fetch_url_authority(url, authority), NULL, 0);
}

static void send_token_call(struct fetch_session *session)
{
	struct fetch_request request = { .url = &session->token_url, .tls = tls_for(session, &session->token_url), .accept = "application/json",
					 .authorization = session->token_authorization, .form = session->token_form,
					 .body_max = REGISTRY_REPLY_MAX_BYTES, .on_done = on_token, .arg = session };

	session->token_call = fetch_http_start(session->http, &request);
}

static void add_form(struct buf *form, const char *key, const char *value)
{
	buf_printf(form, "%s%s=", form->len ? "&" : "", key);
	fetch_url_encode(value, form);
}

/* An identity token is exchanged by POST (OAuth 2), a name and a password go along as Basic. */
static int plan_token_call(struct fetch_session *session, const struct registry_challenge *challenge, struct err *err)
{
	const struct registry_auth *auth = session->auth;
	bool has_identity = auth && !str_is_empty(auth->identity_token), has_password = auth && !str_is_empty(auth->username);
	CLEANUP(buf_finip) struct buf url = BUF_INIT;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	free(session->token_authorization);
	free(session->token_form);
	session->token_authorization = session->token_form = NULL;
	session->token_hops = 0;
	if (has_identity) {
		buf_add_str(&url, challenge->realm);
		add_form(&text, "grant_type", "refresh_token");
		add_form(&text, "service", challenge->service);
		add_form(&text, "client_id", "docker");
		add_form(&text, "refresh_token", auth->identity_token);
		if (challenge->scope[0] || session->scope)
			add_form(&text, "scope", challenge->scope[0] ? challenge->scope : session->scope);
		session->token_form = buf_take(&text);
	} else {
		registry_challenge_token_url(challenge, session->scope, has_password ? auth->username : NULL, &url);
		if (session->wants_identity)
			buf_printf(&url, "%coffline_token=true&client_id=docker", strchr(buf_text(&url), '?') ? '&' : '?');
		if (has_password) {
			buf_add_str(&text, "Basic ");
			registry_auth_pack(auth->username, auth->password, &text);
			session->token_authorization = buf_take(&text);
		}
	}
	if (fetch_url_parse(buf_text(&url), &session->token_url, err) < 0)
		return err_wrap(err, "token server");
	if (!session->token_url.is_https && !may_speak_plainly(session, &session->token_url))
		return err_set(err, ERR_DENIED, "token server: plain http to %s refused: credentials would be readable", session->token_url.host);
	return 0;
}

static void get_authorization(struct fetch_session *session, const struct registry_challenge *challenge)
{
	const struct registry_auth *auth = session->auth;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err;

	if (challenge->scheme == REGISTRY_BASIC) {
		if (!auth || str_is_empty(auth->username)) {
			err_set(&err, ERR_UNAUTHORIZED, "no basic auth credentials");
			no_authorization(session, FETCH_REFUSED, &err);
			return;
		}
		buf_add_str(&text, "Basic ");
		registry_auth_pack(auth->username, auth->password, &text);
		have_authorization(session, buf_take(&text));
		return;
	}
	if (plan_token_call(session, challenge, &err) < 0)
		no_authorization(session, FETCH_REFUSED, &err);
	else
		send_token_call(session);
}

/* True: the exchange goes on with other credentials, now or when they are there. */
static bool answer_challenge(struct fetch_exchange *exchange, const struct fetch_reply *reply)
{
	struct fetch_session *session = exchange->session;
	const struct registry_challenge *challenge = registry_challenges_pick(&reply->challenges);
	bool is_stale = exchange->generation != session->generation;

	if (exchange->has_left || !challenge || (exchange->rounds >= TOKEN_ROUNDS && !is_stale))
		return false;
	/* a password that was refused is refused the second time too */
	if (challenge->scheme == REGISTRY_BASIC && exchange->rounds > 0)
		return false;
	if (str_eq(challenge->error, "insufficient_scope") && exchange->rounds > 0)
		return false;
	exchange->rounds++;
	if (is_stale && !session->token_call) {
		send_exchange(exchange);
		return true;
	}
	exchange->waits_for_token = true;
	if (!session->token_call)
		get_authorization(session, challenge);
	return true;
}

/* ---- an exchange ------------------------------------------------------------------------------------------------------------ */

static void follow(struct fetch_exchange *exchange, const struct fetch_reply *reply)
{
	struct fetch_session *session = exchange->session;
	struct fetch_url *to = NEW(struct fetch_url);
	struct err err;

	if (++exchange->hops > FETCH_REDIRECTS_MAX)
		err_set(&err, ERR_IO, "stopped after %d redirects", FETCH_REDIRECTS_MAX);
	else if (reply->is_cut)
		err_set(&err, ERR_INVALID, "a redirect to an address that is too long");
	else if (fetch_url_follow(&exchange->url, reply->location, to, &err) == 0) {
		if (to->is_https || may_speak_plainly(session, to)) {
			exchange->url = *to;
			exchange->has_left = exchange->has_left || !fetch_url_is_same_origin(to, &session->base);
			free(to);
			send_exchange(exchange);
			return;
		}
		err_set(&err, ERR_DENIED, "redirect to plain http refused: http://%s is not an insecure registry", to->host);
	}
	free(to);
	fail(exchange, FETCH_REFUSED, &err);
}

static void on_reply(void *arg, const struct fetch_reply *reply, enum fetch_fault fault, const struct err *err)
{
	struct fetch_exchange *exchange = arg;

	exchange->call = NULL;
	if (err) {
		struct fetch_failure failure = { .fault = fault, .err = *err };

		finish(exchange, reply, &failure);
	} else if (reply->status == 200 || reply->status == 206) {
		finish(exchange, reply, NULL);
	} else if (reply->status == 301 || reply->status == 302 || reply->status == 303 || reply->status == 307 || reply->status == 308) {
		follow(exchange, reply);
	} else if (reply->status != 401 || !answer_challenge(exchange, reply)) {
		fail_status(exchange, reply, fault);
	}
}

static int on_bytes(void *arg, const struct fetch_reply *reply, const uint8_t *bytes, size_t count, struct err *err)
{
	struct fetch_exchange *exchange = arg;

	return exchange->ask.on_bytes(exchange->ask.arg, reply, bytes, count, err);
}

static void send_exchange(struct fetch_exchange *exchange)
{
	struct fetch_session *session = exchange->session;
	struct fetch_request request = { .url = &exchange->url, .tls = tls_for(session, &exchange->url), .accept = exchange->accept,
					 .authorization = exchange->has_left ? NULL : session->authorization,
					 .range_from = exchange->ask.range_from,
					 .body_max = MAX(exchange->ask.body_max, (size_t)REGISTRY_REPLY_MAX_BYTES),
					 .on_bytes = exchange->ask.on_bytes ? on_bytes : NULL, .on_done = on_reply, .arg = exchange };

	exchange->generation = session->generation;
	exchange->call = fetch_http_start(session->http, &request);
}

struct fetch_exchange *fetch_session_ask(struct fetch_session *session, const struct fetch_ask *ask)
{
	struct fetch_exchange *exchange = NEW(struct fetch_exchange);
	size_t length = strlen(session->base.path);

	*exchange = (struct fetch_exchange){ .session = session, .ask = *ask, .accept = str_dup(ask->accept), .first = session->base };
	if (length && session->base.path[length - 1] == '/')
		length--;
	check(length + strlen(ask->path) < sizeof(exchange->first.path));
	str_copy(exchange->first.path + length, sizeof(exchange->first.path) - length, ask->path);
	exchange->url = exchange->first;
	list_add_last(&session->exchanges, &exchange->link);
	send_exchange(exchange);
	return exchange;
}
