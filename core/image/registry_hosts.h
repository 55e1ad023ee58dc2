/* registry_hosts.h - which registries may be spoken to without TLS or without trust in their certificate, and which stand in for Docker's.
 *
 * Pure. dockerd's options --insecure-registry (host[:port] or a network) and --registry-mirror (an address, for docker.io only), with its
 * checks and its words. This host itself (127.0.0.0/8, ::1, localhost) is always on the first list.
 */
#pragma once
#include "base/base.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/str.h"

#define REGISTRY_HOSTS_MAX 64                            /* of each list */

struct registry_hosts {
	struct strlist insecure;                         /* host or host:port */
	struct cidr nets[REGISTRY_HOSTS_MAX];
	size_t net_count;
	struct strlist mirrors;                          /* "https://mirror.example", no slash at the end */
};
void registry_hosts_fini(struct registry_hosts *hosts);
int registry_hosts_add_insecure(struct registry_hosts *hosts, const char *text, struct err *err);
int registry_hosts_add_mirror(struct registry_hosts *hosts, const char *text, struct err *err);

/* authority: "reg.example:5000", "[::1]:5000". The addresses its name has count against the networks; needs_addresses says whether it is worth
 * while to ask for them. */
bool registry_hosts_is_insecure(const struct registry_hosts *hosts, const char *authority, const struct ip *addresses, size_t count);
bool registry_hosts_needs_addresses(const struct registry_hosts *hosts, const char *authority);

struct registry_endpoint {
	char base[512];                                  /* "https://registry-1.docker.io": "/v2/…" goes behind it */
	bool is_mirror;
	bool is_insecure;                                /* its certificate is not looked at */
};
#define REGISTRY_ENDPOINTS_MAX (REGISTRY_HOSTS_MAX + 2)
/* Where images of this domain are asked for, one after the other until one has them: Docker's mirrors and registry for "docker.io", else the
 * host itself, and without TLS when it is insecure and speaks none. */
size_t registry_hosts_plan(const struct registry_hosts *hosts, const char *domain, bool is_insecure,
			   struct registry_endpoint ret[REGISTRY_ENDPOINTS_MAX]);
