#include "model/image_ref.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN  "index.docker.io"
#define OFFICIAL       "library/"
enum { NAME_MAX_LENGTH = 255 };

/* A piece of the text under parse: never copied before it is known to be good. */
struct piece { const char *at; size_t length; };

static bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_alpha(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }
static bool is_alnum(char c) { return is_alpha(c) || (c >= '0' && c <= '9'); }
static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

static bool has(struct piece p, char c)
{
	return p.length && memchr(p.at, c, p.length);
}

static bool is(struct piece p, const char *text)
{
	return p.length == strlen(text) && memcmp(p.at, text, p.length) == 0;
}

static bool has_upper(struct piece p)
{
	for (size_t i = 0; i < p.length; i++)
		if (is_upper(p.at[i]))
			return true;
	return false;
}

/* How many characters of separator stand here: "." "_" "__" or any run of "-"; 0 for none. */
static size_t separator_length(struct piece p, size_t at)
{
	size_t n = 0;

	if (p.at[at] == '.')
		return 1;
	if (p.at[at] == '_')
		return at + 1 < p.length && p.at[at + 1] == '_' ? 2 : 1;
	while (at + n < p.length && p.at[at + n] == '-')
		n++;
	return n;
}

/* alphanumerics joined by single separators, beginning and ending with an alphanumeric */
static bool is_path_component(struct piece p)
{
	size_t at = 0;

	while (at < p.length) {
		if (!is_lower_or_digit(p.at[at]))
			return false;
		while (at < p.length && is_lower_or_digit(p.at[at]))
			at++;
		if (at == p.length)
			return true;
		size_t skip = separator_length(p, at);
		if (skip == 0)
			return false;
		at += skip;
	}
	return false;
}

static bool is_path(struct piece p)
{
	for (;;) {
		const char *slash = p.length ? memchr(p.at, '/', p.length) : NULL;
		struct piece first = { p.at, slash ? (size_t)(slash - p.at) : p.length };

		if (!is_path_component(first))
			return false;
		if (!slash)
			return true;
		p.at = slash + 1;
		p.length -= first.length + 1;
	}
}

static bool is_host_label(const char *at, size_t length)
{
	if (length == 0 || !is_alnum(at[0]) || !is_alnum(at[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_alnum(at[i]) && at[i] != '-')
			return false;
	return true;
}

static bool is_host_name(struct piece p)
{
	size_t start = 0;

	for (size_t i = 0; i <= p.length; i++) {
		if (i < p.length && p.at[i] != '.')
			continue;
		if (!is_host_label(p.at + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

static bool is_bracketed_ip6(struct piece p)
{
	if (p.length < 3 || p.at[0] != '[' || p.at[p.length - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < p.length; i++)
		if (!is_hex(p.at[i]) && p.at[i] != ':')
			return false;
	return true;
}

static bool is_domain(struct piece p)
{
	size_t end = p.length;

	while (end > 0 && p.at[end - 1] >= '0' && p.at[end - 1] <= '9')
		end--;
	if (end > 0 && end < p.length && p.at[end - 1] == ':')
		p.length = end - 1;
	return is_host_name(p) || is_bracketed_ip6(p);
}

static bool is_tag(struct piece p)
{
	if (p.length == 0 || p.length > 128 || p.at[0] == '.' || p.at[0] == '-')
		return false;
	for (size_t i = 0; i < p.length; i++)
		if (!is_alnum(p.at[i]) && !strchr("_.-", p.at[i]))
			return false;
	return true;
}

/* Only the algorithms there are, lower-case and of their full length: half a digest identifies nothing. */
static bool is_digest(struct piece p)
{
	static const struct { const char *prefix; size_t digits; } kinds[] = {
		{ "sha256:", 64 }, { "sha384:", 96 }, { "sha512:", 128 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		size_t prefix = strlen(kinds[i].prefix);
		if (p.length != prefix + kinds[i].digits || memcmp(p.at, kinds[i].prefix, prefix) != 0)
			continue;
		for (size_t at = prefix; at < p.length; at++)
			if (!is_hex(p.at[at]) || is_upper(p.at[at]))
				return false;
		return true;
	}
	return false;
}

/* The first component is a domain when it looks like one: a dot, a port, localhost, or a capital letter (no path has those). */
static void split_domain(struct piece whole, struct piece *ret_domain, struct piece *ret_rest)
{
	const char *slash = whole.length ? memchr(whole.at, '/', whole.length) : NULL;
	struct piece first = { whole.at, slash ? (size_t)(slash - whole.at) : 0 };

	if (!slash || !(has(first, '.') || has(first, ':') || is(first, "localhost") || has_upper(first))) {
		*ret_domain = (struct piece){ DEFAULT_DOMAIN, strlen(DEFAULT_DOMAIN) };
		*ret_rest = whole;
		return;
	}
	*ret_domain = is(first, LEGACY_DOMAIN) ? (struct piece){ DEFAULT_DOMAIN, strlen(DEFAULT_DOMAIN) } : first;
	*ret_rest = (struct piece){ slash + 1, whole.length - first.length - 1 };
}

/* Cuts "@digest" and ":tag" off the end of what follows the domain. */
static void split_tail(struct piece *path, struct piece *ret_tag, struct piece *ret_digest)
{
	const char *at = path->length ? memchr(path->at, '@', path->length) : NULL;

	*ret_tag = *ret_digest = (struct piece){ NULL, 0 };
	if (at) {
		*ret_digest = (struct piece){ at + 1, path->length - (size_t)(at + 1 - path->at) };
		path->length = (size_t)(at - path->at);
	}
	const char *colon = path->length ? memchr(path->at, ':', path->length) : NULL;
	if (colon) {
		*ret_tag = (struct piece){ colon + 1, path->length - (size_t)(colon + 1 - path->at) };
		path->length = (size_t)(colon - path->at);
	}
}

static void copy_piece(char *to, struct piece p)
{
	if (p.length)
		memcpy(to, p.at, p.length);
	to[p.length] = '\0';
}

static int refuse(struct err *err)
{
	return err_set(err, ERR_INVALID, "invalid reference format");
}

static bool is_image_id(const char *text)
{
	size_t length = strlen(text);

	return length == 64 && strspn(text, "0123456789abcdef") == length;
}

int image_ref_parse(const char *text, struct image_ref *ret, struct err *err)
{
	struct piece whole = { text ? text : "", text ? strlen(text) : 0 };
	struct piece domain, path, tag, digest;

	if (whole.length >= IMAGE_REF_TEXT_SIZE)
		return refuse(err);
	if (is_image_id(whole.at))
		return err_set(err, ERR_INVALID, "invalid repository name (%s), cannot specify 64-byte hexadecimal strings", text);
	split_domain(whole, &domain, &path);

	bool is_default = is(domain, DEFAULT_DOMAIN);
	split_tail(&path, &tag, &digest);
	bool is_official = is_default && !has(path, '/');
	if (has_upper(path)) {
		err_set(err, ERR_INVALID, "invalid reference format: repository name (%s%.*s) must be lowercase",
			is_official ? OFFICIAL : "", (int)path.length, path.at);
		str_make_line(err->text);            /* it is no name yet, but whatever was typed */
		return -1;
	}
	if (!is_domain(domain) || !is_path(path) || (tag.at && !is_tag(tag)) || (digest.at && !is_digest(digest)))
		return refuse(err);

	size_t length = domain.length + 1 + (is_official ? strlen(OFFICIAL) : 0) + path.length;
	if (length > NAME_MAX_LENGTH)
		return err_set(err, ERR_INVALID, "invalid reference format: repository name must not be more than 255 characters");

	memset(ret, 0, sizeof(*ret));
	copy_piece(ret->domain, domain);
	if (is_official)
		str_copy(ret->path, sizeof(ret->path), OFFICIAL);
	copy_piece(ret->path + strlen(ret->path), path);
	copy_piece(ret->tag, tag);
	copy_piece(ret->digest, digest);
	return 0;
}

void image_ref_add_default_tag(struct image_ref *ref)
{
	if (!ref->tag[0] && !ref->digest[0])
		str_copy(ref->tag, sizeof(ref->tag), "latest");
}

bool image_ref_is_same_repository(const struct image_ref *a, const struct image_ref *b)
{
	return str_eq(a->domain, b->domain) && str_eq(a->path, b->path);
}

static const char *append_tail(const struct image_ref *ref, char text[IMAGE_REF_TEXT_SIZE])
{
	size_t at = strlen(text);

	snprintf(text + at, IMAGE_REF_TEXT_SIZE - at, "%s%s%s%s", ref->tag[0] ? ":" : "", ref->tag,
		 ref->digest[0] ? "@" : "", ref->digest);
	return text;
}

/* Without its domain the path would be read as one that begins with a domain: then both are shown. */
static bool needs_domain(const struct image_ref *ref)
{
	struct piece path = { ref->path, strlen(ref->path) }, domain, rest;

	split_domain(path, &domain, &rest);
	return !str_eq(ref->domain, DEFAULT_DOMAIN) || rest.length != path.length;
}

const char *image_ref_format_familiar_name(const struct image_ref *ref, char ret_text[IMAGE_REF_TEXT_SIZE])
{
	const char *rest = str_after(ref->path, OFFICIAL);

	if (needs_domain(ref))
		snprintf(ret_text, IMAGE_REF_TEXT_SIZE, "%s/%s", ref->domain, ref->path);
	else
		str_copy(ret_text, IMAGE_REF_TEXT_SIZE, rest && !strchr(rest, '/') ? rest : ref->path);
	return ret_text;
}

const char *image_ref_format_familiar(const struct image_ref *ref, char ret_text[IMAGE_REF_TEXT_SIZE])
{
	image_ref_format_familiar_name(ref, ret_text);
	return append_tail(ref, ret_text);
}

const char *image_ref_format_canonical(const struct image_ref *ref, char ret_text[IMAGE_REF_TEXT_SIZE])
{
	snprintf(ret_text, IMAGE_REF_TEXT_SIZE, "%s/%s", ref->domain, ref->path);
	return append_tail(ref, ret_text);
}
