#include "image/registry_reply.h"

#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "base/str.h"

static yyjson_doc *read_json(const char *json, size_t bytes)
{
	/* only read, although the library's type does not say so */
	return bytes <= REGISTRY_REPLY_MAX_BYTES ? yyjson_read_opts((char *)(uintptr_t)json, bytes, 0, NULL, NULL) : NULL;
}

static const char *member(yyjson_val *object, const char *key)
{
	const char *text = yyjson_get_str(yyjson_obj_get(object, key));

	return text ? text : "";
}

/* ---- tokens ----------------------------------------------------------------------------------------------------------------- */

/* It goes into a header: visible ASCII, else somebody else's header line could stand in it. */
static bool take_token(yyjson_val *root, const char *key, char ret[REGISTRY_TOKEN_SIZE])
{
	yyjson_val *value = yyjson_obj_get(root, key);
	const char *text = member(root, key);

	if (yyjson_get_len(value) != strlen(text))
		return false;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return str_copy(ret, REGISTRY_TOKEN_SIZE, text);
}

static int take_reply(yyjson_val *root, struct registry_token *ret, struct err *err)
{
	yyjson_val *seconds = yyjson_obj_get(root, "expires_in");
	const char *key = member(root, "token")[0] ? "token" : "access_token";

	if (!take_token(root, key, ret->token) || !take_token(root, "refresh_token", ret->refresh_token))
		return err_set(err, ERR_IO, "the token server sent a token that is too long or no plain text");
	if (!ret->token[0])
		return err_set(err, ERR_IO, "authorization server did not include a token in the response");
	ret->expires_in_s = yyjson_is_int(seconds) ? MIN(MAX(yyjson_get_sint(seconds), (int64_t)60), (int64_t)86400) : 60;
	return 0;
}

int registry_token_parse(const char *json, size_t bytes, struct registry_token *ret, struct err *err)
{
	yyjson_doc *doc = read_json(json, bytes);

	memset(ret, 0, sizeof(*ret));
	if (!doc)
		return err_set(err, ERR_IO, "unable to decode token response: no JSON");
	int rc = take_reply(yyjson_doc_get_root(doc), ret, err);
	yyjson_doc_free(doc);
	return rc;
}

/* ---- errors ----------------------------------------------------------------------------------------------------------------- */

static const struct { int status; const char *text; } statuses[] = {
	{ 301, "Moved Permanently" }, { 302, "Found" }, { 303, "See Other" }, { 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
	{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" }, { 410, "Gone" },
	{ 416, "Requested Range Not Satisfiable" }, { 418, "I'm a teapot" }, { 421, "Misdirected Request" }, { 429, "Too Many Requests" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" }, { 507, "Insufficient Storage" },
};

const char *registry_status_text(int status)
{
	for (size_t i = 0; i < ARRAY_COUNT(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "";
}

/* The codes of the specification, and the words that Docker's client has for them when the server sends none. */
static const struct { const char *code; enum registry_fault fault; const char *message; } codes[] = {
	{ "UNAUTHORIZED", REGISTRY_UNAUTHORIZED, "authentication required" },
	{ "DENIED", REGISTRY_DENIED, "requested access to the resource is denied" },
	{ "MANIFEST_UNKNOWN", REGISTRY_MANIFEST_UNKNOWN, "manifest unknown" },
	{ "NAME_UNKNOWN", REGISTRY_NAME_UNKNOWN, "repository name not known to registry" },
	{ "TOOMANYREQUESTS", REGISTRY_TOO_MANY, "too many requests" },
	{ "BLOB_UNKNOWN", REGISTRY_OTHER, "blob unknown to registry" },
};

static void say(struct registry_error *ret, const char *code, const char *message)
{
	char words[64];

	ret->fault = REGISTRY_OTHER;
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		if (str_eq_nocase(codes[i].code, code)) {
			ret->fault = codes[i].fault;
			if (!*message)
				message = codes[i].message;
		}
	}
	str_copy(words, sizeof(words), code);
	for (char *c = words; *c; c++)
		*c = *c == '_' ? ' ' : *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
	snprintf(ret->text, sizeof(ret->text), "%s: %s", words, *message ? message : "unknown error");
}

/* {"errors":[{"code":…,"message":…}]}: the first decides, as in Docker. */
static bool take_errors(yyjson_val *root, struct registry_error *ret)
{
	yyjson_val *first = yyjson_arr_get_first(yyjson_obj_get(root, "errors"));

	if (!member(first, "code")[0])
		return false;
	say(ret, member(first, "code"), member(first, "message"));
	return true;
}

static bool take_details(int status, yyjson_val *root, struct registry_error *ret)
{
	const char *text = member(root, "details")[0] ? member(root, "details") : member(root, "message");

	if (!*text)
		return false;
	say(ret, status == 401 ? "UNAUTHORIZED" : status == 403 ? "DENIED" : status == 429 ? "TOOMANYREQUESTS" : "UNKNOWN", text);
	return true;
}

void registry_error_read(int status, const char *challenge_error, const char *body, size_t bytes, struct registry_error *ret)
{
	yyjson_doc *doc = bytes ? read_json(body, bytes) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc);

	*ret = (struct registry_error){ 0 };
	if (str_eq(challenge_error, "insufficient_scope"))
		say(ret, "DENIED", "");
	else if (!take_errors(root, ret) && !take_details(status, root, ret)) {
		if (status == 401)
			say(ret, "UNAUTHORIZED", "");
		else if (status == 403)
			say(ret, "DENIED", "");
		else if (status == 429)
			say(ret, "TOOMANYREQUESTS", "");
		else
			snprintf(ret->text, sizeof(ret->text), "received unexpected HTTP status: %d %s", status, registry_status_text(status));
	}
	yyjson_doc_free(doc);
	str_make_line(ret->text);
}

int registry_error_tell(const struct registry_error *error, const struct image_ref *ref, const char *request, struct err *err)
{
	char name[IMAGE_REF_TEXT_SIZE];

	switch (error->fault) {
	case REGISTRY_DENIED:
		return err_set(err, ERR_NOT_FOUND, "pull access denied for %s, repository does not exist or may require 'docker login': %s",
			       image_ref_format_familiar_name(ref, name), error->text);
	case REGISTRY_MANIFEST_UNKNOWN:
		return err_set(err, ERR_NOT_FOUND, "manifest for %s not found: %s", image_ref_format_familiar(ref, name), error->text);
	case REGISTRY_NAME_UNKNOWN:
		return err_set(err, ERR_NOT_FOUND, "repository %s not found: %s", image_ref_format_familiar_name(ref, name), error->text);
	case REGISTRY_UNAUTHORIZED:
		return err_set(err, ERR_UNAUTHORIZED, "%s: %s", request, error->text);
	case REGISTRY_TOO_MANY:
		return err_set(err, ERR_UNAVAILABLE, "%s: %s", request, error->text);
	case REGISTRY_OTHER:
		break;
	}
	return err_set(err, ERR_IO, "%s: %s", request, error->text);
}
