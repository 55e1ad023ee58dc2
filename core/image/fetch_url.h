/* fetch_url.h - addresses of registries: read strictly, so that what we judge is what is spoken to, and followed by rules of our own.
 *
 * Pure. http and https only, no user and password inside. RFC 3986 as far as redirects need it; what may not stand in a path is
 * percent-encoded, a fragment is dropped. The HTTP library is always given the formatted text of a parsed address, never a stranger's text.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#define FETCH_PATH_SIZE      8192                        /* signed addresses of object stores are long */
#define FETCH_AUTHORITY_SIZE 272

struct fetch_url {
	bool is_https;
	char host[256];                                  /* lower case, IPv6 without brackets */
	uint16_t port;
	char path[FETCH_PATH_SIZE];                      /* begins with '/', query included */
};

int fetch_url_parse(const char *text, struct fetch_url *ret, struct err *err);
/* Appends. */
void fetch_url_format(const struct fetch_url *url, struct buf *out);
/* "reg.example", "reg.example:5000", "[::1]:5000": the port only when it is not the usual one. */
const char *fetch_url_authority(const struct fetch_url *url, char ret_text[FETCH_AUTHORITY_SIZE]);
/* Scheme, host and port: what credentials belong to. */
bool fetch_url_is_same_origin(const struct fetch_url *a, const struct fetch_url *b);

/* A value for a query or a form: all but letters, digits and "-._~" percent-encoded. Appends. */
void fetch_url_encode(const char *text, struct buf *out);

#define FETCH_REDIRECTS_MAX 10
/* Where a Location header leads. ERR_DENIED from https to http. Going to another host is allowed; whoever asks must leave credentials behind
 * (is_same_origin). */
int fetch_url_follow(const struct fetch_url *from, const char *location, struct fetch_url *ret, struct err *err);
