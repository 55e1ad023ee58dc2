#include "model/registry_auth.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/json.h"

static const struct field registry_auth_fields[] = {
	F(1, STR, registry_auth, username, "username", 0),
	F(2, STR, registry_auth, password, "password", 0),
	F(3, STR, registry_auth, auth, "auth", 0),
	F(4, STR, registry_auth, server, "serveraddress", 0),
	F(5, STR, registry_auth, identity_token, "identitytoken", 0),
	F(6, STR, registry_auth, registry_token, "registrytoken", 0),
};
const struct shape registry_auth_shape = SHAPE(registry_auth, registry_auth_fields);

void registry_auth_fini(struct registry_auth *auth)
{
	shape_fini(&registry_auth_shape, auth);
}

bool registry_auth_is_empty(const struct registry_auth *auth)
{
	return str_is_empty(auth->username) && str_is_empty(auth->password) && str_is_empty(auth->identity_token) &&
	       str_is_empty(auth->registry_token);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------- */

static int take(yyjson_val *root, struct registry_auth *ret, struct err *err)
{
	if (yyjson_is_null(root))                /* Go's way to say nobody */
		return 0;
	if (!yyjson_is_obj(root))
		return err_set(err, ERR_INVALID, "credentials: not a JSON object");
	if (shape_from_json(&registry_auth_shape, root, NULL, ret, err) < 0)
		return -1;
	if (str_is_empty(ret->auth) || !str_is_empty(ret->username) || !str_is_empty(ret->password))
		return 0;
	free(ret->username);
	free(ret->password);
	ret->username = ret->password = NULL;
	if (registry_auth_unpack(ret->auth, &ret->username, &ret->password) < 0)
		return err_set(err, ERR_INVALID, "credentials: 'auth' is not base64 of name:password");
	return 0;
}

int registry_auth_parse(const char *json, size_t bytes, struct registry_auth *ret, struct err *err)
{
	*ret = (struct registry_auth){ 0 };
	if (bytes > REGISTRY_AUTH_MAX_BYTES)
		return err_set(err, ERR_INVALID, "credentials: more than %d bytes", REGISTRY_AUTH_MAX_BYTES);
	yyjson_doc *doc = yyjson_read(json, bytes, 0);
	if (!doc)
		return err_set(err, ERR_INVALID, "credentials: no JSON");
	int rc = take(yyjson_doc_get_root(doc), ret, err);
	yyjson_doc_free(doc);
	if (rc < 0)
		registry_auth_fini(ret);
	return rc;
}

void registry_auth_format(const struct registry_auth *auth, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	json_write(doc, shape_to_json(&registry_auth_shape, auth, doc), 0, out);
}

/* ---- the header ------------------------------------------------------------------------------------------------------------- */

int registry_auth_decode(const char *header, struct registry_auth *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf json = BUF_INIT;

	*ret = (struct registry_auth){ 0 };
	if (str_is_empty(header))
		return 0;
	if (strlen(header) > 2 * REGISTRY_AUTH_MAX_BYTES || base64_decode(header, strlen(header), &json) < 0)
		return err_set(err, ERR_INVALID, "invalid X-Registry-Auth header: must be a valid base64url-encoded string");
	if (registry_auth_parse(buf_text(&json), json.len, ret, err) < 0)
		return err_wrap(err, "invalid X-Registry-Auth header");
	return 0;
}

void registry_auth_encode(const struct registry_auth *auth, struct buf *out)
{
	CLEANUP(buf_finip) struct buf json = BUF_INIT;
	size_t start = out->len;

	registry_auth_format(auth, &json);
	base64_encode(json.data, json.len, out);
	for (size_t i = start; i < out->len; i++)        /* RFC 4648 §5 */
		out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
}

void registry_auth_pack(const char *username, const char *password, struct buf *out)
{
	CLEANUP(buf_finip) struct buf pair = BUF_INIT;

	buf_printf(&pair, "%s:%s", username ? username : "", password ? password : "");
	base64_encode(pair.data, pair.len, out);
}

int registry_auth_unpack(const char *text, char **ret_username, char **ret_password)
{
	CLEANUP(buf_finip) struct buf pair = BUF_INIT;
	size_t length = strlen(text);
	const char *colon;

	if (length > REGISTRY_AUTH_MAX_BYTES || base64_decode(text, length, &pair) < 0 || pair.len == 0 ||
	    !str_is_utf8(pair.data, pair.len) || !(colon = strchr(pair.data, ':')))
		return -1;
	*ret_username = str_printf("%.*s", (int)(colon - pair.data), pair.data);
	*ret_password = str_dup(colon + 1);
	return 0;
}

/* ---- names ------------------------------------------------------------------------------------------------------------------ */

const char *registry_auth_key(const char *domain)
{
	return str_eq(domain, REGISTRY_HUB) ? REGISTRY_HUB_KEY : domain;
}

char *registry_auth_domain(const char *server)
{
	static const char *const schemes[] = { "https://", "http://" };
	const char *host = server ? server : "";

	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
		const char *rest = str_after(host, schemes[i]);
		if (rest) {
			host = rest;
			break;
		}
	}
	char *domain = str_printf("%.*s", (int)strcspn(host, "/"), host);
	if (!*domain || str_eq(domain, "index.docker.io") || str_eq(domain, "registry-1.docker.io")) {
		free(domain);
		return str_dup(REGISTRY_HUB);
	}
	return domain;
}
