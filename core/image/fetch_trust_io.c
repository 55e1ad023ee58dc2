#include "image/fetch_trust_io.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "os/file.h"

/* Debian and Alpine, Fedora, openSUSE, older Red Hat, newer ones, what is left */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
};

void fetch_trust_fini(struct fetch_trust *trust)
{
	buf_fini(&trust->ca);
	buf_fini(&trust->cert);
	buf_fini(&trust->key);
	free(trust->authority);
	trust->authority = NULL;
}

int fetch_trust_system(const char *ca_file, struct buf *ret, struct err *err)
{
	struct err ignored;

	if (!str_is_empty(ca_file))
		return file_read(ca_file, FETCH_CA_MAX_BYTES, ret, err) < 0 ? err_wrap(err, "authorities of the system") : 0;
	for (size_t i = 0; i < ARRAY_COUNT(bundles); i++)
		if (file_read(bundles[i], FETCH_CA_MAX_BYTES, ret, &ignored) == 0)
			return 0;
	return 0;
}

static char *with_ending(const char *name, size_t stem, const char *ending)
{
	return str_printf("%.*s%s", (int)stem, name, ending);
}

static int read_into(const char *folder, const char *name, struct buf *out, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(folder, name);

	if (out->len && out->data[out->len - 1] != '\n')
		buf_add_char(out, '\n');
	return file_read(path, FETCH_CERT_MAX_BYTES, out, err);
}

/* NAME.cert and NAME.key; the first pair counts. */
static int take_pair(const char *folder, const struct strlist *names, const char *cert, struct fetch_trust *ret, struct err *err)
{
	size_t stem = strlen(cert) - strlen(".cert");
	CLEANUP(str_freep) char *key = with_ending(cert, stem, ".key");

	if (!strlist_has(names, key))
		return err_set(err, ERR_INVALID,
			       "missing key %s for client certificate %s. CA certificates must use the extension .crt", key, cert);
	if (ret->cert.len)
		return 0;
	return read_into(folder, cert, &ret->cert, err) < 0 ? -1 : read_into(folder, key, &ret->key, err);
}

static int take_file(const char *folder, const struct strlist *names, const char *name, struct fetch_trust *ret, struct err *err)
{
	if (str_ends(name, ".crt"))
		return read_into(folder, name, &ret->ca, err);
	if (str_ends(name, ".cert"))
		return take_pair(folder, names, name, ret, err);
	if (str_ends(name, ".key")) {
		CLEANUP(str_freep) char *cert = with_ending(name, strlen(name) - strlen(".key"), ".cert");

		if (!strlist_has(names, cert))
			return err_set(err, ERR_INVALID, "missing client certificate %s for key %s", cert, name);
	}
	return 0;
}

static int load_folder(const char *dir, const char *authority, struct fetch_trust *ret, struct err *err)
{
	CLEANUP(str_freep) char *folder = path_join(dir, authority);
	CLEANUP(strlist_finip) struct strlist names = { 0 };

	if (dir_list(folder, &names, err) < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	for (size_t i = 0; i < names.count; i++)
		if (take_file(folder, &names, names.items[i], ret, err) < 0)
			return err_wrap(err, "%s", folder);
	return 0;
}

int fetch_trust_load(const struct buf *system, const struct str_array *dirs, const char *authority, struct fetch_trust *ret, struct err *err)
{
	*ret = (struct fetch_trust){ .authority = str_dup(authority) };
	if (system->len)
		buf_add(&ret->ca, system->data, system->len);
	/* an authority is a host and a port; whatever else it may be must not lead out of the folder */
	if (strchr(authority, '/') || authority[0] == '.')
		return 0;
	for (size_t i = 0; i < dirs->count; i++) {
		if (load_folder(dirs->items[i], authority, ret, err) < 0) {
			fetch_trust_fini(ret);
			return -1;
		}
	}
	return 0;
}

struct fetch_tls fetch_trust_tls(const struct fetch_trust *trust, bool is_unchecked, bool with_client)
{
	return (struct fetch_tls){ .ca = &trust->ca, .cert = with_client ? &trust->cert : NULL, .key = with_client ? &trust->key : NULL,
				   .is_unchecked = is_unchecked };
}
