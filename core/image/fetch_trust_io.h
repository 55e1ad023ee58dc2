/* fetch_trust_io.h - whom a registry's client believes, and who it says it is: certificates from files, read before the child is confined.
 *
 * The system's authorities from the usual files (or ca_file), and, as Docker has it, below each of some folders one called host[:port]: *.crt are
 * further authorities for that registry, NAME.cert with NAME.key is what we show when it asks who we are.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "image/fetch_http_io.h"
#include "model/fields.h"

#define FETCH_CA_MAX_BYTES   (4 * 1024 * 1024)
#define FETCH_CERT_MAX_BYTES (256 * 1024)

struct fetch_trust { char *authority; struct buf ca, cert, key; };      /* ca: the system's and its own */
void fetch_trust_fini(struct fetch_trust *trust);

/* The system's bundle; nothing when there is none: then no certificate is good enough. ca_file, when it is not "", must be readable. */
int fetch_trust_system(const char *ca_file, struct buf *ret, struct err *err);
/* For one registry. ERR_INVALID names the file, in Docker's words: "missing key x.key for client certificate x.cert. …". */
int fetch_trust_load(const struct buf *system, const struct str_array *dirs, const char *authority, struct fetch_trust *ret, struct err *err);
/* client: also show our certificate; only to the registry itself. */
struct fetch_tls fetch_trust_tls(const struct fetch_trust *trust, bool is_unchecked, bool with_client);
