#include "image/fetch_url.h"

#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "base/str.h"

static int refuse(struct err *err, const char *text, const char *why)
{
	err_set(err, ERR_INVALID, "address '%.200s': %s", text, why);
	str_make_line(err->text);
	return -1;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

static bool is_name(const char *host)
{
	return *host && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == strlen(host);
}

static int take_authority(const char *text, const char *at, size_t length, struct fetch_url *ret, struct err *err)
{
	uint16_t usual = ret->is_https ? 443 : 80;
	char authority[FETCH_AUTHORITY_SIZE];
	struct ip ip;

	if (length >= sizeof(authority))
		return refuse(err, text, "the host name is too long");
	memcpy(authority, at, length);
	authority[length] = '\0';
	if (strchr(authority, '@'))
		return refuse(err, text, "a user or password in it is not allowed");
	if (strchr(authority, '%') || hostport_parse(authority, usual, ret->host, &ret->port, NULL) < 0 || !ret->host[0])
		return refuse(err, text, "no host name");
	if (ret->port == 0)
		return refuse(err, text, "no port");
	for (char *c = ret->host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 'a' - 'A');
	if (strchr(ret->host, ':') ? ip_parse(ret->host, &ip) < 0 : !is_name(ret->host))
		return refuse(err, text, "no host name");
	return 0;
}

/* Copies path and query up to a fragment. */
static int take_path(const char *text, const char *at, char ret_path[FETCH_PATH_SIZE], struct err *err)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t used = 0;

	if (*at != '/')
		ret_path[used++] = '/';
	for (; *at && *at != '#'; at++) {
		uint8_t c = (uint8_t)*at;

		if (used + 4 > FETCH_PATH_SIZE)
			return refuse(err, text, "it is too long");
		if (c < ' ' || c == 0x7f)
			return refuse(err, text, "a control character in it is not allowed");
		if (c == ' ' || c > 0x7f || strchr("\"<>\\^`{|}", c)) {
			ret_path[used++] = '%';
			ret_path[used++] = hex[c >> 4];
			ret_path[used++] = hex[c & 15];
		} else {
			ret_path[used++] = (char)c;
		}
	}
	ret_path[used] = '\0';
	return 0;
}

/* The scheme may be written in capitals. NULL: none of ours. */
static const char *after_scheme(const char *text, bool *ret_is_https)
{
	size_t length = strcspn(text, ":/?#");

	if (strncmp(text + length, "://", 3) != 0)
		return NULL;
	*ret_is_https = length == 5;
	for (size_t i = 0; i < length; i++)
		if (length > 5 || ((unsigned char)text[i] | 0x20) != (unsigned char)"https"[i])
			return NULL;
	return length == 4 || length == 5 ? text + length + 3 : NULL;
}

int fetch_url_parse(const char *text, struct fetch_url *ret, struct err *err)
{
	const char *authority = after_scheme(text, &ret->is_https);

	if (!authority)
		return refuse(err, text, "it must begin with https:// or http://");
	size_t length = strcspn(authority, "/?#\\");
	if (take_authority(text, authority, length, ret, err) < 0)
		return -1;
	return take_path(text, authority + length, ret->path, err);
}

/* ---- writing and comparing -------------------------------------------------------------------------------------------------- */

const char *fetch_url_authority(const struct fetch_url *url, char ret_text[FETCH_AUTHORITY_SIZE])
{
	bool is_v6 = strchr(url->host, ':');
	int used = snprintf(ret_text, FETCH_AUTHORITY_SIZE, "%s%s%s", is_v6 ? "[" : "", url->host, is_v6 ? "]" : "");

	if (url->port != (url->is_https ? 443 : 80))
		snprintf(ret_text + used, FETCH_AUTHORITY_SIZE - (size_t)used, ":%u", url->port);
	return ret_text;
}

void fetch_url_format(const struct fetch_url *url, struct buf *out)
{
	char authority[FETCH_AUTHORITY_SIZE];

	buf_printf(out, "%s://%s%s", url->is_https ? "https" : "http", fetch_url_authority(url, authority), url->path);
}

bool fetch_url_is_same_origin(const struct fetch_url *a, const struct fetch_url *b)
{
	return a->is_https == b->is_https && a->port == b->port && str_eq(a->host, b->host);
}

void fetch_url_encode(const char *text, struct buf *out)
{
	static const char plain[] = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_add_char(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned)(uint8_t)*text);
	}
}

/* ---- following -------------------------------------------------------------------------------------------------------------- */

/* The path that a relative reference has in the folder of another one; dots are left for the server. */
static int join_path(const struct fetch_url *from, const char *location, struct fetch_url *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	size_t length = strcspn(from->path, "?");

	if (*location != '?')
		while (length && from->path[length - 1] != '/')
			length--;
	buf_add(&path, from->path, length);
	buf_add_str(&path, location);
	return take_path(location, buf_text(&path), ret->path, err);
}

int fetch_url_follow(const struct fetch_url *from, const char *location, struct fetch_url *ret, struct err *err)
{
	bool is_https;

	if (str_is_empty(location))
		return err_set(err, ERR_INVALID, "a redirect that does not say where to");
	if (after_scheme(location, &is_https)) {
		if (fetch_url_parse(location, ret, err) < 0)
			return err_wrap(err, "redirect");
	} else if (str_starts(location, "//") || str_starts(location, "/\\") || str_starts(location, "\\")) {
		CLEANUP(str_freep) char *whole = str_printf("%s:%s", from->is_https ? "https" : "http", location);

		if (fetch_url_parse(whole, ret, err) < 0)
			return err_wrap(err, "redirect");
	} else if (strcspn(location, ":") < strcspn(location, "/?#")) {
		return refuse(err, location, "a redirect must lead to https:// or http://");
	} else {
		*ret = *from;
		if (*location == '/' ? take_path(location, location, ret->path, err) < 0 : join_path(from, location, ret, err) < 0)
			return err_wrap(err, "redirect");
	}
	if (from->is_https && !ret->is_https) {
		char authority[FETCH_AUTHORITY_SIZE];

		return err_set(err, ERR_DENIED, "redirect from https to plain http refused: http://%s", fetch_url_authority(ret, authority));
	}
	return 0;
}
