/* fetch_proxy.h - which proxy a request goes through, by the agent's environment.
 *
 * Pure. HTTP_PROXY, HTTPS_PROXY and NO_PROXY, also in small letters, as Go's programs, Docker's daemon among them, read them. This host itself
 * is never asked for through a proxy.
 */
#pragma once
#include "image/fetch_url.h"

#define FETCH_PROXY_SIZE    2048                         /* of an address; it may hold a user and a password */
#define FETCH_NO_PROXY_SIZE 16384

struct fetch_proxies {
	const char *http, *https;                        /* "http://user:password@proxy:3128", "proxy:3128"; "" or NULL: none */
	const char *no_proxy;                            /* "example.com,.example.org,10.0.0.0/8,*"; host, host:port, address, network */
};
/* Appends the address of the proxy, nothing when the way is direct. ERR_INVALID for a setting that is no proxy; the text shows no password. */
int fetch_proxy_for(const struct fetch_proxies *proxies, const struct fetch_url *url, struct buf *out, struct err *err);
