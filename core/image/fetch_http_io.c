#include "image/fetch_http_io.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/panic.h"
#include "base/str.h"

enum { BUFFER_BYTES = 128 * 1024, CONNECTIONS = 8, DIAL_MS = 3600000 };

struct fetch_http {
	struct loop *loop;
	struct fetch_http_options options;
	CURLM *multi;
	struct timer timer;                              /* the library's */
	struct timer drain;                              /* what could not even be started */
	struct list calls;
};

struct fetch_call {
	struct list link;
	struct fetch_http *http;
	CURL *easy;
	struct curl_slist *headers;
	char *form;
	int (*on_bytes)(void *arg, const struct fetch_reply *reply, const uint8_t *bytes, size_t count, struct err *err);
	void (*on_done)(void *arg, const struct fetch_reply *reply, enum fetch_fault fault, const struct err *err);
	void *arg;
	size_t body_max;
	bool is_https;
	char dial[FETCH_AUTHORITY_SIZE + 8];             /* host:port, as an error names it */
	char host[256];
	char words[CURL_ERROR_SIZE];
	bool has_refused;                                /* err is ours, from a callback */
	bool has_failed;                                 /* before it began */
	bool has_err;                                    /* err is the dial's */
	struct err err;
	struct fetch_reply reply;
};

/* ---- the loop's side -------------------------------------------------------------------------------------------------------- */

struct held_socket { struct fetch_http *http; struct watch *watch; curl_socket_t fd; };

static void drain(struct fetch_http *http);

static void on_socket(void *arg, unsigned events)
{
	const struct held_socket *held = arg;
	struct fetch_http *http = held->http;
	int what = (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0) |
		   (events & LOOP_HANGUP ? CURL_CSELECT_IN | CURL_CSELECT_ERR : 0), running;

	curl_multi_socket_action(http->multi, held->fd, what, &running);
	drain(http);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct fetch_http *http = arg;
	struct held_socket *held = assigned;
	unsigned events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (held)
			watch_free(held->watch);
		free(held);
		return 0;
	}
	if (held) {
		watch_set(held->watch, events);
		return 0;
	}
	held = NEW(struct held_socket);
	*held = (struct held_socket){ http, NULL, fd };
	held->watch = watch_new(http->loop, fd, events, on_socket, held);
	curl_multi_assign(http->multi, fd, held);
	return 0;
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct fetch_http *http = arg;

	(void)multi;
	if (timeout_ms < 0)
		timer_cancel(&http->timer);
	else
		timer_set_in(&http->timer, timeout_ms);
	return 0;
}

static void on_timer(void *arg)
{
	struct fetch_http *http = arg;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	drain(http);
}

/* ---- what comes in ---------------------------------------------------------------------------------------------------------- */

static const char *header_value(const char *line, const char *name)
{
	size_t length = strlen(name);

	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	line += length + 1;
	return line + strspn(line, " \t");
}

static void take_header(struct fetch_reply *reply, const char *line)
{
	const struct { const char *name; char *field; size_t size; } kept[] = {
		{ "Location", reply->location, sizeof(reply->location) },
		{ "Content-Type", reply->type, sizeof(reply->type) },
		{ "Docker-Content-Digest", reply->digest, sizeof(reply->digest) },
	};
	const char *value;

	for (size_t i = 0; i < ARRAY_COUNT(kept); i++)
		if ((value = header_value(line, kept[i].name)) && !str_copy(kept[i].field, kept[i].size, value))
			reply->is_cut = true;
	if ((value = header_value(line, "WWW-Authenticate")))
		registry_challenges_read(&reply->challenges, value);
	if ((value = header_value(line, "Content-Range")) && (value = str_after(value, "bytes "))) {
		CLEANUP(str_freep) char *from = str_printf("%.*s", (int)strcspn(value, "-"), value);

		if (str_to_i64(from, &reply->range_from) < 0)
			reply->range_from = -1;
	}
	if ((value = header_value(line, "Retry-After")) && str_to_i64(value, &reply->retry_after_s) < 0)
		reply->retry_after_s = 0;        /* a date: our own delay will do */
}

/* Also those of a proxy's answer to CONNECT and of 1xx: each status line begins anew. */
static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct fetch_call *call = arg;
	struct fetch_reply *reply = &call->reply;
	size_t length = size * count;
	CLEANUP(str_freep) char *line = NULL;

	while (length && (bytes[length - 1] == '\r' || bytes[length - 1] == '\n' || bytes[length - 1] == ' '))
		length--;
	line = str_printf("%.*s", (int)length, bytes);
	if (str_starts(line, "HTTP/")) {
		struct buf body = reply->body;

		memset(reply, 0, sizeof(*reply));
		reply->range_from = -1;
		reply->body = body;
		buf_clear(&reply->body);
	} else {
		take_header(reply, line);
	}
	return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct fetch_call *call = arg;
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	call->reply.status = (int)status;
	if (call->on_bytes && (status == 200 || status == 206)) {
		if (call->on_bytes(call->arg, &call->reply, (const uint8_t *)bytes, size * count, &call->err) == 0)
			return size * count;
		call->has_refused = true;
		return CURL_WRITEFUNC_ERROR;
	}
	if (call->reply.body.len + size * count > call->body_max) {
		err_set(&call->err, ERR_INVALID, "the answer is longer than %zu bytes", call->body_max);
		call->has_refused = true;
		return CURL_WRITEFUNC_ERROR;
	}
	buf_add(&call->reply.body, bytes, size * count);
	return size * count;
}

/* ---- what went wrong -------------------------------------------------------------------------------------------------------- */

static enum fetch_fault say(struct fetch_call *call, enum fetch_fault fault, const char *words)
{
	err_set(&call->err, ERR_IO, "%s", words);
	str_make_line(call->err.text);
	return fault;
}

static enum fetch_fault say_system(struct fetch_call *call, long number, const char *otherwise)
{
	if (call->has_err)              /* whoever dialled for us has said why not */
		return FETCH_UNREACHABLE;
	const char *text = number ? strerror((int)number) : otherwise;

	err_set(&call->err, ERR_IO, "dial tcp %s: connect: %c%s", call->dial, text[0] >= 'A' && text[0] <= 'Z' ? text[0] + 'a' - 'A' : text[0],
		text + 1);
	return FETCH_UNREACHABLE;
}

static enum fetch_fault say_certificate(struct fetch_call *call)
{
	if (strstr(call->words, "expired"))
		return say(call, FETCH_UNTRUSTED, "x509: certificate has expired");
	if (strstr(call->words, "future"))
		return say(call, FETCH_UNTRUSTED, "x509: certificate is not yet valid: is the clock of this host right?");
	if (strstr(call->words, "does not match")) {
		err_set(&call->err, ERR_IO, "x509: certificate is not valid for %s", call->host);
		return FETCH_UNTRUSTED;
	}
	return say(call, FETCH_UNTRUSTED, "x509: certificate signed by unknown authority");
}

static enum fetch_fault say_tls(struct fetch_call *call)
{
	if (strstr(call->words, "not correctly signed") || strstr(call->words, "expired") || strstr(call->words, "future") ||
	    strstr(call->words, "does not match"))
		return say_certificate(call);
	if (strstr(call->words, "invalid SSL record"))
		return say(call, FETCH_UNTRUSTED, "http: server gave HTTP response to HTTPS client");
	err_set(&call->err, ERR_IO, "tls: %s", call->words[0] ? call->words : "handshake failed");
	str_make_line(call->err.text);
	return FETCH_UNTRUSTED;
}

static enum fetch_fault say_timeout(struct fetch_call *call)
{
	curl_off_t connected = 0, asked = 0;

	/* both stay 0 until it is so; on a connection that was kept only the second one moves */
	curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &asked);
	if (asked) {
		err_set(&call->err, ERR_IO, "nothing came for %lld s", (long long)(call->http->options.stall_ms + 999) / 1000);
		return FETCH_BROKEN;
	}
	if (connected && call->is_https)
		return say(call, FETCH_UNREACHABLE, "net/http: TLS handshake timeout");
	err_set(&call->err, ERR_IO, "dial tcp %s: i/o timeout", call->dial);
	return FETCH_UNREACHABLE;
}

/* Of a code that is not CURLE_OK. */
static enum fetch_fault judge(struct fetch_call *call, CURLcode code)
{
	long number = 0;

	curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
	switch ((int)code) {
	case CURLE_WRITE_ERROR:
		if (call->has_refused)
			return FETCH_REFUSED;
		return say(call, FETCH_BROKEN, "the answer could not be taken");
	case CURLE_COULDNT_RESOLVE_HOST:
		err_set(&call->err, ERR_IO, "dial tcp: lookup %s: no such host", call->host);
		return FETCH_UNREACHABLE;
	case CURLE_COULDNT_RESOLVE_PROXY:
		return say(call, FETCH_UNREACHABLE, "proxyconnect tcp: lookup of the proxy: no such host");
	case CURLE_COULDNT_CONNECT:
		return say_system(call, number, "cannot connect");
	case CURLE_OPERATION_TIMEDOUT:
		return say_timeout(call);
	case CURLE_PEER_FAILED_VERIFICATION:
		return say_certificate(call);
	case CURLE_SSL_CONNECT_ERROR:
		return say_tls(call);
	case CURLE_SSL_CERTPROBLEM:
		err_set(&call->err, ERR_INVALID, "tls: certificates of this host: %s", call->words);
		return FETCH_UNTRUSTED;
	case CURLE_GOT_NOTHING:
		return say(call, FETCH_BROKEN, "EOF");
	case CURLE_PARTIAL_FILE:
		return say(call, FETCH_BROKEN, "unexpected EOF");
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		/* 0x7280: the other side closed a TLS connection without a word */
		return say(call, FETCH_BROKEN, number == ECONNRESET ? "read: connection reset by peer" : "unexpected EOF");
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return say(call, FETCH_UNTRUSTED, "malformed HTTP response");
	}
	err_set(&call->err, ERR_IO, "%s (%d)", call->words[0] ? call->words : "the exchange failed", (int)code);
	str_make_line(call->err.text);
	return FETCH_BROKEN;
}

/* ---- a call ----------------------------------------------------------------------------------------------------------------- */

void fetch_call_free(struct fetch_call *call)
{
	if (!call)
		return;
	list_remove(&call->link);
	curl_multi_remove_handle(call->http->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	buf_fini(&call->reply.body);
	free(call->form);
	free(call);
}

static void end(struct fetch_call *call, CURLcode code)
{
	long status = 0;
	enum fetch_fault fault = FETCH_REFUSED;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	call->reply.status = (int)status;
	if (call->has_failed || code != CURLE_OK) {
		if (!call->has_failed)
			fault = judge(call, code);
		call->on_done(call->arg, &call->reply, fault, &call->err);
	} else {
		call->on_done(call->arg, &call->reply, fetch_fault_of_status((int)status), NULL);
	}
	fetch_call_free(call);
}

static void drain(struct fetch_http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct fetch_call *call = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		end(call, code);
	}
}

static void on_drain(void *arg)
{
	struct fetch_http *http = arg;

	LIST_EACH(item, &http->calls) {
		struct fetch_call *call = CONTAINER_OF(item, struct fetch_call, link);

		if (call->has_failed) {
			end(call, CURLE_OK);
			timer_set_in(&http->drain, 0);   /* on_done may have changed the list */
			return;
		}
	}
}

static void add_header(struct fetch_call *call, const char *name, const char *value)
{
	CLEANUP(str_freep) char *line = str_printf("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(call->headers, line);

	check(longer);
	call->headers = longer;
}

static curl_socket_t dial(void *arg, curlsocktype purpose UNUSED, struct curl_sockaddr *address UNUSED)
{
	struct fetch_call *call = arg;
	int fd = call->http->options.dial(call->http->options.dial_arg, call->dial, &call->err);

	call->has_err = fd < 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int is_connected(void *arg UNUSED, curl_socket_t fd UNUSED, curlsocktype purpose UNUSED)
{
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* with_end: the NUL behind the text goes along */
static void set_blob(CURL *easy, CURLoption option, const struct buf *text, bool with_end)
{
	struct curl_blob blob = { text->data, text->len + with_end, CURL_BLOB_NOCOPY };

	curl_easy_setopt(easy, option, &blob);
}

static void set_tls(CURL *easy, const struct fetch_tls *tls)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->is_unchecked ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->is_unchecked ? 0L : 2L);
	if (tls->ca && tls->ca->len) {
		set_blob(easy, CURLOPT_CAINFO_BLOB, tls->ca, false);
		set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, tls->ca, false);
	}
	if (tls->cert && tls->cert->len && tls->key && tls->key->len) {
		set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->cert, false);
		set_blob(easy, CURLOPT_SSLKEY_BLOB, tls->key, true);    /* which tells mbedTLS that it is PEM */
		curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
		curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
	}
}

static void set_up(struct fetch_call *call, const struct fetch_request *request, const char *proxy)
{
	const struct fetch_http_options *options = &call->http->options;
	CLEANUP(buf_finip) struct buf url = BUF_INIT;
	CURL *easy = call->easy;

	fetch_url_format(request->url, &url);
	curl_easy_setopt(easy, CURLOPT_URL, buf_text(&url));
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(options->stall_ms, (msec)FETCH_CONNECT_MS));
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((options->stall_ms + 999) / 1000));
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->words);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	set_tls(easy, request->tls);
	if (options->dial) {            /* which takes its time */
		curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)DIAL_MS);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, dial);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
		curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, is_connected);
	}
	if (request->accept)
		add_header(call, "Accept", request->accept);
	if (request->authorization)
		add_header(call, "Authorization", request->authorization);
	if (request->range_from > 0) {
		CLEANUP(str_freep) char *range = str_printf("bytes=%lld-", (long long)request->range_from);
		add_header(call, "Range", range);
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	if (call->form)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->form);
}

struct fetch_call *fetch_http_start(struct fetch_http *http, const struct fetch_request *request)
{
	CLEANUP(buf_finip) struct buf proxy = BUF_INIT;
	struct fetch_call *call = NEW(struct fetch_call);
	char authority[FETCH_AUTHORITY_SIZE];

	*call = (struct fetch_call){ .http = http, .form = str_dup(request->form), .on_bytes = request->on_bytes, .on_done = request->on_done,
				     .arg = request->arg, .body_max = request->body_max, .is_https = request->url->is_https,
				     .reply.range_from = -1, .easy = curl_easy_init() };
	check(call->easy);
	str_copy(call->host, sizeof(call->host), request->url->host);
	fetch_url_authority(request->url, authority);
	snprintf(call->dial, sizeof(call->dial), strchr(call->host, ':') ? "[%s]:%u" : "%s:%u", call->host, request->url->port);
	list_add_last(&http->calls, &call->link);
	if (fetch_proxy_for(&http->options.proxies, request->url, &proxy, &call->err) < 0) {
		call->has_failed = true;
		timer_set_in(&http->drain, 0);
		return call;
	}
	set_up(call, request, buf_text(&proxy));
	CURLMcode code = curl_multi_add_handle(http->multi, call->easy);
	if (code != CURLM_OK) {
		err_set(&call->err, ERR_IO, "%s", curl_multi_strerror(code));
		call->has_failed = true;
		timer_set_in(&http->drain, 0);
	}
	return call;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------- */

struct fetch_http *fetch_http_new(const struct fetch_http_options *options)
{
	struct fetch_http *http = NEW(struct fetch_http);

	check(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	*http = (struct fetch_http){ .loop = options->loop, .options = *options, .multi = curl_multi_init() };
	check(http->multi);
	if (!http->options.stall_ms)
		http->options.stall_ms = FETCH_STALL_MS;
	list_init(&http->calls);
	timer_init(&http->timer, http->loop, on_timer, http);
	timer_init(&http->drain, http->loop, on_drain, http);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
	return http;
}

void fetch_http_free(struct fetch_http *http)
{
	if (!http)
		return;
	LIST_EACH(item, &http->calls)
		fetch_call_free(CONTAINER_OF(item, struct fetch_call, link));
	curl_multi_cleanup(http->multi);
	timer_cancel(&http->timer);
	timer_cancel(&http->drain);
	free(http);
	curl_global_cleanup();
}
