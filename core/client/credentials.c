#include "client/credentials.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/str.h"
#include "client/dig.h"
#include "model/json.h"
#include "os/file.h"

static yyjson_doc *read_json(const char *json, size_t bytes, struct err *err)
{
	yyjson_doc *doc;

	if (bytes > CREDENTIALS_MAX_BYTES) {
		err_set(err, ERR_INVALID, "config.json: more than %d bytes", CREDENTIALS_MAX_BYTES);
		return NULL;
	}
	doc = yyjson_read(bytes ? json : "{}", bytes ? bytes : 2, 0);
	if (doc && yyjson_is_obj(yyjson_doc_get_root(doc)))
		return doc;
	yyjson_doc_free(doc);
	err_set(err, ERR_INVALID, "config.json: no JSON object");
	return NULL;
}

/* --- finding --- */

static bool is_for(const char *key, const char *domain)
{
	CLEANUP(str_freep) char *own = registry_auth_domain(key);

	return str_eq(own, domain);
}

/* The entry under the usual key comes before one under another spelling. */
static yyjson_val *find_entry(yyjson_val *auths, const char *domain)
{
	yyjson_val *found = yyjson_obj_get(auths, registry_auth_key(domain)), *key;
	yyjson_obj_iter iter;

	yyjson_obj_iter_init(auths, &iter);
	while (!found && (key = yyjson_obj_iter_next(&iter)))
		if (is_for(yyjson_get_str(key), domain))
			found = yyjson_obj_iter_get_val(key);
	return found;
}

static int take_entry(yyjson_val *entry, struct registry_auth *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	size_t length;
	char *json = yyjson_val_write(entry, 0, &length);

	if (!json)
		return err_set(err, ERR_INVALID, "config.json: credentials that cannot be read");
	int rc = registry_auth_parse(json, length, ret, err);
	free(json);
	return rc < 0 ? err_wrap(err, "config.json") : 0;
}

int credentials_find(const char *json, size_t bytes, const char *domain, struct registry_auth *ret,
		     char **ret_helper, struct err *err)
{
	yyjson_doc *doc = read_json(json, bytes, err);
	yyjson_val *root = yyjson_doc_get_root(doc), *entry;
	const char *helper;
	int rc = 0;

	*ret = (struct registry_auth){ 0 };
	*ret_helper = NULL;
	if (!doc)
		return -1;
	helper = yyjson_get_str(yyjson_obj_get(yyjson_obj_get(root, "credHelpers"), registry_auth_key(domain)));
	*ret_helper = str_dup(helper ? helper : dig_str(root, "credsStore"));
	entry = find_entry(yyjson_obj_get(root, "auths"), domain);
	if (entry)
		rc = take_entry(entry, ret, err);
	yyjson_doc_free(doc);
	if (rc < 0)
		str_freep(ret_helper);
	return rc;
}

/* --- changing --- */

static bool drop_entries(yyjson_mut_val *auths, const char *domain)
{
	yyjson_mut_obj_iter iter;
	yyjson_mut_val *key;
	bool had = false;

	yyjson_mut_obj_iter_init(auths, &iter);
	while ((key = yyjson_mut_obj_iter_next(&iter)))
		if (is_for(yyjson_mut_get_str(key), domain)) {
			yyjson_mut_obj_iter_remove(&iter);
			had = true;
		}
	return had;
}

static void add_entry(yyjson_mut_doc *doc, yyjson_mut_val *auths, const char *domain,
		      const struct registry_auth *auth)
{
	CLEANUP(buf_finip) struct buf packed = BUF_INIT;
	yyjson_mut_val *entry = yyjson_mut_obj(doc);

	registry_auth_pack(auth->username, auth->password, &packed);
	yyjson_mut_obj_add_strcpy(doc, entry, "auth", buf_text(&packed));
	if (!str_is_empty(auth->identity_token))
		yyjson_mut_obj_add_strcpy(doc, entry, "identitytoken", auth->identity_token);
	yyjson_mut_obj_add(auths, yyjson_mut_strcpy(doc, registry_auth_key(domain)), entry);
}

int credentials_change(const char *json, size_t bytes, const char *domain,
		       const struct registry_auth *auth, struct buf *out, bool *ret_had,
		       struct err *err)
{
	yyjson_doc *old = read_json(json, bytes, err);
	yyjson_mut_doc *doc;
	yyjson_mut_val *root, *auths;

	if (!old)
		return -1;
	doc = yyjson_doc_mut_copy(old, NULL);
	yyjson_doc_free(old);
	root = yyjson_mut_doc_get_root(doc);
	auths = yyjson_mut_obj_get(root, "auths");
	if (!yyjson_mut_is_obj(auths)) {
		yyjson_mut_obj_remove_key(root, "auths");
		auths = yyjson_mut_obj_add_obj(doc, root, "auths");
	}
	*ret_had = drop_entries(auths, domain);
	if (auth)
		add_entry(doc, auths, domain, auth);
	json_write(doc, root, YYJSON_WRITE_PRETTY, out);
	buf_add_char(out, '\n');
	return 0;
}

/* --- the file --- */

static char *folder(void)
{
	const char *own = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	return !str_is_empty(own) ? str_dup(own) : path_join(str_is_empty(home) ? "/" : home, ".docker");
}

char *credentials_path(void)
{
	CLEANUP(str_freep) char *dir = folder();

	return path_join(dir, "config.json");
}

static int read_file(const char *path, struct buf *out, struct err *err)
{
	if (file_read(path, CREDENTIALS_MAX_BYTES, out, err) < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	return 0;
}

int credentials_load(const char *domain, struct registry_auth *ret, char **ret_helper, struct err *err)
{
	CLEANUP(str_freep) char *path = credentials_path();
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (read_file(path, &text, err) < 0)
		return -1;
	if (credentials_find(buf_text(&text), text.len, domain, ret, ret_helper, err) < 0)
		return err_wrap(err, "%s", path);
	return 0;
}

int credentials_save(const char *domain, const struct registry_auth *auth, bool *ret_had,
		     struct err *err)
{
	CLEANUP(str_freep) char *dir = folder();
	CLEANUP(str_freep) char *path = credentials_path();
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(buf_finip) struct buf changed = BUF_INIT;

	if (read_file(path, &text, err) < 0)
		return -1;
	if (credentials_change(buf_text(&text), text.len, domain, auth, &changed, ret_had, err) < 0)
		return err_wrap(err, "%s", path);
	if (!auth && !*ret_had)
		return 0;
	if (dir_make(dir, 0700, err) < 0)
		return -1;
	return file_write_durable(path, changed.data, changed.len, 0600, err);
}
