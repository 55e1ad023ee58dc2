#include "image/registry_challenge.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "image/fetch_url.h"

/* ---- words ------------------------------------------------------------------------------------------------------------------ */

static const char token_chars[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const char *skip(const char *at, const char *set)
{
	return at + strspn(at, set);
}

/* name=value, where value is a token or quoted; false and *at untouched when no parameter stands here. A value that does not fit becomes
 * is_good = false. */
struct parameter { char name[32], value[1024]; bool is_good; };

static void put(struct parameter *ret, size_t *used, char c)
{
	if (*used + 1 < sizeof(ret->value) && (unsigned char)c >= ' ' && c != 0x7f)
		ret->value[(*used)++] = c;
	else
		ret->is_good = false;
}

static bool take_parameter(const char **at, struct parameter *ret)
{
	const char *name = *at, *p = skip(name, token_chars);
	size_t length = (size_t)(p - name), used = 0;

	p = skip(p, " \t");
	if (!length || *p != '=')
		return false;
	p = skip(p + 1, " \t");
	*ret = (struct parameter){ .is_good = length < sizeof(ret->name) };
	memcpy(ret->name, name, MIN(length, sizeof(ret->name) - 1));
	if (*p == '"') {
		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && p[1])
				p++;
			put(ret, &used, *p);
		}
		ret->is_good = ret->is_good && *p == '"';
		p += *p == '"';
	} else {
		/* Bearer tokens and the '=' of base64 are no tokens, but they end in the same places */
		size_t word = strcspn(p, " \t,");
		for (size_t i = 0; i < word; i++)
			put(ret, &used, p[i]);
		p += word;
	}
	*at = p;
	return true;
}

/* ---- challenges ------------------------------------------------------------------------------------------------------------- */

static void take_value(struct registry_challenge *challenge, const struct parameter *parameter, bool *is_good)
{
	const struct { const char *name; char *field; size_t size; } fields[] = {
		{ "realm", challenge->realm, sizeof(challenge->realm) },
		{ "service", challenge->service, sizeof(challenge->service) },
		{ "scope", challenge->scope, sizeof(challenge->scope) },
		{ "error", challenge->error, sizeof(challenge->error) },
	};

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		if (str_eq_nocase(parameter->name, fields[i].name))
			*is_good = parameter->is_good && str_copy(fields[i].field, fields[i].size, parameter->value) && *is_good;
}

/* At the scheme; moves behind its last parameter. */
static void take_challenge(struct registry_challenges *list, const char **at)
{
	const char *scheme = *at, *p = skip(scheme, token_chars);
	size_t length = (size_t)(p - scheme);
	struct registry_challenge challenge = { 0 };
	struct parameter parameter;
	bool is_known = false, is_good = true;

	if (length == 5 && strncasecmp(scheme, "Basic", 5) == 0) {
		challenge.scheme = REGISTRY_BASIC;
		is_known = true;
	} else if (length == 6 && strncasecmp(scheme, "Bearer", 6) == 0) {
		challenge.scheme = REGISTRY_BEARER;
		is_known = true;
	}
	for (;;) {
		const char *next = skip(p, " \t,");

		if (!take_parameter(&next, &parameter))
			break;
		take_value(&challenge, &parameter, &is_good);
		p = next;
	}
	/* what is no parameter after a blank is the token68 of another scheme, up to the comma */
	if (!is_known)
		for (const char *rest = skip(p, " \t"); *rest && *rest != ',' && rest > p; rest++)
			p = rest + 1;
	*at = p;
	if (is_known && is_good && list->count < REGISTRY_CHALLENGES_MAX && (challenge.scheme == REGISTRY_BASIC || challenge.realm[0]))
		list->items[list->count++] = challenge;
}

void registry_challenges_read(struct registry_challenges *list, const char *value)
{
	const char *at = value;

	while (*(at = skip(at, " \t,"))) {
		const char *before = at;

		take_challenge(list, &at);
		if (at == before)                        /* a character that can begin nothing */
			at++;
	}
}

const struct registry_challenge *registry_challenges_pick(const struct registry_challenges *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].scheme == REGISTRY_BEARER)
			return &list->items[i];
	return list->count ? &list->items[0] : NULL;
}

/* ---- the token server's address --------------------------------------------------------------------------------------------- */

static void add_query(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%c%s=", strchr(buf_text(out), '?') ? '&' : '?', key);
	fetch_url_encode(value, out);
}

void registry_challenge_token_url(const struct registry_challenge *challenge, const char *scope, const char *account, struct buf *out)
{
	const char *wanted = challenge->scope[0] ? challenge->scope : scope;

	buf_add_str(out, challenge->realm);
	if (challenge->service[0])
		add_query(out, "service", challenge->service);
	if (!str_is_empty(account))
		add_query(out, "account", account);
	/* several scopes are several parameters */
	while (!str_is_empty(wanted)) {
		size_t length = strcspn(wanted, " ");
		CLEANUP(str_freep) char *one = str_printf("%.*s", (int)length, wanted);

		if (length)
			add_query(out, "scope", one);
		wanted += length + (wanted[length] == ' ');
	}
}
