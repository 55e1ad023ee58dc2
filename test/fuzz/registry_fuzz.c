/* What registries, token servers, redirects and the fetching child say, and what people configure about them: refused, or it means the same when
 * it is read again, and stays within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/fetch_job.h"
#include "image/fetch_proxy.h"
#include "image/image_list.h"
#include "image/registry_challenge.h"
#include "image/registry_hosts.h"
#include "image/registry_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void try_challenge(const char *text)
{
	struct registry_challenges list = { 0 };
	struct buf url = BUF_INIT;

	registry_challenges_read(&list, text);
	registry_challenges_read(&list, text);
	check(list.count <= REGISTRY_CHALLENGES_MAX);
	const struct registry_challenge *picked = registry_challenges_pick(&list);
	check(!picked == !list.count);
	if (picked && picked->scheme == REGISTRY_BEARER) {
		check(picked->realm[0] && !strpbrk(picked->realm, "\r\n"));
		registry_challenge_token_url(picked, text, text, &url);
		check(str_starts(buf_text(&url), picked->realm) && !strpbrk(buf_text(&url) + strlen(picked->realm), " \r\n#"));
	}
	buf_fini(&url);
}

static void try_replies(const char *text, size_t count)
{
	static struct registry_token token;
	struct registry_error error;
	struct err err;

	if (registry_token_parse(text, count, &token, &err) == 0)
		check(token.token[0] && !strpbrk(token.token, " \r\n") && token.expires_in_s >= 60);
	for (int status = 399; status < 505; status += 13) {
		registry_error_read(status, status == 412 ? text : "", text, count, &error);
		check(error.text[0] && str_is_utf8(error.text, strlen(error.text)) && !strpbrk(error.text, "\r\n\x1b"));
	}
}

static void try_list(const char *text, size_t count)
{
	struct image_platform host = image_platform_host();
	struct image_list list;
	struct image_blob blob;
	enum image_doc doc;
	struct err err;

	if (image_doc_judge(NULL, text, count, &doc, &err) < 0)
		check(err.text[0]);
	if (image_list_parse(text, count, &list, &err) < 0)
		return;
	if (image_list_choose(&list, &host, &blob, &err) == 0)
		check(fetch_is_digest(blob.digest) && blob.bytes >= 0);
	image_list_fini(&list);
}

static void try_address(const char *text)
{
	static const char *const bases[] = { "https://reg.example/v2/x/y?z", "http://[::1]:5000/" };
	static struct fetch_url base, url, again;
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct err err;

	for (size_t i = 0; i < ARRAY_COUNT(bases); i++) {
		check(fetch_url_parse(bases[i], &base, &err) == 0);
		if (fetch_url_follow(&base, text, &url, &err) < 0) {
			check(err.text[0] && str_is_utf8(err.text, strlen(err.text)));
			continue;
		}
		check(url.is_https || !base.is_https);
		buf_clear(&first);
		buf_clear(&second);
		fetch_url_format(&url, &first);
		check(!strpbrk(buf_text(&first), " \r\n\\#@\"<>") || strchr(url.path, '@'));
		check(fetch_url_parse(buf_text(&first), &again, &err) == 0);
		fetch_url_format(&again, &second);
		check(strcmp(buf_text(&first), buf_text(&second)) == 0 && fetch_url_is_same_origin(&url, &again));
	}
	buf_fini(&first);
	buf_fini(&second);
}

static void try_settings(const char *text)
{
	static struct registry_endpoint plan[REGISTRY_ENDPOINTS_MAX];
	static struct fetch_url url;
	struct registry_hosts hosts = { 0 };
	struct buf proxy = BUF_INIT;
	struct err err;

	if (registry_hosts_add_insecure(&hosts, text, &err) < 0)
		check(err.text[0] && str_is_utf8(err.text, strlen(err.text)));
	if (registry_hosts_add_mirror(&hosts, text, &err) == 0) {
		check(registry_hosts_plan(&hosts, "docker.io", false, plan) == 2 && plan[0].is_mirror);
		check(fetch_url_parse(plan[0].base, &url, &err) == 0);
	}
	registry_hosts_is_insecure(&hosts, text, NULL, 0);
	registry_hosts_needs_addresses(&hosts, text);
	registry_hosts_fini(&hosts);
	check(fetch_url_parse("https://a.example.com:5000/", &url, &err) == 0);
	fetch_proxy_for(&(struct fetch_proxies){ NULL, "http://p:1", text }, &url, &proxy, &err);
	fetch_proxy_for(&(struct fetch_proxies){ NULL, text, NULL }, &url, &proxy, &err);
	buf_fini(&proxy);
}

static void try_lines(const char *text, size_t count)
{
	struct arena arena;
	struct fetch_event event;
	struct fetch_order order;
	struct fetch_job job;
	struct err err;

	arena_init(&arena, "fuzz", 4 << 20);
	if (fetch_event_parse(text, count, &arena, &event, &err) == 0)
		check(!event.text || !strpbrk(event.text, "\r\n\x1b"));
	if (fetch_order_parse(text, count, &arena, &order, &err) == 0)
		check(order.want.count <= FETCH_WANT_MAX);
	fetch_job_parse(text, count, &arena, &job, &err);
	arena_fini(&arena);
}

static void try_credentials(const char *text, size_t count)
{
	struct registry_auth auth, again;
	struct buf header = BUF_INIT;
	struct err err;

	if (registry_auth_decode(text, &auth, &err) == 0)
		registry_auth_fini(&auth);
	if (registry_auth_parse(text, count, &auth, &err) == 0) {
		registry_auth_encode(&auth, &header);
		check(registry_auth_decode(buf_text(&header), &again, &err) == 0);
		check(str_eq(auth.username, again.username) && str_eq(auth.password, again.password));
		registry_auth_fini(&auth);
		registry_auth_fini(&again);
	}
	free(registry_auth_domain(text));
	buf_fini(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char *text;

	if (count < 1)
		return 0;
	text = mem_new(count, 1);
	memcpy(text, bytes + 1, count - 1);
	switch (bytes[0] % 7) {
	case 0:
		try_challenge(text);
		break;
	case 1:
		try_replies(text, count - 1);
		break;
	case 2:
		try_list(text, count - 1);
		break;
	case 3:
		try_address(text);
		break;
	case 4:
		try_settings(text);
		break;
	case 5:
		try_lines(text, count - 1);
		break;
	default:
		try_credentials(text, count - 1);
	}
	free(text);
	return 0;
}
